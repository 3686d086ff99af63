// Classifies handwritten digits with code that nnc wrote: no library, no heap in the network, weights inside.
//
//   digits DIGITS.csv HELD-OUT.txt
//
// DIGITS.csv: 64 pixels of 0 to 16 and the label, a line a digit. HELD-OUT.txt: the numbers of the lines (from 0) that
// the network has not seen in training.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "digits.hpp"

namespace {

struct Digit {
  float image[1][8][8];
  int label;
};

std::vector<Digit> read_digits(const char* path) {
  std::vector<Digit> digits;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::replace(line.begin(), line.end(), ',', ' ');
    std::istringstream numbers(line);
    Digit digit{};
    for (auto& row : digit.image[0]) {
      for (float& pixel : row) numbers >> pixel;
    }
    numbers >> digit.label;
    if (numbers) digits.push_back(digit);
  }
  return digits;
}

int best_class(const float (&scores)[10]) { return static_cast<int>(std::max_element(scores, scores + 10) - scores); }

void draw(const std::vector<Digit>& digits, const std::vector<int>& predicted) {
  const char* const shades[] = {"  ", "░░", "▒▒", "▓▓", "██"};
  for (int row = 0; row < 8; ++row) {
    for (const Digit& digit : digits) {
      for (float pixel : digit.image[0][row]) std::fputs(shades[static_cast<int>(pixel) * 5 / 17], stdout);
      std::fputs("  ", stdout);
    }
    std::puts("");
  }
  for (std::size_t i = 0; i < digits.size(); ++i) {
    std::printf("predicted %d, true %d  ", predicted[i], digits[i].label);
  }
  std::puts("\n");
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::fprintf(stderr, "usage: digits DIGITS.csv HELD-OUT.txt\n");
    return 2;
  }
  const std::vector<Digit> digits = read_digits(arguments[1]);
  std::ifstream list(arguments[2]);
  std::vector<Digit> held_out;
  for (std::size_t index = 0; list >> index;) {
    if (index < digits.size()) held_out.push_back(digits[index]);
  }
  if (held_out.empty()) {
    std::fprintf(stderr, "digits: no examples in %s and %s\n", arguments[1], arguments[2]);
    return 1;
  }

  static digits::Arena arena;
  float scores[10];
  std::vector<int> predicted;
  const auto start = std::chrono::steady_clock::now();
  for (const Digit& digit : held_out) {
    digits::forward(digit.image, scores, arena);
    predicted.push_back(best_class(scores));
  }
  const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;

  int right = 0;
  for (std::size_t i = 0; i < held_out.size(); ++i) right += predicted[i] == held_out[i].label ? 1 : 0;
  draw(std::vector<Digit>(held_out.begin(),
                          held_out.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(5, held_out.size()))),
       predicted);
  std::printf("accuracy on %zu digits not seen in training: %.2f %%\n", held_out.size(),
              100.0 * right / static_cast<double>(held_out.size()));
  std::printf("time per image: %.1f µs   arena: %zu bytes\n", time.count() / static_cast<double>(held_out.size()),
              sizeof(arena));
  return 0;
}
