// The command line: from arguments to the options of a command, and that command's exit status.
#pragma once

namespace nnc {

// 0: done; 1: the input is at fault; 2: the command line is. Faults of nnc leave as exceptions.
int run_command_line(int argc, const char* const* argv);

}  // namespace nnc
