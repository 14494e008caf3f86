// Where tasks' files lie in the state directory, and the blocking operations on them.
//
//     STATE/work/HOME.SERIAL.EPOCH/      a stay's own directory: inputs, and what the task makes
//                                        (empty, it waits under its old name for another stay)
//     STATE/work/HOME.SERIAL.EPOCH.in    its standard input, if it has one
//     STATE/work/HOME.SERIAL.EPOCH.out   what a guest prints, until its home node has it all
//     STATE/work/HOME.SERIAL.EPOCH.err
//     STATE/work/HOME.SERIAL.EPOCH.stay/ instead of all these: of a task that can be moved while it
//                                        runs, laid out as checkpoint/task_start.h says
//     STATE/work/HOME.SERIAL.EPOCH.image a FIFO, while it is being moved
//     STATE/work/HOME.SERIAL.0/, .in     of a task that may be begun anew: as it was submitted
//     STATE/output/SERIAL.out, .err      what tasks of this home printed, wherever they ran
//     STATE/output/SERIAL.N.out, .err    the same, since they were begun anew for the Nth time
//     STATE/output/SERIAL.file.N         an output that comes in, until its user has it
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/journal.h"
#include "core/types.h"
#include "net/task_spec.h"
#include "peerd/file_copy.h"

namespace peerd {

class TaskFiles {
 public:
  TaskFiles(std::string state_directory, core::PeerId self);

  // Creates the directories; clears what an earlier run left behind and the journal knows nothing
  // of. On failure: why.
  std::optional<std::string> prepare(const core::Journal& journal, std::size_t& cleared) const;

  const std::string& work_root() const { return work_root_; }
  std::string directory(core::TaskId task, core::Epoch epoch) const;
  std::string stay_directory(core::TaskId task, core::Epoch epoch) const;
  std::string image_path(core::TaskId task, core::Epoch epoch) const;
  std::string stdin_path(core::TaskId task, core::Epoch epoch) const;
  // `stream`: 1 stdout, 2 stderr. At the home node the task's final place.
  std::string output_path(core::TaskId task, core::Epoch epoch, int stream) const;
  std::string arriving_path(core::TaskId task, std::size_t output) const;

 private:
  std::set<std::string> names_kept(const core::Journal& journal) const;

  std::string work_root_;
  std::string output_root_;
  core::PeerId self_;
};

std::string beyond_output_bytes(std::uint64_t limit);

// Standard input and inputs, from where their user has them to where the task will find them.
std::vector<CopiedFile> input_copies(const net::TaskSpec& spec, const std::string& directory,
                                     const std::string& stdin_path);

// Onto the disk, files and directories. Empty, or why not.
std::string sync_files(const std::vector<std::string>& paths);

// True if the directory is gone.
bool remove_if_empty(const std::string& directory);
// Everything of one stay.
void remove_stay(const std::string& directory);

bool exists(const std::string& path);
std::uint64_t size_of(const std::string& path);  // 0 if it does not exist

}  // namespace peerd
