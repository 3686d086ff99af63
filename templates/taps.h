// One spatial axis of a convolution: which taps of the window meet which places of the input.
//
// With input dilation s (the input gradient of a stride s) the outputs fall into s phases; in each phase only every
// s-th tap meets an element that is not zero, and the phase is a convolution of stride 1 whose outputs lie s apart.
// Forward convolutions are the case of one phase.
#pragma once

#include "tiles.h"

namespace nnc {

constexpr std::ptrdiff_t common_divisor(std::ptrdiff_t a, std::ptrdiff_t b) {
  return b == 0 ? a : common_divisor(b, a % b);
}

// Output Phase + j * step reads, with tap first + t * tap_step, place origin + j * advance + t * spread.
template <std::ptrdiff_t In, std::ptrdiff_t Out, std::ptrdiff_t K, std::ptrdiff_t Stride, std::ptrdiff_t Dilation,
          std::ptrdiff_t InputDilation, std::ptrdiff_t PadLow, std::ptrdiff_t Phase>
struct Taps {
  static_assert(Stride == 1 || InputDilation == 1, "a stride and an input dilation together: pad the input instead");
  static constexpr std::ptrdiff_t in = In;
  static constexpr std::ptrdiff_t step = InputDilation;
  static constexpr std::ptrdiff_t outputs = Out > Phase ? (Out - Phase + step - 1) / step : 0;
  static constexpr std::ptrdiff_t tap_step = InputDilation / common_divisor(InputDilation, Dilation);
  static constexpr std::ptrdiff_t find_first() {
    for (std::ptrdiff_t k = 0; k < tap_step && k < K; ++k) {
      if ((Phase * Stride + k * Dilation - PadLow) % InputDilation == 0) return k;
    }
    return K;
  }
  static constexpr std::ptrdiff_t first = find_first();
  static constexpr std::ptrdiff_t taps = (K - first + tap_step - 1) / tap_step;
  static constexpr std::ptrdiff_t origin = taps == 0 ? 0 : (Phase * Stride + first * Dilation - PadLow) / InputDilation;
  static constexpr std::ptrdiff_t advance = Stride;
  static constexpr std::ptrdiff_t spread = tap_step * Dilation / InputDilation;

  // The taps of output j that meet the input: tap_begin(j) to tap_end(j).
  static constexpr std::ptrdiff_t tap_begin(std::ptrdiff_t j) {
    return least(taps, most(0, divide_up(-(origin + j * advance), spread)));
  }
  static constexpr std::ptrdiff_t tap_end(std::ptrdiff_t j) {
    return most(tap_begin(j), least(taps, divide_up(In - (origin + j * advance), spread)));
  }
  // The outputs that tap t serves: output_begin(t) to output_end(t).
  static constexpr std::ptrdiff_t output_begin(std::ptrdiff_t t) {
    return least(outputs, most(0, divide_up(-(origin + t * spread), advance)));
  }
  static constexpr std::ptrdiff_t output_end(std::ptrdiff_t t) {
    return most(output_begin(t), least(outputs, divide_up(In - (origin + t * spread), advance)));
  }
  // The outputs all of whose taps meet the input.
  static constexpr std::ptrdiff_t inner_begin = taps == 0 ? 0 : output_begin(0);
  static constexpr std::ptrdiff_t inner_end = taps == 0 ? outputs : most(inner_begin, output_end(taps - 1));
  static constexpr bool all_inside = inner_begin == 0 && inner_end == outputs;
};

// The third spatial axis, outside of rows and columns: the planes of a volume. A configuration that has no such fields
// has one plane, and the loops over planes vanish.
template <class C, class = void>
struct Planes {
  static constexpr std::ptrdiff_t in = 1, out = 1, k = 1, stride = 1, dilation = 1, input_dilation = 1, pad_low = 0;
  static constexpr std::ptrdiff_t x = 0, w = 0, y = 0;
};
template <class C>
struct Planes<C, typename ToVoid<decltype(C::k_plane)>::Type> {
  static constexpr std::ptrdiff_t in = C::in_plane, out = C::out_plane, k = C::k_plane, stride = C::stride_plane;
  static constexpr std::ptrdiff_t dilation = C::dilation_plane, input_dilation = C::input_dilation_plane;
  static constexpr std::ptrdiff_t pad_low = C::pad_low_plane, x = C::x_plane, w = C::w_plane, y = C::y_plane;
};
// Their taps in a forward convolution or a window.
template <class C, class P = Planes<C>>
using PlaneTaps = Taps<P::in, P::out, P::k, P::stride, P::dilation, 1, P::pad_low, 0>;

}  // namespace nnc
