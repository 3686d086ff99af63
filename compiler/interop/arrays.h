// The arrays that a command line names: `--data`, `--test`, `--input`. README.md describes the spelling.
#pragma once

#include "compiler/interop/array.h"

namespace nnc {

// Each spec is a file, or `[FILE:]NAME[:TYPE][:SHAPE]=SOURCE,…`. Names are unique over all specs.
Result<std::vector<Array>> load_arrays(const std::vector<std::string>& specs);

// All arrays of one file, its format known from its content (CSV: from its name; a header line names its columns).
// The array of a .npy or IDX file has an empty name.
Result<std::vector<Array>> load_file(const std::string& path);

}  // namespace nnc
