// Reads digits, a line of 64 pixels and the class each, and says how many the network gets right.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "digits.hpp"

using Clock = std::chrono::steady_clock;

static bool read_digit(float (&image)[1][8][8], int& label) {
  for (float(&row)[8] : image[0]) {
    for (float& pixel : row) {
      if (std::scanf("%f,", &pixel) != 1) return false;
    }
  }
  return std::scanf("%d", &label) == 1;
}

int main() {
  static digits::Arena arena;
  int count = 0, right = 0, label;
  Clock::duration time{};
  float image[1][8][8], scores[10];
  for (; read_digit(image, label); ++count) {
    const Clock::time_point start = Clock::now();
    digits::forward(image, scores, arena);
    time += Clock::now() - start;
    if (std::max_element(scores, scores + 10) - scores == label) ++right;
  }
  std::printf("%d of %d right, %.2f us for one, %zu bytes of working memory\n", right, count,
              std::chrono::duration<double, std::micro>(time).count() / count, sizeof(arena));
}
