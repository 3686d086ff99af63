// Files: mapping, writing whole or not at all, gzip and deflate.
#include "compiler/interop/file.h"

#include <sys/resource.h>

#include <csignal>

#include "compiler/interop/gzip.h"
#include "tests/interop/support.h"

namespace nnc::test {
namespace {

TEST_CASE("file: written whole or not at all") {
  const TemporaryFolder folder;
  const std::string path = folder.write("x", "old");
  {
    AtomicFile file(path);
    file.write("new");
    CHECK(content(path) == "old");
    CHECK(folder.count() == 2);
  }
  CHECK(content(path) == "old");
  CHECK(folder.count() == 1);
  REQUIRE(write_file(path, "new"));
  CHECK(content(path) == "new");
  CHECK(folder.count() == 1);
}

TEST_CASE("file: nothing remains when the disk takes no more") {
  const TemporaryFolder folder;
  const std::string path = folder.write("x", "old");
  rlimit before = {};
  ::getrlimit(RLIMIT_FSIZE, &before);
  rlimit limited = before;
  limited.rlim_cur = 1000;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &limited);
  const Status status = write_file(path, std::string(5000, 'x'));
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(status.error() == path + ": cannot write: File too large");
  CHECK(content(path) == "old");
  CHECK(folder.count() == 1);
}

TEST_CASE("file: a link stays a link") {
  const TemporaryFolder folder;
  folder.write("target", "old");
  std::filesystem::create_symlink("target", folder.file("link"));
  REQUIRE(write_file(folder.file("link"), "new"));
  CHECK(std::filesystem::is_symlink(folder.file("link")));
  CHECK(content(folder.file("target")) == "new");
}

TEST_CASE("file: what cannot be opened says why") {
  const TemporaryFolder folder;
  CHECK(map_file(folder.file("none")).error() == folder.file("none") + ": cannot open: No such file or directory");
  CHECK(map_file(folder.file("")).error() == folder.file("") + ": is a folder, not a file");
  CHECK(map_file("/dev/null").error() == "/dev/null: is not a regular file; copy its content to one");
  CHECK(write_file(folder.file("none/x"), "").error() ==
        folder.file("none/x") + ": cannot write: No such file or directory");
  CHECK(write_file("/dev/null", "").error() == "/dev/null: cannot write: exists and is not a regular file");
  const Result<FileBytes> empty = map_file(folder.write("empty", ""));
  REQUIRE(empty);
  CHECK(empty->bytes.empty());
}

TEST_CASE("file: quoted text is short and printable") {
  CHECK(quote("a\x1b[31m\n") == "'a\\x1b[31m\\x0a'");
  CHECK(quote(std::string(100, 'a')) == "'" + std::string(80, 'a') + "…'");
}

// "hello hello hello hello\n" as gzip writes it.
constexpr std::string_view kHello = "1f8b0800000000000203cb48cdc9c957c84027b9000088590b18000000";

TEST_CASE("gzip: members one after the other, and damage") {
  const std::string hello = from_hex(kHello);
  const std::string text = "hello hello hello hello\n";
  const auto unpack = [](std::string_view bytes) {
    const Result<FileBytes> file = gunzip(file_bytes(bytes, "x.gz"));
    return file ? std::string(reinterpret_cast<const char*>(file->bytes.data()), file->bytes.size()) : file.error();
  };
  CHECK(unpack(hello) == text);
  CHECK(unpack(hello + hello) == text + text);
  CHECK(unpack(hello + "x") == "x.gz: byte 29: something that is not gzip follows the compressed data");
  CHECK(unpack(hello.substr(0, 24)) == "x.gz: byte 24: the compressed data is cut short");
  std::string damaged = hello;
  damaged[22] = static_cast<char>(damaged[22] ^ 1);
  CHECK(unpack(damaged) == "x.gz: byte 25: the compressed data is damaged (incorrect data check)");
}

TEST_CASE("gzip: deflate makes the round trip; a wrong size is refused") {
  std::vector<std::byte> bytes(300000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * i >> 8);
  const Result<std::vector<std::byte>> packed = deflate_raw(bytes, "x");
  REQUIRE(packed);
  const Result<ByteBuffer> unpacked = inflate_raw(*packed, bytes.size(), "x");
  REQUIRE(unpacked);
  CHECK(std::equal(bytes.begin(), bytes.end(), unpacked->bytes().begin()));
  CHECK(inflate_raw(*packed, bytes.size() - 1, "x").error() ==
        "x: holds more than the 299999 bytes that its header claims");
  CHECK(inflate_raw(*packed, bytes.size() + 1, "x").error() ==
        "x: does not hold the 300001 bytes that its header claims");
}

}  // namespace
}  // namespace nnc::test
