#include "compiler/onnx/signature.h"

#include <fmt/format.h>
#include <onnx-ml.pb.h>

#include <charconv>
#include <set>

#include "compiler/interop/array.h"
#include "compiler/interop/file.h"
#include "compiler/onnx/tensors.h"
#include "dsl/lexer.h"

namespace nnc::translation {
namespace {

constexpr std::uint64_t kBytesMax = std::uint64_t{1} << 33;

template <class Number>
std::optional<Number> parse(std::string_view text) {
  Number value = 0;
  const char* const end = text.data() + text.size();
  const std::from_chars_result read = std::from_chars(text.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return value;
}

class Inputs {
 public:
  Inputs(const std::map<std::string, std::string>& settings, const std::string& path, Diagnostics& diagnostics)
      : settings_(settings), path_(path), diagnostics_(diagnostics) {}

  void add(const ::onnx::ValueInfoProto& proto) {
    const std::string what = "input " + quote(proto.name());
    const auto unsupported = [&](const std::string& why) {
      diagnostics_.report(Kind::onnx_unsupported, Span{}, fmt::format("{}: {} {}", path_, what, why));
    };
    if (proto.name().empty() || !names_.insert(proto.name()).second)
      return error(what + " is there twice, or has no name");
    if (!proto.type().has_tensor_type())
      return unsupported("is no tensor (but a sequence, map, optional or sparse tensor)");
    const ::onnx::TypeProto::Tensor& tensor = proto.type().tensor_type();
    const Result<ElementType> element = element_of(tensor.elem_type());
    if (!element) return unsupported("cannot be read: " + element.error());
    const std::string* const value = setting(proto.name());
    if (value != nullptr) return pin(proto, *element, *value);
    if (!tensor.has_shape()) return unsupported("has no shape; give it one when the model is exported");
    ModelInput input{proto.name(), {*element, {}}, std::nullopt};
    std::string shape_text;
    bool is_open = false;
    for (int axis = 0; axis < tensor.shape().dim_size(); ++axis) {
      const std::string name = dimension_name(proto.name(), tensor.shape().dim(axis), axis);
      const std::optional<std::int64_t> size = size_of(proto.name(), tensor.shape().dim(axis), axis);
      is_open = is_open || !size;
      input.type.shape.push_back(size.value_or(1));
      shape_text += (axis == 0 ? "" : ", ") + (size ? fmt::format("{}", *size) : name);
    }
    if (is_open) open_ += fmt::format("{}{} is [{}]", open_.empty() ? "" : ", ", quote(proto.name()), shape_text);
    const std::optional<std::uint64_t> bytes = array_bytes(*element, input.type.shape);
    if (!bytes || *bytes > kBytesMax)
      return error(fmt::format("{} is too large: {}", what, to_string(input.type.shape)));
    inputs_.push_back(std::move(input));
  }

  std::vector<ModelInput> finish() {
    if (!open_sizes_.empty()) {
      std::string flags;
      for (const std::string& name : open_sizes_) flags += fmt::format(" --set {}=1", name);
      error(fmt::format("some sizes are open: {}; set them, as in{}", open_, flags));
    }
    for (const auto& [name, value] : settings_) {
      if (used_.count(name) == 0) error(fmt::format("the model has no open size and no input {}", quote(name)));
    }
    return std::move(inputs_);
  }

 private:
  void error(const std::string& message) {
    diagnostics_.report(Kind::onnx_malformed, Span{}, fmt::format("{}: {}", path_, message));
  }

  const std::string* setting(const std::string& name) {
    const std::map<std::string, std::string>::const_iterator found = settings_.find(name);
    if (found == settings_.end()) return nullptr;
    used_.insert(name);
    return &found->second;
  }

  static std::string own_name(const std::string& input, int axis) { return fmt::format("{}.{}", input, axis); }

  // Exporters write "?" where a size has no name of its own.
  static std::string dimension_name(const std::string& input, const ::onnx::TensorShapeProto::Dimension& dimension,
                                    int axis) {
    return is_identifier(dimension.dim_param()) ? dimension.dim_param() : own_name(input, axis);
  }

  std::optional<std::int64_t> size_of(const std::string& input, const ::onnx::TensorShapeProto::Dimension& dimension,
                                      int axis) {
    if (dimension.has_dim_value() && dimension.dim_value() >= 0) return dimension.dim_value();
    const std::string name = dimension_name(input, dimension, axis);
    const std::string* text = setting(own_name(input, axis));
    if (text == nullptr) text = setting(dimension.dim_param());
    if (text == nullptr) {
      open_sizes_.insert(name);
      return std::nullopt;
    }
    const std::optional<std::int64_t> size = parse<std::int64_t>(*text);
    if (!size || *size < 0) error(fmt::format("the size {} must be a whole number, not {}", quote(name), quote(*text)));
    return size && *size >= 0 ? *size : 1;
  }

  void pin(const ::onnx::ValueInfoProto& proto, ElementType element, const std::string& text) {
    std::vector<double> numbers;
    std::vector<std::int64_t> integers;
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find(',', begin), text.size());
      const std::string_view part = std::string_view(text).substr(begin, end - begin);
      const std::optional<double> number = parse<double>(part);
      const std::optional<std::int64_t> integer = parse<std::int64_t>(part);
      if (is_float(element) ? !number : !integer) {
        return error(fmt::format("the value of input {} must be {}s separated by commas, not {}", quote(proto.name()),
                                 name(element), quote(text)));
      }
      numbers.push_back(number.value_or(0));
      integers.push_back(integer.value_or(0));
      begin = end + 1;
    }
    const ::onnx::TensorShapeProto& wanted = proto.type().tensor_type().shape();
    const std::int64_t count = static_cast<std::int64_t>(numbers.size());
    Shape shape;
    std::int64_t known = 1;
    for (const ::onnx::TensorShapeProto::Dimension& dimension : wanted.dim()) {
      const bool is_known = dimension.has_dim_value() && dimension.dim_value() > 0 && dimension.dim_value() <= count;
      shape.push_back(is_known ? dimension.dim_value() : -1);
      known *= is_known ? dimension.dim_value() : 1;
    }
    for (std::int64_t& size : shape) {
      if (size < 0) size = count / known, known = count;
    }
    if (element_count(shape) != count) {
      return error(fmt::format("input {} does not have {} elements", quote(proto.name()), count));
    }
    Tensor value = Tensor::zeros({element, shape});
    if (is_float(element)) {
      value.floats() = numbers;
    } else {
      for (std::size_t i = 0; i < integers.size(); ++i) value.integers()[i] = wrap_to(element, integers[i]);
    }
    inputs_.push_back({proto.name(), value.type, std::move(value)});
  }

  const std::map<std::string, std::string>& settings_;
  const std::string& path_;
  Diagnostics& diagnostics_;
  std::vector<ModelInput> inputs_;
  std::set<std::string> names_, used_, open_sizes_;
  std::string open_;
};

}  // namespace

std::vector<ModelInput> read_inputs(const ::onnx::GraphProto& graph, const std::map<std::string, std::string>& settings,
                                    const std::string& path, Diagnostics& diagnostics) {
  std::set<std::string> initialised;
  for (const ::onnx::TensorProto& tensor : graph.initializer()) initialised.insert(tensor.name());
  Inputs inputs(settings, path, diagnostics);
  for (const ::onnx::ValueInfoProto& proto : graph.input()) {
    // Files before IR version 4 name the weights among the inputs, too.
    if (initialised.count(proto.name()) == 0) inputs.add(proto);
  }
  return inputs.finish();
}

}  // namespace nnc::translation
