// nnc: what a user typed goes to command_line.h; what went wrong inside nnc is reported here.
#include <cstdio>
#include <exception>

#include "compiler/commands/command_line.h"
#include "compiler/commands/console.h"

int main(int argc, char** argv) {
  try {
    return nnc::run_command_line(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "nnc: internal error: %s\n", error.what());
  } catch (...) {
    std::fprintf(stderr, "nnc: internal error\n");
  }
  std::fputs("This is a fault of nnc, not of your program. Please report it, with the program and this command:\n ",
             stderr);
  for (int i = 0; i < argc; ++i) std::fprintf(stderr, " %s", argv[i]);
  std::fputs("\n", stderr);
  return nnc::kInternal;
}
