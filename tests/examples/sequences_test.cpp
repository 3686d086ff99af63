// Recurrent networks on tasks whose answer is known; their first steps of training against PyTorch; a stream and the
// whole sequence, which give the same bits.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>

#include "compiler/interop/safetensors.h"
#include "tests/examples/example.h"

namespace nnc {
namespace {

// What the formulas of sequences_reference.py give.
std::vector<float> numbers(std::size_t count) {
  std::vector<float> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(static_cast<float>(std::sin(1 + 1.7 * double(i))));
  return values;
}

std::vector<float> signs(std::size_t count) {
  std::vector<float> values = numbers(count);
  for (float& value : values) value = value < 0 ? -1.0f : 1.0f;
  return values;
}

using Shapes = std::vector<std::pair<std::string, Shape>>;

// Parameter k, element i: 0.3 sin(1 + 0.7 k + 1.3 i).
void write_start(const Example& example, const Shapes& parameters) {
  std::vector<Array> arrays;
  for (const auto& [path, shape] : parameters) {
    const double k = static_cast<double>(arrays.size());
    std::vector<float> values;
    for (std::int64_t i = 0; i < element_count(shape); ++i) {
      values.push_back(static_cast<float>(0.3 * std::sin(1 + 0.7 * k + 1.3 * double(i))));
    }
    arrays.push_back(floats(path, shape, values));
  }
  const Status written = write_safetensors(example.folder().file("start.safetensors"), arrays);
  REQUIRE_MESSAGE(written, written.error());
}

// The losses of the first epochs, each one step (of a stream: several), from the weights of the formula.
void check_losses(const Example& example, const std::string& file, const Shapes& parameters,
                  const std::string& arguments, const std::vector<double>& expected) {
  write_start(example, parameters);
  const std::vector<Epoch> epochs = example.train(
      "--data data.npz --weights start.safetensors --epochs " + std::to_string(expected.size()) + " " + arguments,
      file);
  REQUIRE(epochs.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK_MESSAGE(std::abs(epochs[i].at("loss") - expected[i]) < 2e-5, file, ", step ", i + 1, ": ",
                  epochs[i].at("loss"), " instead of ", expected[i]);
  }
}

void append_symbol(std::vector<float>& symbols, int symbol) {
  for (int k = 0; k < 4; ++k) symbols.push_back(k == symbol ? 1.0f : 0.0f);
}

// Sequences of 12 symbols, and which came first.
void save_symbols(const Example& example, const std::string& file, int count, Random& random) {
  std::vector<float> symbols;
  std::vector<std::int32_t> first;
  for (int i = 0; i < 12 * count; ++i) {
    const int symbol = random.below(4);
    append_symbol(symbols, symbol);
    if (i % 12 == 0) first.push_back(symbol);
  }
  example.save(file, {floats("symbols", {count, 12, 4}, symbols), labels("label", first)});
}

// Sequences of 4 to 20 numbers, two of which are marked, one in each half; behind the end is what must not matter. Last
// their sums.
std::vector<Array> make_sums(int count, double behind, Random& random) {
  std::vector<float> pairs, sums;
  std::vector<std::int32_t> lengths;
  for (int n = 0; n < count; ++n) {
    const int length = 4 + random.below(17), half = length / 2;
    const int a = random.below(half), b = half + random.below(length - half);
    double sum = 0;
    for (int t = 0; t < 20; ++t) {
      const double number = random.uniform(0, 1);
      const bool is_marked = t == a || t == b;
      if (is_marked) sum += number;
      pairs.push_back(static_cast<float>(t < length ? number : behind));
      pairs.push_back(t < length ? (is_marked ? 1.0f : 0.0f) : static_cast<float>(behind));
    }
    lengths.push_back(length);
    sums.push_back(static_cast<float>(sum));
  }
  return {floats("pairs", {count, 20, 2}, pairs), labels("length", lengths), floats("target", {count}, sums)};
}

// One signal of -1 and 1 in pieces of ten, and what came three steps before (at first: nothing, 0).
void save_echo(const Example& example, const std::string& file, int pieces, Random& random) {
  std::vector<float> signal, before;
  for (int i = 0; i < 10 * pieces; ++i) {
    signal.push_back(random.below(2) == 0 ? -1.0f : 1.0f);
    before.push_back(i < 3 ? 0.0f : signal[static_cast<std::size_t>(i) - 3]);
  }
  example.save(file, {floats("signal", {pieces, 10, 1}, signal), floats("target", {pieces, 10}, before)});
}

// The product of both neighbours; 0 at the ends, where one is missing.
std::vector<float> neighbours(const std::vector<float>& bits) {
  std::vector<float> products;
  for (std::size_t i = 0; i < bits.size(); ++i) {
    const bool is_inside = i % 12 != 0 && i % 12 != 11;
    products.push_back(is_inside ? bits[i - 1] * bits[i + 1] : 0.0f);
  }
  return products;
}

void save_neighbours(const Example& example, const std::string& file, std::int64_t count,
                     const std::vector<float>& bits) {
  example.save(file, {floats("bits", {count, 12, 1}, bits), floats("target", {count, 12}, neighbours(bits))});
}

// The product with what came 15 steps before; 0 where there is none.
void save_products(const Example& example, const std::string& file, std::int64_t count,
                   const std::vector<float>& signal) {
  std::vector<float> products;
  for (std::size_t i = 0; i < signal.size(); ++i) products.push_back(i % 48 < 15 ? 0.0f : signal[i - 15] * signal[i]);
  example.save(file, {floats("signal", {count, 48, 1}, signal), floats("target", {count, 48}, products)});
}

std::vector<float> random_signs(std::size_t count, Random& random) {
  std::vector<float> signal;
  for (std::size_t i = 0; i < count; ++i) signal.push_back(random.below(2) == 0 ? -1.0f : 1.0f);
  return signal;
}

// The losses are those of `python3 tests/examples/sequences_reference.py` with PyTorch 2.15.0.
TEST_CASE("the first steps of training are PyTorch's") {
  const Example example("sequences");
  std::vector<float> symbols;
  std::vector<std::int32_t> first;
  for (std::size_t i = 0; i < 96; ++i) {
    const int symbol = ((static_cast<int>(std::floor(50 * std::sin(1 + 1.7 * double(i)))) % 4) + 4) % 4;
    append_symbol(symbols, symbol);
    if (i % 12 == 0) first.push_back(symbol);
  }
  example.save("data.npz", {floats("symbols", {8, 12, 4}, symbols), labels("label", first)});
  check_losses(example, "first_symbol.nn", {{"simple.U", {16, 4}}, {"simple.W", {16, 16}}, {"V.weight", {4, 16}}},
               "--batch 8", {1.33793631, 1.30408522, 1.27923006, 1.25969629});

  const std::vector<float> values = numbers(160);
  std::vector<float> pairs, sums;
  std::vector<std::int32_t> lengths;
  for (std::size_t n = 0; n < 8; ++n) {
    const std::size_t length = 5 + 2 * n;
    for (std::size_t t = 0; t < 20; ++t) {
      pairs.push_back(values[20 * n + t]);
      pairs.push_back(t == 1 || t + 2 == length ? 1.0f : 0.0f);
    }
    lengths.push_back(static_cast<std::int32_t>(length));
    sums.push_back(values[20 * n + 1] + values[20 * n + length - 2]);
  }
  example.save("data.npz",
               {floats("pairs", {8, 20, 2}, pairs), labels("length", lengths), floats("target", {8}, sums)});
  check_losses(example, "adding.nn",
               {{"lstm.W", {64, 2}},
                {"lstm.U", {64, 16}},
                {"lstm.b", {64}},
                {"lstm_2.W", {64, 16}},
                {"lstm_2.U", {64, 16}},
                {"lstm_2.b", {64}},
                {"top.weight", {1, 16}},
                {"top.bias", {1}}},
               "--batch 8", {0.92402795, 0.73593803, 0.61001491, 0.57118698});

  example.save("data.npz", {floats("signal", {12, 10, 1}, signs(120)), floats("target", {12, 10}, numbers(120))});
  check_losses(example, "echo.nn",
               {{"gru.W", {48, 1}},
                {"gru.U", {48, 16}},
                {"gru.b", {48}},
                {"gru.d", {16}},
                {"top.weight", {1, 16}},
                {"top.bias", {1}}},
               "--batch 4 --carry", {0.53688413});

  save_neighbours(example, "data.npz", 8, signs(96));
  check_losses(example, "both_sides.nn",
               {{"rnn.W", {16, 1}},
                {"rnn.U", {16, 16}},
                {"rnn.b", {16}},
                {"rnn_2.W", {16, 1}},
                {"rnn_2.U", {16, 16}},
                {"rnn_2.b", {16}},
                {"dense.weight", {32, 32}},
                {"dense.bias", {32}},
                {"top.weight", {1, 32}},
                {"top.bias", {1}}},
               "--batch 8", {2.74958436, 1.96490548, 1.32636342, 0.83372364});

  save_products(example, "data.npz", 8, signs(384));
  check_losses(example, "dilated.nn",
               {{"causal.conv.weight", {16, 1, 2}},
                {"causal.conv.bias", {16}},
                {"causal_2.conv.weight", {16, 16, 2}},
                {"causal_2.conv.bias", {16}},
                {"causal_3.conv.weight", {16, 16, 2}},
                {"causal_3.conv.bias", {16}},
                {"causal_4.conv.weight", {16, 16, 2}},
                {"causal_4.conv.bias", {16}},
                {"top.weight", {1, 16, 1}},
                {"top.bias", {1}}},
               "--batch 8", {0.51318630, 0.46551102, 0.43135145, 0.40794077});
}

TEST_CASE("a simple recurrent network remembers the first of twelve symbols") {
  const Example example("sequences");
  Random random(1);
  save_symbols(example, "data.npz", 512, random);
  save_symbols(example, "test.npz", 256, random);
  const std::vector<Epoch> epochs = example.train("--data data.npz --test test.npz --epochs 30", "first_symbol.nn");
  CHECK(epochs.back().at("accuracy") == 1);
}

// The best that a constant can do is the variance of the sum of two uniform numbers, 1/6.
TEST_CASE("stacked LSTMs add two marked numbers of sequences that differ in length") {
  const Example example("sequences");
  Random random(2);
  example.save("data.npz", make_sums(2048, 0, random));
  example.save("test.npz", make_sums(256, 0, random));
  const std::vector<Epoch> epochs = example.train("--data data.npz --test test.npz --epochs 12", "adding.nn");
  CHECK(epochs.back().at("error") < 0.1 / 6);

  // The same sequences with other numbers behind their ends.
  std::vector<std::vector<float>> sums;
  for (const double behind : {0.0, 7.0}) {
    Random again(3);
    std::vector<Array> arrays = make_sums(16, behind, again);
    arrays.pop_back();
    example.save("ends.npz", arrays);
    sums.push_back(example.run("--input ends.npz", "sum", "adding.nn"));
  }
  CHECK(sums[0].size() == 16);
  CHECK(sums[0] == sums[1]);
}

// Who forgets at the end of a piece knows nothing of 3 of its 10 answers, -1 or 1: an error of 0.3 at least.
TEST_CASE("truncated back-propagation carries the state from piece to piece") {
  const Example example("sequences");
  Random random(4);
  save_echo(example, "data.npz", 640, random);
  CHECK(example.train("--data data.npz --carry --epochs 20", "echo.nn").back().at("loss") < 0.03);
  const double forgets = example.train("--data data.npz --epochs 20", "echo.nn").back().at("loss");
  CHECK(forgets > 0.29);
  CHECK(forgets < 0.35);
}

// Who sees only what came before cannot know 10 of the 12 products, -1 or 1: an error of 10/12 at least.
TEST_CASE("a bidirectional network sees both sides") {
  const Example example("sequences");
  Random random(5);
  for (const char* file : {"data.npz", "test.npz"}) {
    std::vector<float> bits;
    for (int i = 0; i < 12 * 512; ++i) bits.push_back(random.below(2) == 0 ? -1.0f : 1.0f);
    save_neighbours(example, file, 512, bits);
  }
  const std::vector<Epoch> epochs = example.train("--data data.npz --test test.npz --epochs 40", "both_sides.nn");
  CHECK(epochs.back().at("error") < 0.01);
}

// Who does not reach 15 steps back knows nothing of the products, -1 or 1: an error of 1 at least.
TEST_CASE("dilated convolutions reach sixteen steps, as a stream of any length too") {
  const Example example("sequences");
  Random random(7);
  save_products(example, "data.npz", 1024, random_signs(48 * 1024, random));
  save_products(example, "test.npz", 256, random_signs(48 * 256, random));
  const std::vector<Epoch> epochs = example.train("--data data.npz --test test.npz --epochs 20", "dilated.nn");
  CHECK(epochs.back().at("error") < 0.01);

  example.save("signal.npz", {floats("signal", {4, 48, 1}, random_signs(48 * 4, random))});
  const std::string run = "--math exact --input signal.npz";
  CHECK(example.run(run, "product", "dilated.nn") == example.run(run + " --stream signal", "product", "dilated.nn"));
  const std::vector<float> signal = random_signs(2000, random);
  example.save("signal.npz", {floats("signal", {2000, 1}, signal)});
  const std::vector<float> product = example.run("--stream signal --input signal.npz", "product", "dilated.nn");
  REQUIRE(product.size() == 2000);
  double worst = 0;
  for (std::size_t t = 15; t < 2000; ++t) {
    worst = std::max(worst, std::abs(static_cast<double>(product[t] - signal[t] * signal[t - 15])));
  }
  CHECK(worst < 0.2);
}

std::vector<float> random_bits(int count, Random& random) {
  std::vector<float> bits;
  for (int i = 0; i < count; ++i) bits.push_back(static_cast<float>(random.below(2)));
  return bits;
}

// Whether the number of ones is odd, after each bit; begins anew every `length` bits.
std::vector<std::int32_t> parities(const std::vector<float>& bits, std::size_t length) {
  std::vector<std::int32_t> odd;
  for (std::size_t i = 0; i < bits.size(); ++i) {
    const std::int32_t before = i % length == 0 ? 0 : odd.back();
    odd.push_back(before ^ static_cast<std::int32_t>(bits[i]));
  }
  return odd;
}

// Sequences of 16 bits, and the parity after each.
void save_parities(const Example& example, const std::string& file, std::int64_t count, Random& random) {
  const std::vector<float> bits = random_bits(static_cast<int>(16 * count), random);
  Array label = labels("label", parities(bits, 16));
  label.shape = {count, 16};
  example.save(file, {floats("bits", {count, 16, 1}, bits), label});
}

// Trained once, for the tests of streaming.
const Example& trained_parity() {
  static const Example example("sequences");
  static const bool is_trained = [] {
    Random random(6);
    save_parities(example, "data.npz", 512, random);
    save_parities(example, "test.npz", 256, random);
    const std::vector<Epoch> epochs = example.train("--data data.npz --test test.npz --epochs 60");
    CHECK(epochs.back().at("accuracy") == 1);
    return true;
  }();
  REQUIRE(is_trained);
  return example;
}

TEST_CASE("trained on sequences of 16 bits, the parity of a stream is right at each of 2,000") {
  const Example& example = trained_parity();
  Random random(7);
  const std::vector<float> bits = random_bits(2000, random);
  example.save("stream.npz", {floats("bit", {2000, 1}, bits)});
  const std::vector<float> odd = example.run("--model ParityStream --input stream.npz", "odd");
  REQUIRE(odd.size() == 4000);
  const std::vector<std::int32_t> expected = parities(bits, bits.size());
  int wrong = 0;
  for (std::size_t i = 0; i < bits.size(); ++i) wrong += (odd[2 * i + 1] > odd[2 * i] ? 1 : 0) != expected[i];
  CHECK(wrong == 0);
}

// A program of a user's: 16 bits one by one; the state is saved after 7, and after the end restored, so that the last 9
// are computed twice. Prints the bits of all numbers.
constexpr const char* kStreamProgram = R"(
#include <cstdio>
#include <cstring>
#include <sstream>
#include "stream.hpp"

void show(const float (&odd)[2]) {
  for (const float& number : odd) {
    unsigned bits;
    std::memcpy(&bits, &number, sizeof bits);
    std::printf("%08x\n", bits);
  }
}

int main() {
  static paritystream::State state, saved;
  static paritystream::Arena arena;
  const float bits[16][1] = {{1}, {0}, {1}, {1}, {0}, {1}, {0}, {0}, {1}, {1}, {1}, {0}, {1}, {0}, {0}, {1}};
  float odd[2];
  paritystream::reset(state);
  for (int t = 0; t < 16; ++t) {
    if (t == 7) saved = state;
    paritystream::forward(state, bits[t], odd, arena);
    show(odd);
  }
  state = saved;
  for (int t = 7; t < 16; ++t) {
    paritystream::forward(state, bits[t], odd, arena);
    show(odd);
  }
  paritystream::reset(state);
  paritystream::forward(state, bits[0], odd, arena);
  show(odd);
}
)";

TEST_CASE("a stream gives the bits of the whole sequence, also from a state that was saved") {
  const Example& example = trained_parity();
  const Folder& folder = example.folder();
  const std::vector<float> bits = {1, 0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 1, 0, 0, 1};
  example.save("whole.npz", {floats("bits", {1, 16, 1}, bits)});
  const std::vector<float> whole = example.run("--model Parity --math exact --input whole.npz", "odd");
  REQUIRE(whole.size() == 32);
  // The model that is written step by step, and the one that is made of the model of the sequence.
  for (const char* const model : {"--model ParityStream", "--model Parity --stream bits --namespace paritystream"}) {
    const Outcome emitted = folder.nnc("'" + example.program() + "' " + model + " --math exact " +
                                       "--weights weights.safetensors -o stream.cpp");
    REQUIRE_MESSAGE(emitted.status == 0, emitted.output);
    folder.write("main.cpp", kStreamProgram);
    const Outcome built = folder.run("g++ -std=c++17 -O2 -Wall -Wextra -Werror main.cpp stream.cpp -o program");
    REQUIRE_MESSAGE(built.status == 0, built.output);
    const Outcome outcome = folder.run("./program");
    REQUIRE(outcome.status == 0);
    std::vector<float> stream;
    std::istringstream lines(outcome.output);
    for (std::string line; std::getline(lines, line);) {
      const std::uint32_t word = static_cast<std::uint32_t>(std::stoul(line, nullptr, 16));
      float& number = stream.emplace_back();
      std::memcpy(&number, &word, sizeof number);
    }
    std::vector<float> expected = whole;
    expected.insert(expected.end(), whole.begin() + 14, whole.end());
    expected.insert(expected.end(), whole.begin(), whole.begin() + 2);
    CHECK(stream == expected);
  }
}

}  // namespace
}  // namespace nnc
