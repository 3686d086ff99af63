// Steps and buffers of examples/digits carry the names of its source; each step says what was folded and fused.
#include <doctest/doctest.h>

#include <algorithm>

#include "compiler/compile.h"
#include "compiler/emit/api.h"

namespace nnc {
namespace {

using Names = std::vector<std::string>;

class Digits {
 public:
  Digits() : program_(load_program(NNC_SOURCE_DIR "/examples/digits/model.nn", sources_, diagnostics_, {})) {
    REQUIRE(program_.has_value());
    options_.target = *find_target(kDefaultTarget);
  }
  std::unique_ptr<Unit> inference() { return compile_model(*program_, 0, options_, diagnostics_); }
  std::unique_ptr<Unit> stage() { return compile_stage(*program_, 0, options_, diagnostics_); }
  std::unique_ptr<Unit> training() { return compile_training(*program_, 0, options_, diagnostics_); }

 private:
  SourceManager sources_;
  Diagnostics diagnostics_;
  std::optional<ElaboratedProgram> program_;
  CompileOptions options_;
};

const Plan& plan_of(const Unit& unit, const std::string& function) {
  return std::find_if(unit.functions.begin(), unit.functions.end(),
                      [&](const UnitFunction& one) { return one.name == function; })
      ->plan;
}

Names steps_of(const Unit& unit, const std::string& function) {
  Names names;
  for_each_step(plan_of(unit, function).nodes, [&](const Step& step) { names.push_back(step.name); });
  return names;
}

const Step& step_of(const Unit& unit, const std::string& function, const std::string& name) {
  const Step* found = nullptr;
  for_each_step(plan_of(unit, function).nodes, [&](const Step& step) {
    if (step.name == name) found = &step;
  });
  REQUIRE(found != nullptr);
  return *found;
}

bool has(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

TEST_CASE("what nnc train calls is what is emitted, without prepare and forward") {
  const std::unique_ptr<Unit> stage = Digits().stage(), training = Digits().training();
  Names all, called;
  for (const UnitFunction& function : stage->functions) all.push_back(function.name);
  for (const UnitFunction& function : training->functions) {
    called.push_back(function.name);
    CHECK(steps_of(*training, function.name) == steps_of(*stage, function.name));
    CHECK(plan_of(*training, function.name).arena_bytes == plan_of(*stage, function.name).arena_bytes);
  }
  CHECK(called == Names{"init", "step", "evaluate"});
  called.insert(called.end(), {"prepare", "forward"});
  CHECK(all == called);
  CHECK(training->parameters.bytes == stage->parameters.bytes);
  CHECK(training->prepared.bytes == 0);
}

TEST_CASE("forward reads like the model") {
  const std::unique_ptr<Unit> unit = Digits().inference();
  CHECK(steps_of(*unit, "forward") == Names{"normalize", "block1_conv", "block2_conv", "max_pool", "block3_conv",
                                            "max_pool_2", "pack_max_pool_2", "top"});
  Names buffers;
  for (const Buffer& buffer : plan_of(*unit, "forward").buffers) {
    if (buffer.memory == Memory::Scratch) buffers.push_back(buffer.name);
  }
  CHECK(buffers == Names{"normalize_out", "block1_out", "block2_out", "max_pool_out", "block3_out", "max_pool_2_out",
                         "max_pool_2_packed"});
}

TEST_CASE("a step says what it is, what was folded in and what was fused") {
  const std::unique_ptr<Unit> unit = Digits().inference();
  const Step& conv = step_of(*unit, "forward", "block1_conv");
  CHECK(conv.title == "block1: conv");
  CHECK(conv.comments == Names{"3x3, f32[1, 8, 8] -> f32[16, 8, 8]", "normalize, batch_norm folded in", "relu fused"});
  CHECK(step_of(*unit, "forward", "top").title == "top: dense");
  CHECK(step_of(*unit, "forward", "max_pool_2").title == "max_pool");
}

TEST_CASE("prepare names what it makes") {
  const Names names = steps_of(*Digits().inference(), "prepare");
  for (const char* name : {"prepare_block1_batch_norm", "prepare_block1_conv_weight", "prepare_block1_conv_bias",
                           "pack_block1_conv_weight", "copy_top_bias", "pack_top_weight"}) {
    CAPTURE(name);
    CHECK(has(names, name));
  }
}

TEST_CASE("training names gradients and updates after parameters") {
  const std::unique_ptr<Unit> unit = Digits().training();
  const Names names = steps_of(*unit, "step");
  for (const char* name : {"block1_conv", "cross_entropy_exp", "max_pool_backward", "max_pool_2_backward",
                           "block2_conv_backward", "gradient_block1_conv_weight", "gradient_top_bias",
                           "update_block1_conv_weight", "update_block1_batch_norm_running_mean", "update_iteration"}) {
    CAPTURE(name);
    CHECK(has(names, name));
  }
  Names buffers;
  for (const Buffer& buffer : plan_of(*unit, "step").buffers) buffers.push_back(buffer.name);
  CHECK(has(buffers, "d_block2_out"));
  CHECK(has(steps_of(*unit, "init"), "init_block1_conv_weight"));
  const Names evaluation = steps_of(*unit, "evaluate");
  CHECK(has(evaluation, "fold_block1_conv_weight"));
  CHECK(has(evaluation, "block1_conv"));
}

}  // namespace
}  // namespace nnc
