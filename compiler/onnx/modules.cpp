#include "compiler/onnx/modules.h"

#include <onnx-ml.pb.h>

#include <vector>

namespace nnc::translation {
namespace {

using ::onnx::NodeProto;

// The texts of a list as Python prints it: "['', 'layer1']".
std::vector<std::string> quoted_texts(const std::string& list) {
  std::vector<std::string> texts;
  for (std::size_t at = list.find('\''); at != std::string::npos;) {
    const std::size_t end = list.find('\'', at + 1);
    if (end == std::string::npos) break;
    texts.push_back(list.substr(at + 1, end - at - 1));
    at = list.find('\'', end + 1);
  }
  return texts;
}

}  // namespace

std::optional<std::string> module_of(const NodeProto& node, std::map<std::string, std::string>& classes) {
  std::vector<std::string> scopes, types;
  for (const ::onnx::StringStringEntryProto& entry : node.metadata_props()) {
    if (entry.key() == "pkg.torch.onnx.name_scopes") scopes = quoted_texts(entry.value());
    if (entry.key() == "pkg.torch.onnx.class_hierarchy") types = quoted_texts(entry.value());
  }
  if (scopes.size() >= 2) {
    for (std::size_t i = 0; i < scopes.size() && types.size() == scopes.size(); ++i)
      classes.emplace(scopes[i], types[i].substr(types[i].rfind('.') + 1));
    return scopes[scopes.size() - 2];
  }
  const std::string& name = node.name();
  std::string module;
  if (!name.starts_with('/')) return std::nullopt;
  for (std::size_t at = 0, next; (next = name.find('/', at + 1)) != std::string::npos; at = next) {
    const std::string part = name.substr(at + 1, next - at - 1);
    const std::size_t dot = module.rfind('.');
    const std::string last = module.substr(dot == std::string::npos ? 0 : dot + 1);
    // "layer1" is said again by "layer1.0".
    if (!last.empty() && part.starts_with(last + ".")) module.erase(module.size() - last.size());
    if (!module.empty() && !module.ends_with('.')) module += '.';
    module += part;
  }
  return module;
}

std::string layer_name(const NodeProto& node, const std::string& module) {
  if (node.input_size() > 1) {
    const std::string& weight = node.input(1);
    const std::size_t dot = weight.rfind('.');
    if (dot != std::string::npos && dot > 0 && weight.starts_with(module)) return weight.substr(0, dot);
  }
  if (!module.empty()) return module;
  const std::size_t slash = node.name().rfind('/');
  return slash != std::string::npos && slash > 0 ? node.name().substr(0, slash) : node.name();
}

}  // namespace nnc::translation
