// A task's surroundings: a mount namespace in which the stay's directory is at the same path on
// every board, and a PID namespace whose first process is init.
//
// The task is in a root of its own (kTaskRoot, all of the board's file systems bound there),
// because CRIU must run in the same mount namespace, or it would take the mounts along, and needs
// the board's /proc, while the task must have that of its PID namespace. So both are there: CRIU's
// at /proc, the task's at kTaskRoot/proc.
//
// All functions change the calling process and are for single-threaded, short-lived ones. An error
// is one line; an empty string is success.
#pragma once

#include <sys/types.h>

#include <string>

namespace peerd {

// A new mount namespace with the task's root and `stay` in place, without its /proc. Later mounts
// of the board do not show in it, unmounts do.
std::string enter_new_surroundings(const std::string& stay);

// The mount namespace of the task with that init.
std::string enter_surroundings_of(pid_t init);

// Mounts the task's /proc: in a process of the task's PID namespace.
std::string mount_own_proc();
// The same from outside the PID namespace, in the mount namespace.
std::string mount_proc_of(pid_t init);

// Lets CRIU find in /run what it has found out about the kernel before (Criu::kernel_facts), where
// /run is no tmpfs: it believes no other file system. In the task's mount namespace; nothing to do
// without a file.
void offer_kernel_facts(const std::string& file);

}  // namespace peerd
