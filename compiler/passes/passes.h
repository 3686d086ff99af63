// The graph passes, one function in one file each; compile.cpp lists them in order with the wall that each establishes.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/graph/graph.h"

namespace nnc {

// The step function of a causal model: `input`, a sequence along axis 0, comes one element a call, and what later steps
// need becomes recurrent states, whose initial values become outputs of `init`. Returns how many steps there are at
// most, 0 if any number. Where there is no such function the reason is reported at its place (kind not_causal).
std::int64_t make_stream(Graph& graph, Graph& init, const std::string& input, Diagnostics& diagnostics);

// Every operation gets the leading axis of size `batch` where its value depends on an example; batch_mean becomes a
// reduction. Inputs marked per_example and what is computed from them get the axis; all else stays as it is.
void add_batch(Graph& graph, std::int64_t batch);

// Replaces each `gradient` by graph operations (reverse mode; scan becomes a reverse scan over stacked residuals) and
// removes stop_gradient. A gradient of a gradient works: inner ones first. An operation without a gradient rule on the
// way is reported at its place (kind no_gradient).
void differentiate(Graph& graph, Diagnostics& diagnostics);

// f16 and bf16 are kept, moved and converted, never computed with: what computes does so in f32, and its results are
// rounded where they leave the call of the program that they belong to.
void widen_halves(Graph& graph);

// Values without elements are computed by nobody: what is left of the graph has none, its inputs and outputs included.
void drop_empty(Graph& graph);

// Operations whose operands are all constants become constants (results above 1 MB are left unless they shrink).
void fold_constants(Graph& graph);
// Algebraic identities that keep the bits (x + 0 only where it does), movement operations merged, scans of length 1
// opened, …
void simplify(Graph& graph);
// One operation for several with the same operands and attributes. Never two draws of chance.
void merge_common(Graph& graph);
// Operations on which no output, state or other needed value depends.
void remove_dead(Graph& graph);
// Per-channel scale and shift next to a convolution or contraction goes into its weights and bias.
void fold_affine(Graph& graph);
// Work of a scan's body that does not depend on the carry moves out of the loop: products with the sequence first.
void hoist_from_scan(Graph& graph);
// Convolutions to channels-last activations and packed weights (lanes and block come from the target); padding explicit
// where the kernel wants it; operands of contractions transposed where the lane axis is not contiguous.
struct LayoutTarget {
  int lanes = 8;
  int registers = 16;
};
void lower_layout(Graph& graph, const LayoutTarget& target);
// Weights of convolutions in blocks of outputs, as the kernel's tiles read them. For inference, after lower_layout.
void pack_weights(Graph& graph, const LayoutTarget& target);

// The step of a batch from that of one of its shards: a loop over the shards, whose sums `shard_mean` takes the mean
// of. Inputs and recurrent states get the rows of all shards. Comes last.
void cut_shards(Graph& graph, std::int64_t shards);

// Every pass by name, for --print-after, --skip and the tests. Those with parameters are bound by compile.cpp.
struct PassInfo {
  const char* name;
  bool is_optional;     // may be skipped
  bool keeps_meaning;   // tested for equivalence on random graphs
  void (*run)(Graph&);  // null if it has parameters
};
const std::vector<PassInfo>& pass_table();

}  // namespace nnc
