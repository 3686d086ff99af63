// Safetensors: named tensors and a table of texts. The format of nnc's weights and checkpoints.
//
// Layout: u64 length of the header, the header (JSON: name -> {dtype, shape, data_offsets}, "__metadata__" ->
// {text: text}), the data. Read strictly, through a mapping: the tensors must tile the data without hole or overlap,
// each with the size that its type and shape give; names are unique; unknown entries are refused.
// Written deterministically: elements of more bytes first (so that all are aligned), then by name.
#pragma once

#include <map>

#include "compiler/interop/array.h"
#include "compiler/interop/file.h"

namespace nnc {

struct Safetensors {
  std::vector<Array> tensors;  // in the order of the data
  std::map<std::string, std::string> metadata;

  const Array* find(std::string_view name) const;  // null if there is none
};

bool is_safetensors(std::span<const std::byte> bytes);
Result<Safetensors> parse_safetensors(const FileBytes& file);
Result<Safetensors> read_safetensors(const std::string& path);
Status write_safetensors(const std::string& path, std::vector<Array> tensors,
                         const std::map<std::string, std::string>& metadata = {});

}  // namespace nnc
