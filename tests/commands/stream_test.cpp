// nnc --stream as its user meets it: the step function that is made of a model of a sequence, compiled by g++ or run by
// `nnc run`, gives the bits of the whole sequence, also from a state that was saved; and what cannot be one is refused.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compiler/interop/arrays.h"
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

// Three sequences of 12 steps of 4 numbers (the first begins with zeros of both signs), 3 numbers and a length for
// each.
void write_sequences(const Folder& folder) {
  std::string text;
  for (int n = 0; n < 3; ++n) {
    for (int i = 0; i < 51; ++i) {
      const bool is_zero = n == 0 && i < 8;
      text += is_zero ? (i % 2 == 0 ? "0," : "-0,") : fmt::format("{:.6f},", std::cos(0.7 * (i * i % 97) + n));
    }
    text += fmt::format("{}\n", 4 * n + 3);
  }
  folder.write("d.csv", text);
}

std::vector<std::byte> bytes_of(const Folder& folder, const std::string& file) {
  const Result<std::vector<Array>> arrays = load_file(folder.file(file));
  REQUIRE_MESSAGE(arrays, arrays.error());
  return {arrays->front().bytes.begin(), arrays->front().bytes.end()};
}

// `y` has a row a step, `end` is of the end: in the stream, what the last step says.
void check_run(const Folder& folder, const std::string& body, const std::string& inputs = "") {
  CAPTURE(body);
  folder.write("m.nn", "model M(frames: f32[12, 4]" + inputs + ") -> (y: f32[12, 3], end: f32[3]) {\n" + body +
                           "\n  end = last(y) |> softmax\n}\n");
  std::string columns = "d.csv:frames:12x4=0:48";
  if (inputs.find("begin") != std::string::npos) columns += ",begin=48:51";
  if (inputs.find(", n:") != std::string::npos) columns += ",n=51";
  for (const char* const stream : {"", "--stream frames"}) {
    const std::string out = *stream == 0 ? "whole" : "stream";
    const Outcome outcome =
        folder.nnc(fmt::format("run m.nn {} --math exact --seed 3 --input {} --output y={}.npy "
                               "--output end={}_end.npy",
                               stream, columns, out, out));
    REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
  }
  CHECK(folder.read("whole.npy") == folder.read("stream.npy"));
  const std::vector<std::byte> whole = bytes_of(folder, "whole_end.npy"), steps = bytes_of(folder, "stream_end.npy");
  constexpr std::size_t kRow = 3 * sizeof(float);
  REQUIRE(whole.size() == 3 * kRow);
  REQUIRE(steps.size() == 3 * 12 * kRow);
  for (std::size_t n = 0; n < 3; ++n) {
    CHECK(std::equal(whole.begin() + static_cast<std::ptrdiff_t>(n * kRow),
                     whole.begin() + static_cast<std::ptrdiff_t>((n + 1) * kRow),
                     steps.begin() + static_cast<std::ptrdiff_t>((12 * n + 11) * kRow)));
  }
  // The first and the last step differ: something happens.
  const std::vector<std::byte> y = bytes_of(folder, "whole.npy");
  CHECK(!std::equal(y.begin(), y.begin() + kRow, y.begin() + 11 * kRow));
}

TEST_CASE("run --stream writes what run writes: padding, pooling, initial states, places") {
  const Folder folder;
  write_sequences(folder);
  check_run(folder,
            "  y = pad_with(frames, [4, 0], end: [0, 0]) |> transpose |> conv(4, kernel: 3) |> relu\n"
            "        |> conv(3, kernel: 3) |> transpose");
  check_run(folder,
            "  param rows: f32[2, 4] ~ normal\n"
            "  y = concat(rows, frames) |> transpose |> conv(3, kernel: 3) |> transpose |> tanh");
  check_run(folder,
            "  let none: f32[1, 4] = 0\n"
            "  let change = concat(none, frames[1:] - frames[0:11])\n"
            "  y = concat(change, frames, axis: 1) |> dense(3)");
  check_run(folder,
            "  y = pad_with(frames, [2, 0], end: [0, 0], mode: \"edge\") |> transpose\n"
            "        |> max_pool(3, stride: 1) |> transpose |> dense(3)");
  check_run(folder,
            "  let x = transpose(frames)\n"
            "  let most = x |> max_pool(4, stride: 1, pad: 3, pad_end: 0)\n"
            "  let mean = x |> avg_pool(3, stride: 1, pad: 2, pad_end: 0)\n"
            "  let own = x |> avg_pool(5, stride: 1, pad: 4, pad_end: 0, count_pad: false)\n"
            "  y = concat(most, mean, own) |> transpose |> dense(3)");
  check_run(folder, "  y = frames |> scan(gru(3, h0: begin)) |> scan(rnn(3))", ", begin: f32[3]");
  check_run(folder,
            "  param h: f32[5] ~ normal; param c: f32[5] ~ normal\n"
            "  y = frames |> scan(lstm(5, h0: h, c0: c)) |> dense(3)");
  check_run(folder, "  y = scan(frames, gru(3), length: n)", ", n: i32");
  check_run(folder,
            "  let padded = pad_with(frames, [2, 0], end: [0, 0], value: 1)\n"
            "  y = padded |> scan(gru(3)) |> transpose |> conv(3, kernel: 3) |> transpose");
  check_run(folder, "  y = frames |> learned_positions |> sinusoidal_positions |> dense(3)");
}

TEST_CASE("run --stream writes what run writes: causal attention") {
  const Folder folder;
  write_sequences(folder);
  check_run(folder, "  y = frames |> attention(2, causal: true) |> dense(3)");
  check_run(folder,
            "  layer block[2] = encoder(2, hidden: 6, causal: true, length: n)\n"
            "  y = frames |> learned_positions |> block |> dense(3)",
            ", n: i32");
}

// The step function that is made of a model of 6 steps, on 20 steps, and the model of 20 steps.
TEST_CASE("a stream goes on after the steps of the sequence, unless it has places for no more") {
  const Folder folder;
  std::string line;
  for (int i = 0; i < 80; ++i) line += fmt::format("{:.6f},", std::cos(0.7 * (i * i % 97)));
  folder.write("d.csv", line + "1000\n");
  const auto run = [&](const std::string& body, int steps, const std::string& options) {
    const std::string length = body.find("length") == std::string::npos ? "" : ", n: i32";
    folder.write("m.nn", fmt::format("const N = {}\nmodel M(xs: f32[N, 4]{}) -> (y: f32[N, 3]) {{ y = {} }}\n", steps,
                                     length, body));
    return folder.nnc(fmt::format("run m.nn {} --math exact --seed 3 --input d.csv:xs:20x4=0:80{} --output y=y.npy",
                                  options, length.empty() ? "" : ",n=80"));
  };
  for (const char* const body :
       {"scan(xs, gru(3), length: n)",
        "where(iota([N, 3], axis: 0) % 2 == 0, 1.0, 2) * xs[:, 0:3] + cast(iota([N, 3], axis: 0), f32)",
        "concat(xs[0:1], tanh(xs[1:] - xs[0:N - 1])) |> scan(lstm(3))",
        "xs |> transpose |> conv(3, kernel: 3, dilation: 2, pad: 4, pad_end: 0) |> transpose",
        "xs |> transpose |> avg_pool(4, stride: 1, pad: 3, pad_end: 0, count_pad: false) |> transpose |> dense(3)",
        "xs |> pad_with([4, 0], end: [0, 0]) |> transpose |> conv(4, kernel: 3) |> relu |> conv(3, kernel: 3) |> "
        "transpose"}) {
    CAPTURE(body);
    Outcome outcome = run(body, 6, "--stream xs");
    REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
    const std::string stream = folder.read("y.npy");
    outcome = run(body, 20, "");
    REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
    CHECK(stream == folder.read("y.npy"));
  }
  std::filesystem::remove(folder.file("y.npy"));
  for (const char* const body : {"xs |> learned_positions |> dense(3)", "xs |> sinusoidal_positions |> dense(3)",
                                 "xs |> attention(2, causal: true) |> dense(3)"}) {
    const Outcome outcome = run(body, 6, "--stream xs");
    CHECK(outcome.status == 1);
    CHECK(has(outcome, "has 20 steps, but the positions or the attention of `M` are of 6"));
    CHECK(folder.nnc("m.nn --stream xs -o m.cpp").status == 0);
    CHECK(folder.read("m.hpp").find("begins with `reset` and has 6 steps at most.") != std::string::npos);
  }
  CHECK(!folder.has("y.npy"));
}

TEST_CASE("run --stream takes several sequences, each from the beginning, or the rows of one") {
  const Folder folder;
  folder.write("m.nn", "model M(xs: f32[5, 2], gain: f32) -> (y: f32[5, 3]) { y = gain * scan(xs, gru(3)) }\n");
  std::string lines, second;
  for (int i = 0; i < 40; ++i) {
    const std::string row = fmt::format("{:.3f},{:.3f}", std::sin(i), std::cos(2.0 * i));
    lines += row + (i % 20 == 19 ? "\n" : ",");
    if (i >= 20) second += row + (i == 39 ? "\n" : ",");
  }
  folder.write("lines.csv", lines);
  folder.write("second.csv", second);
  folder.write("gains.csv", "2\n2\n");
  folder.write("gain.csv", "2\n");
  const auto run = [&](const std::string& inputs, const std::string& out) {
    const Outcome outcome =
        folder.nnc("run m.nn --stream xs --seed 3 --input " + inputs + " --output y=" + out + ".npy");
    REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
    const Result<std::vector<Array>> arrays = load_file(folder.file(out + ".npy"));
    REQUIRE_MESSAGE(arrays, arrays.error());
    return arrays->front().shape;
  };
  CHECK(run("lines.csv:xs:20x2=0:40 --input gains.csv:gain=0", "two") == Shape{2, 20, 3});
  CHECK(run("second.csv:xs:20x2=0:40 --input gain.csv:gain=0", "second") == Shape{1, 20, 3});
  const std::vector<std::byte> two = bytes_of(folder, "two.npy"), one = bytes_of(folder, "second.npy");
  REQUIRE(two.size() == 2 * one.size());
  CHECK(std::equal(one.begin(), one.end(), two.begin() + static_cast<std::ptrdiff_t>(one.size())));
  // An output of such a run is a sequence of rows.
  folder.write("next.nn", "model Next(ys: f32[7, 3]) -> (z: f32[7]) { z = ys |> scan({ y -> sum(y) }) }\n");
  Outcome outcome = folder.nnc("run next.nn --stream ys --input ys=second.npy --output z=z.npy");
  REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
  CHECK(bytes_of(folder, "z.npy").size() == 20 * sizeof(float));
  outcome = folder.nnc("run next.nn --stream ys --input ys=two.npy --output z=z.npy");
  REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
  CHECK(bytes_of(folder, "z.npy").size() == 40 * sizeof(float));
}

TEST_CASE("run and bench say what is wrong with --stream before they write anything") {
  const Folder folder;
  folder.write("m.nn", "model M(xs: f32[5, 2]) -> (y: f32[5, 3]) { y = xs |> reverse(axis: 0) |> scan(gru(3)) }\n");
  folder.write("d.csv", "1,2,3,4\n");
  const std::string run = "run m.nn --input d.csv:xs:2x2=0:4 --output y=y.npy ";
  Outcome outcome = folder.nnc(run + "--stream xs");
  CHECK(outcome.status == 1);
  CHECK(has(outcome, "the `reverse` reads the sequence from its end"));
  outcome = folder.nnc(run + "--stream xss");
  CHECK(outcome.status == 1);
  CHECK(has(outcome, "the model has no input 'xss'; did you mean 'xs'?"));
  CHECK(folder.nnc(run + "--stream xs --cotangent y=g.npy --gradient xs=d.npy").status == 2);
  CHECK(!folder.has("y.npy"));
  CHECK(folder.nnc("bench m.nn --stream xs --seconds 0.01").status == 1);
  folder.write("m.nn", "model M(xs: f32[5, 2]) -> (y: f32[5, 3]) { y = xs |> scan(gru(3)) }\n");
  outcome = folder.nnc("bench m.nn --stream xs --seconds 0.01 --json b.json");
  CHECK(outcome.status == 0);
  CHECK(has(outcome, "M, a step of xs: "));
  CHECK(folder.read("b.json").find("\"stream\": \"xs\"") != std::string::npos);
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
