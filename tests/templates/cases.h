// The kernel cases. Included once for each number of lanes inside a namespace of its own, under a target pragma, with
// NNC_LANES defined; no include guard for that reason. Every case compares a kernel with a plain loop, bit by bit.

#include "contraction.h"
#include "convolution.h"
#include "convolution_weights.h"
#include "elementwise.h"
#include "move.h"
#include "window.h"

namespace cases {

constexpr int kLanes = NNC_LANES;
constexpr int kRegisters = NNC_LANES == 16 ? 32 : 16;

// Adds a value that says which channel and which place the kernel claims to have computed.
struct Marked {
  const float* bias;
  const float* residual;
  template <class V>
  V operator()(V sum, std::ptrdiff_t offset, std::ptrdiff_t channel) const {
    constexpr int lanes = nnc::Lanes<V>::count;
    return (sum + nnc::load<lanes>(bias + channel)) + nnc::load<lanes>(residual + offset);
  }
};

template <Index Batch, Index M, Index N, Index K, bool Packed, bool Transposed, int TileM = 0, int TileN = 0>
struct Product {
  static constexpr nnc::TileShape tile = nnc::tile_shape(M, N, kLanes, kRegisters);
  static constexpr int lanes = kLanes, tile_m = TileM ? TileM : tile.rows, tile_n = TileN ? TileN : tile.vectors;
  static constexpr bool packed = Packed;
  static constexpr Index batch = Batch, m = M, n = N, k = K;
  static constexpr Index a_batch = M * K, a_m = Transposed ? 1 : K, a_k = Transposed ? M : 1;
  static constexpr Index block = tile_n * lanes, blocks = (N + block - 1) / block;
  static constexpr Index b_k = Packed ? block : N, b_block = Packed ? K * block : 0;
  static constexpr Index b_batch = Packed ? blocks * K * block : K * N;
  static constexpr Index y_m = N + 3, y_batch = M * y_m;
};

// [taps][i][o] as blocks [o / block][taps * i][block], padded with zeros.
inline Floats pack(const Floats& w, Index rows, Index columns, Index block) {
  const Index blocks = (columns + block - 1) / block;
  Floats result(static_cast<std::size_t>(blocks * rows * block));
  for (Index r = 0; r < rows; ++r) {
    for (Index c = 0; c < columns; ++c) {
      result[static_cast<std::size_t>((c / block * rows + r) * block + c % block)] =
          w[static_cast<std::size_t>(r * columns + c)];
    }
  }
  return result;
}
inline void append(Floats& to, const Floats& from) { to.insert(to.end(), from.begin(), from.end()); }

template <class C>
void product(Report& report) {
  const std::string what = "contraction " + std::to_string(C::batch) + " " + std::to_string(C::m) + " " +
                           std::to_string(C::n) + " " + std::to_string(C::k) + (C::packed ? " packed" : " plain");
  const Floats a = report.values(C::batch * C::m * C::k), b = report.values(C::batch * C::k * C::n);
  const Floats bias = report.values(C::n), residual = report.values(C::batch * C::y_batch);
  Floats got(residual.size(), 7), want = got, packed;
  for (Index i = 0; i < C::batch; ++i) {
    const Floats one(b.begin() + i * C::k * C::n, b.begin() + (i + 1) * C::k * C::n);
    append(packed, C::packed ? pack(one, C::k, C::n, C::block) : one);
    for (Index m = 0; m < C::m; ++m) {
      for (Index n = 0; n < C::n; ++n) {
        float sum = 0;
        for (Index k = 0; k < C::k; ++k) {
          sum = std::fma(a[static_cast<std::size_t>(i * C::a_batch + m * C::a_m + k * C::a_k)],
                         one[static_cast<std::size_t>(k * C::n + n)], sum);
        }
        const std::size_t at = static_cast<std::size_t>(i * C::y_batch + m * C::y_m + n);
        want[at] = (sum + bias[static_cast<std::size_t>(n)]) + residual[at];
      }
    }
  }
  nnc::contraction<C>(a.data(), packed.data(), got.data(), Marked{bias.data(), residual.data()});
  report.compare(what, got, want);
}

template <Index Groups, Index I, Index O, Index In0, Index In1, Index K0, Index K1, Index Stride, Index Dilation,
          Index Pad0, Index Pad1, bool Packed, Index InputDilation = 1, Index Out0 = 0, Index Out1 = 0>
struct Convolution {
  static constexpr Index n = 2, groups = Groups, i = I, o = O, in_0 = In0, in_1 = In1, k_0 = K0, k_1 = K1;
  static constexpr Index stride_0 = Stride, stride_1 = Stride, dilation_0 = Dilation, dilation_1 = Dilation;
  static constexpr Index input_dilation_0 = InputDilation, input_dilation_1 = InputDilation;
  static constexpr Index pad_low_0 = Pad0, pad_low_1 = Pad1;
  static constexpr Index out_0 = Out0 ? Out0 : (In0 + 2 * Pad0 - Dilation * (K0 - 1) - 1) / Stride + 1;
  static constexpr Index out_1 = Out1 ? Out1 : (In1 + 2 * Pad1 - Dilation * (K1 - 1) - 1) / Stride + 1;
  static constexpr nnc::TileShape tile = nnc::tile_shape(out_1, O, kLanes, kRegisters);
  static constexpr int lanes = kLanes, tile_m = tile.rows, tile_n = tile.vectors;
  static constexpr bool packed = Packed, depthwise = false;
  static constexpr Index x_i = 1, x_1 = Groups * I, x_0 = In1 * x_1, x_n = In0 * x_0;
  static constexpr Index block = tile_n * lanes, blocks = (O + block - 1) / block;
  static constexpr Index w_i = Packed ? block : O, w_1 = I * w_i, w_0 = K1 * w_1, w_block = K0 * w_0;
  static constexpr Index w_group = Packed ? blocks * w_block : K0 * w_0;
  static constexpr Index y_1 = Groups * O + 1, y_0 = Out1 ? Out1 * y_1 : out_1 * y_1, y_n = out_0 * y_0;
  static constexpr Index row_block = 2;
};

template <Index Groups, Index I, Index O, Index In0, Index In1, Index K0, Index K1, Index Stride, Index Dilation,
          Index Pad0, Index Pad1>
struct WeightGradient : Convolution<Groups, I, O, In0, In1, K0, K1, Stride, Dilation, Pad0, Pad1, false> {
  static constexpr nnc::TileShape tile = nnc::weight_gradient_tile_shape(I, K1, O, kLanes, kRegisters);
  static constexpr int tile_m = tile.rows, tile_n = tile.vectors;
};

// A convolution of images made one of volumes.
template <class Image, Index In, Index K, Index Stride, Index Dilation, Index Pad, Index InputDilation = 1,
          Index Out = 0>
struct Volume : Image {
  static constexpr Index in_plane = In, k_plane = K, stride_plane = Stride, dilation_plane = Dilation;
  static constexpr Index input_dilation_plane = InputDilation, pad_low_plane = Pad;
  static constexpr Index out_plane = Out ? Out : (In + 2 * Pad - Dilation * (K - 1) - 1) / Stride + 1;
  static constexpr Index x_plane = Image::x_n, x_n = In * x_plane, y_plane = Image::y_n, y_n = out_plane * y_plane;
  static constexpr Index w_plane = Image::k_0 * Image::w_0, w_block = K * w_plane;
  static constexpr Index w_group = (Image::packed ? Image::blocks : 1) * w_block;
};

template <class C>
ConvolutionShape shape_of() {
  using P = nnc::Planes<C>;
  return {C::n,
          C::groups,
          C::i,
          C::o,
          {P::in, C::in_0, C::in_1},
          {P::out, C::out_0, C::out_1},
          {P::k, C::k_0, C::k_1},
          {P::stride, C::stride_0, C::stride_1},
          {P::dilation, C::dilation_0, C::dilation_1},
          {P::input_dilation, C::input_dilation_0, C::input_dilation_1},
          {P::pad_low, C::pad_low_0, C::pad_low_1}};
}
template <class C>
std::string name_of(const char* kind) {
  using P = nnc::Planes<C>;
  const std::string planes = P::in == 1 ? ""
                                        : " planes " + std::to_string(P::in) + " k " + std::to_string(P::k) +
                                              " stride " + std::to_string(P::stride) + "/" +
                                              std::to_string(P::input_dilation) + " pad " + std::to_string(P::pad_low);
  return std::string(kind) + planes + " groups " + std::to_string(C::groups) + " i " + std::to_string(C::i) + " o " +
         std::to_string(C::o) + " in " + std::to_string(C::in_0) + "x" + std::to_string(C::in_1) + " k " +
         std::to_string(C::k_0) + "x" + std::to_string(C::k_1) + " stride " + std::to_string(C::stride_0) + "/" +
         std::to_string(C::input_dilation_0) + " dilation " + std::to_string(C::dilation_0) + " pad " +
         std::to_string(C::pad_low_0) + "," + std::to_string(C::pad_low_1);
}

template <class C>
void convolution(Report& report) {
  const ConvolutionShape shape = shape_of<C>();
  const Index rows = shape.taps() * C::i, size = rows * C::o;
  const Floats x = report.values(C::n * C::x_n), w = report.values(C::groups * size);
  const Floats bias = report.values(C::groups * C::o), residual = report.values(C::n * C::y_n);
  Floats used = w;
  if (C::packed) {
    used.clear();
    for (Index g = 0; g < C::groups; ++g) {
      append(used, pack(Floats(w.begin() + g * size, w.begin() + (g + 1) * size), rows, C::o, C::block));
    }
  }
  Floats got(residual.size(), 7), want = got;
  const Floats plain = naive_convolution(shape, x, w);
  const Index channels = C::groups * C::o;
  for (Index pixel = 0; pixel < shape.pixels(); ++pixel) {
    for (Index c = 0; c < channels; ++c) {
      const std::size_t at = static_cast<std::size_t>(pixel * C::y_1 + c);
      want[at] =
          (plain[static_cast<std::size_t>(pixel * channels + c)] + bias[static_cast<std::size_t>(c)]) + residual[at];
    }
  }
  nnc::convolution<C>(x.data(), used.data(), got.data(), Marked{bias.data(), residual.data()});
  report.compare(name_of<C>(C::packed ? "convolution packed" : "convolution plain"), got, want);
}

template <class C>
void convolution_weights(Report& report) {
  static_assert(!C::packed, "dw is plain");
  const Floats x = report.values(C::n * C::x_n);
  const Index channels = C::groups * C::o, pixels = shape_of<C>().pixels();
  const Floats dy = report.values(pixels * channels), bias(static_cast<std::size_t>(channels));
  Floats spread(static_cast<std::size_t>(C::n * C::y_n));
  for (Index pixel = 0; pixel < pixels; ++pixel) {
    for (Index c = 0; c < channels; ++c) {
      spread[static_cast<std::size_t>(pixel * C::y_1 + c)] = dy[static_cast<std::size_t>(pixel * channels + c)];
    }
  }
  Floats want = naive_convolution_weights(shape_of<C>(), x, dy), got(want.size(), 7);
  const Floats residual = report.values(static_cast<Index>(want.size()));
  for (std::size_t i = 0; i < want.size(); ++i) want[i] += residual[i];
  nnc::convolution_weights<C>(x.data(), spread.data(), got.data(), Marked{bias.data(), residual.data()});
  report.compare(name_of<C>("weight gradient"), got, want);
}

// A depthwise convolution is one of `channels` groups.
template <Index Channels, Index In0, Index In1, Index K, Index Stride, Index Dilation, Index Pad>
struct Depthwise : Convolution<1, 1, Channels, In0, In1, K, K, Stride, Dilation, Pad, Pad, false> {
  using Base = Convolution<1, 1, Channels, In0, In1, K, K, Stride, Dilation, Pad, Pad, false>;
  static constexpr nnc::TileShape tile = nnc::depthwise_tile_shape(Base::out_1, Channels, kLanes, kRegisters);
  static constexpr int tile_m = tile.rows, tile_n = tile.vectors;
  static constexpr bool depthwise = true;
  static constexpr Index x_i = 0, w_i = 0, x_1 = Channels, x_0 = In1 * x_1, x_n = In0 * x_0;
  static constexpr Index w_1 = Channels, w_0 = K * w_1;
};

template <class C>
void depthwise(Report& report) {
  ConvolutionShape shape = shape_of<C>();
  shape.groups = C::o;
  shape.o = 1;
  const Index taps = shape.taps();
  const Floats x = report.values(C::n * C::x_n), w = report.values(taps * C::o);
  Floats w_groups(w.size());
  for (Index tap = 0; tap < taps; ++tap) {
    for (Index c = 0; c < C::o; ++c) {
      w_groups[static_cast<std::size_t>(c * taps + tap)] = w[static_cast<std::size_t>(tap * C::o + c)];
    }
  }
  const Floats plain = naive_convolution(shape, x, w_groups);
  const Index pixels = shape.pixels();
  Floats got(static_cast<std::size_t>(C::n * C::y_n), 7), want = got, dy = got;
  for (Index pixel = 0; pixel < pixels; ++pixel) {
    for (Index c = 0; c < C::o; ++c) {
      want[static_cast<std::size_t>(pixel * C::y_1 + c)] = plain[static_cast<std::size_t>(pixel * C::o + c)];
    }
  }
  nnc::convolution<C>(x.data(), w.data(), got.data(), nnc::KeepSum{});
  report.compare(name_of<C>("depthwise"), got, want);

  const Floats gradient = report.values(pixels * C::o);
  for (Index pixel = 0; pixel < pixels; ++pixel) {
    for (Index c = 0; c < C::o; ++c) {
      dy[static_cast<std::size_t>(pixel * C::y_1 + c)] = gradient[static_cast<std::size_t>(pixel * C::o + c)];
    }
  }
  const Floats by_group = naive_convolution_weights(shape, x, gradient);
  Floats dw(w.size(), 7), dw_want(w.size());
  for (Index tap = 0; tap < taps; ++tap) {
    for (Index c = 0; c < C::o; ++c) {
      dw_want[static_cast<std::size_t>(tap * C::o + c)] = by_group[static_cast<std::size_t>(c * taps + tap)];
    }
  }
  nnc::depthwise_weights<C>(x.data(), dy.data(), dw.data(), nnc::KeepSum{});
  report.compare(name_of<C>("depthwise weight gradient"), dw, dw_want);
}

template <class... C>
void products(Report& report) {
  (product<C>(report), ...);
}
template <class... C>
void convolutions(Report& report) {
  (convolution<C>(report), ...);
}
template <class... C>
void weight_gradients(Report& report) {
  (convolution_weights<C>(report), ...);
}
template <class... C>
void depthwises(Report& report) {
  (depthwise<C>(report), ...);
}

inline void run(Report& report) {
  products<Product<1, 1, 1, 1, false, false>, Product<1, 1, 10, 7, false, false>, Product<1, 3, 3, 5, false, true>,
           Product<2, 5, 20, 9, false, false>, Product<1, 29, 33, 12, false, false>,
           Product<1, 16, 70, 40, false, true>, Product<1, 1, 100, 30, true, false>, Product<2, 7, 10, 11, true, false>,
           Product<1, 31, 33, 8, true, true>, Product<1, 64, 64, 64, true, false>,
           Product<1, 13, 130, 17, true, false, 5, 3>, Product<3, 13, 50, 3, false, false, 4, 2>,
           Product<1, 2, 17, 300, false, false>>(report);
  convolutions<
      Convolution<1, 3, 10, 9, 9, 3, 3, 1, 1, 1, 1, true>, Convolution<1, 1, 6, 12, 12, 5, 5, 1, 1, 0, 0, true>,
      Convolution<1, 16, 40, 7, 33, 3, 3, 1, 1, 1, 1, true>, Convolution<1, 5, 33, 8, 30, 3, 3, 2, 1, 1, 1, false>,
      Convolution<2, 3, 20, 6, 18, 3, 3, 1, 2, 2, 2, true>, Convolution<2, 4, 5, 6, 18, 3, 2, 1, 1, 0, 1, false>,
      Convolution<1, 2, 16, 1, 60, 1, 3, 1, 8, 0, 16, true>, Convolution<1, 4, 8, 5, 5, 5, 5, 1, 1, 2, 2, true>,
      Convolution<1, 3, 32, 21, 21, 7, 7, 2, 1, 3, 3, true>, Convolution<1, 3, 17, 4, 40, 1, 1, 1, 1, 0, 0, true>,
      Convolution<1, 2, 9, 3, 50, 1, 2, 1, 1, 0, -1, true>>(report);
  // Input gradients: input dilation 2 and 3, even and uneven sizes, windows smaller than the step.
  convolutions<Convolution<1, 8, 20, 7, 7, 3, 3, 1, 1, 1, 1, true, 2, 14, 14>,
               Convolution<1, 5, 9, 5, 20, 3, 3, 1, 1, 2, 1, false, 2, 11, 41>,
               Convolution<1, 4, 16, 6, 6, 1, 1, 1, 1, 0, 0, true, 2, 12, 12>,
               Convolution<1, 4, 16, 6, 6, 5, 5, 1, 1, 2, 3, true, 3, 18, 19>,
               Convolution<2, 3, 8, 5, 5, 3, 3, 1, 2, 3, 3, true, 2, 10, 10>>(report);
  weight_gradients<WeightGradient<1, 3, 10, 9, 9, 3, 3, 1, 1, 1, 1>, WeightGradient<1, 1, 6, 12, 12, 5, 5, 1, 1, 0, 0>,
                   WeightGradient<1, 17, 40, 7, 13, 3, 3, 1, 1, 1, 1>,
                   WeightGradient<1, 16, 33, 8, 15, 3, 3, 2, 1, 1, 1>,
                   WeightGradient<2, 3, 20, 6, 18, 3, 3, 1, 2, 2, 2>, WeightGradient<3, 9, 5, 6, 8, 3, 2, 1, 1, 0, 1>,
                   WeightGradient<1, 20, 64, 1, 30, 1, 3, 1, 8, 0, 16>>(report);
  depthwises<Depthwise<3, 6, 9, 3, 1, 1, 1>, Depthwise<40, 8, 20, 3, 1, 1, 1>, Depthwise<33, 9, 33, 5, 2, 1, 2>,
             Depthwise<16, 7, 7, 3, 1, 2, 2>, Depthwise<21, 8, 12, 3, 1, 1, 0>>(report);
  // Volumes: padding, stride and dilation of the planes, groups; an input gradient; a plane that some taps miss.
  convolutions<Volume<Convolution<1, 3, 10, 5, 9, 3, 3, 1, 1, 1, 1, true>, 4, 3, 1, 1, 1>,
               Volume<Convolution<1, 5, 33, 4, 6, 3, 3, 2, 1, 1, 1, false>, 5, 2, 2, 1, 1>,
               Volume<Convolution<2, 3, 20, 4, 18, 3, 3, 1, 2, 2, 2, true>, 6, 3, 1, 2, 1>,
               Volume<Convolution<1, 4, 8, 4, 5, 3, 5, 1, 1, 1, 2, false>, 2, 5, 1, 1, 2>,
               Volume<Convolution<1, 4, 9, 5, 4, 3, 3, 1, 1, 1, 1, true, 2, 9, 8>, 3, 3, 1, 1, 1, 2, 6>>(report);
  weight_gradients<Volume<WeightGradient<1, 3, 10, 5, 7, 3, 3, 1, 1, 1, 1>, 4, 3, 1, 1, 1>,
                   Volume<WeightGradient<2, 17, 20, 6, 8, 3, 2, 2, 1, 0, 1>, 5, 2, 2, 1, 1>,
                   Volume<WeightGradient<1, 4, 8, 3, 5, 1, 3, 1, 1, 0, 1>, 2, 5, 1, 1, 2>>(report);
  depthwises<Volume<Depthwise<19, 5, 9, 3, 1, 1, 1>, 4, 3, 1, 1, 1>,
             Volume<Depthwise<16, 6, 7, 3, 2, 1, 1>, 5, 2, 2, 2, 1>>(report);
}

}  // namespace cases
