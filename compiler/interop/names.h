// Arrays under other names: weights of a file that another program wrote, named as the model's parameters are.
#pragma once

#include "compiler/interop/array.h"

namespace nnc {

// `map` is text of lines `theirs -> ours`; `#` begins a comment, an empty line says nothing. A star stands for any
// characters, the fewest that fit, and the k-th star of ours for what the k-th of theirs stood for:
//
//   features.*.0.weight -> block*.conv.weight
//   *.num_batches_tracked ->                      (nothing to its right: left out)
//
// For each array the first line that fits counts; an array that none fits keeps its name. `place`: the map's file name,
// for messages. Errors: a line that is none, one that fits no array, and two arrays of one name.
Result<std::vector<Array>> rename_arrays(std::vector<Array> arrays, std::string_view map, const std::string& place);

}  // namespace nnc
