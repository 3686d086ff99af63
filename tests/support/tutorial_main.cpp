// tutorial_test --nnc PATH STEP: does all that tutorial/STEP/README.md says, by the letter, in a folder of its own.
//
// The folder is as in the repository, with the files of the step, its neighbours, and what the steps name of it. The
// compiler is the one given. Afterwards the step's own files are what they were: so a picture that a command makes is
// the one that the page shows. NNC_UPDATE=1 writes pages and pictures anew.
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "tests/support/console_page.h"
#include "tests/support/file_test.h"

namespace {

namespace fs = std::filesystem;
using namespace nnc;

const fs::path kSource = NNC_SOURCE_DIR;

// The endings of files that are part of a step, not made by its commands.
bool is_part_of_step(const fs::path& file) {
  const std::string name = file.filename().string(), ending = file.extension().string();
  return ending == ".nn" || ending == ".md" || ending == ".csv" || ending == ".svg" || ending == ".awk" ||
         ending == ".py" || ending == ".onnx" || name == "main.cpp" || name == "CMakeLists.txt";
}

// The steps as they are in the repository, and beside them the folders that they name.
void lay_out(const fs::path& root) {
  for (const char* folder : {"examples", "compiler", "runtime"}) fs::create_symlink(kSource / folder, root / folder);
  fs::create_directory(root / "tutorial");
  for (const fs::directory_entry& step : fs::directory_iterator(kSource / "tutorial")) {
    if (!step.is_directory()) {
      fs::copy_file(step, root / "tutorial" / step.path().filename());
      continue;
    }
    const fs::path copy = root / "tutorial" / step.path().filename();
    fs::create_directories(copy);
    for (const fs::directory_entry& file : fs::directory_iterator(step)) {
      if (file.is_regular_file() && is_part_of_step(file)) fs::copy_file(file, copy / file.path().filename());
    }
  }
}

console_page::Outcome run_in(const fs::path& folder, const std::string& command) {
  console_page::Outcome outcome;
  FILE* pipe = popen(("exec 2>&1 </dev/null; cd '" + folder.string() + "'\n" + command).c_str(), "r");
  if (pipe == nullptr) return {"cannot run a shell\n", 127};
  std::array<char, 4096> block;
  while (const std::size_t bytes = std::fread(block.data(), 1, block.size(), pipe)) {
    outcome.output.append(block.data(), bytes);
  }
  const int status = pclose(pipe);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  return outcome;
}

std::vector<std::string> check_step(const std::string& name, const fs::path& root, bool is_update) {
  const fs::path source = kSource / "tutorial" / name, folder = root / "tutorial" / name;
  lay_out(root);
  const std::string page = file_test::read((source / "README.md").string());
  const console_page::Followed followed = console_page::follow(
      page, [&](const std::string& command) { return run_in(folder, command); },
      [&](const std::string& file) { return file_test::read((folder / file).string()); });
  std::vector<std::string> problems = followed.problems;
  if (is_update) std::ofstream(source / "README.md", std::ios::binary) << followed.page;
  for (const fs::directory_entry& file : fs::directory_iterator(source)) {
    const std::string own = file.path().filename().string();
    if (!file.is_regular_file() || !is_part_of_step(file) || own == "README.md") continue;
    if (page.find(own) == std::string::npos) problems.push_back(own + " is not mentioned");
    if (file_test::read((folder / own).string()) == file_test::read(file.path().string())) continue;
    problems.push_back(own + " is not what the commands make of it");
    if (is_update) fs::copy_file(folder / own, file, fs::copy_options::overwrite_existing);
  }
  if (file_test::read((kSource / "tutorial/README.md").string()).find("(" + name + "/README.md)") ==
      std::string::npos) {
    problems.push_back("tutorial/README.md does not lead here");
  }
  return problems;
}

}  // namespace

int main(int count, char** values) {
  if (count != 4 || std::string(values[1]) != "--nnc") {
    std::cerr << "usage: tutorial_test --nnc PATH STEP\n";
    return 2;
  }
  const std::string path = fs::absolute(values[2]).parent_path().string() + ":" + std::getenv("PATH");
  setenv("PATH", path.c_str(), 1);
  setenv("LC_ALL", "C", 1);
  std::string root = (fs::temp_directory_path() / "nnc-tutorial-XXXXXX").string();
  if (mkdtemp(root.data()) == nullptr) {
    std::cerr << "cannot make a temporary folder\n";
    return 1;
  }
  const bool is_update = std::getenv("NNC_UPDATE") != nullptr;
  const std::vector<std::string> problems = check_step(values[3], root, is_update);
  fs::remove_all(root);
  for (const std::string& problem : problems)
    std::cout << "tutorial/" << values[3] << "/README.md: " << problem << "\n";
  if (!problems.empty()) std::cout << (is_update ? "written anew\n" : "NNC_UPDATE=1 writes the page anew\n");
  return problems.empty() ? 0 : 1;
}
