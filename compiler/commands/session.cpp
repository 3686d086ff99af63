#include "compiler/commands/session.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace nnc {

namespace {
constexpr std::align_val_t kAlignment{64};
}

void Session::AlignedBytes::Free::operator()(std::byte* data) const { ::operator delete[](data, kAlignment); }

void Session::AlignedBytes::resize(std::size_t size) {
  data_.reset(static_cast<std::byte*>(::operator new[](std::max<std::size_t>(size, 1), kAlignment)));
  std::memset(data_.get(), 0, size);
  size_ = size;
}

std::unique_ptr<Session> Session::start(std::unique_ptr<Unit> unit, const SourceManager& sources, std::string& error) {
  std::unique_ptr<Session> session(new Session);
  session->emitted_ = emit(*unit, unit->name_space, sources);
  const Emitted& emitted = session->emitted_;
  const std::vector<SourceText> files = {{emitted.source.name, emitted.source.text + emitted.entry_points},
                                         {emitted.header.name, emitted.header.text}};
  session->jit_ = Jit::compile(files, unit->target, {}, error);
  if (session->jit_ == nullptr) return nullptr;
  std::int64_t arena = 0;
  for (const UnitFunction& function : unit->functions) arena = std::max(arena, function.plan.arena_bytes);
  session->parameters_.resize(static_cast<std::size_t>(unit->parameters.bytes));
  session->gradients_.resize(static_cast<std::size_t>(unit->gradients.bytes));
  session->prepared_.resize(static_cast<std::size_t>(unit->prepared.bytes));
  session->state_.resize(static_cast<std::size_t>(unit->state.bytes));
  session->arena_.resize(static_cast<std::size_t>(arena));
  session->unit_ = std::move(unit);
  return session;
}

const UnitFunction* Session::function(std::string_view name) const {
  for (const UnitFunction& function : unit_->functions) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

void Session::prepare() {
  for (const char* name : {"prepare", "reset"}) {
    if (function(name) != nullptr) call(name, {}, {});
  }
}

std::function<void()> Session::bind(std::string_view name, std::span<const void* const> inputs,
                                    std::span<void* const> outputs) {
  void* address = jit_->symbol("nnc_" + std::string(name));
  if (address == nullptr) throw InternalError("the unit has no function '" + std::string(name) + "'");
  std::vector<void*> arguments = {parameters_.bytes().data(), gradients_.bytes().data(), prepared_.bytes().data(),
                                  state_.bytes().data(), arena_.bytes().data()};
  for (const void* input : inputs) arguments.push_back(const_cast<void*>(input));
  arguments.insert(arguments.end(), outputs.begin(), outputs.end());
  void (*const entry)(void* const*) = reinterpret_cast<void (*)(void* const*)>(address);
  return [entry, arguments] { entry(arguments.data()); };
}

void Session::trace(Trace hook, void* context) {
  *static_cast<Trace*>(jit_->symbol("nnc_trace")) = hook;
  *static_cast<void**>(jit_->symbol("nnc_trace_context")) = context;
}

std::vector<WeightSlot> weight_slots(const StructLayout& layout) {
  std::vector<WeightSlot> slots;
  for (const Slot& slot : layout.slots) slots.push_back({slot.name, slot.type, slot.offset});
  return slots;
}

std::vector<const Output*> caller_outputs(const Graph& graph) {
  std::vector<const Output*> outputs;
  for (const Output& output : graph.outputs) {
    if (output.name.rfind("gradient:", 0) != 0) outputs.push_back(&output);
  }
  return outputs;
}

}  // namespace nnc
