// Windows, reductions, elementwise loops and copies against plain loops. Included like cases.h, after it.

namespace cases {

// A value that often equals its neighbours, so that ties happen.
inline Floats coarse(Report& report, Index count) {
  Floats values = report.values(count);
  for (float& value : values) value = std::floor(value * 4) / 4;
  return values;
}
inline std::size_t at(Index i) { return static_cast<std::size_t>(i); }

template <Index Channels, Index In0, Index In1, Index K0, Index K1, Index Stride, Index Dilation, Index Pad>
struct Window {
  static constexpr int lanes = kLanes;
  static constexpr Index n = 2, channels = Channels, in_0 = In0, in_1 = In1, k_0 = K0, k_1 = K1;
  static constexpr Index stride_0 = Stride, stride_1 = Stride, dilation_0 = Dilation, dilation_1 = Dilation;
  static constexpr Index pad_low_0 = Pad, pad_low_1 = Pad;
  static constexpr Index out_0 = (In0 + 2 * Pad - Dilation * (K0 - 1) - 1) / Stride + 1;
  static constexpr Index out_1 = (In1 + 2 * Pad - Dilation * (K1 - 1) - 1) / Stride + 1;
  static constexpr Index x_1 = Channels, x_0 = In1 * x_1, x_n = In0 * x_0;
  static constexpr Index y_1 = Channels + 2, y_0 = out_1 * y_1, y_n = out_0 * y_0;
};

// Windows of images made those of volumes.
template <class Image, Index In, Index K, Index Stride, Index Dilation, Index Pad>
struct WindowVolume : Image {
  static constexpr Index in_plane = In, k_plane = K, stride_plane = Stride, dilation_plane = Dilation;
  static constexpr Index pad_low_plane = Pad;
  static constexpr Index out_plane = (In + 2 * Pad - Dilation * (K - 1) - 1) / Stride + 1;
  static constexpr Index x_plane = Image::x_n, x_n = In * x_plane, y_plane = Image::y_n, y_n = out_plane * y_plane;
};

// Calls function(place in x) for the taps of one output that meet the input.
template <class C, class F>
void for_taps(Index n, Index plane, Index row, Index column, Index channel, const F& function) {
  using P = nnc::Planes<C>;
  for (Index tap = 0; tap < P::k * C::k_0 * C::k_1; ++tap) {
    const Index p = plane * P::stride + tap / C::k_1 / C::k_0 * P::dilation - P::pad_low;
    const Index r = row * C::stride_0 + tap / C::k_1 % C::k_0 * C::dilation_0 - C::pad_low_0;
    const Index c = column * C::stride_1 + tap % C::k_1 * C::dilation_1 - C::pad_low_1;
    if (p >= 0 && p < P::in && r >= 0 && r < C::in_0 && c >= 0 && c < C::in_1) {
      function(n * C::x_n + p * P::x + r * C::x_0 + c * C::x_1 + channel);
    }
  }
}

template <class C>
void window(Report& report) {
  const std::string what = "window " + std::to_string(C::channels) + " channels " + std::to_string(C::in_0) + "x" +
                           std::to_string(C::in_1) + " k " + std::to_string(C::k_0) + "x" + std::to_string(C::k_1) +
                           " stride " + std::to_string(C::stride_0) + " pad " + std::to_string(C::pad_low_0) +
                           " planes " + std::to_string(nnc::Planes<C>::in);
  Floats x = coarse(report, C::n * C::x_n);
  x[x.size() / 2] = std::numeric_limits<float>::quiet_NaN();
  const Floats z = report.values(C::n * C::x_n), dy = report.values(C::n * C::y_n);
  const Floats empty(at(C::n * C::y_n), 7);
  Floats maximum = empty, sum = empty, gathered = empty, scattered(x.size());
  for (Index pixel = 0; pixel < C::n * nnc::Planes<C>::out * C::out_0 * C::out_1; ++pixel) {
    const Index column = pixel % C::out_1, row = pixel / C::out_1 % C::out_0;
    const Index plane = pixel / C::out_1 / C::out_0 % nnc::Planes<C>::out;
    const Index n = pixel / C::out_1 / C::out_0 / nnc::Planes<C>::out;
    for (Index channel = 0; channel < C::channels; ++channel) {
      const std::size_t y = at(pixel * C::y_1 + channel);
      Index best = -1;
      sum[y] = 0;
      for_taps<C>(n, plane, row, column, channel, [&](Index place) {
        sum[y] += x[at(place)];
        if (best < 0 || x[at(place)] > x[at(best)] || (std::isnan(x[at(place)]) && !std::isnan(x[at(best)]))) {
          best = place;
        }
      });
      maximum[y] = x[at(best)];
      gathered[y] = z[at(best)];
      scattered[at(best)] += dy[y];
    }
  }
  Floats got = empty;
  nnc::window_max<C>(x.data(), got.data(), nnc::KeepSum{});
  report.compare("maximum, " + what, got, maximum);
  got = empty;
  nnc::window_sum<C>(x.data(), got.data(), nnc::KeepSum{});
  report.compare("sum, " + what, got, sum);
  got = empty;
  nnc::window_gather<C>(x.data(), z.data(), got.data(), nnc::KeepSum{});
  report.compare("gather, " + what, got, gathered);
  Floats dx(x.size(), 7);
  nnc::window_scatter<C>(x.data(), dy.data(), dx.data());
  report.compare("scatter, " + what, dx, scattered);
}

template <Index Outer, Index Reduced0, Index Reduced1, Index Inner, bool Strided = false>
struct Reduction {
  static constexpr int lanes = kLanes;
  static constexpr Index outer_0 = 2, outer_1 = Outer, reduced_0 = Reduced0, reduced_1 = Reduced1, inner = Inner;
  static constexpr Index x_reduced_1 = Strided ? Inner + 5 : Inner, x_outer_1 = Reduced1 * x_reduced_1;
  static constexpr Index x_reduced_0 = Outer * x_outer_1, x_outer_0 = Reduced0 * x_reduced_0;
  static constexpr Index y_outer_1 = Inner, y_outer_0 = Outer * Inner;
};

// The tree of partial sums, written out.
template <class F>
float tree(const Floats& x, Index reduced_0, Index reduced_1, float neutral, const F& combine) {
  float partial[16];
  for (float& p : partial) p = neutral;
  for (Index r0 = 0; r0 < reduced_0; ++r0) {
    for (Index r1 = 0; r1 < reduced_1; ++r1) {
      partial[r1 % 16] = combine(partial[r1 % 16], x[at(r0 * reduced_1 + r1)]);
    }
  }
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) partial[i] = combine(partial[i], partial[i + half]);
  }
  return partial[0];
}

template <class C>
void reduction(Report& report) {
  const std::string what = std::to_string(C::outer_1) + " x " + std::to_string(C::reduced_0) + "," +
                           std::to_string(C::reduced_1) + " x " + std::to_string(C::inner);
  const Floats x = coarse(report, 2 * C::x_outer_0), fine = report.values(2 * C::x_outer_0);
  Floats sum(at(2 * C::y_outer_0)), maximum = sum, minimum = sum, product = sum, winner = sum;
  for (Index o0 = 0; o0 < 2; ++o0) {
    for (Index o1 = 0; o1 < C::outer_1; ++o1) {
      for (Index inner = 0; inner < C::inner; ++inner) {
        Floats values, coarse_values;
        for (Index r0 = 0; r0 < C::reduced_0; ++r0) {
          for (Index r1 = 0; r1 < C::reduced_1; ++r1) {
            const std::size_t place =
                at(o0 * C::x_outer_0 + o1 * C::x_outer_1 + r0 * C::x_reduced_0 + r1 * C::x_reduced_1 + inner);
            values.push_back(fine[place]);
            coarse_values.push_back(x[place]);
          }
        }
        const std::size_t y = at(o0 * C::y_outer_0 + o1 * C::y_outer_1 + inner);
        const float infinity = std::numeric_limits<float>::infinity();
        sum[y] = tree(values, C::reduced_0, C::reduced_1, 0, [](float a, float b) { return a + b; });
        product[y] = tree(values, C::reduced_0, C::reduced_1, 1, [](float a, float b) { return a * b; });
        maximum[y] =
            tree(values, C::reduced_0, C::reduced_1, -infinity, [](float a, float b) { return a < b ? b : a; });
        minimum[y] = tree(values, C::reduced_0, C::reduced_1, infinity, [](float a, float b) { return b < a ? b : a; });
        std::size_t best = 0;
        for (std::size_t i = 1; i < coarse_values.size(); ++i) {
          if (coarse_values[i] > coarse_values[best]) best = i;
        }
        winner[y] = static_cast<float>(best);
      }
    }
  }
  const nnc::LoadElement<float> from{fine.data()};
  Floats got(sum.size(), 7);
  nnc::reduce<C>(from, got.data(), nnc::ReduceSum{}, nnc::KeepSum{});
  report.compare("sum " + what, got, sum);
  nnc::reduce<C>(from, got.data(), nnc::ReduceProduct{}, nnc::KeepSum{});
  report.compare("product " + what, got, product);
  nnc::reduce<C>(from, got.data(), nnc::ReduceMaximum{}, nnc::KeepSum{});
  report.compare("maximum " + what, got, maximum);
  nnc::reduce<C>(from, got.data(), nnc::ReduceMinimum{}, nnc::KeepSum{});
  report.compare("minimum " + what, got, minimum);
  if constexpr (C::reduced_0 == 1) {
    std::vector<std::int32_t> index(sum.size(), 7);
    nnc::argmax<C>(nnc::LoadElement<float>{x.data()}, index.data());
    report.compare("argmax " + what, Floats(index.begin(), index.end()), winner);
  }
}

template <class... C>
void windows(Report& report) {
  (window<C>(report), ...);
}
template <class... C>
void reductions(Report& report) {
  (reduction<C>(report), ...);
}

// An axis permutation of [5][7][21] with a border around the result.
template <int A, int B, int D>
struct Permutation {
  static constexpr int rank = 3, lanes = kLanes;
  static constexpr Index size[3] = {5, 7, 21}, step[3] = {147, 21, 1};
  static constexpr Index extent[3] = {size[A], size[B], size[D]}, x_stride[3] = {step[A], step[B], step[D]};
  static constexpr Index y_stride[3] = {(size[B] + 1) * (size[D] + 2), size[D] + 2, 1};
};
template <class C>
void permutation(Report& report) {
  const Floats x = report.values(5 * 7 * 21);
  Floats got(at(C::extent[0] * C::y_stride[0] + 1), 7), want = got;
  for (Index i = 0; i < C::extent[0]; ++i) {
    for (Index j = 0; j < C::extent[1]; ++j) {
      for (Index k = 0; k < C::extent[2]; ++k) {
        want[at(1 + i * C::y_stride[0] + j * C::y_stride[1] + k)] =
            x[at(i * C::x_stride[0] + j * C::x_stride[1] + k * C::x_stride[2])];
      }
    }
  }
  nnc::copy<C>(x.data(), got.data() + 1);
  report.compare("copy to [" + std::to_string(C::extent[0]) + "][" + std::to_string(C::extent[1]) + "]", got, want);
  nnc::fill<C>(got.data() + 1, 2.5f);
  for (Index i = 0; i < C::extent[0]; ++i) {
    for (Index j = 0; j < C::extent[1]; ++j) {
      for (Index k = 0; k < C::extent[2]; ++k) want[at(1 + i * C::y_stride[0] + j * C::y_stride[1] + k)] = 2.5f;
    }
  }
  report.compare("fill", got, want);
}
// Backwards, every second element, each twice.
struct Reverse {
  static constexpr int rank = 2, lanes = kLanes;
  static constexpr Index extent[2] = {9, 2}, x_stride[2] = {-2, 0}, y_stride[2] = {2, 1};
};

struct TableRows {
  static constexpr int lanes = kLanes;
  static constexpr Index rows = 6, table_rows = 4, width = 21, table_row = 23, y_row = 21, u_row = 21;
};
inline void rows_by_index(Report& report) {
  const std::int32_t index[6] = {2, 0, -5, 3, 9, 2};
  const Index used[6] = {2, 0, 0, 3, 3, 2};
  const Floats table = report.values(4 * 23), u = report.values(6 * 21);
  Floats got(6 * 21, 7), want(6 * 21), sums(4 * 23, 7), sums_want(4 * 23);
  for (Index r = 0; r < 6; ++r) {
    for (Index i = 0; i < 21; ++i) {
      want[at(r * 21 + i)] = table[at(used[r] * 23 + i)];
      sums_want[at(used[r] * 23 + i)] += u[at(r * 21 + i)];
    }
  }
  for (Index r = 0; r < 4; ++r) sums_want[at(r * 23 + 21)] = sums_want[at(r * 23 + 22)] = 7;
  nnc::gather_rows<TableRows>(table.data(), index, got.data());
  report.compare("gather_rows", got, want);
  for (Index r = 0; r < 4; ++r) std::fill_n(sums.begin() + r * 23, 21, 0.0f);
  nnc::scatter_rows<TableRows>(index, u.data(), sums.data(), nnc::ReduceSum{});
  report.compare("scatter_rows", sums, sums_want);
}

// Conversions, conditions and a broadcast operand in one loop.
struct Mixed {
  const float* x;
  const float* row_bias;
  const std::uint8_t* keep;
  std::int32_t* rounded;
  std::uint8_t* positive;
  float* y;
  template <int N>
  void at(Index row, Index column) const {
    const Index i = row * 37 + column;
    const auto value = nnc::load<N>(x + i) + nnc::splat<nnc::Vec<float, N>>(row_bias[row]);
    const auto is_positive = value > nnc::Vec<float, N>{};
    nnc::store(positive + i, nnc::to_bool(nnc::logical_and(is_positive, nnc::load<N>(keep + i))));
    nnc::store(rounded + i, nnc::cast<std::int32_t>(static_cast<nnc::Vec<float, N>>(value * 3e9f)));
    nnc::store(y + i, nnc::select(nnc::load<N>(keep + i), value, nnc::Vec<float, N>{}));
  }
};
inline void elementwise(Report& report) {
  const Index count = 4 * 37;
  Floats x = report.values(count), bias = report.values(4), y(at(count)), want_y = y, want_rounded = y,
         want_positive = y;
  x[5] = std::numeric_limits<float>::quiet_NaN();
  std::vector<std::uint8_t> keep(x.size()), positive(x.size());
  std::vector<std::int32_t> rounded(x.size());
  for (Index i = 0; i < count; ++i) {
    keep[at(i)] = report.next() > 0;
    const float value = x[at(i)] + bias[at(i / 37)], scaled = value * 3e9f;
    want_positive[at(i)] = value > 0 && keep[at(i)];
    want_y[at(i)] = keep[at(i)] ? value : 0;
    want_rounded[at(i)] = scaled >= 2147483648.0f   ? 2147483648.0f
                          : scaled < -2147483648.0f ? -2147483648.0f
                          : scaled == scaled        ? std::trunc(scaled)
                                                    : 0;
  }
  nnc::for_each<kLanes, 4, 37>(Mixed{x.data(), bias.data(), keep.data(), rounded.data(), positive.data(), y.data()});
  report.compare("for_each", y, want_y);
  report.compare("conditions", Floats(positive.begin(), positive.end()), want_positive);
  report.compare("cast", Floats(rounded.begin(), rounded.end()), want_rounded);
}

inline void run_windows(Report& report) {
  windows<Window<3, 7, 9, 2, 2, 2, 1, 0>, Window<40, 9, 8, 3, 3, 2, 1, 1>, Window<21, 6, 6, 3, 2, 1, 2, 1>,
          Window<16, 5, 5, 5, 5, 1, 1, 2>, Window<1, 4, 30, 1, 3, 1, 1, 0>,
          WindowVolume<Window<3, 5, 6, 2, 3, 2, 1, 1>, 4, 3, 1, 1, 1>,
          WindowVolume<Window<21, 4, 4, 2, 2, 2, 1, 0>, 5, 2, 1, 2, 0>>(report);
  reductions<Reduction<3, 1, 5, 1>, Reduction<2, 1, 100, 1>, Reduction<2, 3, 37, 1>, Reduction<2, 1, 16, 19>,
             Reduction<1, 2, 33, 40>, Reduction<3, 2, 7, 5, true>, Reduction<2, 1, 40, 1, true>>(report);
  permutation<Permutation<0, 1, 2>>(report);
  permutation<Permutation<2, 0, 1>>(report);
  permutation<Permutation<2, 1, 0>>(report);
  permutation<Permutation<1, 0, 2>>(report);
  const Floats x = report.values(20);
  Floats got(18), want(18);
  for (Index i = 0; i < 18; ++i) want[at(i)] = x[at(17 - i / 2 * 2)];
  nnc::copy<Reverse>(x.data() + 17, got.data());
  report.compare("reverse", got, want);
  rows_by_index(report);
  elementwise(report);
}

}  // namespace cases
