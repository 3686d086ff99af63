// Programs: laid out, elaborated, and compiled to C++ (not compiled further).
#include <filesystem>
#include <fstream>
#include <iterator>

#include "compiler/compile.h"
#include "compiler/embedded.h"
#include "dsl/format.h"
#include "dsl/lexer.h"
#include "dsl/parser.h"
#include "tests/fuzz/compiled.h"
#include "tests/fuzz/fuzz.h"

namespace nnc::fuzz {

namespace {

std::vector<std::string> words(const std::string& text) {
  SourceManager sources;
  Diagnostics diagnostics;
  const std::int32_t file = sources.add("model.nn", text);
  std::vector<std::string> result;
  for (const Token& token : lex(sources, file, diagnostics).tokens) result.emplace_back(token.text);
  return result;
}

// Of all seeds: what may stand in the place of another.
const std::vector<std::string>& all_words() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> result = {"9223372036854775807", "-1", "0", "1e400", "4294967296", "'", "\\", "...", "#"};
    for (const std::string& seed : seeds()) {
      for (std::string& word : words(seed)) result.push_back(std::move(word));
    }
    return result;
  }();
  return all;
}

}  // namespace

std::vector<std::string> seeds() {
  std::vector<std::string> result;
  namespace fs = std::filesystem;
  for (const char* folder : {"/examples", "/tests/programs", "/dsl/prelude"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(NNC_SOURCE_DIR + std::string(folder))) {
      if (entry.path().extension() != ".nn") continue;
      std::ifstream stream(entry.path());
      result.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
    }
  }
  // The order of a folder's entries is the file system's.
  std::sort(result.begin(), result.end());
  return result;
}

std::string mutate(const std::string& input, Random& random) {
  std::vector<std::string> tokens = words(input);
  if (random() % 8 == 0 || tokens.size() < 2) return mutate_bytes(input, random);
  const std::size_t place = below(tokens.size(), random);
  const std::size_t length = std::min(tokens.size() - place, 1 + below(12, random));
  const std::vector<std::string>::iterator at = tokens.begin() + static_cast<std::ptrdiff_t>(place);
  switch (below(5, random)) {
    case 0:
      tokens.erase(at, at + static_cast<std::ptrdiff_t>(1 + below(std::min<std::size_t>(length, 3), random)));
      break;
    case 1:
      std::swap(*at, tokens[below(tokens.size(), random)]);
      break;
    case 2: {
      const std::vector<std::string> part(at, at + static_cast<std::ptrdiff_t>(length));
      const std::size_t target = below(tokens.size(), random);
      tokens.insert(tokens.begin() + static_cast<std::ptrdiff_t>(target), part.begin(), part.end());
      break;
    }
    default:
      *at = any_of(random() % 2 == 0 ? tokens : all_words(), random);
  }
  std::string text;
  for (const std::string& token : tokens) text += token + (token == "\n" ? "" : " ");
  return text;
}

void run(const std::string& input) {
  constexpr std::size_t kLengthMax = 20'000;
  if (input.size() > kLengthMax) return;
  const std::string path = file_with("model.nn", input);
  SourceManager sources;
  Diagnostics diagnostics;
  const std::optional<ElaboratedProgram> program = load_program(path, sources, diagnostics, {});
  demand(program.has_value() != diagnostics.has_errors(), "there is a program, or an error");
  diagnostics.render(sources, false);
  if (program) compile_all(*program, sources);

  Diagnostics syntax;
  SourceManager texts;
  const std::int32_t first = texts.add("model.nn", input);
  ast::parse(texts, first, syntax);
  if (syntax.has_errors()) return;
  const std::string once = format(texts, first);
  const std::int32_t second = texts.add("again.nn", once);
  demand(format(texts, second) == once, "laying out twice is laying out once");
}

}  // namespace nnc::fuzz
