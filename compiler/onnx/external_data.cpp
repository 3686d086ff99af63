#include "compiler/onnx/external_data.h"

#include <fmt/format.h>
#include <onnx-ml.pb.h>
#include <sys/stat.h>

#include <charconv>
#include <filesystem>

#include "compiler/interop/file.h"

namespace nnc::translation {
namespace {

// Each step of the way must be a folder or file of its own: links lead out of the model's folder.
Status check_way(const std::filesystem::path& folder, const std::filesystem::path& location) {
  if (location.empty() || location.is_absolute() || location.has_root_path()) {
    return Failure{
        fmt::format("external data must be a path below the model's folder, not {}", quote(location.string()))};
  }
  std::filesystem::path at = folder;
  for (const std::filesystem::path& step : location) {
    if (step == ".." || step.empty()) {
      return Failure{fmt::format("external data must lie below the model's folder: {}", quote(location.string()))};
    }
    at /= step;
    struct stat status = {};
    if (::lstat(at.c_str(), &status) != 0)
      return Failure{fmt::format("external data {}: not found", quote(at.string()))};
    if (S_ISLNK(status.st_mode)) {
      return Failure{fmt::format("external data {} is a link; put the file itself there", quote(at.string()))};
    }
    if (S_ISREG(status.st_mode) && status.st_nlink > 1) {
      return Failure{fmt::format("external data {} has several names (hard links); copy it", quote(at.string()))};
    }
  }
  return Done{};
}

Result<std::uint64_t> number(const std::string& key, const std::string& text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const std::from_chars_result read = std::from_chars(text.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end) {
    return Failure{fmt::format("external data: {} must be a number, not {}", key, quote(text))};
  }
  return value;
}

}  // namespace

Result<Array> read_external(const ::onnx::TensorProto& proto, const std::string& folder, std::uint64_t size) {
  std::string location;
  std::uint64_t offset = 0, length = size;
  for (const ::onnx::StringStringEntryProto& entry : proto.external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() != "offset" && entry.key() != "length") continue;
    const Result<std::uint64_t> value = number(entry.key(), entry.value());
    if (!value) return value.failure();
    (entry.key() == "offset" ? offset : length) = *value;
  }
  const std::filesystem::path base = folder.empty() ? "." : folder;
  const Status allowed = check_way(base, location);
  if (!allowed) return allowed.failure();
  const std::string path = (base / location).string();
  const Result<FileBytes> file = map_file(path);
  if (!file) return file.failure();
  if (offset > file->bytes.size() || length > file->bytes.size() - offset) {
    return Failure{fmt::format("external data: bytes {} to {} of {}, which has {}", offset, offset + length,
                               quote(path), file->bytes.size())};
  }
  Array array;
  array.bytes = file->bytes.subspan(offset, length);
  array.owner = file->owner;
  return array;
}

}  // namespace nnc::translation
