#include "compiler/interop/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace nnc {
namespace {

std::string system_error(const std::string& path, const std::string& action) {
  return fmt::format("{}: {}: {}", path, action, std::strerror(errno));
}

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int value() const { return value_; }

 private:
  int value_;
};

}  // namespace

Result<FileBytes> map_file(const std::string& path) {
  // Not blocking: opening a pipe that nobody writes would wait for ever.
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (descriptor.value() < 0) return Failure{system_error(path, "cannot open")};
  struct stat status = {};
  if (::fstat(descriptor.value(), &status) != 0) return Failure{system_error(path, "cannot read its size")};
  if (S_ISDIR(status.st_mode)) return Failure{path + ": is a folder, not a file"};
  if (!S_ISREG(status.st_mode)) return Failure{path + ": is not a regular file; copy its content to one"};
  const std::size_t size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return FileBytes{path, {}, nullptr};
  void* const start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor.value(), 0);
  if (start == MAP_FAILED) return Failure{system_error(path, "cannot map")};
  std::shared_ptr<const void> owner(start, [size](const void* mapped) { ::munmap(const_cast<void*>(mapped), size); });
  return FileBytes{path, {static_cast<const std::byte*>(start), size}, std::move(owner)};
}

AtomicFile::AtomicFile(const std::string& path) : path_(path), target_(path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    error_ = path + ": cannot write: exists and is not a regular file";
    return;
  }
  const std::filesystem::path resolved = std::filesystem::weakly_canonical(path, error);
  if (!error) target_ = resolved.string();
  for (int attempt = 0; attempt < 1000 && descriptor_ < 0; ++attempt) {
    temporary_ = fmt::format("{}.{}-{}.partial", target_, ::getpid(), attempt);
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0 && errno != EEXIST) break;
  }
  if (descriptor_ < 0) {
    temporary_.clear();
    fail("cannot write");
  }
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::fail(const std::string& action) {
  if (error_.empty()) error_ = system_error(path_, action);
  discard();
}

void AtomicFile::discard() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  temporary_.clear();
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty() && error_.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), std::min<std::size_t>(bytes.size(), 1U << 30));
    if (written < 0) {
      if (errno != EINTR) fail("cannot write");
      continue;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void AtomicFile::write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

Status AtomicFile::commit() {
  if (error_.empty() && ::fsync(descriptor_) != 0) fail("cannot write");
  if (error_.empty()) {
    const int closed = ::close(descriptor_);
    descriptor_ = -1;
    if (closed != 0) fail("cannot write");
  }
  if (error_.empty() && ::rename(temporary_.c_str(), target_.c_str()) != 0) fail("cannot replace");
  if (!error_.empty()) return Failure{error_};
  temporary_.clear();
  // The rename itself lasts once the folder is flushed; where a file system cannot, the file is still whole.
  std::filesystem::path folder = std::filesystem::path(target_).parent_path();
  const Descriptor folder_descriptor(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder_descriptor.value() >= 0) ::fsync(folder_descriptor.value());
  return Done{};
}

std::string quote(std::string_view text) {
  constexpr std::size_t kLengthMax = 80;
  std::string quoted = "'";
  for (const char c : text.substr(0, kLengthMax)) {
    const unsigned char code = static_cast<unsigned char>(c);
    if (code < 0x20 || code == 0x7f) {
      quoted += fmt::format("\\x{:02x}", code);
    } else {
      quoted += c;
    }
  }
  return quoted + (text.size() > kLengthMax ? "…'" : "'");
}

Status write_file(const std::string& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  return file.commit();
}

}  // namespace nnc
