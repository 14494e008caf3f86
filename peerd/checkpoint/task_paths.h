// Where a task's files are, as the task and its checkpoint see them: the same on every board,
// whatever its state directory.
#pragma once

namespace peerd {

// The task's root: all of the board's file systems, with the two below in place.
inline constexpr const char* kTaskRoot = "/run/peerd/root";
// The stay's directory, within the task's root.
inline constexpr const char* kTaskDirectory = "/run/peerd/task";
inline constexpr const char* kWorkingDirectory = "/run/peerd/task/files";
inline constexpr const char* kInitPath = "/run/peerd/task/init";
// Written by init at the task's end; empty before.
inline constexpr const char* kStatusPath = "/run/peerd/task/status";

}  // namespace peerd
