// Checks names before anything is elaborated, also in branches that are not taken: unknown names, names defined twice,
// lets without use, definitions that mention themselves. Gives anonymous instances their names, by position in the text
// of their owner.
#include <algorithm>
#include <functional>

#include "compiler/elaborate/evaluator.h"
#include "compiler/elaborate/program.h"

namespace nnc::semantics {
namespace {

using ast::Expr;
using ast::ExprKind;
using ast::Stmt;
using ast::StmtKind;

struct Declared {
  Span span;
  bool is_let = false;
  bool is_state = false;
  bool is_used = false;
  bool makes_instance = false;  // a layer, a cell or a model, or a setting that may be one
  bool being_defined = false;
};

struct NameScope {
  NameScope* parent = nullptr;
  std::map<std::string, Declared> names;
  std::map<std::string, Span> later;     // declared by lines that are still to come
  std::set<std::string> is_used_before;  // of these: used already, by mistake
};

// The text of one owner: its anonymous instances are counted by name.
struct OwnerText {
  std::map<std::string, int> counts;
  std::map<std::string, Span> declared;  // parameters, states, instances
  std::vector<std::pair<std::string, Span>> anonymous;
};

const std::set<std::string> kStaticNames = {"training", "batch_size", "float", "any", "other", "absent"};
const std::set<std::string> kTrainNames = {"iteration", "epoch", "weights", "gradients"};

class NameChecker {
 public:
  NameChecker(const ast::File& file, const ScopePtr& scope, Reporter& reporter,
              std::map<const Expr*, std::string>& names)
      : file_(file), file_scope_(scope), reporter_(reporter), anonymous_names_(names) {}

  bool run() {
    for (const ast::Const& item : file_.consts) in_item(&item, [&] { expression(*item.value); });
    for (const ast::Definition& item : file_.definitions) in_item(&item, [&] { definition(item); });
    for (const ast::Instance& item : file_.instances) in_item(&item, [&] { instance(item, false); });
    std::map<std::string, NameScope*> model_scopes;
    for (const ast::Model& item : file_.models) {
      in_item(&item, [&] { model_scopes[item.name.text] = model(item); });
    }
    for (const ast::Train& item : file_.trains) train(item, model_scopes);
    // A line that could not be read may use them.
    for (const std::unique_ptr<NameScope>& scope : scopes_) {
      if (!has_faulty_ && file_.faulty.empty()) warn_unused(*scope);
    }
    find_recursion();
    return !is_recursive_;
  }

 private:
  void in_item(const void* item, const std::function<void()>& check) {
    item_ = item;
    OwnerText text;
    owner_ = &text;
    check();
    owner_ = nullptr;
    item_ = nullptr;
  }

  NameScope* push() {
    scopes_.push_back(std::make_unique<NameScope>());
    scopes_.back()->parent = scope_;
    return scope_ = scopes_.back().get();
  }
  void pop() { scope_ = scope_->parent; }

  Declared& declare(const ast::Name& name, bool is_let = false) {
    auto [place, is_new] = scope_->names.emplace(name.text, Declared{name.span, is_let});
    if (scope_->is_used_before.count(name.text) != 0) place->second.is_used = true;
    scope_->later.erase(name.text);
    if (!is_new) {
      reporter_.report(Kind::repeated_name, name.span, name.text).note(place->second.span, "first here");
      place->second.is_used = true;
    }
    return place->second;
  }
  void declare_owned(const ast::Name& name) {
    if (owner_ == nullptr) return;
    owner_->declared.emplace(name.text, name.span);
  }

  std::vector<std::string> visible_names() const {
    std::vector<std::string> names = builtin_names();
    names.insert(names.end(), {"true", "false"});
    if (in_train_) names.insert(names.end(), kTrainNames.begin(), kTrainNames.end());
    for (const NameScope* scope = scope_; scope != nullptr; scope = scope->parent) {
      for (const auto& [name, declared] : scope->names) names.push_back(name);
    }
    for (const Scope* scope = file_scope_.get(); scope != nullptr; scope = scope->parent.get()) {
      for (const auto& [name, binding] : scope->names) names.push_back(name);
    }
    return names;
  }

  void name(const Expr& expr, bool is_site) {
    bool makes_instance = false;
    for (NameScope* scope = scope_; scope != nullptr; scope = scope->parent) {
      auto found = scope->names.find(expr.text);
      if (found == scope->names.end()) continue;
      found->second.is_used = true;
      if (found->second.being_defined) recursive(expr.span, expr.text);
      if (found->second.makes_instance && is_site) site(expr);
      return;
    }
    if (const Binding* binding = find(file_scope_.get(), expr.text)) {
      if (binding->kind == Binding::Kind::Definition) {
        makes_instance = binding->definition->kind != ast::DefKind::Fn;
        edges_[item_].push_back({binding->definition, expr.span, expr.text});
      }
      if (binding->kind == Binding::Kind::Model) {
        makes_instance = true;
        edges_[item_].push_back({binding->model, expr.span, expr.text});
      }
      if (binding->kind == Binding::Kind::Instance) edges_[item_].push_back({binding->instance, expr.span, expr.text});
      if (binding->kind == Binding::Kind::Constant) edges_[item_].push_back({binding->constant, expr.span, expr.text});
      if (makes_instance && is_site) site(expr);
      return;
    }
    ElementType element;
    if (kStaticNames.count(expr.text) != 0 || parse_element_type(expr.text, element)) return;
    if (in_train_ && kTrainNames.count(expr.text) != 0) return;
    if (find_builtin(expr.text) != nullptr) return;
    unknown(expr);
  }

  void unknown(const Expr& expr) {
    for (NameScope* scope = scope_; scope != nullptr; scope = scope->parent) {
      const auto later = scope->later.find(expr.text);
      if (later == scope->later.end()) continue;
      scope->is_used_before.insert(expr.text);
      reporter_.report(Kind::unknown_name, expr.span, expr.text, " yet: it is defined below")
          .note(later->second, "here");
      return;
    }
    if (in_model_header_) {
      reporter_.report(Kind::unknown_name, expr.span, expr.text,
                       fmt::format("; a size of a model is a number, a const or a setting, `{}: int = …`", expr.text));
      return;
    }
    std::string near = nearest(expr.text, visible_names());
    Diagnostic& diagnostic = reporter_.report(Kind::unknown_name, expr.span, expr.text,
                                              near.empty() ? "" : fmt::format("; did you mean `{}`?", near));
    if (near.empty()) return;
    diagnostic.fixit(expr.span, near);
    // What is meant is used.
    for (NameScope* scope = scope_; scope != nullptr; scope = scope->parent) {
      auto meant = scope->names.find(near);
      if (meant != scope->names.end()) meant->second.is_used = true;
    }
  }

  void site(const Expr& expr) {
    if (owner_ == nullptr) return;
    int count = ++owner_->counts[expr.text];
    std::string name = count == 1 ? expr.text : expr.text + "_" + std::to_string(count);
    anonymous_names_[&expr] = name;
    owner_->anonymous.push_back({name, expr.span});
  }

  void expression(const Expr& expr, bool is_site = true) {
    switch (expr.kind) {
      case ExprKind::Name:
        return name(expr, is_site);
      case ExprKind::Next:
        if (!is_state(expr.text)) reporter_.report(Kind::next_of_no_state, expr.span, expr.text);
        return;
      case ExprKind::Member:
        members_.insert(expr.text);
        break;
      case ExprKind::If:
        expression(*expr.operands[0]);
        block(*expr.then_block);
        block(*expr.else_block);
        return;
      case ExprKind::Lambda: {
        push();
        for (const ast::Name& parameter : expr.parameters) declare(parameter);
        body(*expr.then_block);
        pop();
        return;
      }
      default:
        break;
    }
    for (std::size_t i = 0; i < expr.operands.size(); ++i) {
      expression(*expr.operands[i], i > 0 || is_site);
    }
    for (const ast::Argument& argument : expr.arguments) expression(*argument.value);
    for (const ast::Index& index : expr.indices) {
      if (index.begin != nullptr) expression(*index.begin);
      if (index.end != nullptr) expression(*index.end);
    }
  }

  bool is_state(const std::string& text) {
    for (NameScope* scope = scope_; scope != nullptr; scope = scope->parent) {
      auto found = scope->names.find(text);
      if (found == scope->names.end()) continue;
      found->second.is_used = true;
      return true;
    }
    return false;
  }

  void type(const ast::Type& type) {
    if (type.class_count != nullptr) expression(*type.class_count);
    for (const ast::Dim& dim : type.dims) expression(*dim.size);
    for (const ast::Type& element : type.elements) this->type(element);
  }

  void bind_size(const Expr& size, const std::set<std::string>& params) {
    if (size.kind != ExprKind::Name || params.count(size.text) != 0) return;
    scope_->names.emplace(size.text, Declared{size.span});
  }

  void bind_sizes(const ast::Type& type, const std::set<std::string>& params) {
    if (type.class_count != nullptr) bind_size(*type.class_count, params);
    for (const ast::Dim& dim : type.dims) bind_size(*dim.size, params);
    for (const ast::Type& element : type.elements) bind_sizes(element, params);
  }

  void header(const std::vector<ast::Param>& params, bool binds_sizes) {
    std::set<std::string> names;
    for (const ast::Param& param : params) {
      declare(param.name).makes_instance = param.kind == "op";
      names.insert(param.name.text);
    }
    bool has_settings = false;  // that fill positions
    for (const ast::Param& param : params) {
      const bool is_given_by_name = param.default_value != nullptr;
      has_settings = has_settings || (!param.kind.empty() && !is_given_by_name);
      if (!binds_sizes || !param.kind.empty()) continue;
      // The library of ONNX operators keeps the order of ONNX's inputs, some of which are settings here.
      if (has_settings && !is_given_by_name && !reporter_.is_prelude(param.name.span)) {
        reporter_.report(Kind::input_after_setting, param.name.span, param.name.text);
      }
      bind_sizes(param.type, names);
    }
    for (const ast::Param& param : params) {
      if (param.kind.empty()) type(param.type);
      if (param.default_value != nullptr) expression(*param.default_value);
    }
  }

  void definition(const ast::Definition& item) {
    OwnerText text;
    OwnerText* outer = owner_;
    if (item.kind != ast::DefKind::Fn || outer == nullptr) owner_ = &text;
    push();
    header(item.params, true);
    if (item.has_result) type(item.result);
    block(item.body);
    pop();
    if (owner_ == &text) check_clashes(text);
    owner_ = outer;
  }

  void check_clashes(const OwnerText& text) {
    for (const auto& [name, span] : text.anonymous) {
      auto declared = text.declared.find(name);
      if (declared == text.declared.end()) continue;
      reporter_.report(Kind::path_clash, span, name).note(declared->second, "declared here");
    }
  }

  void instance(const ast::Instance& item, bool is_local) {
    if (item.is_array) expression(*item.count);
    push();
    if (!item.index.text.empty()) declare(item.index);
    // The instance names its operator: the head is no anonymous instance, its arguments may be.
    if (item.op->kind == ExprKind::Call) {
      expression(*item.op->operands[0], false);
      for (const ast::Argument& argument : item.op->arguments) expression(*argument.value);
    } else {
      expression(*item.op, false);
    }
    pop();
    if (is_local) declare(item.name);
    declare_owned(item.name);
  }

  NameScope* model(const ast::Model& item) {
    NameScope* scope = push();
    model_ = &item;
    model_scope_ = scope;
    in_model_header_ = true;
    header(item.params, false);
    for (const ast::ModelOutput& output : item.outputs) type(output.type);
    in_model_header_ = false;
    body(item.body);
    for (const ast::ModelOutput& output : item.outputs) {
      auto found = scope->names.find(output.name.text);
      if (found == scope->names.end()) {
        reporter_.report(Kind::output_not_defined, output.name.span, output.name.text);
      } else {
        found->second.is_used = true;
      }
    }
    check_clashes(*owner_);
    pop();
    model_ = nullptr;
    return scope;
  }

  void train(const ast::Train& item, const std::map<std::string, NameScope*>& models) {
    const ast::Name& model_name = item.model.text.empty() ? item.name : item.model;
    auto found = models.find(model_name.text);
    const Binding* binding = find(file_scope_.get(), model_name.text);
    if (binding != nullptr && binding->kind == Binding::Kind::Broken) return;
    if (found == models.end()) {
      std::vector<std::string> names;
      for (const auto& [name, scope] : models) names.push_back(name);
      std::string near = nearest(model_name.text, names);
      reporter_.report(Kind::unknown_model, model_name.span, model_name.text,
                       near.empty() ? "" : fmt::format("; did you mean `{}`?", near));
      return;
    }
    OwnerText text;
    owner_ = &text;
    item_ = &item;
    in_train_ = true;
    NameScope* before = scope_;
    scope_ = found->second;
    push();
    // The model's name is its instance here, not an operator that makes a new one.
    push();
    scope_->parent->names.emplace(model_name.text, Declared{model_name.span, false, true});
    for (const ast::StmtPtr& line : item.lines) statement(*line);
    scope_ = before;
    check_clashes(text);
    in_train_ = false;
    owner_ = nullptr;
    item_ = nullptr;
  }

  // What `update` names may be an anonymous instance, which no scope holds: the stage knows whether it is there.
  void updated(const Expr& path) {
    for (const ast::ExprPtr& operand : path.operands) updated(*operand);
    for (const ast::Index& index : path.indices) {
      if (index.begin != nullptr) expression(*index.begin);
      if (index.end != nullptr) expression(*index.end);
    }
    for (NameScope* scope = path.kind == ExprKind::Name ? scope_ : nullptr; scope != nullptr; scope = scope->parent) {
      auto found = scope->names.find(path.text);
      if (found != scope->names.end()) found->second.is_used = true;
    }
  }

  void block(const ast::Block& item) {
    push();
    body(item);
    pop();
  }

  void body(const ast::Block& item) {
    for (const ast::StmtPtr& one : item.statements) {
      if (one->kind != StmtKind::Let && one->kind != StmtKind::Output) continue;
      for (const ast::Name& name : one->names) scope_->later.emplace(name.text, name.span);
    }
    for (const ast::StmtPtr& one : item.statements) statement(*one);
    if (item.value != nullptr) expression(*item.value);
  }

  void statement(const Stmt& one) {
    switch (one.kind) {
      case StmtKind::Definition: {
        Declared& declared = declare(one.definition->name);
        declared.makes_instance = one.definition->kind != ast::DefKind::Fn;
        declared.being_defined = true;
        definition(*one.definition);
        declared.being_defined = false;
        return;
      }
      case StmtKind::Instance:
        return instance(*one.instance, true);
      default:
        break;
    }
    if (one.has_type || one.kind == StmtKind::State || one.kind == StmtKind::Param || one.kind == StmtKind::Input)
      type(one.type);
    for (const ast::ExprPtr& path : one.paths) updated(*path);
    if (one.value != nullptr) expression(*one.value);
    if (one.value2 != nullptr) expression(*one.value2);
    switch (one.kind) {
      case StmtKind::Let:
        for (const ast::Name& name : one.names) declare(name, true);
        break;
      case StmtKind::Next:
        if (!is_state(one.names[0].text))
          reporter_.report(Kind::next_of_no_state, one.names[0].span, one.names[0].text);
        break;
      case StmtKind::Faulty:
        for (const ast::Name& name : one.names) scope_->names.emplace(name.text, Declared{name.span});
        has_faulty_ = true;
        break;
      case StmtKind::Param:
      case StmtKind::State:
        declare_owned(one.names[0]);
        declare(one.names[0]).is_state = one.kind == StmtKind::State;
        break;
      case StmtKind::Output:
        output(one.names[0]);
        break;
      case StmtKind::Input:
        declare(one.names[0]);
        break;
      default:
        break;
    }
  }

  const Declared* find_declared(const std::string& name) const {
    for (const NameScope* scope = scope_; scope != nullptr; scope = scope->parent) {
      const auto found = scope->names.find(name);
      if (found != scope->names.end()) return &found->second;
    }
    return nullptr;
  }

  // `name = …` gives an output of the model its value, in the model's own block.
  void output(const ast::Name& name) {
    const bool is_in_model = model_ != nullptr && scope_ == model_scope_;
    std::vector<std::string> names;
    if (model_ != nullptr) {
      for (const ast::ModelOutput& one : model_->outputs) names.push_back(one.name.text);
    }
    const bool is_output = std::find(names.begin(), names.end(), name.text) != names.end();
    if (is_in_model && is_output) {
      declare(name);
      return;
    }
    if (is_output) {
      reporter_.report(
          Kind::unknown_name, name.span, name.text,
          fmt::format(" in this block: an output gets its value in the body of the model, `{} = if …`", name.text));
      model_scope_->names.emplace(name.text, Declared{name.span});
      return;
    }
    if (const Declared* before = find_declared(name.text)) {
      Diagnostic& diagnostic =
          before->is_state ? reporter_
                                 .report(Kind::value_already, name.span, name.text,
                                         fmt::format("the state after this step is written `next {} = …`", name.text))
                                 .fixit(name.span, "next " + name.text)
                           : reporter_.report(Kind::value_already, name.span, name.text,
                                              "write `let` and a new name for a new value");
      diagnostic.note(before->span, "first here");
      return;
    }
    std::string near = is_in_model ? nearest(name.text, names) : "";
    if (near.empty()) {
      reporter_.report(Kind::unknown_name, name.span, name.text, "; a new value is written `let " + name.text + " = …`")
          .fixit(name.span, "let " + name.text);
      scope_->names.emplace(name.text, Declared{name.span});
      return;
    }
    reporter_.report(Kind::unknown_name, name.span, name.text, "").did_you_mean(near);
    scope_->names.emplace(near, Declared{name.span});
  }

  void warn_unused(const NameScope& scope) {
    for (const auto& [name, declared] : scope.names) {
      // `let (values, _places) = …`: the name says that it is not used.
      if (!declared.is_let || declared.is_used || name.front() == '_' || members_.count(name) != 0) continue;
      if (reporter_.is_prelude(declared.span)) continue;
      reporter_.report(Kind::unused_let, declared.span, name);
    }
  }

  void recursive(Span span, const std::string& name) {
    reporter_.report(Kind::recursive_definition, span, name);
    is_recursive_ = true;
  }

  // Definitions that mention themselves, directly or through others.
  void find_recursion() {
    std::set<const void*> done;
    std::set<const void*> active;
    std::function<void(const void*)> visit = [&](const void* item) {
      if (done.count(item) != 0) return;
      active.insert(item);
      for (const Edge& edge : edges_[item]) {
        if (active.count(edge.to) != 0) {
          recursive(edge.span, edge.name);
        } else {
          visit(edge.to);
        }
      }
      active.erase(item);
      done.insert(item);
    };
    std::vector<const void*> items;
    for (const auto& [item, edges] : edges_) items.push_back(item);
    for (const void* item : items) {
      if (item != nullptr) visit(item);
    }
  }

  struct Edge {
    const void* to;
    Span span;
    std::string name;
  };
  const ast::File& file_;
  ScopePtr file_scope_;
  Reporter& reporter_;
  std::map<const Expr*, std::string>& anonymous_names_;
  std::vector<std::unique_ptr<NameScope>> scopes_;
  NameScope* scope_ = nullptr;
  OwnerText* owner_ = nullptr;
  const void* item_ = nullptr;
  bool in_train_ = false;
  bool in_model_header_ = false;
  const ast::Model* model_ = nullptr;  // being checked, and the scope of its body
  NameScope* model_scope_ = nullptr;
  bool is_recursive_ = false;
  bool has_faulty_ = false;
  std::set<std::string> members_;
  std::map<const void*, std::vector<Edge>> edges_;
};

}  // namespace

bool check_names(const ast::File& file, const ScopePtr& scope, Reporter& reporter,
                 std::map<const ast::Expr*, std::string>& anonymous_names) {
  return NameChecker(file, scope, reporter, anonymous_names).run();
}

}  // namespace nnc::semantics
