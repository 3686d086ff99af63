// Properties of every primitive, over the table and its samples: a new primitive is tested with no test written.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "compiler/graph/evaluate.h"
#include "compiler/graph/print.h"
#include "compiler/graph/verify.h"
#include "compiler/ops/op.h"
#include "tests/support/samples.h"

namespace nnc::test {
namespace {

// Leaves are values from outside; scan and gradient have tests of their own.
const std::set<std::string> kWithoutSamples = {"input", "state", "scan", "gradient"};

template <class F>
void for_samples(const F& visit) {
  for (const OpDef& def : op_table()) {
    for (const Sample& sample : def.samples) {
      const std::string what = fmt::format("{}: {}", def.name, sample.what);
      CAPTURE(what);
      visit(def, sample);
    }
  }
}

TEST_CASE("the table is complete") {
  for (const OpDef& def : op_table()) {
    CAPTURE(def.name);
    CHECK(find_op(def.name) == &def);
    CHECK(!def.formula.empty());
    CHECK(def.signature.starts_with(def.name + "("));
    CHECK(def.infer);
    CHECK((def.evaluate || def.name == "input" || def.name == "state" || def.name == "gradient"));
    CHECK((!def.samples.empty() || kWithoutSamples.count(def.name) != 0));
    CHECK((def.lower.family == Family::None) ==
          (def.has(Leaf) || def.has(BeforeBatch) || def.has(BeforeDifferentiate) || def.has(BeforeShards)));
    REQUIRE((def.lower.family == Family::Elementwise) == (def.lower.body != nullptr));
    if (!def.lower.body) continue;
    for (const ElementType type : {ElementType::F32, ElementType::F64, ElementType::I32}) {
      CHECK(def.lower.body(type, type).find("return") != std::string::npos);
    }
  }
  CHECK(find_op("no_such") == nullptr);
  CHECK_THROWS_AS(op_def("no_such"), InternalError);
}

TEST_CASE("evaluation gives what infer says, and survives printing") {
  for_samples([](const OpDef& def, const Sample& sample) {
    std::mt19937 random(1);
    const Graph graph = sample_graph(def, sample);
    CHECK(verify(graph) == "");
    const Evaluation result = evaluate(graph, named(draw(sample, random), 'x'), {});
    for (const Output& output : graph.outputs) {
      Tensor tensor = result.outputs.at(output.name);
      REQUIRE(tensor.type == output.value->type);
      REQUIRE(is_float(tensor.type.element) == (tensor.data.index() == 0));
      const std::size_t count = static_cast<std::size_t>(element_count(tensor.type.shape));
      CHECK(std::visit([](const auto& data) { return data.size(); }, tensor.data) == count);
      if (tensor.data.index() == 1) {
        for (std::int64_t x : tensor.integers()) CHECK(wrap_to(tensor.type.element, x) == x);
      }
    }
    SourceManager sources;
    Diagnostics diagnostics;
    const std::unique_ptr<Graph> again = parse_graph(sources, sources.add("graph", print(graph)), diagnostics);
    CHECK_MESSAGE(again, diagnostics.render(sources, false));
    if (again) CHECK(same_graph(*again, graph));
  });
}

// The sum of the results, each weighted by a fixed tensor: its gradient has every element of every operand in it.
double weighted_sum(const Graph& graph, const std::vector<Tensor>& operands, const std::vector<Tensor>& weights) {
  const Evaluation result = evaluate(graph, named(operands, 'x'), {});
  double sum = 0;
  for (std::size_t r = 0; r < graph.outputs.size(); ++r) {
    if (!is_float(graph.outputs[r].value->type.element)) continue;
    const Tensor& y = result.outputs.at(graph.outputs[r].name);
    for (std::size_t i = 0; i < y.floats().size(); ++i) {
      if (!std::isinf(y.floats()[i])) sum += y.floats()[i] * weights[r].floats()[i];  // of padding alone
    }
  }
  return sum;
}

// Appends the gradient of the graph's only operation: inputs d0, d1, … for the results, outputs g0, g1, ….
void append_gradient(Graph& graph) {
  Op& op = *graph.outputs[0].value->producer;
  std::vector<Value*> result_gradients;
  for (std::size_t i = 0; i < op.results.size(); ++i) {
    const bool flows = is_float(op.results[i]->type.element);
    result_gradients.push_back(flows ? graph.input(fmt::format("d{}", i), op.results[i]->type) : nullptr);
  }
  std::vector<bool> needed;
  for (const Value* operand : op.inputs) needed.push_back(is_float(operand->type.element));
  GradientBuilder builder(graph, op, result_gradients, needed);
  op.def->gradient(builder);
  graph.outputs.clear();
  for (std::size_t i = 0; i < op.inputs.size(); ++i) {
    if (!needed[i]) continue;
    Value* gradient = builder.gradients()[i];
    graph.outputs.push_back({fmt::format("g{}", i), gradient ? gradient : builder.zeros_like(op.inputs[i])});
  }
}

TEST_CASE("gradients agree with central differences") {
  int compared = 0;
  for_samples([&](const OpDef& def, const Sample& sample) {
    if (!sample.differentiable) return;
    const Graph graph = sample_graph(def, sample);
    if (sample.operands.empty() || def.has(BeforeBatch) || def.has(BeforeShards)) return;
    REQUIRE_MESSAGE(def.gradient, "a differentiable sample of an operation without a gradient");
    std::mt19937 random(2);
    std::vector<Tensor> operands = draw(sample, random);
    std::vector<Tensor> weights;
    for (const Output& output : graph.outputs) weights.push_back(draw({.type = output.value->type}, random));
    Graph with_gradient = graph.clone();
    append_gradient(with_gradient);
    CHECK(verify(with_gradient) == "");
    std::map<std::string, Tensor> inputs = named(operands, 'x');
    inputs.merge(named(weights, 'd'));
    const Evaluation result = evaluate(with_gradient, inputs, {});
    for (std::size_t k = 0; k < operands.size(); ++k) {
      if (!is_float(operands[k].type.element)) continue;
      const Tensor& gradient = result.outputs.at(fmt::format("g{}", k));
      REQUIRE(gradient.type == operands[k].type);
      for (std::size_t i = 0; i < operands[k].floats().size(); ++i) {
        constexpr double kStep = 1e-5;
        double& x = operands[k].floats()[i];
        const double before = x;
        x = before + kStep;
        const double above = weighted_sum(graph, operands, weights);
        x = before - kStep;
        const double below = weighted_sum(graph, operands, weights);
        x = before;
        const double expected = (above - below) / (2 * kStep);
        CAPTURE(k);
        CAPTURE(i);
        CHECK(std::abs(gradient.floats()[i] - expected) <= 1e-6 * (1 + std::abs(expected)));
        ++compared;
      }
    }
  });
  CHECK(compared > 1000);
}

constexpr std::int64_t kBatch = 3;

Tensor stack(const std::vector<Tensor>& examples) {
  Type type = examples[0].type;
  type.shape.insert(type.shape.begin(), static_cast<std::int64_t>(examples.size()));
  Tensor result{type, examples[0].data};
  for (std::size_t e = 1; e < examples.size(); ++e) {
    if (result.data.index() == 0) {
      result.floats().insert(result.floats().end(), examples[e].floats().begin(), examples[e].floats().end());
    } else {
      result.integers().insert(result.integers().end(), examples[e].integers().begin(), examples[e].integers().end());
    }
  }
  return result;
}

// `subset` has a bit for each operand that has the batch axis.
void check_batch(const OpDef& def, const Sample& sample, unsigned subset, const BatchRule& rule) {
  const Graph one = sample_graph(def, sample);
  const Op& op = *one.outputs[0].value->producer;
  std::mt19937 random(3);
  std::vector<std::vector<Tensor>> examples;
  for (std::int64_t e = 0; e < kBatch; ++e) {
    examples.push_back(draw(sample, random, static_cast<int>(e)));
    for (std::size_t i = 0; i < sample.operands.size(); ++i) {
      if ((subset >> i & 1) == 0) examples.back()[i] = examples[0][i];
    }
  }
  Graph all;
  GraphBuilder builder(all);
  BatchContext context{builder, op, kBatch, {}, {}};
  std::vector<Tensor> operands;
  for (std::size_t i = 0; i < sample.operands.size(); ++i) {
    const bool is_batched = (subset >> i & 1) != 0;
    std::vector<Tensor> column;
    for (const std::vector<Tensor>& example : examples) column.push_back(example[i]);
    operands.push_back(is_batched ? stack(column) : column[0]);
    context.inputs.push_back(all.input(fmt::format("x{}", i), operands[i].type));
    context.is_batched.push_back(is_batched);
  }
  const std::vector<Value*> results = rule(context);
  REQUIRE(results.size() == op.results.size());
  for (std::size_t i = 0; i < results.size(); ++i) all.outputs.push_back({fmt::format("y{}", i), results[i]});
  CHECK(verify(all) == "");
  const Evaluation result = evaluate(all, named(operands, 'x'), {});
  std::vector<Evaluation> separate;
  for (const std::vector<Tensor>& example : examples) separate.push_back(evaluate(one, named(example, 'x'), {}));
  for (const Output& output : all.outputs) {
    std::vector<Tensor> expected;
    for (Evaluation& each : separate) expected.push_back(each.outputs.at(output.name));
    CHECK(difference(result.outputs.at(output.name), stack(expected)) <= 1e-12);
  }
}

TEST_CASE("a batched operation is the stack of those of the examples") {
  int checked = 0;
  for_samples([&](const OpDef& def, const Sample& sample) {
    if (sample.operands.empty() || def.has(BeforeBatch) || def.has(BeforeShards)) return;
    for (unsigned subset = 1; subset < 1u << sample.operands.size(); ++subset) {
      CAPTURE(subset);
      REQUIRE(def.batch);
      check_batch(def, sample, subset, def.batch);
      ++checked;
    }
    check_batch(def, sample, (1u << sample.operands.size()) - 1, batch_one_by_one);
  });
  CHECK(checked > 200);
}

}  // namespace
}  // namespace nnc::test
