// Learns digits as they come, 16 at a time: each time it says first what it sees, then it is told and learns.
//
//   learn MEMORY < digits.csv
//
// MEMORY: what it has learned before, if the file is there; afterwards, what it knows now.
#include <cstdio>

#include "digits.hpp"

// All that outlives a step. It is plain data, so a file, flash or a wire takes it as it is.
struct Memory {
  digits::Parameters parameters;
  digits::State state;
};
static Memory memory;
static digits::Gradients gradients;
static digits::Arena arena;

// Where chance comes from: the initial weights; in a step, with the numbers of the examples, what dropout leaves out.
static const std::uint32_t seed[2] = {0, 0};
static const std::uint32_t example[16] = {};

static bool read_batch(float (&images)[16][1][8][8], std::int32_t (&labels)[16]) {
  for (int i = 0; i < 16; ++i) {
    for (float(&row)[8] : images[i][0]) {
      for (float& pixel : row) {
        if (std::scanf("%f,", &pixel) != 1) return false;
      }
    }
    if (std::scanf("%d", &labels[i]) != 1) return false;
  }
  return true;
}

static void recall(const char* path) {
  std::FILE* file = std::fopen(path, "rb");
  const bool is_known = file != nullptr && std::fread(&memory, sizeof(memory), 1, file) == 1;
  if (file != nullptr) std::fclose(file);
  if (!is_known) digits::init(memory.parameters, memory.state, seed, arena);
}

static void keep(const char* path) {
  std::FILE* file = std::fopen(path, "wb");
  if (file == nullptr) return;
  std::fwrite(&memory, sizeof(memory), 1, file);
  std::fclose(file);
}

int main(int count, char** arguments) {
  if (count != 2) return 2;
  recall(arguments[1]);
  static float images[16][1][8][8];
  std::int32_t labels[16];
  float accuracy[16], loss, right = 0;
  for (int batch = 1; read_batch(images, labels); ++batch) {
    digits::evaluate(memory.parameters, images, labels, accuracy, arena);
    for (const float one : accuracy) right += one;
    digits::step(memory.parameters, gradients, memory.state, images, labels, seed, 0, example, loss, arena);
    if (batch % 16 == 0) {
      std::printf("%3.0f of 256 right\n", right);
      right = 0;
    }
  }
  keep(arguments[1]);
}
