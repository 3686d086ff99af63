// The passes by name. The order in which they run, and what each establishes for the next, is in compile.cpp.
#include "compiler/passes/passes.h"

namespace nnc {

const std::vector<PassInfo>& pass_table() {
  static const std::vector<PassInfo> kTable = {
      {.name = "make_stream", .is_optional = false, .keeps_meaning = false, .run = nullptr},
      {.name = "add_batch", .is_optional = false, .keeps_meaning = false, .run = nullptr},
      {.name = "differentiate", .is_optional = false, .keeps_meaning = false, .run = nullptr},
      {.name = "widen_halves", .is_optional = false, .keeps_meaning = true, .run = widen_halves},
      {.name = "drop_empty", .is_optional = false, .keeps_meaning = true, .run = drop_empty},
      {.name = "fold_constants", .is_optional = true, .keeps_meaning = true, .run = fold_constants},
      {.name = "simplify", .is_optional = true, .keeps_meaning = true, .run = simplify},
      {.name = "merge_common", .is_optional = true, .keeps_meaning = true, .run = merge_common},
      {.name = "remove_dead", .is_optional = true, .keeps_meaning = true, .run = remove_dead},
      {.name = "fold_affine", .is_optional = true, .keeps_meaning = true, .run = fold_affine},
      {.name = "hoist_from_scan", .is_optional = true, .keeps_meaning = true, .run = hoist_from_scan},
      {.name = "lower_layout", .is_optional = false, .keeps_meaning = true, .run = nullptr},
      {.name = "cut_shards", .is_optional = false, .keeps_meaning = false, .run = nullptr},
  };
  return kTable;
}

}  // namespace nnc
