// Numbers of a CSV file (RFC 4180: quotes, doubled quotes, line ends within quotes), columns packed into arrays.
//
// The first line is a header if a field of it is neither empty nor a number. Empty lines are skipped; every other line
// must have as many fields as the first. Only the selected columns need to be numbers. Errors name line:column.
// A selection is a column or several joined by '+': by number from 0 (`64`), a range of numbers without its end
// (`0:64`, `:64`, `65:`), a name of the header (`species`), or a range of names with its end (`pixel0..pixel63`).
#pragma once

#include "compiler/interop/array.h"
#include "compiler/interop/file.h"

namespace nnc {

struct ColumnBinding {
  std::string name;       // of the array
  std::string selection;  // a single column gives [lines], anything else [lines, columns]
};

// Without bindings every column of the header is an array. Elements are f64 with from_text set.
Result<std::vector<Array>> parse_csv(const FileBytes& file, char delimiter, const std::vector<ColumnBinding>& bindings);

// A line for each index of axis 0, without a header; the shortest text of a number that reads back as the same.
Status write_csv(const std::string& path, const Array& array);

}  // namespace nnc
