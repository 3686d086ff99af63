// The text of runtime/ and templates/ as it is written into a unit: the declarations that the unit reaches, whole and
// in order, without includes.
//
// A header is cut into its outermost declarations, each with the comment before it; one is reached if a name that it
// declares stands in the unit or in another that is reached. That is by the letter, not by meaning: it may keep too
// much, never too little.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "compiler/embedded.h"

namespace nnc {

class RuntimeText {
 public:
  explicit RuntimeText(std::span<const EmbeddedFile> files);

  // All names declared: functions, types, constants and macros. Emitted names keep clear of them.
  const std::set<std::string>& names() const { return names_; }

  struct Slice {
    std::string text;                // the declarations, in `namespace nnc`
    std::string includes;            // the same as directives that include the headers
    std::set<std::string> standard;  // standard headers that they need: "cstddef"
    std::set<std::string> macros;    // macros that they define
    std::set<std::string> words;     // all identifiers in them
  };
  // What code with these identifiers reaches.
  Slice slice(const std::set<std::string>& words) const;

 private:
  struct Declaration {
    std::string text;
    std::set<std::string> names;  // none: kept wherever its header is
    std::set<std::string> macros;
    std::set<std::string> words;
  };
  struct Header {
    std::string name;     // include_name of the file
    std::string summary;  // the first sentence of its opening comment
    std::vector<Declaration> declarations;
    std::vector<std::string> includes;
    std::set<std::string> standard;
  };
  void add(const EmbeddedFile& file);
  void order(const std::string& name, std::set<std::string>& seen);
  std::set<const Declaration*> reached(const std::set<std::string>& words) const;

  std::map<std::string, Header> headers_;
  std::vector<const Header*> in_order_;  // of dependence
  std::set<std::string> names_;
};

// "runtime/nnc/vector.h" -> "nnc/vector.h": how emitted code includes it.
std::string include_name(std::string_view file);

// The identifiers in C++ text, those of preprocessor lines included.
std::set<std::string> words_of(std::string_view text);

}  // namespace nnc
