#include "compiler/onnx/builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "compiler/graph/evaluate.h"
#include "compiler/interop/file.h"
#include "compiler/onnx/blocks.h"
#include "dsl/parser.h"

namespace nnc::translation {
namespace {

using semantics::Datum;
using semantics::DatumKind;

// What is computed here instead of in the network: sizes, indices, small tables.
constexpr std::int64_t kFoldedMax = 1 << 16;
// Of one value of any kind; larger ones are mistakes or attacks.
constexpr std::int64_t kElementsMax = std::int64_t{1} << 31;

std::string type_text(const Type& type) {
  return type.shape.empty() ? std::string(name(type.element)) : to_string(type);
}

// A static value as ONNX has it: integers of 64 bits, reals as floats, flags as bools.
std::optional<Tensor> tensor_of(const Datum& datum) {
  if (datum.is(DatumKind::Integer)) {
    Tensor tensor = Tensor::zeros({ElementType::I64, {}});
    tensor.integers()[0] = datum.integer;
    return tensor;
  }
  if (datum.is(DatumKind::Real)) return Tensor::scalar(ElementType::F32, datum.real);
  if (datum.is(DatumKind::Flag)) return Tensor::scalar(ElementType::Bool, datum.flag ? 1 : 0);
  if (!datum.is(DatumKind::List)) return std::nullopt;
  bool are_integers = true;
  for (const Datum& item : datum.items) {
    if (!item.is_number()) return std::nullopt;
    are_integers = are_integers && item.is(DatumKind::Integer);
  }
  const Shape shape = {static_cast<std::int64_t>(datum.items.size())};
  Tensor tensor = Tensor::zeros({are_integers ? ElementType::I64 : ElementType::F32, shape});
  for (std::size_t i = 0; i < datum.items.size(); ++i) {
    if (are_integers) {
      tensor.integers()[i] = datum.items[i].integer;
    } else {
      tensor.floats()[i] = datum.items[i].number();
    }
  }
  return tensor;
}

// A list of tensors is one tensor.
std::vector<Datum> results_of(const Datum& datum, semantics::Evaluator& evaluator, Span span) {
  std::vector<Datum> results = datum.is(DatumKind::Tuple) ? datum.items : std::vector<Datum>{datum};
  for (Datum& result : results) {
    const bool is_stack = result.is(DatumKind::List) && !result.is_static();
    if (is_stack) result = Datum::of(evaluator.tensor(result, nullptr, span));
  }
  return results;
}

semantics::Binding value_binding(const Datum& datum) {
  semantics::Binding binding;
  binding.value = datum;
  return binding;
}

}  // namespace

Builder::Builder(SourceManager& sources, Diagnostics& diagnostics)
    : names([this](const std::string& name) {
        return semantics::find(scope_.get(), name) != nullptr || semantics::find_builtin(name) != nullptr;
      }),
      sources_(sources),
      diagnostics_(diagnostics) {
  const std::int32_t file = sources_.add("the library of ONNX operators", "import \"onnx\"\n");
  skeleton_ = ast::parse(sources_, file, diagnostics_);
  program_ = std::make_unique<semantics::Program>(skeleton_, sources_, diagnostics_, options_);
  if (!program_->load())
    throw InternalError("the library of ONNX operators has errors:\n" + diagnostics_.render(sources_, false));
  session_ = std::make_unique<semantics::Session>(program_->reporter(), semantics::Purpose::Forward, "import");
  session_->table = &table_;
  evaluator_ = std::make_unique<semantics::Evaluator>(*program_, *session_);
  scope_ = evaluator_->new_scope(program_->user_scope());
}

Builder::~Builder() = default;

const ast::Definition* Builder::definition(const std::string& op, std::int64_t opset) const {
  const std::string before = op + "_before_";
  const ast::Definition* best = nullptr;
  std::int64_t best_opset = 0;
  for (const auto& [name, binding] : program_->user_scope()->parent->names) {
    if (binding.definition == nullptr) continue;
    if (name == op && best == nullptr) best = binding.definition;
    if (name.size() <= before.size() || name.compare(0, before.size(), before) != 0) continue;
    const std::int64_t limit = std::stoll(name.substr(before.size()));
    if (opset < limit && (best_opset == 0 || limit < best_opset)) {
      best = binding.definition;
      best_opset = limit;
    }
  }
  return best;
}

const ast::Stmt& Builder::parse(const std::string& place, const std::string& line) {
  const std::int32_t file = sources_.add(place, "fn node() {\n  " + line + "\n}\n");
  const std::size_t before = diagnostics_.all().size();
  parsed_.push_back(ast::parse(sources_, file, diagnostics_));
  if (diagnostics_.all().size() != before) {
    throw InternalError("the importer wrote a line that is not of the language: " + line + "\n" +
                        diagnostics_.render(sources_, false));
  }
  return *parsed_.back().definitions[0].body.statements[0];
}

bool Builder::is_default(const ast::Param& param, const std::string& argument) const {
  return param.default_value != nullptr && sources_.text(param.default_value->span) == argument;
}

Imported Builder::input(const std::string& wanted_name, const Type& type) {
  Imported result;
  result.name = names.give(wanted_name, "input");
  result.type = type;
  result.is_absent = false;
  // Only programs that import the library may have tensors of no elements.
  uses_library = uses_library || element_count(type.shape) == 0;
  Value* value = session_->input(result.name, {{type.element, 0}, type.shape}, true);
  scope_->names[result.name] = value_binding(Datum::of(value));
  types_[result.name] = type;
  header_ += fmt::format("{}{}: {}", header_.empty() ? "" : ", ", result.name, type_text(type));
  return result;
}

Imported Builder::constant(Tensor tensor, const std::string& wanted_name) {
  Imported result;
  result.type = tensor.type;
  result.is_absent = false;
  // The name is given out when a line needs it.
  result.name = wanted_name;
  result.constant = std::make_shared<const Tensor>(std::move(tensor));
  return result;
}

std::string Builder::use(Imported& value) {
  if (value.constant == nullptr) return value.name;
  const Type& type = value.type;
  if (type.shape.empty()) {
    const std::string number = is_float(type.element) ? literal(type.element, value.constant->at(0))
                               : type.element == ElementType::Bool
                                   ? (value.constant->integers()[0] != 0 ? "true" : "false")
                                   : literal(value.constant->integers()[0]);
    return fmt::format("cast({}, {})", number, name(type.element));
  }
  const auto known = parameters_.find(value.constant);
  if (known != parameters_.end()) return known->second;
  const std::string zero = type.element == ElementType::Bool ? "false" : "0";
  if (element_count(type.shape) == 0) {
    return fmt::format("broadcast(cast({}, {}), to: {})", zero, name(type.element), to_string(type.shape));
  }
  const std::string parameter = names.give(value.name, "constant");
  const Line line{Line::Kind::Parameter, {parameter}, "", fmt::format("{} = {}", type_text(type), zero), {}, 0, module};
  evaluator_->statement(parse("parameter", text(line)), scope_);
  lines_.push_back(line);
  weights[parameter] = *value.constant;
  parameters_[value.constant] = parameter;
  return parameter;
}

std::optional<std::vector<Imported>> Builder::fold(const std::string& place, const std::string& text, std::size_t count,
                                                   const std::vector<Imported*>& arguments) {
  std::int64_t size = 0;
  for (const Imported* argument : arguments) size += element_count(argument->type.shape);
  if (size > kFoldedMax) return std::nullopt;
  semantics::Session session(program_->reporter(), semantics::Purpose::Forward, "constant");
  semantics::Evaluator evaluator(*program_, session);
  const semantics::ScopePtr scope = evaluator.new_scope(program_->user_scope());
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    scope->names[fmt::format("c{}", i)] = value_binding(Datum::of(session.constant(*arguments[i]->constant)));
  }
  const ast::Stmt& statement = parse(place, "let results = " + text);
  evaluator.statement(statement, scope);
  const std::vector<Datum> data = results_of(scope->names["results"].value, evaluator, statement.span);
  std::int64_t computed = 0;
  for (const Datum& datum : data) {
    if (datum.is(DatumKind::Tensor)) computed += element_count(datum.value->type.shape);
  }
  if (computed > kFoldedMax) return std::nullopt;
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (data[i].is(DatumKind::Tensor)) session.graph().outputs.push_back({fmt::format("r{}", i), data[i].value});
  }
  const Graph graph = session.finish();
  EvaluateOptions options;
  options.round_to_type = true;
  Evaluation evaluation = evaluate(graph, {}, {}, options);
  std::vector<Imported> results(count);
  for (std::size_t i = 0; i < count && i < data.size(); ++i) {
    std::optional<Tensor> tensor =
        data[i].is(DatumKind::Tensor) ? evaluation.outputs.at(fmt::format("r{}", i)) : tensor_of(data[i]);
    if (!tensor) continue;
    results[i] = constant(std::move(*tensor), "");
  }
  return results;
}

std::vector<Imported> Builder::line(const std::string& place, const Text& call, const std::vector<Imported*>& arguments,
                                    const std::vector<std::string>& wanted_names) {
  Imported broken;
  broken.is_broken = true;
  broken.is_absent = false;
  const std::vector<Imported> all_broken(wanted_names.size(), broken);
  try {
    bool are_constant = true;
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      if (arguments[i]->is_broken) return all_broken;
      are_constant = are_constant && arguments[i]->constant != nullptr;
      texts.push_back(fmt::format("c{}", i));
    }
    if (are_constant) {
      std::optional<std::vector<Imported>> folded = fold(place, call(texts), wanted_names.size(), arguments);
      if (folded) {
        for (std::size_t i = 0; i < folded->size(); ++i) (*folded)[i].name = wanted_names[i];
        return *folded;
      }
    }
    for (std::size_t i = 0; i < arguments.size(); ++i) texts[i] = use(*arguments[i]);
    const std::string text = call(texts);
    const ast::Stmt& statement = parse(place, "let results = " + text);
    evaluator_->statement(statement, scope_);
    const std::vector<Datum> data = results_of(scope_->names["results"].value, *evaluator_, statement.span);
    if (data.size() < wanted_names.size()) {
      diagnostics_.report(Kind::onnx_unsupported, Span{statement.span.file, 0, 0},
                          fmt::format("only the first {} of its {} outputs", data.size(), wanted_names.size()));
      return all_broken;
    }
    std::vector<Imported> results;
    std::vector<std::string> given;
    bool has_tensor = false;
    for (std::size_t i = 0; i < data.size(); ++i) {
      const bool is_wanted = i < wanted_names.size() && !wanted_names[i].empty();
      Imported result;
      result.is_absent = false;
      if (!data[i].is(DatumKind::Tensor)) {
        std::optional<Tensor> tensor = tensor_of(data[i]);
        if (!tensor) throw InternalError(place + ": a result is neither a tensor nor numbers");
        result = constant(std::move(*tensor), is_wanted ? wanted_names[i] : "");
      } else {
        has_tensor = has_tensor || is_wanted;
        result.type = data[i].value->type;
        result.name = is_wanted ? names.give(wanted_names[i], "value") : unused_name();
        if (element_count(result.type.shape) > kElementsMax) throw semantics::Abandon{};
        uses_library = uses_library || element_count(result.type.shape) == 0;
        scope_->names[result.name] = value_binding(data[i]);
        types_[result.name] = result.type;
      }
      given.push_back(result.name.empty() ? unused_name() : result.name);
      if (i < wanted_names.size()) results.push_back(std::move(result));
    }
    if (has_tensor) lines_.push_back({Line::Kind::Value, std::move(given), "", text, texts, 0, module});
    return results;
  } catch (const semantics::Abandon&) {
    program_->reporter().chain.clear();
    session_->abandon_regions(&session_->root());
    return all_broken;
  }
}

std::string Builder::layer(const std::string& place, const std::string& wanted_name, const std::string& op,
                           const std::map<std::string, Tensor>& weights_of_layer) {
  const std::string name = names.give(wanted_name, "layer");
  const Line line{Line::Kind::Layer, {name}, "", op, {}, 0, module};
  evaluator_->statement(parse(place, text(line)), scope_);
  lines_.push_back(line);
  for (const auto& [path, tensor] : weights_of_layer) weights[name + "." + path] = tensor;
  return name;
}

std::string Builder::misfit() const {
  for (const semantics::StateInfo& state : table_.states) {
    const auto given = weights.find(state.path);
    if (given == weights.end() || given->second.type.shape != state.type.shape) return state.path;
  }
  return "";
}

Imported Builder::pipe(const std::string& place, const std::string& op, Imported* argument,
                       const std::string& wanted_name, bool is_layer) {
  const std::size_t before = lines_.size();
  const auto text = [&](const std::vector<std::string>& names_used) { return names_used[0] + " |> " + op; };
  Imported result = std::move(line(place, text, {argument}, {wanted_name})[0]);
  if (!result.is_broken && lines_.size() > before && lines_.back().used.size() == 1) {
    lines_.back().head = lines_.back().used[0];
    lines_.back().right = op;
    if (is_layer) lines_.back().used.push_back(op);
  }
  return result;
}

std::string Builder::finish(const std::string& model, std::vector<std::pair<std::string, Imported>> outputs,
                            const std::string& comment, bool folds_blocks) {
  std::string types, body;
  std::vector<std::string> values;
  for (auto& [name, value] : outputs) {
    try {
      values.push_back(use(value));
    } catch (const semantics::Abandon&) {
      return "";  // an error was reported
    }
    types += fmt::format("{}{}: {}", types.empty() ? "" : ", ", name, type_text(value.type));
  }
  drop_unused(lines_, values);
  std::set<std::string> owners;
  for (const Line& line : lines_) owners.insert(line.results[0]);
  std::erase_if(weights,
                [&](const auto& weight) { return owners.count(weight.first.substr(0, weight.first.find('.'))) == 0; });
  std::string layers;
  if (folds_blocks) {
    const auto is_taken = [&](const std::string& name) {
      return semantics::find(program_->user_scope().get(), name) != nullptr || semantics::find_builtin(name) != nullptr;
    };
    layers = fold_blocks(lines_, weights, {values, types_, classes, names, is_taken});
  }
  join_pipes(lines_, values);
  std::map<std::string, int> uses;
  for (const Line& line : lines_) {
    for (const std::string& name : line.used) ++uses[name];
  }
  for (const std::string& value : values) ++uses[value];
  std::set<std::string> written;  // outputs whose line is their value's
  for (const Line& line : lines_) {
    const std::vector<std::string>::const_iterator output =
        line.results.size() == 1 ? std::find(values.begin(), values.end(), line.results[0]) : values.end();
    if (output != values.end() && uses[*output] == 1 && line.kind == Line::Kind::Value) {
      const std::string& name = outputs[static_cast<std::size_t>(output - values.begin())].first;
      body += fmt::format("  {} = {}\n", name, expression(line));
      written.insert(name);
    } else {
      body += fmt::format("  {}\n", text(line));
    }
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (written.count(outputs[i].first) == 0) body += fmt::format("  {} = {}\n", outputs[i].first, values[i]);
  }
  return fmt::format("{}{}{}model {}({}) -> ({}) {{\n{}}}\n", comment, uses_library ? "import \"onnx\"\n\n" : "",
                     layers, model, header_, types, body);
}

}  // namespace nnc::translation
