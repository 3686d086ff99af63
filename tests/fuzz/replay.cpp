// A fuzz target as a test: the inputs that once failed, then changed seeds, the same on every machine.
//
//   fuzz_NAME ROUNDS [FILE OR FOLDER…]
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/fuzz/fuzz.h"

namespace {

void run_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  nnc::fuzz::run({std::istreambuf_iterator<char>(stream), {}});
}

}  // namespace

int main(int argc, char** argv) {
  using namespace nnc::fuzz;
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 0;
  int files = 0;
  for (int i = 2; i < argc; ++i) {
    demand(std::filesystem::exists(argv[i]), "the files and folders that are named are there");
    if (!std::filesystem::is_directory(argv[i])) {
      run_file(argv[i]);
      ++files;
      continue;
    }
    for (const std::filesystem::directory_entry& entry : std::filesystem::directory_iterator(argv[i])) {
      run_file(entry.path());
      ++files;
    }
  }
  const std::vector<std::string> inputs = seeds();
  for (const std::string& input : inputs) run(input);
  Random random(1);
  for (int round = 0; round < rounds; ++round) {
    std::string input = any_of(inputs, random);
    for (std::size_t changes = 1 + below(4, random); changes > 0; --changes) input = mutate(input, random);
    // What is at hand if the process ends here.
    if (const char* kept = std::getenv("NNC_FUZZ_KEEP")) std::ofstream(kept, std::ios::binary) << input;
    run(input);
  }
  std::printf("%d files, %zu seeds, %d changed inputs\n", files, inputs.size(), rounds);
}
