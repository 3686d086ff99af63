// Bytes of files: read through a mapping, written so that a file is either whole or not there.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "compiler/interop/result.h"

namespace nnc {

// The content of a file, or what was decompressed from it.
struct FileBytes {
  std::string path;  // for messages
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
};

// Maps a regular file. Its bytes are those of the file as it is: truncating a file in use ends the process.
Result<FileBytes> map_file(const std::string& path);

// Writes beside the target under another name; commit() flushes to the disk and renames. Until then, and for ever if
// anything fails, the target is what it was. The first failure is kept and returned by commit().
class AtomicFile {
 public:
  explicit AtomicFile(const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  Status commit();

 private:
  void fail(const std::string& action);
  void discard();

  std::string path_;       // as given, for messages
  std::string target_;     // path_ with links resolved
  std::string temporary_;  // empty when there is none to remove
  std::string error_;
  int descriptor_ = -1;
};

// A name or value from a file, for a message: in quotes, unprintable bytes escaped, not too long.
std::string quote(std::string_view text);

Status write_file(const std::string& path, std::string_view text);

}  // namespace nnc
