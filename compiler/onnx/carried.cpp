#include "compiler/onnx/carried.h"

#include <fmt/format.h>
#include <onnx-ml.pb.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "compiler/elaborate/elaborate.h"
#include "compiler/onnx/export.h"
#include "compiler/onnx/tensors.h"
#include "compiler/onnx/words.h"
#include "dsl/parser.h"
#include "dsl/utf8.h"

namespace nnc::translation {
namespace {

constexpr const char* kProgramKey = "nnc.program";
constexpr const char* kBatchKey = "nnc.batch";
constexpr std::size_t kBytesMax = std::size_t{1} << 20;
// `import "onnx"`: comes with nnc.
constexpr const char* kLibrary = "onnx";

// A change of a text: the bytes from begin to end become `text`.
struct Edit {
  std::size_t begin, end;
  std::string text;
};

std::string edited(std::string_view text, std::vector<Edit> edits) {
  std::sort(edits.begin(), edits.end(), [](const Edit& a, const Edit& b) { return a.begin < b.begin; });
  std::string result;
  std::size_t at = 0;
  for (const Edit& edit : edits) {
    result += text.substr(at, edit.begin - at);
    result += edit.text;
    at = edit.end;
  }
  return result += text.substr(at);
}

// Takes an item out of the text, with the comment that stands directly above it and the blank line below.
Edit removal(std::string_view text, Span item) {
  std::size_t begin = item.begin, end = item.end;
  const auto line_start = [&](std::size_t at) { return at == 0 ? 0 : text.rfind('\n', at - 1) + 1; };
  begin = line_start(begin);
  while (begin > 0) {
    const std::size_t above = line_start(begin - 1);
    if (text[above] != '#') break;
    begin = above;
  }
  while (end < text.size() && text[end] == '\n') ++end;
  return {begin, end, ""};
}

std::string setting_text(const ast::Param& param, const std::string& value) {
  if (param.kind == "text") return text_literal(value);
  return param.kind == "ints" ? "[" + value + "]" : value;
}

class Standalone {
 public:
  Standalone(SourceManager& sources, const std::string& model, const std::map<std::string, std::string>& settings)
      : sources_(sources), model_(model), settings_(settings) {}

  Result<std::string> whole(const std::string& path) { return text_of(path, true); }

 private:
  Result<std::string> text_of(const std::string& path, bool is_main) {
    if (!files_.insert(std::filesystem::weakly_canonical(path).string()).second) return std::string();
    std::string error;
    const std::optional<std::int32_t> file = sources_.load(path, error);
    if (!file) return Failure{error};
    Diagnostics diagnostics;
    const ast::File tree = ast::parse(sources_, *file, diagnostics);
    if (diagnostics.has_errors()) return Failure{path + " has errors"};
    const std::string_view text = sources_.text(*file);
    std::vector<Edit> edits;
    for (const ast::Import& import : tree.imports) {
      if (import.path == kLibrary) continue;
      const std::filesystem::path inner = std::filesystem::path(path).parent_path() / import.path;
      const Result<std::string> imported = text_of(inner.lexically_normal().string(), false);
      if (!imported) return imported;
      edits.push_back({import.span.begin, import.span.end, *imported});
    }
    for (const ast::Model& model : tree.models) {
      if (is_main && model.name.text == model_) {
        add_settings(model, edits);
      } else {
        edits.push_back(removal(text, model.span));
      }
    }
    for (const ast::Train& train : tree.trains) {
      const std::string& of = train.model.text.empty() ? train.name.text : train.model.text;
      if (!is_main || of != model_) edits.push_back(removal(text, train.span));
    }
    return edited(text, std::move(edits));
  }

  void add_settings(const ast::Model& model, std::vector<Edit>& edits) const {
    for (const ast::Param& param : model.params) {
      const auto given = settings_.find(param.name.text);
      if (given == settings_.end()) continue;
      const std::string value = setting_text(param, given->second);
      const bool has_default = param.default_value != nullptr;
      const std::size_t end = has_default ? param.default_value->span.end : param.span.end;
      edits.push_back({has_default ? param.default_value->span.begin : end, end, has_default ? value : " = " + value});
    }
  }

  SourceManager& sources_;
  const std::string& model_;
  const std::map<std::string, std::string>& settings_;
  std::set<std::string> files_;
};

template <class Messages>
bool same_messages(const Messages& a, const Messages& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](const auto& one, const auto& other) {
           return one.SerializeAsString() == other.SerializeAsString();
         });
}

// The nodes and constants that `expected` has, and parameters of the same types; shapes that a tool noted and comments
// change nothing.
bool same_model(const ::onnx::ModelProto& expected, const ::onnx::ModelProto& actual,
                const std::set<std::string>& parameters) {
  const ::onnx::GraphProto &a = expected.graph(), &b = actual.graph();
  const auto same_tensor = [&](const ::onnx::TensorProto& one, const ::onnx::TensorProto& other) {
    if (parameters.count(one.name()) == 0) return one.SerializeAsString() == other.SerializeAsString();
    return one.name() == other.name() && one.data_type() == other.data_type() &&
           std::equal(one.dims().begin(), one.dims().end(), other.dims().begin(), other.dims().end());
  };
  return actual.functions_size() == 0 && b.sparse_initializer_size() == 0 && b.quantization_annotation_size() == 0 &&
         same_messages(expected.opset_import(), actual.opset_import()) && same_messages(a.node(), b.node()) &&
         same_messages(a.input(), b.input()) && same_messages(a.output(), b.output()) &&
         std::equal(a.initializer().begin(), a.initializer().end(), b.initializer().begin(), b.initializer().end(),
                    same_tensor);
}

const std::string* text_in(const ::onnx::ModelProto& model, const char* key) {
  for (const ::onnx::StringStringEntryProto& entry : model.metadata_props()) {
    if (entry.key() == key) return &entry.value();
  }
  return nullptr;
}

void add_text(::onnx::ModelProto& model, const char* key, const std::string& text) {
  ::onnx::StringStringEntryProto& entry = *model.add_metadata_props();
  entry.set_key(key);
  entry.set_value(text);
}

}  // namespace

Result<std::string> standalone_program(const std::string& path, const std::string& model,
                                       const std::map<std::string, std::string>& settings, SourceManager& sources) {
  return Standalone(sources, model, settings).whole(path);
}

void carry(const std::string& program, const ExportBatch& batch, ::onnx::ModelProto& model) {
  add_text(model, kProgramKey, program);
  if (!to_string(batch).empty()) add_text(model, kBatchKey, to_string(batch));
}

bool carries_program(const ::onnx::ModelProto& model) { return text_in(model, kProgramKey) != nullptr; }

bool has_batch_of_its_own(const ::onnx::ModelProto& model) { return text_in(model, kBatchKey) != nullptr; }

std::optional<ImportedModel> carried_program(const ::onnx::ModelProto& model, const std::string& folder,
                                             SourceManager& sources) {
  const std::string *text = text_in(model, kProgramKey), *batch_text = text_in(model, kBatchKey);
  const std::optional<ExportBatch> batch = batch_text == nullptr ? ExportBatch{} : parse_export_batch(*batch_text);
  if (!batch) return std::nullopt;
  if (text == nullptr || text->size() > kBytesMax || utf8::find_invalid(*text) != std::string::npos)
    return std::nullopt;
  Diagnostics diagnostics;
  const std::int32_t file = sources.add("the program in the model", *text);
  const ast::File tree = ast::parse(sources, file, diagnostics);
  const bool stands_alone = tree.externs.empty() && tree.models.size() == 1 &&
                            std::all_of(tree.imports.begin(), tree.imports.end(),
                                        [](const ast::Import& import) { return import.path == kLibrary; });
  if (diagnostics.has_errors() || !stands_alone) return std::nullopt;
  const std::optional<ElaboratedProgram> program = elaborate(tree, sources, diagnostics);
  if (!program) return std::nullopt;
  ::onnx::ModelProto expected;
  write_model(program->models[0], nullptr, *batch, expected, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  std::set<std::string> parameters;
  for (const State& state : program->models[0].forward.states) {
    if (state.kind == StateKind::Parameter || state.kind == StateKind::Statistic) parameters.insert(state.name);
  }
  if (!same_model(expected, model, parameters)) return std::nullopt;
  ImportedModel result;
  result.program = *text;
  const Graph& forward = program->models[0].forward;
  for (const Value* input : forward.inputs) {
    const std::string& name = input->producer->attributes.text("name");
    if (!is_added_by_nnc(name)) result.inputs.push_back({name, name, ""});
  }
  for (const Output& output : forward.outputs) result.outputs.push_back({output.name, output.name, ""});
  for (const ::onnx::TensorProto& tensor : model.graph().initializer()) {
    if (parameters.count(tensor.name()) == 0) continue;
    Result<Tensor> value = read_tensor(tensor, folder);
    // What is wrong with it is said where the nodes are read.
    if (!value) return std::nullopt;
    result.weights[tensor.name()] = std::move(*value);
  }
  return result;
}

}  // namespace nnc::translation
