// The program being written: each line is elaborated as soon as it is known, so that the shape of every value is, too.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compiler/elaborate/evaluator.h"
#include "compiler/onnx/words.h"

namespace nnc::translation {

// A value of the ONNX graph.
struct Imported {
  std::string name;                        // in the program; empty: a constant that no line has needed yet
  Type type;                               // of any value that is not broken
  std::shared_ptr<const Tensor> constant;  // null: known only when the network runs
  bool is_broken = false;                  // an error was reported where it is made
  bool is_absent = true;                   // an optional input or output that is left out
};

class Builder {
 public:
  Builder(SourceManager& sources, Diagnostics& diagnostics);
  ~Builder();

  // The library's definition of an operator for a model of this opset; null: there is none.
  const ast::Definition* definition(const std::string& op, std::int64_t opset) const;
  // The name of that definition, as a line calls it.
  static const std::string& name_of(const ast::Definition& definition) { return definition.name.text; }

  Imported input(const std::string& wanted_name, const Type& type);
  Imported constant(Tensor tensor, const std::string& wanted_name);
  // How a line speaks of a value: its name; a constant becomes a number, or a parameter that holds it.
  std::string use(Imported& value);

  // Adds `let (names…) = call`, with `count` results; `place` names the node in messages. `arguments`: values that
  // `call` uses by the names given. If all of them are constants, the result is computed here, and no line added.
  // The results are broken if an error was reported.
  std::vector<Imported> line(const std::string& place,
                             const std::function<std::string(const std::vector<std::string>&)>& call,
                             const std::vector<Imported*>& arguments, const std::vector<std::string>& wanted_names);
  // The values are the model's outputs under these names; the text of the program.
  std::string finish(const std::string& model, std::vector<std::pair<std::string, Imported>> outputs);

  Names names;
  std::map<std::string, Tensor> weights;

 private:
  struct Results;
  std::optional<std::vector<Imported>> fold(const std::string& place, const std::string& text, std::size_t count,
                                            const std::vector<Imported*>& arguments);
  const ast::Stmt& parse(const std::string& place, const std::string& line);

  SourceManager& sources_;
  Diagnostics& diagnostics_;
  ElaborateOptions options_;
  ast::File skeleton_;
  std::unique_ptr<semantics::Program> program_;
  semantics::StateTable table_;
  std::unique_ptr<semantics::Session> session_;
  std::unique_ptr<semantics::Evaluator> evaluator_;
  semantics::ScopePtr scope_;
  std::deque<ast::File> lines_;
  std::string header_;
  std::string body_;
};

}  // namespace nnc::translation
