// Kernels of templates/ against the machine: GFLOP/s and the share of one core's peak, which is measured first.
//
// The file carries its target by pragma like an emitted file, so it is built with -O2 and nothing else. run.sh builds
// it with both compilers for two targets and prints the tables side by side. NNC_BENCH_WIDTH: 512 or 256.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#ifndef NNC_BENCH_WIDTH
#define NNC_BENCH_WIDTH 256
#endif
#define NNC_FMA 1
#if NNC_BENCH_WIDTH == 512
#define NNC_LANES 16
#define NNC_REGISTERS 32
#else
#define NNC_LANES 8
#define NNC_REGISTERS 16
#endif

#if defined(__clang__)
#pragma clang fp contract(off)
#if NNC_BENCH_WIDTH == 512
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma"))), \
                             apply_to = function)
#else
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#endif
#else
#pragma GCC push_options
#pragma GCC optimize("fp-contract=off")
#if NNC_BENCH_WIDTH == 512
#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")
#else
#pragma GCC target("avx2,fma")
#endif
#endif
namespace {
#include "contraction.h"
#include "convolution.h"
#include "convolution_weights.h"
#include "elementwise.h"
#include "nnc/math.h"
#include "window.h"

using Index = std::ptrdiff_t;
constexpr int kLanes = NNC_LANES, kRegisters = NNC_REGISTERS;

struct BiasRelu {
  const float* bias;
  template <class V>
  V operator()(V sum, Index, Index channel) const {
    return nnc::maximum(V{}, sum + nnc::load<nnc::Lanes<V>::count>(bias + channel));
  }
};
// Passes a gradient where the forward value was positive.
struct ReluMask {
  const float* y;
  template <class V>
  V operator()(V sum, Index offset, Index) const {
    return nnc::select(nnc::load<nnc::Lanes<V>::count>(y + offset) > V{}, sum, V{});
  }
};

template <Index M, Index N, Index K, bool Packed = true>
struct Product {
  static constexpr nnc::TileShape tile = nnc::tile_shape(M, N, kLanes, kRegisters, 4 * K);
  static constexpr int lanes = kLanes, tile_m = tile.rows, tile_n = tile.vectors;
  static constexpr bool packed = Packed;
  static constexpr Index batch = 1, m = M, n = N, k = K, a_batch = 0, a_m = K, a_k = 1;
  static constexpr Index block = tile_n * lanes, b_k = Packed ? block : N, b_block = K * block, b_batch = 0;
  static constexpr Index y_m = N, y_batch = 0;
};

// A convolution of an image In x In; Step > 1 is its input gradient when Backward.
template <Index I, Index O, Index In, Index K, Index Stride, Index Pad, bool Backward = false>
struct Convolution {
  static constexpr Index small = (In + 2 * Pad - K) / Stride + 1;
  static constexpr Index n = 1, groups = 1, i = Backward ? O : I, o = Backward ? I : O;
  static constexpr Index in_0 = Backward ? small : In, in_1 = in_0, out_0 = Backward ? In : small, out_1 = out_0;
  static constexpr Index k_0 = K, k_1 = K, stride_0 = Backward ? 1 : Stride, stride_1 = stride_0;
  static constexpr Index dilation_0 = 1, dilation_1 = 1;
  static constexpr Index input_dilation_0 = Backward ? Stride : 1, input_dilation_1 = input_dilation_0;
  static constexpr Index pad_low_0 = Backward ? K - 1 - Pad : Pad, pad_low_1 = pad_low_0;
  static constexpr nnc::TileShape tile =
      nnc::tile_shape(nnc::divide_up(out_1, input_dilation_1), o, kLanes, kRegisters);
  static constexpr int lanes = kLanes, tile_m = tile.rows, tile_n = tile.vectors;
  static constexpr bool packed = true, depthwise = false;
  static constexpr Index x_i = 1, x_1 = i, x_0 = in_1 * x_1, x_n = 0;
  static constexpr Index block = tile_n * lanes, w_i = block, w_1 = i * block, w_0 = K * w_1, w_block = K * w_0,
                         w_group = 0;
  static constexpr Index y_1 = o, y_0 = out_1 * y_1, y_n = 0;
};
template <Index I, Index O, Index In, Index K, Index Stride, Index Pad>
struct WeightGradient : Convolution<I, O, In, K, Stride, Pad> {
  using Base = Convolution<I, O, In, K, Stride, Pad>;
  static constexpr nnc::TileShape tile = nnc::weight_gradient_tile_shape(I, K, O, kLanes, kRegisters);
  static constexpr int tile_m = tile.rows, tile_n = tile.vectors;
  static constexpr bool packed = false;
  static constexpr Index w_i = O, w_1 = I * O, w_0 = K * w_1;
  static constexpr Index row_block =
      nnc::convolution_row_block(Base::in_1 * I * 4 * Stride, Base::out_1* O * 4, Base::out_0);
};
template <Index Channels, Index In, Index K, Index Stride, Index Pad, bool Backward = false>
struct Depthwise : Convolution<1, 1, In, K, Stride, Pad, Backward> {
  using Base = Convolution<1, 1, In, K, Stride, Pad, Backward>;
  static constexpr Index i = 1, o = Channels, x_i = 0, w_i = 0;
  static constexpr Index x_1 = Channels, x_0 = Base::in_1 * x_1, w_1 = Channels, w_0 = K * w_1, y_1 = Channels;
  static constexpr Index y_0 = Base::out_1 * y_1;
  static constexpr nnc::TileShape tile =
      nnc::depthwise_tile_shape(nnc::divide_up(Base::out_1, Base::input_dilation_1), o, kLanes, kRegisters);
  static constexpr int tile_m = tile.rows, tile_n = tile.vectors;
  static constexpr bool packed = false, depthwise = true;
};
// A convolution of a volume of 8 planes, 3 taps deep, padded by one.
template <class Image>
struct Volume : Image {
  static constexpr Index in_plane = 8, out_plane = 8, k_plane = 3, stride_plane = 1, dilation_plane = 1;
  static constexpr Index input_dilation_plane = 1, pad_low_plane = 1;
  static constexpr Index x_plane = Image::in_0 * Image::x_0, y_plane = Image::out_0 * Image::y_0;
  static constexpr Index w_plane = Image::k_0 * Image::w_0, w_block = 3 * w_plane;
};
struct Pool {
  static constexpr int lanes = kLanes;
  static constexpr Index n = 1, channels = 64, in_0 = 112, in_1 = 112, out_0 = 56, out_1 = 56, k_0 = 3, k_1 = 3;
  static constexpr Index stride_0 = 2, stride_1 = 2, dilation_0 = 1, dilation_1 = 1, pad_low_0 = 1, pad_low_1 = 1;
  static constexpr Index x_n = 0, x_1 = 64, x_0 = 112 * 64, y_n = 0, y_1 = 64, y_0 = 56 * 64;
};
struct Rows {
  static constexpr int lanes = kLanes;
  static constexpr Index outer_0 = 1, outer_1 = 64, reduced_0 = 1, reduced_1 = 4096, inner = 1;
  static constexpr Index x_outer_0 = 0, x_outer_1 = 4096, x_reduced_0 = 0, x_reduced_1 = 1, y_outer_0 = 0,
                         y_outer_1 = 1;
};
struct Columns {
  static constexpr int lanes = kLanes;
  static constexpr Index outer_0 = 1, outer_1 = 1, reduced_0 = 1, reduced_1 = 3136, inner = 64;
  static constexpr Index x_outer_0 = 0, x_outer_1 = 0, x_reduced_0 = 0, x_reduced_1 = 64, y_outer_0 = 0, y_outer_1 = 0;
};

#define NNC_BENCH_MAP(name, expression)                 \
  struct name {                                         \
    const float* x;                                     \
    float* y;                                           \
    template <int N>                                    \
    void at(Index i) const {                            \
      const nnc::Vec<float, N> v = nnc::load<N>(x + i); \
      nnc::store(y + i, expression);                    \
    }                                                   \
  }
NNC_BENCH_MAP(MapExp, nnc::exp(v));
NNC_BENCH_MAP(MapLog, nnc::log(v));
NNC_BENCH_MAP(MapTanh, nnc::tanh(v));
NNC_BENCH_MAP(MapErf, nnc::erf(v));
NNC_BENCH_MAP(MapSin, nnc::sin(v));
NNC_BENCH_MAP(MapPower, nnc::power(v, v));

// The buffers of all kernels: values in (0, 1).
struct Data {
  float *x, *w, *y, *b, *r;
};
#define NNC_BENCH_KERNEL __attribute__((noinline)) void
template <class C>
NNC_BENCH_KERNEL run_product(const Data& d) {
  nnc::contraction<C>(d.x, d.w, d.y, BiasRelu{d.b});
}
template <class C>
NNC_BENCH_KERNEL run_convolution(const Data& d) {
  nnc::convolution<C>(d.x, d.w, d.y, BiasRelu{d.b});
}
template <class C>
NNC_BENCH_KERNEL run_input_gradient(const Data& d) {
  nnc::convolution<C>(d.x, d.w, d.y, ReluMask{d.r});
}
template <class C>
NNC_BENCH_KERNEL run_weight_gradient(const Data& d) {
  nnc::convolution_weights<C>(d.x, d.r, d.y, nnc::KeepSum{});
}
template <class C>
NNC_BENCH_KERNEL run_depthwise_gradient(const Data& d) {
  nnc::depthwise_weights<C>(d.x, d.r, d.y, nnc::KeepSum{});
}
NNC_BENCH_KERNEL run_pool(const Data& d) { nnc::window_max<Pool>(d.x, d.y, nnc::KeepSum{}); }
NNC_BENCH_KERNEL run_scatter(const Data& d) { nnc::window_scatter<Pool>(d.x, d.r, d.y); }
template <class C>
NNC_BENCH_KERNEL run_sum(const Data& d) {
  nnc::reduce<C>(nnc::LoadElement<float>{d.x}, d.y, nnc::ReduceSum{}, nnc::KeepSum{});
}
template <class F>
NNC_BENCH_KERNEL run_map(const Data& d) {
  nnc::for_each<kLanes, 4096>(F{d.x, d.y});
}
// As many independent chains of multiply-adds as the latency asks for.
NNC_BENCH_KERNEL run_peak(const Data& d) {
  using V = nnc::Vec<float, kLanes>;
  V sum[12];
  for (int i = 0; i < 12; ++i) sum[i] = nnc::load<kLanes>(d.x + i * kLanes);
  const V a = sum[0];
  for (int i = 0; i < 100000; ++i) {
    NNC_UNROLL
    for (V& s : sum) s = nnc::fma(s, a, a);
  }
  for (const V& s : sum) nnc::store(d.y, static_cast<V>(nnc::load<kLanes>(d.y) + s));
}
}  // namespace
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace {

float* buffer(std::size_t count, std::uint32_t seed) {
  float* p = static_cast<float*>(std::aligned_alloc(64, count * sizeof(float)));
  for (std::size_t i = 0; i < count; ++i) {
    seed = seed * 1664525u + 1013904223u;
    p[i] = static_cast<float>(seed >> 8) / 16777216.0f;
  }
  return p;
}

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }
double best_time(void (*kernel)(const Data&), const Data& data) {
  double best = 1e9;
  const double end = seconds() + 0.4;
  for (int i = 0; i < 10 || seconds() < end; ++i) {
    const double start = seconds();
    kernel(data);
    const double time = seconds() - start;
    if (time < best) best = time;
  }
  return best;
}

#if defined(__clang__)
const char* const kCompiler = "clang++";
#else
const char* const kCompiler = "g++";
#endif
const char* const kTarget = NNC_BENCH_WIDTH == 512 ? "x86-64-v4" : "x86-64-v3";

struct Bench {
  Data data;
  const char* filter;
  double peak = 0;

  // work: floating-point operations; 0 prints elements a nanosecond instead.
  void show(const char* name, void (*kernel)(const Data&), double work, double elements = 0) {
    if (filter != nullptr && std::strstr(name, filter) == nullptr) return;
    const double time = best_time(kernel, data);
    std::printf("%-44s %-8s %-10s %10.1f us", name, kCompiler, kTarget, time * 1e6);
    if (work > 0) std::printf(" %8.1f GFLOP/s %5.1f %%\n", work / time * 1e-9, 100 * work / time / peak);
    if (work == 0) std::printf(" %8.3f ns an element\n", time * 1e9 / elements);
  }
};

constexpr double product_work(double m, double n, double k) { return 2 * m * n * k; }
template <class C>
constexpr double convolution_work() {
  const double outputs =
      static_cast<double>(C::out_0 * C::out_1) / static_cast<double>(C::input_dilation_0 * C::input_dilation_1);
  const Index planes = nnc::Planes<C>::out * nnc::Planes<C>::k;
  return 2.0 * outputs * static_cast<double>(C::i * C::o * C::k_0 * C::k_1 * planes);
}

}  // namespace

int main(int count, char** arguments) {
  const std::size_t size = std::size_t{1} << 24;
  Bench bench{{buffer(size, 1), buffer(size, 2), buffer(size, 3), buffer(8192, 4), buffer(size, 5)},
              count > 1 ? arguments[1] : nullptr};
  for (int i = 0; i < 3; ++i) {
    const double peak = 2.0 * 12 * kLanes * 100000 / best_time(run_peak, bench.data);
    if (peak > bench.peak) bench.peak = peak;
  }
  std::printf("%-44s %-8s %-10s %13s %8.1f GFLOP/s\n", "peak of one core", kCompiler, kTarget, "", bench.peak * 1e-9);

  bench.show("convolution 3x3 64->64 56x56 border", run_convolution<Convolution<64, 64, 58, 3, 1, 0>>,
             convolution_work<Convolution<64, 64, 58, 3, 1, 0>>());
  bench.show("convolution 3x3 64->64 56x56", run_convolution<Convolution<64, 64, 56, 3, 1, 1>>,
             convolution_work<Convolution<64, 64, 56, 3, 1, 1>>());
  bench.show("convolution 3x3/2 64->128 56x56", run_convolution<Convolution<64, 128, 56, 3, 2, 1>>,
             convolution_work<Convolution<64, 128, 56, 3, 2, 1>>());
  bench.show("convolution 3x3 256->256 14x14", run_convolution<Convolution<256, 256, 14, 3, 1, 1>>,
             convolution_work<Convolution<256, 256, 14, 3, 1, 1>>());
  bench.show("convolution 3x3 512->512 7x7", run_convolution<Convolution<512, 512, 7, 3, 1, 1>>,
             convolution_work<Convolution<512, 512, 7, 3, 1, 1>>());
  bench.show("convolution 1x1 256->64 56x56", run_convolution<Convolution<256, 64, 56, 1, 1, 0>>,
             convolution_work<Convolution<256, 64, 56, 1, 1, 0>>());
  bench.show("convolution 7x7/2 3->64 224x224", run_convolution<Convolution<3, 64, 224, 7, 2, 3>>,
             convolution_work<Convolution<3, 64, 224, 7, 2, 3>>());
  bench.show("convolution 3x3 16->16 32x32", run_convolution<Convolution<16, 16, 32, 3, 1, 1>>,
             convolution_work<Convolution<16, 16, 32, 3, 1, 1>>());
  bench.show("convolution 5x5 1->6 28x28 (LeNet)", run_convolution<Convolution<1, 6, 28, 5, 1, 2>>,
             convolution_work<Convolution<1, 6, 28, 5, 1, 2>>());
  bench.show("convolution 3x3x3 32->32 8x28x28", run_convolution<Volume<Convolution<32, 32, 28, 3, 1, 1>>>,
             convolution_work<Volume<Convolution<32, 32, 28, 3, 1, 1>>>());

  bench.show("input gradient 3x3 64->64 56x56", run_input_gradient<Convolution<64, 64, 56, 3, 1, 1, true>>,
             convolution_work<Convolution<64, 64, 56, 3, 1, 1>>());
  bench.show("input gradient 3x3/2 64->128 56x56", run_input_gradient<Convolution<64, 128, 56, 3, 2, 1, true>>,
             convolution_work<Convolution<64, 128, 56, 3, 2, 1>>());
  bench.show("weight gradient 3x3 64->64 56x56", run_weight_gradient<WeightGradient<64, 64, 56, 3, 1, 1>>,
             convolution_work<Convolution<64, 64, 56, 3, 1, 1>>());
  bench.show("weight gradient 3x3/2 64->128 56x56", run_weight_gradient<WeightGradient<64, 128, 56, 3, 2, 1>>,
             convolution_work<Convolution<64, 128, 56, 3, 2, 1>>());
  bench.show("weight gradient 3x3 256->256 14x14", run_weight_gradient<WeightGradient<256, 256, 14, 3, 1, 1>>,
             convolution_work<Convolution<256, 256, 14, 3, 1, 1>>());
  bench.show("weight gradient 3x3 3->16 32x32", run_weight_gradient<WeightGradient<3, 16, 32, 3, 1, 1>>,
             convolution_work<Convolution<3, 16, 32, 3, 1, 1>>());
  bench.show("weight gradient 5x5 1->6 28x28 (LeNet)", run_weight_gradient<WeightGradient<1, 6, 28, 5, 1, 2>>,
             convolution_work<Convolution<1, 6, 28, 5, 1, 2>>());
  bench.show("weight gradient 3x3x3 32->32 8x28x28", run_weight_gradient<Volume<WeightGradient<32, 32, 28, 3, 1, 1>>>,
             convolution_work<Volume<Convolution<32, 32, 28, 3, 1, 1>>>());

  bench.show("product 512x512x512", run_product<Product<512, 512, 512>>, product_work(512, 512, 512));
  bench.show("product 512x512x512 plain", run_product<Product<512, 512, 512, false>>, product_work(512, 512, 512));
  bench.show("product 2048x2048x2048", run_product<Product<2048, 2048, 2048>>, product_work(2048, 2048, 2048));
  bench.show("product 64x512x512", run_product<Product<64, 512, 512>>, product_work(64, 512, 512));
  bench.show("product 16x10x512 plain", run_product<Product<16, 10, 512, false>>, product_work(16, 10, 512));
  bench.show("product 1x512x512 (weights in cache)", run_product<Product<1, 512, 512>>, product_work(1, 512, 512));
  bench.show("product 1x4096x4096 (2 FLOP per 4 bytes)", run_product<Product<1, 4096, 4096>>,
             product_work(1, 4096, 4096));

  bench.show("depthwise 3x3 144 56x56", run_convolution<Depthwise<144, 56, 3, 1, 1>>, 2.0 * 144 * 56 * 56 * 9);
  bench.show("depthwise 3x3/2 144 56x56", run_convolution<Depthwise<144, 56, 3, 2, 1>>, 2.0 * 144 * 28 * 28 * 9);
  bench.show("depthwise input gradient 3x3/2 144 56x56", run_input_gradient<Depthwise<144, 56, 3, 2, 1, true>>,
             2.0 * 144 * 28 * 28 * 9);
  bench.show("depthwise weight gradient 3x3 144 56x56", run_depthwise_gradient<Depthwise<144, 56, 3, 1, 1>>,
             2.0 * 144 * 56 * 56 * 9);

  bench.show("window_max 3x3/2 64 112x112", run_pool, 0, 64.0 * 56 * 56);
  bench.show("window_scatter 3x3/2 64 112x112", run_scatter, 0, 64.0 * 56 * 56);
  bench.show("sum of rows 64x4096", run_sum<Rows>, 0, 64 * 4096);
  bench.show("sum of columns 3136x64", run_sum<Columns>, 0, 64 * 3136);
  bench.show("exp", run_map<MapExp>, 0, 4096);
  bench.show("log", run_map<MapLog>, 0, 4096);
  bench.show("tanh", run_map<MapTanh>, 0, 4096);
  bench.show("erf", run_map<MapErf>, 0, 4096);
  bench.show("sin", run_map<MapSin>, 0, 4096);
  bench.show("power", run_map<MapPower>, 0, 4096);
  return 0;
}
