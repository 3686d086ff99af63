#include "compiler/commands/expected.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "compiler/commands/call_inputs.h"
#include "compiler/interop/arrays.h"

namespace nnc {

namespace {

double element(const Array& array, std::int64_t i) {
  return read_element(array.element, array.bytes.data() + i * size_bytes(array.element));
}

}  // namespace

Closeness compare(const Array& found, const Array& expected, const ExpectOptions& options, double more) {
  Closeness result;
  result.elements = element_count(expected.shape);
  double largest = 0;
  for (std::int64_t i = 0; i < result.elements && options.of_largest > 0; ++i) {
    const double b = element(expected, i);
    if (std::isfinite(b)) largest = std::max(largest, std::abs(b));
  }
  const double atol = options.atol.value_or(kDefaultAtol) + options.of_largest * largest + more;
  for (std::int64_t i = 0; i < result.elements; ++i) {
    const double a = element(found, i);
    const double b = element(expected, i);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    double apart = std::abs(a - b);
    if (std::isnan(apart)) apart = std::numeric_limits<double>::infinity();
    result.absolute = std::max(result.absolute, apart);
    if (b != 0) result.relative = std::max(result.relative, apart / std::abs(b));
    // An infinity is close to itself alone.
    if (std::isfinite(b) && apart <= atol + options.rtol * std::abs(b)) continue;
    if (result.far++ > 0) continue;
    result.first = i;
    result.found = a;
    result.expected = b;
  }
  return result;
}

Result<ExpectedOutputs> ExpectedOutputs::load(const ExpectOptions& options, const std::vector<Output>& outputs) {
  ExpectedOutputs expected;
  expected.options_ = options;
  const Result<std::vector<Array>> arrays = load_arrays(options.files);
  if (!arrays) return arrays.failure();
  std::vector<std::string> names;
  for (const Output& output : outputs) names.push_back(output.name);
  for (const Array& array : *arrays) {
    const bool is_known = std::find(names.begin(), names.end(), array.name) != names.end();
    // A file of named arrays may hold more.
    if (!is_known && !array.is_named_by_user) continue;
    const Status known = check_known(array.name, names, "output");
    if (!known) return known.failure();
    expected.arrays_.push_back(array);
  }
  if (expected.arrays_.empty() && !options.files.empty()) {
    return Failure{fmt::format("--expect names no output of the model; it has {}", fmt::join(names, ", "))};
  }
  return expected;
}

Status ExpectedOutputs::compare(const std::string& name, const Array& found, double more) {
  for (const Array& array : arrays_) {
    if (array.name != name) continue;
    if (array.shape != found.shape) {
      return Failure{fmt::format("{}: has shape {}, but the output '{}' is {}", array.place, to_string(array.shape),
                                 name, to_string(found.shape))};
    }
    const Closeness close = nnc::compare(found, array, options_, more);
    const std::string type = to_string(Type{found.element, found.shape});
    fmt::print("{} {}: ", name, type);
    if (close.far == 0) {
      fmt::print("as expected; largest difference {:.3g}, relative {:.3g}\n", close.absolute, close.relative);
      return Done{};
    }
    fmt::print("{} of {} elements differ, the first {}: {:.9g}, expected {:.9g}; largest difference {:.3g}\n",
               close.far, close.elements, index_text(array.shape, static_cast<std::uint64_t>(close.first)), close.found,
               close.expected, close.absolute);
    far_.push_back(name);
  }
  return Done{};
}

Status ExpectedOutputs::agreed() const {
  if (far_.empty()) return Done{};
  return Failure{fmt::format("not as expected, by more than {:g} and {:g} of the expected number: {}",
                             options_.atol.value_or(kDefaultAtol), options_.rtol, fmt::join(far_, ", "))};
}

}  // namespace nnc
