// What the tests of the examples share: an example's program is trained and run in a folder of the test's own, by the
// commands that its README shows, and what it learned is read back.
//
// Training states --target x86-64-v3, so that numbers repeat to the bit on every machine and a picture of them can be
// compared with the committed one. NNC_UPDATE=1 writes pictures anew.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compiler/interop/array.h"
#include "tests/support/nnc_folder.h"

namespace nnc {

// One line of `nnc train --json`: its numbers by name, those of the metrics among them.
using Epoch = std::map<std::string, double>;

class Example {
 public:
  explicit Example(const std::string& name) : name_(name) {}

  // The program: examples/<name>/model.nn, or another file there.
  std::string program(const std::string& file = "model.nn") const;
  const Folder& folder() const { return folder_; }

  // Writes the arrays into <file>, a .npz in the folder.
  void save(const std::string& file, const std::vector<Array>& arrays) const;
  // Runs `nnc train <program> <arguments> -o weights.safetensors` and gives what it logged, an epoch a row.
  std::vector<Epoch> train(const std::string& arguments, const std::string& file = "model.nn") const;
  // Runs `nnc run <program> --weights weights.safetensors <arguments>` and gives one output, all examples in a row.
  std::vector<float> run(const std::string& arguments, const std::string& output,
                         const std::string& file = "model.nn") const;
  // A parameter that training found, by path.
  std::vector<float> weights(const std::string& path) const;
  // Compares a picture, as text, with the committed examples/<name>/<file>.
  void picture(const std::string& file, const std::string& svg) const;

 private:
  std::string name_;
  Folder folder_;
};

// The elements of a .npy file of floats, row after row.
std::vector<float> read_floats(const std::string& path);

// An array of floats (or of labels), row after row.
Array floats(const std::string& name, const Shape& shape, const std::vector<float>& values);
Array labels(const std::string& name, const std::vector<std::int32_t>& values);
Array labels(const std::string& name, const Shape& shape, const std::vector<std::int32_t>& values);
Array bytes(const std::string& name, const Shape& shape, const std::vector<std::uint8_t>& values);

// How many numbers the struct `Parameters` of an emitted header holds.
std::int64_t numbers_in_parameters(const std::string& header);

// The 1,797 digits of examples/digits: 64 grey values of 0 to 16 each, and what they mean.
struct Digits {
  std::vector<float> images;
  std::vector<std::int32_t> labels;
  std::size_t size() const { return labels.size(); }
};
Digits read_digits();

// Numbers that are the same on every machine (splitmix64).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t bits() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  double uniform(double low, double high) { return low + (high - low) * static_cast<double>(bits() >> 11) * 0x1p-53; }
  // An integer from 0 to bound - 1.
  int below(int bound) { return static_cast<int>(bits() % static_cast<std::uint64_t>(bound)); }
  double normal();

 private:
  std::uint64_t state_;
};

}  // namespace nnc
