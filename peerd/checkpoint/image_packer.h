// Sends a checkpoint: the image that CRIU writes, while it writes it, and the stay's files.
//
// Blocking, for a process or thread of its own: whoever reads the other end of the descriptor sets
// the pace. Errors are one line; after one nothing more can be sent, and the receiver notices that
// the end is missing.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>

#include "peerd/checkpoint/archive.h"
#include "peerd/checkpoint/compression_effort.h"
#include "peerd/checkpoint/piece_writer.h"
#include "peerd/unique_fd.h"

namespace peerd {

class ImagePacker {
 public:
  // `out` is borrowed. Files of the user `owner` are the task's at the destination, too.
  ImagePacker(int out, uid_t owner, EffortChoice choose = PatientChoice{});

  // Sends what `images`/pages-*.img have grown by since the last call. True if that was anything.
  bool send_new_pages(const std::string& images);
  // Sends everything else, when both are complete and nobody writes to them: `images`, and the
  // files, directories, symbolic links and FIFOs of `stay`. Sockets are left out (CRIU makes them
  // again), hard links become copies.
  void finish(const std::string& images, const std::string& stay);

  const std::string& error() const { return error_; }
  std::uint64_t packed_bytes() const { return out_.packed_bytes(); }   // sent so far
  std::uint64_t unpacked_bytes() const { return out_.plain_bytes(); }  // before compression

 private:
  struct Growing {
    UniqueFd fd;
    std::uint32_t number = 0;
    std::uint64_t sent = 0;
  };

  void send_image(const std::string& images);
  void send_tree(const std::string& directory, const std::string& name);
  void send_entry(const std::string& path, const std::string& name);
  void send_file(const std::string& path, const std::string& name, ArchiveRecord record);
  bool send_rest(Growing& growing);
  bool send_range(const Growing& growing, std::uint64_t begin, std::uint64_t end);
  bool open_pages(const std::string& path, const std::string& name);
  void end_file(const Growing& growing, std::uint64_t size, std::int64_t time_ns);
  void send(ArchiveRecord record, std::string_view path = {}, std::string_view payload = {});
  void fail(const std::string& what);

  PieceWriter out_;
  uid_t owner_;
  std::map<std::string, Growing> pages_;  // by name in the image's directory
  std::uint32_t files_ = 0;
  std::uint64_t records_ = 0;
  std::string error_;
};

}  // namespace peerd
