// Receives a checkpoint (image_packer.h) and writes it as it comes. Trusts no byte: names stay
// below two directories, nothing that exists is opened, no symbolic link is followed, and there are
// limits on everything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "peerd/checkpoint/archive.h"
#include "peerd/checkpoint/piece_reader.h"
#include "peerd/process_tree.h"
#include "peerd/unique_fd.h"

namespace peerd {

class ImageUnpacker {
 public:
  struct Limits {
    std::uint64_t bytes = 0;        // of all files, holes counted, and 4096 for each entry
    std::uint64_t entries = 65536;  // files, directories, links
  };

  // Both directories are new and empty: made by the caller, for nobody else. Blocking writes.
  ImageUnpacker(const std::string& images, const std::string& stay, const TaskUser& user,
                const Limits& limits);
  ImageUnpacker(const ImageUnpacker&) = delete;
  ImageUnpacker& operator=(const ImageUnpacker&) = delete;

  // The next bytes of the stream. False at an error, and from then on.
  bool feed(std::string_view packed);
  // Reads a descriptor until the checkpoint is complete, or there is an error; true if complete.
  bool feed_from(int in);
  // Everything has come.
  bool complete() const { return ended_ && error_.empty(); }
  const std::string& error() const { return error_; }
  std::uint64_t unpacked_bytes() const { return bytes_; }

 private:
  struct Open {
    UniqueFd fd;
    std::uint64_t size = 0;
  };

  void filled(std::size_t bytes);
  void parse(std::string_view records);
  void handle(const ArchiveRecord& record, const std::string& path, std::string_view payload);
  void make(const ArchiveRecord& record, const std::string& path, std::string_view payload);
  bool make_entry(const ArchiveRecord& record, int parent, const std::string& name,
                  const std::string& target, const std::string& path);
  void open_file(const ArchiveRecord& record, int parent, const std::string& name,
                 const std::string& path);
  void write_data(const ArchiveRecord& record, std::string_view payload);
  void end_file(const ArchiveRecord& record);
  bool count(std::uint64_t bytes);
  void fail(const std::string& what);
  void fail_with_errno(const std::string& what);

  UniqueFd images_;
  UniqueFd stay_;
  TaskUser user_;
  Limits limits_;
  PieceReader in_;
  std::map<std::uint32_t, Open> open_;
  std::uint32_t files_ = 0;
  std::uint64_t records_ = 0;
  std::uint64_t entries_ = 0;
  std::uint64_t bytes_ = 0;
  bool ended_ = false;  // the last record has come
  std::string error_;
};

}  // namespace peerd
