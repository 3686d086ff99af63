// The text of runtime/ and templates/ as it is written into a unit: the headers that the unit uses and those that they
// need, in order, without their preprocessor includes.
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

  // Names declared in any header: functions, types, constants and macros. Emitted names keep clear of them.
  const std::set<std::string>& names() const { return names_; }
  // The header that declares `name`; empty if none does.
  std::string header_of(const std::string& name) const;
  // The headers given and what they include, in order of dependence.
  std::vector<std::string> closure(const std::set<std::string>& headers) const;
  // Their declarations in `namespace nnc`.
  std::string text(const std::set<std::string>& headers) const;
  // The standard headers that they include: "cstddef".
  std::set<std::string> standard_headers(const std::set<std::string>& headers) const;
  // The macros that they define.
  std::set<std::string> macros(const std::set<std::string>& headers) const;

 private:
  struct Header {
    std::string summary;  // the first sentence of its opening comment
    std::string body;
    std::vector<std::string> includes;
    std::set<std::string> standard;
    std::set<std::string> macros;
  };
  void add(const EmbeddedFile& file);
  void collect_names(const std::string& file, Header& header);
  void declare(const std::string& name, const std::string& file);
  const Header& header(const std::string& name) const;
  void visit(const std::string& name, std::set<std::string>& seen, std::vector<std::string>& order) const;

  std::map<std::string, Header> headers_;
  std::map<std::string, std::string> declared_in_;
  std::set<std::string> names_;
};

}  // namespace nnc
