// A checkpoint's stream: what goes in comes out, and nothing that somebody else made up does harm.
#include "peerd/checkpoint/archive.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "peerd/checkpoint/image_packer.h"
#include "peerd/checkpoint/image_unpacker.h"
#include "tests/catch.h"
#include "tests/peerd/scratch_directory.h"

using peerd::ArchiveRecord;
using peerd::ImageUnpacker;
using Type = peerd::ArchiveRecord::Type;

namespace {

constexpr std::uint64_t kMany = 1u << 30;

peerd::TaskUser self() {
  return {::geteuid(), ::getegid(), {}};
}

struct Places {
  ScratchDirectory root;
  std::string images = root / "images";
  std::string stay = root / "stay";
  std::string new_images = root / "new-images";
  std::string new_stay = root / "new-stay";

  Places() {
    for (const std::string& path : {images, stay, new_images, new_stay})
      std::filesystem::create_directory(path);
  }
};

std::string packed(const Places& places, int growth = 0,
                   peerd::EffortChoice choose = peerd::PatientChoice{}) {
  const std::string path = places.root / "packed";
  const int out = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  peerd::ImagePacker packer(out, ::geteuid(), std::move(choose));
  for (int i = 0; i < growth; ++i) {
    std::ofstream(places.images + "/pages-1.img", std::ios::app)
        << std::string(70'000, static_cast<char>('a' + i % 26));
    CHECK(packer.send_new_pages(places.images));
    CHECK(!packer.send_new_pages(places.images));
  }
  packer.finish(places.images, places.stay);
  ::close(out);
  CHECK(packer.error() == "");
  CHECK(packer.packed_bytes() == std::filesystem::file_size(path));
  return places.root.read("packed");
}

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string piece(const std::string& bytes, std::size_t plain_bytes) {
  const peerd::PieceHeader header = peerd::encode(peerd::PieceSizes{
      static_cast<std::uint32_t>(plain_bytes), static_cast<std::uint32_t>(bytes.size())});
  return std::string(reinterpret_cast<const char*>(header.data()), header.size()) + bytes;
}

std::string compressed(const std::string& bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 1));
  return out;
}

// A stream of records that nobody has checked.
class Forgery {
 public:
  explicit Forgery(std::string magic = std::string(peerd::kArchiveMagic))
      : magic_(std::move(magic)) {}

  Forgery& add(ArchiveRecord record, const std::string& path = {},
               const std::string& payload = {}) {
    record.path_bytes = static_cast<std::uint16_t>(path.size());
    record.payload_bytes = static_cast<std::uint32_t>(payload.size());
    const peerd::ArchiveHeader header = peerd::encode(record);
    bytes_.append(reinterpret_cast<const char*>(header.data()), header.size());
    bytes_ += path + payload;
    ++records_;
    return *this;
  }
  Forgery& add(Type type, const std::string& path, const std::string& payload = {}) {
    ArchiveRecord record;
    record.type = type;
    record.mode = 0700;
    record.owned = true;
    record.file = type == Type::file ? files_++ : 0;
    return add(record, path, payload);
  }
  Forgery& data(std::uint32_t file, std::uint64_t offset, const std::string& payload) {
    ArchiveRecord record;
    record.type = Type::data;
    record.file = file;
    record.offset = offset;
    return add(record, {}, payload);
  }
  Forgery& file_end(std::uint32_t file, std::uint64_t size) {
    ArchiveRecord record;
    record.type = Type::file_end;
    record.file = file;
    record.offset = size;
    return add(record);
  }
  Forgery& end() {
    ArchiveRecord record;
    record.offset = records_;
    return add(record);
  }

  const std::string& records() const { return bytes_; }
  std::string packed() const { return magic_ + piece(bytes_, bytes_.size()); }

 private:
  std::string magic_;
  std::string bytes_;
  std::uint32_t files_ = 0;
  std::uint64_t records_ = 0;
};

std::string error_of(const std::string& stream, std::uint64_t bytes = kMany,
                     std::uint64_t entries = 100) {
  const Places places;
  ImageUnpacker unpacker(places.new_images, places.new_stay, self(),
                         {.bytes = bytes, .entries = entries});
  unpacker.feed(stream);
  return unpacker.error().empty() && !unpacker.complete() ? "goes on" : unpacker.error();
}

std::string error_of(const Forgery& forgery, std::uint64_t bytes = kMany,
                     std::uint64_t entries = 100) {
  return error_of(forgery.packed(), bytes, entries);
}

// Does not compress.
std::string noise(std::size_t bytes) {
  std::string text(bytes, '\0');
  std::uint64_t chance = 3;
  for (char& byte : text) {
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<char>(chance >> 56);
  }
  return text;
}

peerd::Effort never(peerd::Effort, const peerd::Stint&) {
  return peerd::Effort::none;
}

peerd::Effort each_in_turn(peerd::Effort effort, const peerd::Stint&) {
  using peerd::Effort;
  return effort == Effort::thorough ? Effort::none
                                    : static_cast<Effort>(static_cast<int>(effort) + 1);
}

}  // namespace

TEST_CASE("files, directories, links and holes come out as they went in") {
  const Places places;
  std::ofstream(places.images + "/core-1.img") << "core";
  std::ofstream(places.images + "/dump.log") << "stays here";
  std::filesystem::create_directories(places.stay + "/files/a/b");
  std::ofstream(places.stay + "/files/a/b/deep") << std::string(600'000, 'x');
  std::ofstream(places.stay + "/files/empty").close();
  std::filesystem::create_symlink("../nowhere", places.stay + "/files/link");
  ::mkfifo((places.stay + "/files/fifo").c_str(), 0640);
  std::ofstream(places.stay + "/files/sparse") << "begin";
  ::truncate((places.stay + "/files/sparse").c_str(), 50'000'000);
  std::ofstream(places.stay + "/files/run") << "#!";
  ::chmod((places.stay + "/files/run").c_str(), 04755);
  ::chmod((places.stay + "/files/a").c_str(), 0711);

  const std::string bytes = packed(places, 5);
  CHECK(bytes.size() < 100'000);
  ImageUnpacker unpacker(places.new_images, places.new_stay, self(), {.bytes = kMany});
  const std::size_t step = GENERATE(1u, 7u, 100'000u);
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    REQUIRE(!unpacker.complete());
    REQUIRE(unpacker.feed(std::string_view(bytes).substr(at, step)));
  }
  CHECK(unpacker.complete());
  CHECK(read(places.new_images + "/core-1.img") == "core");
  CHECK((read(places.new_images + "/pages-1.img") == read(places.images + "/pages-1.img")));
  CHECK(std::filesystem::file_size(places.new_images + "/pages-1.img") == 350'000);
  CHECK(!std::filesystem::exists(places.new_images + "/dump.log"));
  CHECK((read(places.new_stay + "/files/a/b/deep") == std::string(600'000, 'x')));
  CHECK(std::filesystem::file_size(places.new_stay + "/files/empty") == 0);
  CHECK(std::filesystem::read_symlink(places.new_stay + "/files/link") == "../nowhere");
  CHECK(std::filesystem::is_fifo(places.new_stay + "/files/fifo"));
  CHECK(std::filesystem::last_write_time(places.new_stay + "/files/run") ==
        std::filesystem::last_write_time(places.stay + "/files/run"));
  struct stat status {};
  REQUIRE(::stat((places.new_stay + "/files/sparse").c_str(), &status) == 0);
  CHECK(status.st_size == 50'000'000);
  CHECK(status.st_blocks < 1000);
  REQUIRE(::stat((places.new_stay + "/files/run").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0755);  // nobody becomes somebody else by a file that came
  REQUIRE(::stat((places.new_stay + "/files/a").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0711);
}

TEST_CASE("what is not compressed comes out as it went in") {
  const Places places;
  const std::string memory = noise(4'000'000);
  std::ofstream(places.images + "/pages-1.img", std::ios::binary) << memory;
  for (const std::string name : {"/a", "/b"})
    std::ofstream(places.stay + name, std::ios::binary) << name << memory;
  const std::string bytes = packed(places, 0, never);
  ImageUnpacker unpacker(places.new_images, places.new_stay, self(), {.bytes = kMany});
  REQUIRE(unpacker.feed(bytes));
  CHECK(unpacker.complete());
  CHECK((read(places.new_images + "/pages-1.img") == memory));
  CHECK((read(places.new_stay + "/a") == "/a" + memory));
  CHECK((read(places.new_stay + "/b") == "/b" + memory));
}

// As sendfile() sees it, this is one of those.
TEST_CASE("what is not compressed arrives where pages cannot be handed on") {
  const Places places;
  const std::string memory = noise(4'000'000);
  std::ofstream(places.images + "/pages-1.img", std::ios::binary) << memory;
  const std::string path = places.root / "packed";
  const int out = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const int pages = ::open((places.images + "/pages-1.img").c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(::sendfile(out, pages, nullptr, 1) == -1);
  REQUIRE(errno == EINVAL);
  ::close(pages);
  peerd::ImagePacker packer(out, ::geteuid(), never);
  packer.finish(places.images, places.stay);
  ::close(out);
  REQUIRE(packer.error() == "");
  CHECK(packer.packed_bytes() == std::filesystem::file_size(path));
  ImageUnpacker unpacker(places.new_images, places.new_stay, self(), {.bytes = kMany});
  REQUIRE(unpacker.feed(read(path)));
  CHECK(unpacker.complete());
  CHECK((read(places.new_images + "/pages-1.img") == memory));
}

TEST_CASE("nothing more is sent when the receiver has gone") {
  const Places places;
  std::ofstream(places.images + "/pages-1.img", std::ios::binary) << noise(4'000'000);
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  ::close(ends[0]);
  ::signal(SIGPIPE, SIG_IGN);
  peerd::ImagePacker packer(ends[1], ::geteuid());
  CHECK(packer.error() == "sending: Broken pipe");
  packer.send_new_pages(places.images);
  packer.finish(places.images, places.stay);
  CHECK(packer.packed_bytes() == 0);
  ::close(ends[1]);
}

TEST_CASE("a file that shrinks while it is sent is an error") {
  const Places places;
  const std::string pages = places.images + "/pages-1.img";
  std::ofstream(pages, std::ios::binary) << noise(3'000'000);
  static std::string shrinking;
  shrinking = pages;
  const int out = ::open((places.root / "packed").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  peerd::ImagePacker packer(out, ::geteuid(), [](peerd::Effort effort, const peerd::Stint&) {
    std::filesystem::resize_file(shrinking, 1000);
    return effort;
  });
  packer.send_new_pages(places.images);
  CHECK(packer.error() == "sending: Input/output error");
  ::close(out);
}

TEST_CASE("what is compressed now more, now less, comes out as it went in") {
  const Places places;
  const std::string memory = noise(5'000'000) + std::string(12'000'000, 'm') + noise(3'000'001);
  std::ofstream(places.images + "/pages-1.img", std::ios::binary) << memory;
  std::ofstream(places.stay + "/file", std::ios::binary) << memory;
  const std::string bytes = packed(places, 0, each_in_turn);
  CHECK(bytes.size() <
        2 * 13'500'000);  // of 40 MB two times 8 do not compress, and 4 MB were not to be
  ImageUnpacker unpacker(places.new_images, places.new_stay, self(), {.bytes = kMany});
  REQUIRE(unpacker.feed(bytes));
  CHECK(unpacker.complete());
  CHECK((read(places.new_images + "/pages-1.img") == memory));
  CHECK((read(places.new_stay + "/file") == memory));
}

TEST_CASE("what is damaged, incomplete or too long is an error") {
  const Places places;
  std::ofstream(places.stay + "/text") << std::string(100'000, 'y');
  std::string bytes = packed(places);
  ImageUnpacker unpacker(places.new_images, places.new_stay, self(), {.bytes = kMany});
  SECTION("cut off") {
    CHECK(unpacker.feed(std::string_view(bytes).substr(0, bytes.size() - 1)));
    CHECK(!unpacker.complete());
  }
  SECTION("the writer has gone") {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    REQUIRE(::write(ends[1], bytes.data(), 50) == 50);
    ::close(ends[1]);
    CHECK(!unpacker.feed_from(ends[0]));
    CHECK(unpacker.error() == "the checkpoint broke off");
    ::close(ends[0]);
  }
  SECTION("one bit is another") {
    const std::size_t middle = bytes.size() - 60;  // of the text, which is compressed
    bytes[middle] = static_cast<char>(bytes[middle] ^ 1);
    CHECK(!unpacker.feed(bytes));
    CHECK(unpacker.error().find("damaged") != std::string::npos);
  }
  SECTION("more comes") {
    CHECK(!unpacker.feed(bytes + "x"));
    CHECK(unpacker.error().find("after its end") != std::string::npos);
  }
  SECTION("something else") {
    CHECK(!unpacker.feed("GET / HTTP/1.1\r\nHost: board\r\n\r\n"));
  }
}

TEST_CASE("a forged checkpoint does not leave its directories") {
  CHECK(error_of(Forgery().add(Type::file, "stay/f").data(0, 0, "x").file_end(0, 1).end()) == "");
  for (const std::string path : {"/etc/x", "../x", "stay/../x", "stay/./x", "stay//x", "stay/",
                                 "stay", "other/x", "", "image/a/b", "stay/x/y"}) {
    INFO(path);
    CHECK(error_of(Forgery().add(Type::file, path).end()) != "");
  }
  CHECK(error_of(Forgery().add(Type::file, std::string("stay/a\0b", 8)).end()) != "");
  CHECK(error_of(Forgery().add(Type::file, "stay/" + std::string(300, 'n')).end()) != "");
  CHECK(error_of(Forgery().add(Type::symlink, "image/x", "/etc").end()) != "");
  SECTION("through a link that it has made itself") {
    const std::string error =
        error_of(Forgery().add(Type::symlink, "stay/l", "/tmp").add(Type::file, "stay/l/x").end());
    CHECK(error.find("stay/l/x") == 0);
  }
  SECTION("into a file that is there") {
    CHECK(error_of(Forgery().add(Type::file, "stay/f").add(Type::file, "stay/f").end()) != "");
    CHECK(error_of(
              Forgery().add(Type::symlink, "stay/l", "/tmp/x").add(Type::file, "stay/l").end()) !=
          "");
  }
}

TEST_CASE("a forged checkpoint keeps the limits") {
  const std::string big(1000, 'b');
  CHECK(error_of(Forgery().add(Type::file, "stay/f").data(0, 0, big).file_end(0, 1000).end(),
                 5096) == "");
  CHECK(error_of(Forgery().add(Type::file, "stay/f").data(0, 1, big).file_end(0, 1001).end(),
                 5096) != "");
  CHECK(error_of(Forgery().add(Type::file, "stay/f").file_end(0, 1u << 31).end()) != "");
  CHECK(error_of(Forgery().add(Type::file, "stay/f").data(0, ~std::uint64_t{0}, "x").end()) != "");
  CHECK(error_of(Forgery().add(Type::file, "stay/f").file_end(0, ~std::uint64_t{0}).end()) != "");
  Forgery crowd;
  for (int i = 0; i < 101; ++i) crowd.add(Type::directory, "stay/" + std::to_string(i));
  CHECK(error_of(crowd.end()).find("more files") != std::string::npos);
}

TEST_CASE("a forged checkpoint has pieces that are what they claim") {
  const std::string magic(peerd::kArchiveMagic);
  const std::string records = Forgery()
                                  .add(Type::file, "stay/f")
                                  .data(0, 0, std::string(9000, 'd'))
                                  .file_end(0, 9000)
                                  .end()
                                  .records();
  const std::string frame = compressed(records);
  CHECK(error_of(magic + piece(frame, records.size())) == "");
  CHECK(error_of(magic + piece(frame, records.size() + 1)).find("another size") !=
        std::string::npos);
  CHECK(error_of(magic + piece(frame, records.size() - 1)).find("damaged") != std::string::npos);
  CHECK(error_of(magic + piece(frame + "x", records.size())).find("damaged") != std::string::npos);
  CHECK(error_of(magic + piece(records.substr(1), records.size())).find("damaged") !=
        std::string::npos);
  CHECK(error_of(magic + piece("", 0)).find("no piece") != std::string::npos);
  CHECK(error_of(magic + piece("", 1)).find("no piece") != std::string::npos);
  CHECK(error_of(magic + piece(records, records.size() - 1)).find("no piece") != std::string::npos);
  CHECK(error_of(magic + piece(frame, peerd::kMaxPieceBytes + 1)).find("no piece") !=
        std::string::npos);
  SECTION("a record lies in one piece") {
    const auto cut = [&](std::size_t at) {
      return error_of(magic + piece(records.substr(0, at), at) +
                      piece(records.substr(at), records.size() - at));
    };
    CHECK(cut(peerd::kArchiveHeaderBytes + 6) == "");  // the first
    CHECK(cut(peerd::kArchiveHeaderBytes + 5).find("no record") != std::string::npos);
    CHECK(cut(10).find("no record") != std::string::npos);
  }
}

TEST_CASE("a forged checkpoint has its records in order") {
  CHECK(error_of(Forgery("another magic, long enough")).find("version") != std::string::npos);
  CHECK(error_of(Forgery().data(0, 0, "x").end()) != "");
  CHECK(error_of(Forgery().file_end(7, 0).end()) != "");
  CHECK(error_of(Forgery().add(Type::file, "stay/f").end()) != "");  // left open
  CHECK(error_of(Forgery().add(Type::file, "stay/f").data(0, 0, "xy").file_end(0, 1).end()) != "");
  CHECK(error_of(Forgery().end().add(Type::directory, "stay/late")) != "");
  CHECK(error_of(Forgery().add(Type::directory, "stay/d")) != "");  // no end
  ArchiveRecord wrong;
  wrong.type = static_cast<Type>(99);
  CHECK(error_of(Forgery().add(wrong).end()) != "");
  wrong = {};
  wrong.type = Type::file;
  wrong.mode = 04777;
  CHECK(error_of(Forgery().add(wrong, "stay/f").end()) != "");
  wrong = {};
  wrong.offset = 5;  // an end that counts other records
  CHECK(error_of(Forgery().add(wrong)) != "");
}

TEST_CASE("bytes at random do no harm") {
  std::uint64_t chance = 20;
  const std::string good =
      Forgery().add(Type::file, "stay/f").data(0, 0, "abc").file_end(0, 3).end().packed();
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = good;
    for (int change = 0; change < 3; ++change) {
      chance = chance * 6364136223846793005u + 1442695040888963407u;
      bytes[(chance >> 33) % bytes.size()] = static_cast<char>(chance >> 56);
    }
    static const Places places;
    std::filesystem::remove(places.new_stay + "/f");
    ImageUnpacker unpacker(places.new_images, places.new_stay, self(), {.bytes = 1u << 20});
    unpacker.feed(bytes);
  }
}
