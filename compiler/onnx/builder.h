// The program being written: each line is elaborated as soon as it is known, so that the shape of every value is, too.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compiler/elaborate/evaluator.h"
#include "compiler/onnx/lines.h"
#include "compiler/onnx/words.h"

namespace nnc::translation {

// A value of the ONNX graph.
struct Imported {
  std::string name;                        // in the program; empty: a constant that no line has needed yet
  Type type;                               // of any value that is not broken
  std::shared_ptr<const Tensor> constant;  // null: known only when the network runs
  bool is_broken = false;                  // an error was reported where it is made
  bool is_batched = false;                 // a value of one example, of those along the batch
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

  // The argument is what the parameter is without one, and so need not be written.
  bool is_default(const ast::Param& param, const std::string& argument) const;

  Imported input(const std::string& wanted_name, const Type& type);
  Imported constant(Tensor tensor, const std::string& wanted_name);
  // How a line speaks of a value: its name; a constant becomes a number, or a parameter that holds it.
  std::string use(Imported& value);

  // Declares `layer <name> = op`, with these weights; the name.
  std::string layer(const std::string& place, const std::string& wanted_name, const std::string& op,
                    const std::map<std::string, Tensor>& weights_of_layer);
  // The path of a parameter of a layer whose weights are of another type than the layer asks for; empty: there is none.
  std::string misfit() const;
  // Adds `let (names…) = text`, where `text` makes the right side of the names of the arguments; `place` names the node
  // in messages. If all arguments are constants, the results are computed here, and no line is added. The results are
  // broken if an error was reported.
  using Text = std::function<std::string(const std::vector<std::string>&)>;
  std::vector<Imported> line(const std::string& place, const Text& text, const std::vector<Imported*>& arguments,
                             const std::vector<std::string>& wanted_names);
  // The same with one result: the first argument piped through an operator, `x |> relu`, or the name of a
  // layer. Such lines are joined where nothing else uses what is between them.
  Imported pipe(const std::string& place, const std::string& op, Imported* argument, const std::string& wanted_name,
                bool is_layer);
  // The values are the model's outputs under these names; the text of the program, whose first lines are `comment`.
  // With blocks that are repeated as layers of the program if `folds_blocks`.
  std::string finish(const std::string& model, std::vector<std::pair<std::string, Imported>> outputs,
                     const std::string& comment, bool folds_blocks);

  Names names;
  std::map<std::string, Tensor> weights;
  std::string module;                          // of the exported program, from which the next lines come
  std::map<std::string, std::string> classes;  // of modules, by their paths
  bool uses_library = false;                   // a line needs the library of operators

 private:
  std::optional<std::vector<Imported>> fold(const std::string& place, const std::string& text, std::size_t count,
                                            const std::vector<Imported*>& arguments);
  const ast::Stmt& parse(const std::string& place, const std::string& line);
  // Names that begin so need not be used.
  std::string unused_name() { return "_" + names.give("unused", "value"); }

  SourceManager& sources_;
  Diagnostics& diagnostics_;
  ElaborateOptions options_;
  ast::File skeleton_;
  std::unique_ptr<semantics::Program> program_;
  std::map<std::shared_ptr<const Tensor>, std::string> parameters_;  // that hold constants
  semantics::StateTable table_;
  std::unique_ptr<semantics::Session> session_;
  std::unique_ptr<semantics::Evaluator> evaluator_;
  semantics::ScopePtr scope_;
  std::deque<ast::File> parsed_;
  std::vector<Line> lines_;
  std::map<std::string, Type> types_;  // of values
  std::string header_;
};

}  // namespace nnc::translation
