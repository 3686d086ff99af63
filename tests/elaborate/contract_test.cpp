// `contract` against its definition, written as one loop over all letters; and batches of convolutions and windows
// against the same of each example.
#include <fmt/format.h>

#include <algorithm>

#include "tests/elaborate/support.h"

namespace nnc {
namespace {

using Numbers = std::vector<double>;

std::string list_of(const Shape& shape) { return fmt::format("{}", fmt::join(shape, ", ")); }

// Sums over all letters of `terms`, one an operand; an axis of size 1 is stretched. `result`: the letters kept.
Numbers sum_of_products(const std::vector<std::string>& terms, const std::string& result,
                        const std::vector<Tensor>& operands) {
  std::map<char, std::int64_t> sizes, at;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    for (std::size_t axis = 0; axis < terms[i].size(); ++axis) {
      std::int64_t& size = sizes.emplace(terms[i][axis], 1).first->second;
      size = std::max(size, operands[i].type.shape[axis]);
    }
  }
  const auto place = [&](const std::string& letters, const Shape& shape) {
    std::int64_t flat = 0;
    for (std::size_t axis = 0; axis < letters.size(); ++axis) {
      flat = flat * shape[axis] + (shape[axis] == 1 ? 0 : at[letters[axis]]);
    }
    return flat;
  };
  Shape shape;
  std::int64_t all = 1;
  for (const char letter : result) shape.push_back(sizes.at(letter));
  for (const auto& [letter, size] : sizes) all *= size;
  Numbers sums(static_cast<std::size_t>(element_count(shape)), 0);
  for (std::int64_t i = 0; i < all; ++i) {
    std::int64_t rest = i;
    for (const auto& [letter, size] : sizes) {
      at[letter] = rest % size;
      rest /= size;
    }
    double product = 1;
    for (std::size_t k = 0; k < operands.size(); ++k)
      product *= operands[k].at(place(terms[k], operands[k].type.shape));
    sums[static_cast<std::size_t>(place(result, shape))] += product;
  }
  return sums;
}

// `meant`: the same with a letter for each axis of `...`.
void check_contract(const std::string& spec, const std::vector<std::string>& terms, const std::string& meant,
                    const std::vector<Shape>& shapes, const Shape& result) {
  CAPTURE(spec);
  std::string header, names;
  std::vector<Tensor> operands;
  std::map<std::string, Tensor> inputs;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const std::string name = fmt::format("x{}", i);
    header +=
        fmt::format("{}{}: f32{}", i == 0 ? "" : ", ", name, shapes[i].empty() ? "" : "[" + list_of(shapes[i]) + "]");
    names += ", " + name;
    operands.push_back(some_tensor({ElementType::F32, shapes[i]}, static_cast<unsigned>(i) + 1));
    inputs[name] = operands.back();
  }
  auto program = elaborate_text(fmt::format("model M({}) -> (y: f32{}) {{ y = contract(\"{}\"{}) }}\n", header,
                                            result.empty() ? "" : "[" + list_of(result) + "]", spec, names));
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  const Evaluation found = evaluate(program->model().forward, inputs, {});
  check_close(found.outputs.at("y").floats(), sum_of_products(terms, meant, operands));
}

TEST_CASE("contract: products of any number of tensors, diagonals, sums, axes that are not named") {
  check_contract("mk,kn->mn", {"mk", "kn"}, "mn", {{2, 3}, {3, 4}}, {2, 4});
  check_contract("ij,jk,kl->il", {"ij", "jk", "kl"}, "il", {{2, 3}, {3, 4}, {4, 2}}, {2, 2});
  check_contract("ijk,jil,ml->km", {"ijk", "jil", "ml"}, "km", {{2, 3, 4}, {3, 2, 5}, {3, 5}}, {4, 3});
  check_contract("i,j->ji", {"i", "j"}, "ji", {{2}, {3}}, {3, 2});
  check_contract("ij,kl->", {"ij", "kl"}, "", {{2, 3}, {3, 2}}, {});
  check_contract(",i->i", {"", "i"}, "i", {{}, {3}}, {3});
  check_contract("ij->ji", {"ij"}, "ji", {{2, 3}}, {3, 2});
  check_contract("ijk->j", {"ijk"}, "j", {{2, 3, 4}}, {3});
  check_contract("ii->i", {"ii"}, "i", {{3, 3}}, {3});
  check_contract("iij,ij->j", {"iij", "ij"}, "j", {{3, 3, 2}, {3, 2}}, {2});
  check_contract("jiiii->ij", {"jiiii"}, "ij", {{3, 2, 2, 2, 2}}, {2, 3});
  check_contract("...mk,...kn->...mn", {"abmk", "bkn"}, "abmn", {{2, 3, 2, 4}, {3, 4, 2}}, {2, 3, 2, 2});
  check_contract("...mk,...kn->...mn", {"abmk", "bkn"}, "abmn", {{2, 1, 2, 4}, {3, 4, 2}}, {2, 3, 2, 2});
  check_contract("i...,i...->...", {"iab", "ib"}, "ab", {{2, 3, 4}, {2, 1}}, {3, 4});
  check_contract("bi,bj->bij", {"bi", "bj"}, "bij", {{1, 3}, {4, 2}}, {4, 3, 2});
}

TEST_CASE("contract without ->: what is not named, then the letters that occur once, in their order") {
  check_contract("bij,bj", {"bij", "bj"}, "i", {{2, 3, 4}, {2, 4}}, {3});
  check_contract("ca", {"ca"}, "ac", {{2, 3}}, {3, 2});
  check_contract("ii", {"ii"}, "", {{3, 3}}, {});
  check_contract("...c,c b", {"xc", "cb"}, "xb", {{2, 3}, {3, 4}}, {2, 4});
}

TEST_CASE("contract says what does not fit") {
  const auto says = [](const std::string& call, const std::string& message) {
    auto program = elaborate_text("model M(x: f32[2, 3], w: f32[3, 4]) -> (y: f32[2, 4]) { y = " + call + " }\n");
    const bool is_said = program->errors().find(message) != std::string::npos;
    CHECK_MESSAGE(is_said, program->errors());
  };
  says("contract(\"mk,kn->mn\", x)", "names 2 operands of 1");
  says("contract(\"mkj,kn->mn\", x, w)", "'mkj' does not fit an operand of rank 2");
  says("contract(\"km,kn->mn\", x, w)", "an axis 'k' is 2 in one place and 3 in another");
  says("contract(\"mk,kn->mq\", x, w)", "'q' is in no operand");
  says("contract(\"mk,kn->mm\", x, w)", "'m' is twice in the result");
  says("contract(\"m1,kn->mn\", x, w)", "'1' is no letter");
  says("contract(\"...mkn,kn->mn\", x, w)", "'...mkn' does not fit an operand of rank 2");
}

// Of a model of a batch, what one of each example gives.
void check_batch(const std::string& one, const std::string& batched, const Shape& x, const Shape& y) {
  CAPTURE(batched);
  const std::string header = "w: f32[4, 1, 2, 3], v: f32[2, 4, 2, 3]";
  const auto with = [](std::int64_t n, Shape shape) {
    shape.insert(shape.begin(), n);
    return shape;
  };
  auto program = elaborate_text(
      fmt::format("model One(x: f32[{}], {}) -> (y: f32[{}]) {{ y = {} }}\n", list_of(x), header, list_of(y), one) +
      fmt::format("model Batch(x: f32[{}], {}) -> (y: f32[{}]) {{ y = {} }}\n", list_of(with(3, x)), header,
                  list_of(with(3, y)), batched));
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  const Tensor w = some_tensor({ElementType::F32, {4, 1, 2, 3}}, 2),
               v = some_tensor({ElementType::F32, {2, 4, 2, 3}}, 3);
  const Tensor all = some_tensor({ElementType::F32, with(3, x)}, 1);
  const auto run = [&](std::size_t model, const Tensor& input) {
    return evaluate(program->model(model).forward, {{"x", input}, {"w", w}, {"v", v}}, {}).outputs.at("y").floats();
  };
  Numbers expected;
  const std::ptrdiff_t count = static_cast<std::ptrdiff_t>(element_count(x));
  for (std::ptrdiff_t n = 0; n < 3; ++n) {
    Tensor example = Tensor::zeros({ElementType::F32, x});
    std::copy_n(all.floats().begin() + n * count, count, example.floats().begin());
    const Numbers result = run(0, example);
    expected.insert(expected.end(), result.begin(), result.end());
  }
  check_close(run(1, all), expected);
}

TEST_CASE("convolutions and windows of a batch are those of its examples") {
  const std::string forward = "convolve(x, w, stride: [2, 1], pad: [1, 0], pad_end: [0, 2], groups: 4)";
  check_batch(forward, forward, {4, 5, 6}, {4, 3, 6});
  const std::string back = "convolve_transpose(x, v, stride: 2, pad: [1, 0], output_pad: [0, 1])";
  check_batch(back, back, {4, 3, 4}, {2, 4, 10});
  for (const char* pool : {"pool_max", "pool_sum"}) {
    const std::string call = fmt::format("{}(x, size: [2, 3], stride: [2, 1]", pool);
    check_batch(call + ")", call + ", leading: 2)", {4, 6, 5}, {4, 3, 3});
  }
}

TEST_CASE("pool_pick takes what stands where each window has its largest") {
  auto program = elaborate_text(
      "model M(x: f32[1, 2, 4], z: f32[1, 2, 4]) -> (y: f32[1, 1, 3]) { y = pool_pick(x, z, size: 2, stride: [2, 1]) "
      "}\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  Tensor x = Tensor::zeros({ElementType::F32, {1, 2, 4}}), z = x;
  x.floats() = {1, 5, 2, 2, 3, 4, 2, 9};
  z.floats() = {10, 11, 12, 13, 14, 15, 16, 17};
  const Evaluation found = evaluate(program->model().forward, {{"x", x}, {"z", z}}, {});
  CHECK(found.outputs.at("y").floats() == Numbers{11, 11, 17});
}

TEST_CASE("sizes of an input that is left out are none") {
  auto program = elaborate_text(
      "fn plus(x: f32[S...], more: f32[R...] = 1) { if len(R) == 0 { x + more } else { x + sum(more) } }\n"
      "model M(x: f32[2]) -> (y: f32[2], z: f32[2]) {\n"
      "  y = plus(x)\n"
      "  z = plus(x, more: x)\n"
      "}\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  const Evaluation found = evaluate(program->model().forward, {{"x", vector_of({3, 4})}}, {});
  CHECK(found.outputs.at("y").floats() == Numbers{4, 5});
  CHECK(found.outputs.at("z").floats() == Numbers{10, 11});
}

}  // namespace
}  // namespace nnc
