// nnc --stream as its user meets it: the step function that is made of a model of a sequence, compiled by g++, gives
// the bits of the whole sequence, also from a state that was saved; and what cannot be one is refused.
#include <doctest/doctest.h>

#include "tests/support/nnc_folder.h"

namespace nnc {
namespace {

// Two outputs, one a step and one at the end; 24 steps of 4 numbers.
std::string program_of(const std::string& network) {
  return R"(
layer causal(x: f32[T, I], channels: int, kernel: int, dilation: int = 1, groups: int = 1) -> f32[T, channels] {
  transpose(x)
    |> conv(channels, kernel: kernel, dilation: dilation, pad: (kernel - 1) * dilation, pad_end: 0, groups: groups)
    |> transpose
}
layer plane(x: f32[T, I], channels: int) -> f32[T, channels * (I // 2)] {
  x |> reshape([T, 2, I // 2]) |> transpose([1, 0, 2])
    |> conv(channels, kernel: [3, 3], pad: [2, 1], pad_end: [0, 1])
    |> transpose([1, 0, 2]) |> reshape([T, channels * (I // 2)])
}
layer top = dense(3)
model M(frames: f32[24, 4]) -> (each: f32[24, 3], end: f32[3]) {
  let hidden = frames |> )" +
         network + R"(
  each = hidden |> layer_norm |> top
  end = hidden |> last |> top |> softmax
}
)";
}

// Both as a user calls them: parameters and sequence by formulas; after 9 steps the state is saved, and from there the
// stream runs twice.
constexpr const char* kMain = R"(
#include <cmath>
#include <cstdio>
#include <cstring>
#include "sequence.hpp"
#include "stream.hpp"

template <class Parameters>
void fill(Parameters& parameters) {
  float* const numbers = reinterpret_cast<float*>(&parameters);
  for (std::size_t i = 0; i < sizeof parameters / sizeof(float); ++i) {
    numbers[i] = 0.5f * std::sin(1.0f + 1.7f * static_cast<float>(i % 1000));
  }
}

bool differ(const float (&a)[3], const float (&b)[3]) { return std::memcmp(a, b, sizeof a) != 0; }

int main() {
  static sequence::Parameters parameters;
  static stream::Parameters stream_parameters;
  fill(parameters);
  fill(stream_parameters);
  static sequence::Prepared prepared;
  static stream::Prepared stream_prepared;
  static sequence::Arena arena;
  static stream::Arena stream_arena;
  sequence::prepare(parameters, prepared, arena);
  stream::prepare(stream_parameters, stream_prepared, stream_arena);
  static float frames[24][4], each[24][3], end[3];
  for (int i = 0; i < 96; ++i) frames[i / 4][i % 4] = std::cos(0.7f * static_cast<float>(i * i % 97));
  sequence::forward(prepared, frames, each, end, arena);

  static stream::State state, saved;
  float step[3], so_far[3];
  int wrong = 0, varied = 0;
  for (int round = 0; round < 2; ++round) {
    stream::reset(state);
    for (int t = 0; t < 24; ++t) {
      if (t == 9 && round == 0) saved = state;
      stream::forward(stream_prepared, state, frames[t], step, so_far, stream_arena);
      wrong += differ(step, each[t]);
      varied += t > 0 && differ(each[t - 1], each[t]);
    }
    wrong += differ(so_far, end);
    state = saved;
    for (int t = 9; t < 24; ++t) {
      stream::forward(stream_prepared, state, frames[t], step, so_far, stream_arena);
      wrong += differ(step, each[t]);
    }
    wrong += differ(so_far, end);
  }
  std::printf("%d differ, %d vary\n", wrong, varied);
}
)";

void check_same_bits(const Folder& folder, const std::string& network) {
  folder.write("m.nn", program_of(network));
  Outcome outcome = folder.nnc("m.nn --math exact --namespace sequence -o sequence.cpp");
  REQUIRE_MESSAGE(outcome.status == 0, network, outcome.output);
  outcome = folder.nnc("m.nn --math exact --stream frames --namespace stream -o stream.cpp");
  REQUIRE_MESSAGE(outcome.status == 0, network, outcome.output);
  folder.write("main.cpp", kMain);
  outcome = folder.run(
      "g++ -std=c++17 -O1 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror main.cpp sequence.cpp stream.cpp "
      "-o program && ./program");
  CHECK_MESSAGE(outcome.output == "0 differ, 46 vary\n", network, ": ", outcome.output);
}

TEST_CASE("--stream gives the bits of the whole sequence") {
  const Folder folder;
  check_same_bits(folder, "scan(lstm(8))");
  check_same_bits(folder, "scan(gru(8)) |> dense(6) |> relu |> scan(rnn(5))");
  check_same_bits(folder,
                  "causal(6, kernel: 3) |> relu |> causal(6, kernel: 3, dilation: 2) |> relu |> "
                  "causal(5, kernel: 2, dilation: 4)");
  check_same_bits(folder, "causal(8, kernel: 3, groups: 4) |> causal(8, kernel: 4, groups: 8)");
  check_same_bits(folder, "plane(3)");
  check_same_bits(folder, "causal(8, kernel: 2) |> relu |> scan(gru(6))");
}

TEST_CASE("--stream is of one model, and not of code that trains or of what comes before the passes") {
  const Folder folder;
  folder.write("m.nn",
               "layer a = gru(3)\n"
               "model Whole(xs: f32[5, 2]) -> (y: f32[5, 3]) { y = xs |> scan(a) }\n"
               "model Step(x: f32[2]) -> (y: f32[3]) { y = x |> a }\n");
  Outcome outcome = folder.nnc("m.nn --stream xs -o m.cpp");
  CHECK(outcome.status == 1);
  CHECK(has(outcome, "no stream of `xs` can be made: `Step` has no such input; it has x"));
  CHECK(!folder.has("m.cpp"));
  outcome = folder.nnc("m.nn --stream xs --emit=graph");
  CHECK(outcome.status == 1);
  CHECK(has(outcome, "--print-after=make_stream shows its stream"));
  CHECK(folder.nnc("m.nn --stream xs --train -o m.cpp").status == 2);
  CHECK(folder.nnc("m.nn --model Whole --stream xs -o m.cpp").status == 0);
}

}  // namespace
}  // namespace nnc
