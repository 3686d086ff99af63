// The graphs of models and of train blocks.
#pragma once

#include "compiler/elaborate/evaluator.h"

namespace nnc::semantics {

// A model elaborated: the states that it found, kept for its stages.
struct ModelResult {
  const ast::Model* model = nullptr;
  ElaboratedModel graphs;
  StateTable table;
};

// Sessions are kept to the end: initial values and closures refer to their scopes.
class Elaboration {
 public:
  explicit Elaboration(Program& program) : program_(program) {}
  std::optional<ElaboratedProgram> run();

 private:
  Session& new_session(Purpose purpose, const std::string& graph_name, StateTable& table);
  ModelResult model(const ast::Model& model);
  void check_settings();
  void check_shared_instances(const std::vector<std::unique_ptr<ModelResult>>& models);
  Graph initial_values(const StateTable& table, const std::string& name);

  Program& program_;
  std::vector<std::unique_ptr<Session>> sessions_;
  friend class Stage;
};

// The arguments of a model from the outside: inputs of the graph, and settings from the command line.
std::vector<BoundArgument> model_arguments(Evaluator& evaluator, const ast::Model& model);

// One train block.
class Stage {
 public:
  Stage(Elaboration& elaboration, Program& program, const ast::Train& train, const ModelResult& model);
  ElaboratedStage run();

 private:
  void read_lines();
  Graph step(bool is_discovery);
  Graph evaluate();
  // The scopes of a graph of this stage: the model's names and the block's, each elaborated when it is used.
  ScopePtr enter(Evaluator& evaluator);
  void declare_names(Evaluator& evaluator, const ScopePtr& scope, const std::vector<ast::StmtPtr>& statements);
  void force(Evaluator& evaluator, Binding& binding, Scope& scope);
  void force_named(Evaluator& evaluator, const ast::Expr& expr, const ScopePtr& scope);
  void force_next_values(Evaluator& evaluator, const ScopePtr& model_scope, const ScopePtr& block_scope);
  std::vector<std::vector<const StateInfo*>> updated_parameters(Evaluator& evaluator, const ScopePtr& scope,
                                                                bool is_discovery);
  Datum parameter_set(Evaluator& evaluator, const std::vector<std::vector<const StateInfo*>>& groups,
                      std::size_t rank_min);
  Value* over_shards(Session& session, Value* value) const;
  void average_states(Graph& graph) const;
  void update_parameters(Evaluator& evaluator, const ScopePtr& scope, Value* loss);
  bool has_parameter(const std::string& path) const;  // of the path or below it
  [[noreturn]] void unknown_path(const ast::Expr& path);
  std::string path_of(Evaluator& evaluator, const ast::Expr& path, const ScopePtr& scope);

  Elaboration& elaboration_;
  Program& program_;
  const ast::Train& train_;
  const ModelResult& model_;
  StateTable table_;
  const ast::Stmt* minimize_ = nullptr;
  std::vector<const ast::Stmt*> updates_;
  std::vector<const ast::Stmt*> metrics_;
  const ast::Stmt* batch_line_ = nullptr;
  const ast::Stmt* epochs_line_ = nullptr;
  std::set<std::string> updated_;  // paths of parameters
  bool has_paths_ = false;         // some `update` names what it updates
  ElaboratedStage result_;
};

}  // namespace nnc::semantics
