#include "compiler/onnx/blocks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>

namespace nnc::translation {
namespace {

constexpr std::size_t kLinesMax = 4000;    // of a model: nobody reads more
constexpr std::size_t kBlockMax = 160;     // lines of a block
constexpr std::size_t kOperationsMin = 4;  // of a block: fewer read better where they are
constexpr std::size_t kInputsMax = 3;      // of a block
constexpr std::size_t kSettingsMax = 4;    // of a block
constexpr int kRoundsMax = 12;             // definitions

struct Token {
  enum class Kind { Text, Name, Number };
  Kind kind = Kind::Text;
  std::string text;
};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// A name before `:` is that of an argument, and text.
std::vector<Token> tokens_of(const std::string& text) {
  std::vector<Token> tokens;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at + 1;
    Token::Kind kind = Token::Kind::Text;
    if (text[at] == '"') {
      for (; end < text.size() && text[end] != '"'; ++end) end += text[end] == '\\' ? 1 : 0;
      ++end;
    } else if (std::isdigit(static_cast<unsigned char>(text[at])) != 0) {
      kind = Token::Kind::Number;
      const auto is_number = [&](std::size_t i) {
        return is_word(text[i]) || text[i] == '.' || (text[i] == '-' && text[i - 1] == 'e');
      };
      while (end < text.size() && is_number(end)) ++end;
    } else if (is_word(text[at])) {
      while (end < text.size() && is_word(text[end])) ++end;
      if (end >= text.size() || text[end] != ':') kind = Token::Kind::Name;
    }
    tokens.push_back({kind, text.substr(at, end - at)});
    at = end;
  }
  return tokens;
}

bool lies_in(const std::string& module, const std::string& outer) {
  return module.starts_with(outer) && (module.size() == outer.size() || module[outer.size()] == '.');
}

// "layer1.0" of "layer1.0.conv1" and "layer1.0"; "" if they have no module in common.
std::string common_module(const std::string& a, const std::string& b) {
  std::string common = a;
  while (!common.empty() && !lies_in(b, common)) {
    const std::size_t dot = common.rfind('.');
    common.erase(dot == std::string::npos ? 0 : dot);
  }
  return common;
}

// "InvertedResidual" is `inverted_residual`.
std::string snake_case(const std::string& name) {
  std::string result;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool is_upper = std::isupper(static_cast<unsigned char>(name[i])) != 0;
    const bool was_lower = i > 0 && std::islower(static_cast<unsigned char>(name[i - 1])) != 0;
    if (is_upper && was_lower) result += '_';
    result += static_cast<char>(std::tolower(static_cast<unsigned char>(name[i])));
  }
  return result;
}

// Lines [start, start + size) that take their inputs from outside and give one value to the outside.
struct Window {
  std::size_t start = 0;
  std::size_t size = 0;
  std::size_t operations = 0;
  std::string output;
  std::vector<std::string> inputs;
};

struct Block {
  std::vector<Window> windows;                    // that are alike, in their order
  std::vector<std::vector<std::string>> numbers;  // of each window
  std::vector<std::string> modules;               // of each window; empty: it is no module
  std::size_t score = 0;
};

// The numbers that are not the same in all windows of a block: those that always agree are one setting.
struct Settings {
  std::vector<std::size_t> first;                 // of each setting, its first number
  std::vector<std::optional<std::size_t>> index;  // of each number, its setting; nothing: all windows have this number
};

class Folder {
 public:
  Folder(std::vector<Line>& lines, std::map<std::string, Tensor>& weights, const BlockContext& context)
      : lines_(lines), weights_(weights), context_(context) {}

  std::string run() {
    std::string definitions;
    for (int round = 0; round < kRoundsMax && lines_.size() <= kLinesMax; ++round) {
      read();
      const std::optional<Block> block = best_block();
      if (!block) break;
      definitions += replace(*block);
    }
    return definitions;
  }

 private:
  void read();
  std::optional<Block> best_block() const;
  std::vector<Window> windows_from(std::size_t start) const;
  std::string form(const Window& window) const;
  std::vector<std::string> numbers(const Window& window) const;
  std::string module(const Window& window) const;
  int uses_in(const Window& window, const std::string& name) const;
  void score(Block& block) const;
  std::string replace(const Block& block);
  std::vector<std::string> setting_names(const Window& window, const Settings& settings) const;
  std::string definition_name(const Block& block);
  std::size_t last_of_run(const Block& block, std::size_t first) const;
  void apply(const Block& block, std::size_t first, std::size_t last, const std::string& name, const std::string& op,
             const std::map<std::string, std::string>& local, std::vector<Line>& lines);
  std::string definition(const Block& block, const std::string& name, const std::vector<std::string>& settings,
                         std::map<std::string, std::string>& local);
  std::vector<std::string> input_types(const Block& block, Names& names) const;
  void rename_weights(const Window& first, const Window& window, const std::map<std::string, std::string>& local,
                      const std::string& owner);

  std::vector<Line>& lines_;
  std::map<std::string, Tensor>& weights_;
  const BlockContext& context_;
  std::vector<std::vector<Token>> tokens_;      // of each line
  std::vector<std::size_t> skeletons_;          // of each line: what is left without names and numbers
  std::map<std::string, std::size_t> made_by_;  // the line that declares a name
  std::map<std::string, int> uses_;
  int generic_ = 0;                // layers that have no class to be named after
  std::set<std::string> defined_;  // layers of earlier rounds
};

void Folder::read() {
  tokens_.clear();
  skeletons_.clear();
  made_by_.clear();
  uses_.clear();
  std::map<std::string, std::size_t> known;
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    for (const std::string& name : lines_[i].results) made_by_[name] = i;
    for (const std::string& name : lines_[i].used) ++uses_[name];
    tokens_.push_back(tokens_of(expression(lines_[i])));
    std::string skeleton = fmt::format("{} {} ", static_cast<int>(lines_[i].kind), lines_[i].copies);
    for (const std::string& name : lines_[i].results) skeleton += name.front() == '_' ? "_" : "@";
    for (Token& token : tokens_.back()) {
      const bool is_used = std::count(lines_[i].used.begin(), lines_[i].used.end(), token.text) != 0;
      if (token.kind == Token::Kind::Name && !is_used) token.kind = Token::Kind::Text;
      skeleton += token.kind == Token::Kind::Text ? token.text : token.kind == Token::Kind::Name ? "@" : "#";
    }
    skeletons_.push_back(known.emplace(skeleton, known.size()).first->second);
  }
  for (const std::string& name : context_.outputs) ++uses_[name];
}

std::vector<Window> Folder::windows_from(std::size_t start) const {
  std::vector<Window> found;
  Window window;
  window.start = start;
  std::map<std::string, int> left;  // uses of what is declared in the window
  for (std::size_t end = start; end < lines_.size() && end < start + kBlockMax; ++end) {
    const Line& line = lines_[end];
    for (const std::string& name : line.used) {
      const std::map<std::string, int>::iterator inner = left.find(name);
      if (inner != left.end()) {
        if (--inner->second == 0) left.erase(inner);
        continue;
      }
      const std::map<std::string, std::size_t>::const_iterator maker = made_by_.find(name);
      if (maker != made_by_.end() && maker->second >= start) continue;
      // A layer belongs to those that use it.
      if (maker != made_by_.end() && lines_[maker->second].kind == Line::Kind::Layer) return found;
      if (std::count(window.inputs.begin(), window.inputs.end(), name) == 0) window.inputs.push_back(name);
    }
    if (window.inputs.size() > kInputsMax) return found;
    for (const std::string& name : line.results) {
      const std::map<std::string, int>::const_iterator uses = uses_.find(name);
      if (uses != uses_.end()) left[name] = uses->second;
    }
    window.operations += line.kind == Line::Kind::Value ? 1 : 0;
    if (left.size() != 1 || line.kind != Line::Kind::Value || window.operations < kOperationsMin) continue;
    window.size = end + 1 - start;
    window.output = left.begin()->first;
    const bool is_value = lines_[made_by_.at(window.output)].kind == Line::Kind::Value;
    if (is_value && !window.inputs.empty()) found.push_back(window);
  }
  return found;
}

// Equal for windows that are alike but for their numbers.
std::string Folder::form(const Window& window) const {
  std::map<std::string, std::string> names;
  for (std::size_t i = 0; i < window.inputs.size(); ++i) {
    const Type& type = context_.types.at(window.inputs[i]);
    names[window.inputs[i]] = fmt::format("${}:{}:{}", i, name(type.element), type.shape.size());
  }
  std::string text;
  for (std::size_t i = window.start; i < window.start + window.size; ++i) {
    for (const std::string& result : lines_[i].results) {
      const std::string local = fmt::format("%{}", names.size());
      names.emplace(result, local);
    }
    for (const Token& token : tokens_[i]) {
      text += token.kind == Token::Kind::Text   ? token.text
              : token.kind == Token::Kind::Name ? names.at(token.text)
                                                : "#";
    }
    text += '\n';
  }
  return text + names.at(window.output);
}

int Folder::uses_in(const Window& window, const std::string& name) const {
  std::ptrdiff_t count = 0;
  for (std::size_t i = window.start; i < window.start + window.size; ++i)
    count += std::count(lines_[i].used.begin(), lines_[i].used.end(), name);
  return static_cast<int>(count);
}

std::vector<std::string> Folder::numbers(const Window& window) const {
  std::vector<std::string> found;
  for (std::size_t i = window.start; i < window.start + window.size; ++i) {
    for (const Token& token : tokens_[i]) {
      if (token.kind == Token::Kind::Number) found.push_back(token.text);
    }
  }
  return found;
}

// Of the exported program, if the window is all of it.
std::string Folder::module(const Window& window) const {
  std::string common = lines_[window.start].module;
  for (std::size_t i = window.start; i < window.start + window.size; ++i)
    common = common_module(common, lines_[i].module);
  if (common.empty()) return "";
  const bool starts = window.start == 0 || !lies_in(lines_[window.start - 1].module, common);
  const std::size_t end = window.start + window.size;
  const bool ends = end == lines_.size() || !lies_in(lines_[end].module, common);
  return starts && ends ? common : "";
}

Settings settings_of(const Block& block) {
  Settings settings;
  std::vector<std::size_t>& first = settings.first;
  for (std::size_t at = 0; at < block.numbers[0].size(); ++at) {
    const auto agree = [&](std::size_t other) {
      return std::all_of(block.numbers.begin(), block.numbers.end(),
                         [&](const std::vector<std::string>& numbers) { return numbers[at] == numbers[other]; });
    };
    const bool is_same = std::all_of(block.numbers.begin(), block.numbers.end(),
                                     [&](const auto& numbers) { return numbers[at] == block.numbers[0][at]; });
    settings.index.emplace_back();
    if (is_same) continue;
    const std::vector<std::size_t>::const_iterator known = std::find_if(first.begin(), first.end(), agree);
    settings.index.back() = static_cast<std::size_t>(known - first.begin());
    if (known == first.end()) first.push_back(at);
  }
  return settings;
}

void Folder::score(Block& block) const {
  const std::size_t settings = settings_of(block).first.size();
  if (block.windows.size() < 2 || settings > kSettingsMax) return;
  bool are_modules = true;
  for (const Window& window : block.windows) {
    block.modules.push_back(module(window));
    are_modules = are_modules && !block.modules.back().empty();
  }
  // Several inputs are natural where the program had them, and else a cut in an odd place.
  if (!are_modules && block.windows[0].inputs.size() > 1) return;
  const std::size_t saved = (block.windows.size() - 1) * block.windows[0].operations;
  // What the exported program called a module is what a person would make a layer.
  const std::size_t value = saved * (are_modules ? 4 : 2);
  block.score = value > 2 * settings ? value - 2 * settings : 0;
}

std::optional<Block> Folder::best_block() const {
  // Windows whose lines are alike one by one, found by a hash.
  std::map<std::pair<std::size_t, std::size_t>, std::vector<Window>> alike;
  for (std::size_t start = 0; start < lines_.size(); ++start) {
    std::size_t hash = 0, at = start;
    for (const Window& window : windows_from(start)) {
      for (; at < start + window.size; ++at) hash = hash * 1'000'003 + skeletons_[at] + 1;
      alike[{window.size, hash}].push_back(window);
    }
  }
  Block best;
  for (const auto& [key, windows] : alike) {
    if (windows.size() < 2) continue;
    std::map<std::string, Block> by_form;
    for (const Window& window : windows) {
      const auto is_value = [&](const std::string& name) { return context_.types.count(name) != 0; };
      if (!std::all_of(window.inputs.begin(), window.inputs.end(), is_value)) continue;
      Block& block = by_form[form(window)];
      const bool is_free =
          block.windows.empty() || block.windows.back().start + block.windows.back().size <= window.start;
      if (!is_free) continue;
      block.windows.push_back(window);
      block.numbers.push_back(numbers(window));
    }
    for (auto& [text, block] : by_form) {
      score(block);
      const bool is_first =
          block.score == best.score && best.score > 0 && block.windows[0].start < best.windows[0].start;
      if (block.score > best.score || is_first) best = block;
    }
  }
  return best.score > 0 ? std::optional(best) : std::nullopt;
}

// What a number is to the operator that it is given to.
std::string setting_name(const std::vector<Token>& tokens, std::size_t at, Line::Kind kind) {
  std::string callee, label;
  std::size_t commas = 0;
  bool is_list = false;
  for (std::size_t i = 0; i < at; ++i) {
    const std::string& text = tokens[i].text;
    if (text == "(") {
      callee = i > 0 ? tokens[i - 1].text : "";
      label.clear();
      commas = 0;
    } else if (text == "[" || text == "]") {
      is_list = text == "[";
    } else if (text == "," && !is_list) {
      ++commas;
      label.clear();
    } else if (text == ":" && i > 0 && !is_list) {
      label = tokens[i - 1].text;
    }
  }
  if (kind == Line::Kind::Parameter) return "size";
  if (!label.empty()) return label;
  if (callee == "conv" && commas < 2) return commas == 0 ? "channels" : "kernel";
  if (callee == "dense") return "units";
  return is_list ? "size" : "n";
}

// Axes that differ have names; those that always agree have one.
std::vector<std::string> Folder::input_types(const Block& block, Names& names) const {
  std::map<std::vector<std::int64_t>, std::string> known;
  std::vector<std::string> texts;
  for (std::size_t input = 0; input < block.windows[0].inputs.size(); ++input) {
    const Type& first = context_.types.at(block.windows[0].inputs[input]);
    std::vector<std::string> axes;
    for (std::size_t axis = 0; axis < first.shape.size(); ++axis) {
      std::vector<std::int64_t> sizes;
      for (const Window& window : block.windows) sizes.push_back(context_.types.at(window.inputs[input]).shape[axis]);
      if (std::count(sizes.begin(), sizes.end(), sizes[0]) == static_cast<std::ptrdiff_t>(sizes.size())) {
        axes.push_back(fmt::format("{}", sizes[0]));
        continue;
      }
      const std::string letters = first.shape.size() == 3 ? "CHW" : "SIJKLMN";
      std::string& text = known[sizes];
      if (text.empty()) text = names.give(std::string(1, letters[axis % letters.size()]), "S");
      axes.push_back(text);
    }
    const std::string element = std::string(name(first.element));
    texts.push_back(axes.empty() ? element : fmt::format("{}[{}]", element, fmt::join(axes, ", ")));
  }
  return texts;
}

std::string operator_of(const std::string& text) { return text.substr(0, text.find_first_of("([")); }

// "0_conv1" is `conv1`: the number is the block's place in a list; the third convolution "6" is `conv3`.
std::string layer_name(const std::string& wanted, const std::string& op, int count) {
  const std::size_t digits = wanted.find_first_not_of("0123456789");
  if (digits == 0) return wanted;
  const std::string rest = digits == std::string::npos ? "" : wanted.substr(digits + (wanted[digits] == '_' ? 1 : 0));
  const bool is_name = !rest.empty() && std::isdigit(static_cast<unsigned char>(rest[0])) == 0;
  return is_name ? rest : fmt::format("{}{}", operator_of(op), count);
}

// `local` receives the names in the block for those of the first window.
std::string Folder::definition(const Block& block, const std::string& name, const std::vector<std::string>& settings,
                               std::map<std::string, std::string>& local) {
  const Window& window = block.windows[0];
  Names names([&](const std::string& wanted) { return context_.is_taken(wanted) || defined_.count(wanted) != 0; });
  std::string header;
  const std::vector<std::string> types = input_types(block, names);
  for (std::size_t i = 0; i < window.inputs.size(); ++i) {
    local[window.inputs[i]] = names.give(std::string(1, static_cast<char>('x' + i)), "x");
    header += fmt::format("{}{}: {}", i == 0 ? "" : ", ", local[window.inputs[i]], types[i]);
  }
  // Settings: their names, and the number that stands for each place.
  const Settings places = settings_of(block);
  std::vector<std::string> given;
  for (std::size_t i = 0; i < places.first.size(); ++i) {
    given.push_back(names.give(settings[i], "n"));
    const bool is_real = std::any_of(block.numbers.begin(), block.numbers.end(), [&](const auto& numbers) {
      return numbers[places.first[i]].find_first_not_of("0123456789") != std::string::npos;
    });
    header += fmt::format(", {}: {}", given.back(), is_real ? "real" : "int");
  }
  const std::string prefix = block.modules[0].empty() ? "" : Names::plain(block.modules[0]) + "_";
  std::vector<Line> body;
  std::map<std::string, int> operators;  // how many of each
  std::size_t number = 0;
  for (std::size_t i = window.start; i < window.start + window.size; ++i) {
    Line line = lines_[i];
    for (std::string& result : line.results) {
      const bool is_unused = result.front() == '_';
      std::string wanted = result.substr(is_unused ? 1 : 0);
      if (wanted.starts_with(prefix)) wanted.erase(0, prefix.size());
      if (line.kind == Line::Kind::Layer) wanted = layer_name(wanted, line.right, ++operators[operator_of(line.right)]);
      std::string inner = (is_unused ? "_" : "") + names.give(wanted, "value");
      local[result] = inner;
      result = std::move(inner);
    }
    std::string text;
    for (const Token& token : tokens_[i]) {
      std::string piece = token.text;
      if (token.kind == Token::Kind::Name) piece = local.at(token.text);
      if (token.kind == Token::Kind::Number) {
        if (places.index[number]) piece = given[*places.index[number]];
        ++number;
      }
      text += piece;
    }
    for (std::string& used : line.used) used = local.at(used);
    if (!line.head.empty()) {
      line.head = local.at(line.head);
      text.erase(0, line.head.size() + std::string(" |> ").size());
    }
    line.right = text;
    body.push_back(std::move(line));
  }
  const std::string result = local.at(window.output);
  join_pipes(body, {result});
  std::string text = fmt::format("layer {}({}) {{\n", name, header);
  for (std::size_t i = 0; i < body.size(); ++i) {
    const bool is_result = i + 1 == body.size() && body[i].results == std::vector<std::string>{result};
    text += fmt::format("  {}\n", is_result ? expression(body[i]) : translation::text(body[i]));
    if (i + 1 == body.size() && !is_result) text += fmt::format("  {}\n", result);
  }
  return text + "}\n\n";
}

void Folder::rename_weights(const Window& first, const Window& window, const std::map<std::string, std::string>& local,
                            const std::string& owner) {
  for (std::size_t i = 0; i < window.size; ++i) {
    const Line& line = lines_[window.start + i];
    if (line.kind == Line::Kind::Value) continue;
    const std::string& old = line.results[0];
    const std::string renamed = owner + "." + local.at(lines_[first.start + i].results[0]);
    std::map<std::string, Tensor>::iterator weight = weights_.lower_bound(old);
    while (weight != weights_.end() && lies_in(weight->first, old)) {
      std::map<std::string, Tensor>::node_type node = weights_.extract(weight++);
      node.key() = renamed + node.key().substr(old.size());
      weights_.insert(std::move(node));
    }
  }
}

// What each setting is to the operator that it is given to first.
std::vector<std::string> Folder::setting_names(const Window& window, const Settings& settings) const {
  std::vector<std::string> names;
  std::size_t number = 0;
  for (std::size_t i = window.start; i < window.start + window.size; ++i) {
    for (std::size_t k = 0; k < tokens_[i].size(); ++k) {
      if (tokens_[i][k].kind != Token::Kind::Number) continue;
      if (std::count(settings.first.begin(), settings.first.end(), number) != 0)
        names.push_back(setting_name(tokens_[i], k, lines_[i].kind));
      ++number;
    }
  }
  return names;
}

// After the class of the module, if that says something.
std::string Folder::definition_name(const Block& block) {
  const std::map<std::string, std::string>::const_iterator known = context_.classes.find(block.modules[0]);
  // A list says nothing of what is in it.
  const std::set<std::string> lists = {"Sequential", "ModuleList", "ModuleDict"};
  const bool is_named = !block.modules[0].empty() && known != context_.classes.end() && lists.count(known->second) == 0;
  const std::string unnamed = generic_ == 0 ? "block" : fmt::format("block_{}", static_cast<char>('a' + generic_));
  generic_ += is_named ? 0 : 1;
  return context_.names.give(is_named ? snake_case(known->second) : unnamed, "block");
}

// The last of the windows from `first` on that follow each other, each applied to the result of the one before and all
// with the same numbers.
std::size_t Folder::last_of_run(const Block& block, std::size_t first) const {
  const auto follows = [&](std::size_t next) {
    const Window& before = block.windows[next - 1];
    const Window& one = block.windows[next];
    return one.start == before.start + before.size && one.inputs == std::vector<std::string>{before.output} &&
           uses_in(one, before.output) == uses_.at(before.output) && block.numbers[next] == block.numbers[first];
  };
  std::size_t last = first;
  while (last + 1 < block.windows.size() && follows(last + 1)) ++last;
  return last;
}

// Adds the lines that declare the layer `op` for the windows from `first` to `last`, and apply it. `local`: the names
// in the block for those of the first window of all.
void Folder::apply(const Block& block, std::size_t first, std::size_t last, const std::string& name,
                   const std::string& op, const std::map<std::string, std::string>& local, std::vector<Line>& lines) {
  const bool is_list = last > first;
  std::string module = block.modules[first];
  std::string instance = module.empty() ? fmt::format("{}{}", name, first + 1) : module;
  if (is_list) {
    const std::size_t digits = module.find_last_not_of("0123456789");
    instance = module.empty() || digits == std::string::npos ? name + "s" : module.substr(0, digits);
  }
  instance = context_.names.give(instance, "block");
  for (std::size_t i = first; i <= last; ++i) {
    const std::string owner = is_list ? fmt::format("{}.{}", instance, i - first) : instance;
    rename_weights(block.windows[0], block.windows[i], local, owner);
    module = common_module(module, block.modules[i]);
  }
  const std::int64_t copies = is_list ? static_cast<std::int64_t>(last - first + 1) : 0;
  lines.push_back({Line::Kind::Layer, {instance}, "", op, {}, copies, module});
  const std::vector<std::string>& inputs = block.windows[first].inputs;
  Line applied{Line::Kind::Value, {block.windows[last].output}, "", instance, inputs, 0, module};
  applied.used.push_back(instance);
  if (inputs.size() == 1) {
    applied.head = inputs[0];
  } else {
    applied.right = fmt::format("{}({})", instance, fmt::join(inputs, ", "));
  }
  lines.push_back(std::move(applied));
}

std::string Folder::replace(const Block& block) {
  const Settings settings = settings_of(block);
  const std::string name = definition_name(block);
  std::map<std::string, std::string> local;
  const std::string text = definition(block, name, setting_names(block.windows[0], settings), local);
  defined_.insert(name);
  std::vector<Line> replaced;
  std::size_t at = 0, last = 0;
  for (std::size_t first = 0; first < block.windows.size(); first = last + 1) {
    last = last_of_run(block, first);
    for (; at < block.windows[first].start; ++at) replaced.push_back(lines_[at]);
    std::vector<std::string> numbers;
    for (const std::size_t place : settings.first) numbers.push_back(block.numbers[first][place]);
    const std::string op = numbers.empty() ? name : fmt::format("{}({})", name, fmt::join(numbers, ", "));
    apply(block, first, last, name, op, local, replaced);
    at = block.windows[last].start + block.windows[last].size;
  }
  for (; at < lines_.size(); ++at) replaced.push_back(lines_[at]);
  lines_ = std::move(replaced);
  return text;
}

}  // namespace

std::string fold_blocks(std::vector<Line>& lines, std::map<std::string, Tensor>& weights, const BlockContext& context) {
  return Folder(lines, weights, context).run();
}

}  // namespace nnc::translation
