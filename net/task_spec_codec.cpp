// The specification of a task: what is legal in it, and its file in the task's directory.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/message.h"
#include "net/codec.h"
#include "net/codec_task_spec.h"

namespace net {
namespace {

bool has_nul(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

bool is_absolute(std::string_view path) {
  return path.starts_with('/');
}

// Every component names something below the last one. "." would give one file two names.
bool stays_below(std::string_view path) {
  while (true) {
    const std::size_t slash = path.find('/');
    const std::string_view component = path.substr(0, slash);
    if (component.empty() || component == "." || component == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

std::string list_flaw(const char* what, const std::vector<std::string>& texts) {
  if (std::any_of(texts.begin(), texts.end(), has_nul)) {
    return std::string(what) + " with a NUL byte";
  }
  return "";
}

std::string files_flaw(const char* what, const std::vector<FileSpec>& files) {
  std::vector<std::string_view> names;
  for (const FileSpec& file : files) {
    if (has_nul(file.name) || has_nul(file.path)) return std::string(what) + " with a NUL byte";
    if (!stays_below(file.name)) {
      return std::string(what) + " '" + file.name.substr(0, 100) +
             "' is not a name below the task's directory";
    }
    if (!is_absolute(file.path)) {
      return std::string(what) + " '" + file.name.substr(0, 100) + "' without an absolute path";
    }
    names.push_back(file.name);
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice == names.end()) return "";
  return std::string(what) + " '" + std::string(twice->substr(0, 100)) + "' twice";
}

std::string directory_flaw(const std::string& directory) {
  if (has_nul(directory)) return "a directory with a NUL byte";
  if (directory.empty() || is_absolute(directory) || stays_below(directory)) return "";
  return "directory '" + directory.substr(0, 100) + "' is neither absolute nor below the task's";
}

std::string stdin_flaw(const std::string& path) {
  if (has_nul(path)) return "a stdin path with a NUL byte";
  return path.empty() || is_absolute(path) ? "" : "a stdin path that is not absolute";
}

}  // namespace

std::string codec::Layout<TaskSpec>::flaw(const TaskSpec& spec) {
  if (spec.arguments.empty()) return "a task without a command";
  for (std::string flaw :
       {list_flaw("an argument", spec.arguments), list_flaw("a variable", spec.environment),
        directory_flaw(spec.directory), stdin_flaw(spec.stdin_path),
        files_flaw("input", spec.inputs), files_flaw("output", spec.outputs)}) {
    if (!flaw.empty()) return flaw;
  }
  return "";
}

// Layout: [version, spec]. The version is checked first: the file may be older than the program.
Bytes encode(const TaskSpec& spec) {
  codec::Writer writer;
  writer.array(2);
  writer.natural(kTaskSpecVersion);
  codec::write(writer, spec);
  return writer.take();
}

Decoded<TaskSpec> decode_task_spec(std::span<const std::uint8_t> bytes) {
  codec::Reader reader(bytes, kMaxSpecBytes);
  TaskSpec spec;
  const std::size_t elements = reader.array();
  std::uint16_t version = 0;
  codec::Version{kTaskSpecVersion}.read(reader, version);
  if (elements != 2) reader.fail(std::to_string(elements) + " elements instead of 2");
  if (!reader.failed()) codec::read(reader, spec);
  return codec::result_of(reader, std::move(spec));
}

}  // namespace net
