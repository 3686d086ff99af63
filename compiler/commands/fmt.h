// `nnc fmt`: lays out programs in place.
#pragma once

#include <string>
#include <vector>

namespace nnc {

struct FmtOptions {
  std::vector<std::string> paths;  // "-": standard input to standard output
  bool check = false;              // names the files that would change, and writes nothing
};

// kBadInput if a file has syntax errors (it is left as it is) or, with `check`, would change.
int format_files(const FmtOptions& options);

}  // namespace nnc
