// A unit compiled in this process, with the memory that its functions work on.
//
// What runs here is the text that `nnc -o` writes, followed by its entry points: what is tried is what is shipped.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/emit/jit.h"
#include "compiler/emit/unit.h"
#include "compiler/interop/weights.h"

namespace nnc {

class Session {
 public:
  // Emits and compiles the unit. On failure null, and `error` says why (a bug of nnc, or a target that this machine
  // does not run).
  static std::unique_ptr<Session> start(std::unique_ptr<Unit> unit, const SourceManager& sources, std::string& error);

  const Unit& unit() const { return *unit_; }
  const Emitted& emitted() const { return emitted_; }
  std::size_t code_bytes() const { return jit_->code_bytes(); }
  std::int64_t arena_bytes() const { return static_cast<std::int64_t>(arena_.size()); }

  std::span<std::byte> parameters() { return parameters_.bytes(); }
  std::span<std::byte> gradients() { return gradients_.bytes(); }
  std::span<std::byte> prepared() { return prepared_.bytes(); }
  std::span<std::byte> state() { return state_.bytes(); }
  std::span<std::byte> arena() { return arena_.bytes(); }

  // A function of the unit; null if it has none of that name.
  const UnitFunction* function(std::string_view name) const;
  // What precedes the first call of `forward`: prepared parameters, and states at their beginning.
  void prepare();
  // Calls it. Inputs in the order of its graph's inputs, outputs in the order of its graph's outputs without those that
  // lie in the gradients.
  void call(std::string_view name, std::span<const void* const> inputs, std::span<void* const> outputs) {
    bind(name, inputs, outputs)();
  }
  // The same call, to be made again and again without being looked up.
  std::function<void()> bind(std::string_view name, std::span<const void* const> inputs,
                             std::span<void* const> outputs);
  // Of a unit that is traced: what its functions call as they go (emit/unit.h). It must not throw.
  using Trace = void (*)(void* context, int node, std::ptrdiff_t turn);
  void trace(Trace hook, void* context);

 private:
  // Bytes at an address that is a multiple of 64.
  class AlignedBytes {
   public:
    void resize(std::size_t size);
    std::size_t size() const { return size_; }
    std::span<std::byte> bytes() { return {data_.get(), size_}; }

   private:
    struct Free {
      void operator()(std::byte* data) const;
    };
    std::unique_ptr<std::byte[], Free> data_;
    std::size_t size_ = 0;
  };

  std::unique_ptr<Unit> unit_;
  Emitted emitted_;
  std::unique_ptr<Jit> jit_;
  AlignedBytes parameters_, gradients_, prepared_, state_, arena_;
};

// The fields of a struct as weights files know them.
std::vector<WeightSlot> weight_slots(const StructLayout& layout);
// Outputs of a function that its caller supplies (not the gradients).
std::vector<const Output*> caller_outputs(const Graph& graph);

}  // namespace nnc
