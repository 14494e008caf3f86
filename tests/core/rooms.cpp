#include "tests/core/rooms.h"

#include <algorithm>
#include <initializer_list>
#include <regex>
#include <sstream>
#include <string_view>

namespace core_test {
namespace {

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string room_of(const std::string& path) {
  return path.substr(0, path.find('/'));
}

// <vector>, <cstdint>: no suffix and no folder.
bool is_standard(const std::string& header) {
  return std::all_of(header.begin(), header.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// The part of net/ that stands on libuv. All the rest of net/ does no I/O.
bool is_transport(const std::string& path) {
  const std::string file = path.substr(path.rfind('/') + 1);
  return is_one_of(file.substr(0, file.find('.')),
                   {"transport", "datagram_socket", "frame_queue", "frame_stream",
                    "stream_listener", "socket_address", "resolve"});
}

bool is_codec(const std::string& path) {
  return path.starts_with("net/") && path.find("codec") != std::string::npos;
}

// Where CRIU is known, and what it makes becomes a stream.
bool is_checkpoint(const std::string& path) {
  return path.starts_with("peerd/checkpoint/");
}

bool may_include_library(const std::string& path, const std::string& header) {
  const std::string room = room_of(path);
  if (is_standard(header)) return true;
  if (header.starts_with("msgpack")) return is_codec(path);
  if (header == "zstd.h") return is_checkpoint(path);
  if (header == "uv.h") return room == "peerd" || (room == "net" && is_transport(path));
  if (is_one_of(room, {"core", "policies"})) return false;
  if (path == "net/endpoint.cpp") return header == "arpa/inet.h";
  return room != "net" || is_transport(path);
}

bool may_include_room(const std::string& path, const std::string& header) {
  const std::string room = room_of(path);
  const std::string other = room_of(header);
  if (header == "peerd/checkpoint/criu.h") return is_checkpoint(path);
  if (other == room) return room != "net" || is_transport(path) || !is_transport(header);
  if (other == "core") return true;
  if (other == "policies") return is_one_of(room, {"config", "sim", "peerd"});
  if (other == "config") return is_one_of(room, {"sim", "peerd"});
  if (other == "net")
    return room == "peerd" || (is_one_of(room, {"config", "sim"}) && !is_transport(header));
  return false;
}

}  // namespace

std::vector<std::string> forbidden_includes(const std::string& path, const std::string& text) {
  if (!is_one_of(room_of(path), {"core", "policies", "net", "config", "sim", "peerd"}))
    return {path + ": is in no room"};
  static const std::regex kInclude(R"(^\s*#\s*include\s*(.*?)\s*$)");
  static const std::regex kNamed(R"re(^(<([^>]+)>|"([^"]+)").*)re");
  std::vector<std::string> forbidden;
  std::istringstream lines(text);
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::smatch include, named;
    if (!std::regex_match(line, include, kInclude)) continue;
    const std::string what = include[1];
    const bool readable = std::regex_match(what, named, kNamed);
    const bool allowed = readable && (named[2].matched ? may_include_library(path, named[2])
                                                       : may_include_room(path, named[3]));
    if (!allowed) forbidden.push_back(path + ":" + std::to_string(number) + ": " + what);
  }
  return forbidden;
}

}  // namespace core_test
