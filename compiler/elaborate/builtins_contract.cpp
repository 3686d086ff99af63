// Products of any number of tensors by Einstein's summation: `contract("bij,bjk->bik", a, b)`.
//
// The specification names the axes of each operand by letters, and after `->` those of the result; a letter that is not
// in the result is summed. A letter twice in one operand is its diagonal. `...` stands for the axes that the letters
// leave, aligned at their ends as in NumPy. Axes of size 1 are stretched. Without `->`, the result has the axes of
// `...`, then the letters that occur once, in the order of the alphabet.
//
// Operands are multiplied from the left, each product a `contraction`: what an operand has alone is summed before.
#include <algorithm>
#include <cctype>

#include "compiler/elaborate/builtins.h"

namespace nnc::semantics {
namespace {

constexpr const char* kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

bool has(const std::string& letters, char letter) { return letters.find(letter) != std::string::npos; }

struct Operand {
  Value* value = nullptr;
  std::string letters;  // one an axis
};

class Contraction {
 public:
  explicit Contraction(Arguments& arguments)
      : arguments_(arguments), session_(arguments.evaluator.session), text_(arguments.get("spec").text) {
    std::erase(text_, ' ');
  }

  Value* run(const std::vector<Value*>& values) {
    read(values);
    for (Operand& operand : operands_) {
      take_diagonals(operand);
      drop_stretched(operand);
    }
    Operand product = operands_[0];
    sum_out(product, 1);
    for (std::size_t i = 1; i < operands_.size(); ++i) {
      sum_out(operands_[i], i + 1, product.letters);
      product = multiply(product, operands_[i], i + 1);
    }
    std::vector<std::int64_t> order;
    for (const char letter : result_) order.push_back(static_cast<std::int64_t>(product.letters.find(letter)));
    return std::is_sorted(order.begin(), order.end()) ? product.value : session_.transpose(product.value, order);
  }

 private:
  [[noreturn]] void fail(const std::string& why) {
    arguments_.evaluator.reporter().fail(Kind::primitive_misuse, arguments_.span, "contract",
                                         fmt::format("specification '{}': {}", text_, why));
  }

  // The letters of a term, with `rank` letters for the axes that `...` leaves.
  std::string letters_of(const std::string& term, std::size_t rank) {
    const std::size_t dots = term.find("...");
    const std::string before = term.substr(0, dots), after = dots == std::string::npos ? "" : term.substr(dots + 3);
    for (const char letter : before + after) {
      if (std::isalpha(static_cast<unsigned char>(letter)) == 0) fail(fmt::format("'{}' is no letter", letter));
    }
    const std::size_t named = before.size() + after.size();
    if (dots == std::string::npos ? named != rank : named > rank) {
      fail(fmt::format("'{}' does not fit an operand of rank {}", term, rank));
    }
    return before + spare_.substr(spare_.size() - (rank - named)) + after;
  }

  void read(const std::vector<Value*>& values) {
    const std::size_t arrow = text_.find("->");
    std::vector<std::string> terms = {""};
    for (const char c : text_.substr(0, arrow)) {
      if (c == ',') {
        terms.emplace_back();
      } else {
        terms.back() += c;
      }
    }
    if (terms.size() != values.size()) fail(fmt::format("names {} operands of {}", terms.size(), values.size()));
    // Letters that no term has name the axes of `...`.
    std::size_t rank_max = 0;
    for (const Value* value : values) rank_max = std::max(rank_max, value->type.shape.size());
    for (const char* letter = kLetters; *letter != 0 && spare_.size() < rank_max; ++letter) {
      if (!has(text_, *letter)) spare_ += *letter;
    }
    if (spare_.size() < rank_max) fail("it has too many axes");
    std::string dotted;
    for (std::size_t i = 0; i < values.size(); ++i) {
      operands_.push_back({values[i], letters_of(terms[i], values[i]->type.shape.size())});
      for (const char letter : operands_[i].letters) {
        if (has(spare_, letter) && !has(dotted, letter)) dotted += letter;
      }
      for (std::size_t axis = 0; axis < operands_[i].letters.size(); ++axis) set_size(operands_[i], axis);
    }
    dotted = spare_.substr(spare_.size() - dotted.size());
    read_result(arrow == std::string::npos ? implied_result(dotted) : text_.substr(arrow + 2), dotted);
  }

  void set_size(const Operand& operand, std::size_t axis) {
    std::int64_t& size = sizes_.emplace(operand.letters[axis], 1).first->second;
    const std::int64_t given = operand.value->type.shape[axis];
    if (size != 1 && given != 1 && given != size) {
      fail(fmt::format("an axis '{}' is {} in one place and {} in another", operand.letters[axis], size, given));
    }
    if (given != 1) size = given;
  }

  std::string implied_result(const std::string& dotted) {
    std::string all, once = dotted.empty() ? "" : "...";
    for (const Operand& operand : operands_) all += operand.letters;
    for (const auto& [letter, size] : sizes_) {
      if (!has(dotted, letter) && std::count(all.begin(), all.end(), letter) == 1) once += letter;
    }
    return once;
  }

  void read_result(const std::string& term, const std::string& dotted) {
    const std::size_t dots = term.find("...");
    const std::size_t named = dots == std::string::npos ? term.size() : term.size() - 3 + dotted.size();
    result_ = letters_of(term, named);
    for (std::size_t i = 0; i < result_.size(); ++i) {
      if (sizes_.count(result_[i]) == 0) fail(fmt::format("'{}' is in no operand", result_[i]));
      if (result_.find(result_[i]) != i) fail(fmt::format("'{}' is twice in the result", result_[i]));
    }
  }

  // A letter twice: of [..., n, n], as [..., n · n], every (n + 1)th element.
  void take_diagonals(Operand& operand) {
    for (std::size_t a = 0; a < operand.letters.size(); ++a) {
      for (std::size_t b; (b = operand.letters.find(operand.letters[a], a + 1)) != std::string::npos;) {
        const Shape& given = operand.value->type.shape;
        if (given[a] != given[b]) fail(fmt::format("the diagonal '{}' is not of a square", operand.letters[a]));
        const std::int64_t n = given[a];
        std::vector<std::int64_t> order;
        std::string letters;
        Shape shape;
        for (std::size_t i = 0; i < given.size(); ++i) {
          if (i == a || i == b) continue;
          order.push_back(static_cast<std::int64_t>(i));
          letters += operand.letters[i];
          shape.push_back(given[i]);
        }
        order.push_back(static_cast<std::int64_t>(a));
        order.push_back(static_cast<std::int64_t>(b));
        shape.push_back(n * n);
        Value* flat = session_.reshape(session_.transpose(operand.value, order), shape);
        Shape step(shape.size(), 1);
        step.back() = n + 1;
        const Attributes every = attributes({{"start", Shape(shape.size(), 0)}, {"stop", shape}, {"step", step}});
        operand = {session_.op("slice", {flat}, every), letters + operand.letters[a]};
        a = 0;
      }
    }
  }

  // An axis of size 1 that is larger elsewhere is left out: the product stretches it.
  void drop_stretched(Operand& operand) {
    Shape shape;
    std::string letters;
    for (std::size_t i = 0; i < operand.letters.size(); ++i) {
      const std::int64_t size = operand.value->type.shape[i];
      if (size != sizes_.at(operand.letters[i])) continue;
      shape.push_back(size);
      letters += operand.letters[i];
    }
    operand = {session_.reshape(operand.value, shape), letters};
  }

  // Is a letter in the result, or in an operand from `next` on?
  bool is_wanted(char letter, std::size_t next) const {
    if (has(result_, letter)) return true;
    return std::any_of(operands_.begin() + static_cast<std::ptrdiff_t>(next), operands_.end(),
                       [&](const Operand& operand) { return has(operand.letters, letter); });
  }

  // Sums what no other operand needs: those from `next` on, and one of the letters `other`.
  void sum_out(Operand& operand, std::size_t next, const std::string& other = "") {
    std::vector<std::int64_t> axes;
    std::string kept;
    for (std::size_t i = 0; i < operand.letters.size(); ++i) {
      if (is_wanted(operand.letters[i], next) || has(other, operand.letters[i])) {
        kept += operand.letters[i];
      } else {
        axes.push_back(static_cast<std::int64_t>(i));
      }
    }
    if (!axes.empty()) operand = {session_.reduce("reduce_sum", operand.value, axes, false), kept};
  }

  Operand multiply(const Operand& a, const Operand& b, std::size_t next) {
    std::string letters;
    if (next == operands_.size()) {
      letters = result_;
      std::erase_if(letters, [&](char letter) { return !has(a.letters, letter) && !has(b.letters, letter); });
    } else {
      for (const char letter : a.letters + b.letters) {
        if (is_wanted(letter, next) && !has(letters, letter)) letters += letter;
      }
    }
    const std::string spec = a.letters + "," + b.letters + "->" + letters;
    return {session_.op("contraction", {a.value, b.value}, attributes({{"spec", spec}})), letters};
  }

  Arguments& arguments_;
  Session& session_;
  std::string text_;
  std::vector<Operand> operands_;
  std::string spare_;   // letters for the axes of `...`, the last of them for the last
  std::string result_;  // the letters of the result
  std::map<char, std::int64_t> sizes_;
};

Datum contract(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  const Datum& spec = arguments.get("spec");
  if (!spec.is(DatumKind::Text)) {
    evaluator.reporter().fail(Kind::wrong_kind, arguments.place("spec"), "contract", "a text", "spec",
                              evaluator.describe(spec));
  }
  // The operands, one by one or as a tuple.
  std::vector<const Datum*> data = {&arguments.get("x")};
  std::vector<Span> spans = {arguments.place("x")};
  if (data[0]->is(DatumKind::Tuple)) {
    const std::vector<Datum>& items = data[0]->items;
    data.clear();
    for (const Datum& item : items) data.push_back(&item);
    spans.assign(data.size(), arguments.place("x"));
  }
  for (const BoundArgument& argument : arguments.more) {
    data.push_back(&argument.value);
    spans.push_back(argument.span);
  }
  const std::vector<Value*> values = evaluator.tensors(data, spans);
  for (std::size_t i = 0; i < values.size(); ++i) evaluator.check_numbers(values[i], "contract", spans[i]);
  evaluator.at(arguments.span);
  return Datum::of(Contraction(arguments).run(values));
}

}  // namespace

std::vector<Builtin> contract_builtins() {
  return {{"contract", {{setting("spec", "text"), input("x")}, true, true}, contract}};
}

}  // namespace nnc::semantics
