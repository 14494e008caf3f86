#include "peerd/identity.h"

#include <fcntl.h>
#include <sys/random.h>

#include <cerrno>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>

#include "peerd/atomic_file.h"

namespace peerd {
namespace {

constexpr char kFile[] = "identity";
constexpr std::string_view kTitle = "peerd identity ";
constexpr std::string_view kVersion = "1";
constexpr std::size_t kMaxFileBytes = 4096;
constexpr std::uint64_t kMaxSerial = std::uint64_t{1} << 62;

std::optional<core::PeerId> draw_id() {
  std::uint64_t number = 0;
  while (number == 0) {
    const ssize_t got = ::getrandom(&number, sizeof number, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got != static_cast<ssize_t>(sizeof number)) return std::nullopt;
  }
  return core::PeerId{number};
}

// Cuts "KEY VALUE\n" off the text.
std::optional<std::string_view> take_value(std::string_view& text, std::string_view key) {
  if (!text.starts_with(key)) return std::nullopt;
  const std::size_t end = text.find('\n');
  if (end == text.npos) return std::nullopt;
  const std::string_view value = text.substr(key.size(), end - key.size());
  text.remove_prefix(end + 1);
  return value;
}

template <typename Number>
std::optional<Number> take_number(std::string_view& text, std::string_view key, int base) {
  const auto value = take_value(text, key);
  if (!value) return std::nullopt;
  Number number = 0;
  const char* end = value->data() + value->size();
  const auto [stop, failure] = std::from_chars(value->data(), end, number, base);
  if (failure != std::errc() || stop != end) return std::nullopt;
  return number;
}

// Returns false, with errno set, if the file cannot be read; ENOENT if there is none.
bool read_file(const std::string& path, std::string& text) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return false;
  text.resize(kMaxFileBytes);
  const ssize_t length = ::read(file.get(), text.data(), text.size());
  if (length < 0) return false;
  text.resize(static_cast<std::size_t>(length));
  return true;
}

}  // namespace

std::variant<Identity, StartError> Identity::open(const std::string& state_directory) {
  auto lock = StateLock::take(state_directory);
  if (auto* error = std::get_if<StartError>(&lock)) return *error;
  Identity identity(std::get<StateLock>(std::move(lock)));
  identity.directory_ = state_directory;
  if (const auto error = identity.load()) return *error;
  ++identity.starts_;
  if (const auto error = identity.save()) return StartError{StartError::kCannotCreate, *error};
  return identity;
}

std::optional<StartError> Identity::load() {
  const std::string path = directory_ + "/" + kFile;
  std::string file;
  if (!read_file(path, file)) {
    const int why = errno;
    if (why != ENOENT) {
      return StartError{StartError::kDataError, "cannot read " + path + ": " + std::strerror(why)};
    }
    const auto drawn = draw_id();
    if (!drawn) return StartError{StartError::kCannotCreate, "no random number for an identity"};
    id_ = *drawn;
    return std::nullopt;
  }
  const auto damaged = [&](const std::string& what) {
    return StartError{StartError::kDataError,
                      path + " " + what +
                          "; restore it from a copy, or remove the whole state directory to start "
                          "as a new peer"};
  };
  std::string_view text = file;
  const auto version = take_value(text, kTitle);
  if (!version) return damaged("is not an identity file");
  if (*version != kVersion) return damaged("was written by another version of peerd");
  const auto id = take_number<std::uint64_t>(text, "id ", 16);
  const auto starts = take_number<std::uint32_t>(text, "starts ", 10);
  const auto serials = take_number<std::uint64_t>(text, "serials ", 10);
  if (!id || *id == 0 || !starts || *starts == std::numeric_limits<std::uint32_t>::max() ||
      !serials || *serials == 0 || *serials > kMaxSerial || !text.empty()) {
    return damaged("is damaged");
  }
  id_ = core::PeerId{*id};
  starts_ = *starts;
  next_serial_ = reserved_end_ = *serials;
  return std::nullopt;
}

std::optional<std::string> Identity::save() const {
  char text[160];
  std::snprintf(text, sizeof text,
                "%s%s\nid %016" PRIx64 "\nstarts %" PRIu32 "\nserials %" PRIu64 "\n", kTitle.data(),
                kVersion.data(), core::value(id_), starts_, reserved_end_);
  return replace_file(directory_, kFile, text);
}

std::optional<std::uint64_t> Identity::next_serial(std::string& error) {
  if (next_serial_ == reserved_end_) {
    reserved_end_ += kSerialsPerBlock;
    if (const auto failed = save()) {
      reserved_end_ = next_serial_;
      error = *failed;
      return std::nullopt;
    }
  }
  return next_serial_++;
}

}  // namespace peerd
