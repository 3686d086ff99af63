// A convolution as matrix products: per example and group, the patches under the windows [inputs * taps, places] are
// gathered and multiplied by the weights [outputs, inputs * taps].
#include "compiler/ops/convolution_roles.h"
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

// Strides by role, in row-major order; 0 for a role that is absent.
struct Strides {
  std::int64_t n = 0, c = 0, i = 0, o = 0, outer_o = 0, o_extent = 1;
  std::vector<std::int64_t> spatial;
};

Strides strides_of(const std::string& axes, const Shape& shape, std::size_t spatial) {
  const Shape strides = row_major_strides(shape);
  const auto of = [&](char letter) {
    const std::int64_t axis = axis_of(axes, letter);
    return axis < 0 ? 0 : strides[static_cast<std::size_t>(axis)];
  };
  Strides result{of('n'), of('c'), of('i'), of('o'), of('O'), extent_of(axes, shape, 'o'), {}};
  for (std::size_t i = 0; i < spatial; ++i) result.spatial.push_back(of(static_cast<char>('0' + i)));
  return result;
}

// For each tap and place, in row-major order of [window, out], the offset in one plane of x, or -1 for padding.
std::vector<std::int64_t> patch_offsets(const Convolution& c, const Strides& x) {
  Shape shape = c.window;
  shape.insert(shape.end(), c.out.begin(), c.out.end());
  const std::size_t spatial = c.stride.size();
  std::vector<std::int64_t> offsets(static_cast<std::size_t>(element_count(shape)), 0);
  for (std::size_t axis = 0; axis < spatial; ++axis) {
    Shape tap(shape.size()), place(shape.size());
    tap[axis] = c.window_dilation[axis];
    place[spatial + axis] = c.stride[axis];
    for (std::size_t i = 0; i < shape.size(); ++i) tap[i] += place[i];
    const std::vector<std::int64_t> positions = strided_offsets(shape, tap, -c.pad_low[axis]);
    for (std::size_t i = 0; i < offsets.size(); ++i) {
      const std::int64_t index = positions[i] / c.input_dilation[axis];
      const bool exists = positions[i] >= 0 && positions[i] % c.input_dilation[axis] == 0 && index < c.in[axis];
      offsets[i] = exists && offsets[i] >= 0 ? offsets[i] + index * x.spatial[axis] : -1;
    }
  }
  return offsets;
}

// The weights of a group as a matrix [outputs, inputs * taps].
Tensor weight_matrix(const Convolution& c, const Tensor& w, const Strides& strides, std::int64_t first_output,
                     std::int64_t outputs, std::int64_t inputs) {
  const std::vector<std::int64_t> taps = strided_offsets(c.window, strides.spatial);
  const std::int64_t columns = inputs * static_cast<std::int64_t>(taps.size());
  std::vector<std::int64_t> from;
  from.reserve(static_cast<std::size_t>(outputs * columns));
  for (std::int64_t o = first_output; o < first_output + outputs; ++o) {
    const std::int64_t row = o / strides.o_extent * strides.outer_o + o % strides.o_extent * strides.o;
    for (std::int64_t i = 0; i < inputs; ++i) {
      for (std::int64_t tap : taps) from.push_back(row + i * strides.i + tap);
    }
  }
  return take(w, {w.type.element, {outputs, columns}}, from);
}

// For each of the `inputs` planes of x that begin at `first` and lie `stride` apart, what the patches cover.
void gather_patches(const Tensor& x, const std::vector<std::int64_t>& patch, std::int64_t first, std::int64_t stride,
                    std::int64_t inputs, Tensor& patches) {
  const auto gather = [&](const auto& source, auto& target) {
    std::size_t at = 0;
    for (std::int64_t i = 0; i < inputs; ++i) {
      const std::int64_t plane = first + i * stride;
      for (const std::int64_t offset : patch) {
        if (offset < 0) {
          target[at++] = 0;
        } else {
          target[at++] = source[static_cast<std::size_t>(plane + offset)];
        }
      }
    }
  };
  if (is_float(x.type.element)) {
    gather(x.floats(), patches.floats());
  } else {
    gather(x.integers(), patches.integers());
  }
}

}  // namespace

std::vector<Tensor> evaluate_convolution(const Op& op, Operands in) {
  const Tensor& x = *in[0];
  const Tensor& w = *in[1];
  const Convolution c = read_convolution(op.attributes, x.type.shape, w.type.shape);
  Tensor y = Tensor::zeros(op.result()->type);
  const Strides x_strides = strides_of(c.x_axes, x.type.shape, c.stride.size());
  const Strides w_strides = strides_of(c.w_axes, w.type.shape, c.stride.size());
  const Strides y_strides = strides_of(c.y_axes, y.type.shape, c.stride.size());
  const std::int64_t groups = std::max(c.groups, c.batch_groups);
  const std::int64_t outputs = c.o / groups, inputs = c.c / c.groups, examples = c.n / c.batch_groups;
  const std::vector<std::int64_t> patch = patch_offsets(c, x_strides);
  const std::vector<std::int64_t> places = strided_offsets(c.out, y_strides.spatial);
  const std::int64_t place_count = static_cast<std::int64_t>(places.size());
  const std::int64_t rows = inputs * element_count(c.window);

  Tensor patches = Tensor::zeros({x.type.element, {rows, place_count}});
  for (std::int64_t group = 0; group < groups; ++group) {
    const Tensor weights = weight_matrix(c, w, w_strides, group * outputs, outputs, inputs);
    const std::int64_t first_channel = c.groups > 1 ? group * inputs : 0;
    const std::int64_t first_example = c.batch_groups > 1 ? group * examples : 0;
    for (std::int64_t n = 0; n < examples; ++n) {
      const std::int64_t first_plane = (first_example + n) * x_strides.n + first_channel * x_strides.c;
      gather_patches(x, patch, first_plane, x_strides.c, inputs, patches);
      const Tensor product = batched_product(weights, patches, 1, outputs, rows, place_count);
      const auto scatter = [&](const auto& source, auto& target) {
        for (std::int64_t o = 0; o < outputs; ++o) {
          const std::int64_t plane = n * y_strides.n + (group * outputs + o) * y_strides.c;
          for (std::size_t p = 0; p < places.size(); ++p) {
            target[static_cast<std::size_t>(plane + places[p])] =
                source[static_cast<std::size_t>(o) * places.size() + p];
          }
        }
      };
      if (is_float(y.type.element)) {
        scatter(product.floats(), y.floats());
      } else {
        scatter(product.integers(), y.integers());
      }
    }
  }
  return {std::move(y)};
}

}  // namespace nnc::ops
