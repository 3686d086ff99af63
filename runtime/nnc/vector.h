// Vectors and scalars under one set of names: what kernels are written in.
//
// Vec<T, N> is the compilers' portable vector type of N elements, and T itself for N == 1; every function here takes
// either. A kernel written for N lanes is therefore also its own tail and its own scalar fallback.
//
// Requires: floating-point contraction is off and the target is chosen by pragmas around this file (README.md).
// Establishes: results do not depend on N, on the compiler or on its level. Every fused multiply-add is explicit, and
// sums go through the fixed tree of Partials.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__FAST_MATH__)
#error "nnc code states its own rounding: compile without -ffast-math"
#endif

// Lanes of a float vector, vector registers, and whether multiply-add is one instruction. Whoever emits a file defines
// the three; the defaults below serve the tests and benchmarks.
#if !defined(NNC_LANES)
#if defined(__AVX512F__)
#define NNC_LANES 16
#elif defined(__AVX2__)
#define NNC_LANES 8
#elif defined(__SSE2__) || defined(__ARM_NEON) || defined(__wasm_simd128__)
#define NNC_LANES 4
#else
#define NNC_LANES 1
#endif
#endif
#if !defined(NNC_REGISTERS)
#if defined(__AVX512F__) || defined(__aarch64__)
#define NNC_REGISTERS 32
#else
#define NNC_REGISTERS 16
#endif
#endif
#if !defined(NNC_FMA)
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA) || defined(__riscv_flen)
#define NNC_FMA 1
#else
#define NNC_FMA 0
#endif
#endif

// NNC_UNROLL before a loop over a register tile: without it -O2 keeps the tile in memory (2.4 times slower).
#if defined(__GNUC__)
#define NNC_UNROLL _Pragma("GCC unroll 64")
#define NNC_INLINE inline __attribute__((always_inline))
#else
#define NNC_UNROLL
#define NNC_INLINE inline
#if NNC_LANES != 1
#error "this compiler has no vector types: NNC_LANES must be 1"
#endif
#endif

namespace nnc {

// ---- types ----------------------------------------------------------------------------------------------------------

// Memory is how a value lies in memory: aligned like one element, and allowed to alias the bytes of an arena.
template <class T, int N>
struct VectorType {
#if defined(__GNUC__)
  typedef T Type __attribute__((vector_size(N * sizeof(T))));
  typedef T Memory __attribute__((vector_size(N * sizeof(T)), aligned(alignof(T)), may_alias));
#endif
};
template <class T>
struct VectorType<T, 1> {
  using Type = T;
#if defined(__GNUC__)
  typedef T Memory __attribute__((may_alias));
#else
  using Memory = T;
#endif
};
template <class T, int N>
using Vec = typename VectorType<T, N>::Type;

template <class T>
struct Plain {
  using Type = T;
};
template <class T>
struct Plain<T&> {
  using Type = T;
};
template <class T>
struct Plain<T&&> {
  using Type = T;
};
template <class... T>
struct ToVoid {
  using Type = void;
};
// Element type and number of lanes of a scalar or vector.
template <class V, class = void>
struct Lanes {
  using Element = V;
  static constexpr int count = 1;
};
template <class V>
struct Lanes<V, typename ToVoid<decltype(V{}[0])>::Type> {
  using Element = typename Plain<decltype(V{}[0])>::Type;
  static constexpr int count = static_cast<int>(sizeof(V) / sizeof(Element));
};
template <class V>
using ElementOf = typename Lanes<V>::Element;

// An integer known at compile time, as an argument.
template <std::ptrdiff_t Value>
struct Constant {
  static constexpr std::ptrdiff_t value = Value;
};

template <class A, class B>
struct Same {
  static constexpr bool value = false;
};
template <class A>
struct Same<A, A> {
  static constexpr bool value = true;
};
template <class T>
constexpr bool is_floating() {
  return Same<T, float>::value || Same<T, double>::value;
}

// The unsigned and signed integers of a given size.
template <int Bytes>
struct Integer;
template <>
struct Integer<1> {
  using Signed = std::int8_t;
  using Unsigned = std::uint8_t;
};
template <>
struct Integer<2> {
  using Signed = std::int16_t;
  using Unsigned = std::uint16_t;
};
template <>
struct Integer<4> {
  using Signed = std::int32_t;
  using Unsigned = std::uint32_t;
};
template <>
struct Integer<8> {
  using Signed = std::int64_t;
  using Unsigned = std::uint64_t;
};

// ---- memory ---------------------------------------------------------------------------------------------------------

template <int N, class T>
NNC_INLINE Vec<T, N> load(const T* from) {
  return *reinterpret_cast<const typename VectorType<T, N>::Memory*>(from);
}
template <class V>
NNC_INLINE void store(ElementOf<V>* to, V value) {
  *reinterpret_cast<typename VectorType<ElementOf<V>, Lanes<V>::count>::Memory*>(to) = value;
}

template <class V>
NNC_INLINE V splat(ElementOf<V> value) {
  if constexpr (Lanes<V>::count == 1) {
    return value;
  } else {
    return value - V{};  // not V{} + value, which would turn -0 into 0
  }
}

template <class V>
NNC_INLINE ElementOf<V> lane(V value, int index) {
  if constexpr (Lanes<V>::count == 1) {
    return value;
  } else {
    return value[index];
  }
}
template <class V>
NNC_INLINE V with_lane(V value, int index, ElementOf<V> element) {
  if constexpr (Lanes<V>::count == 1) {
    return element;
  } else {
    value[index] = element;
    return value;
  }
}

// The first Count lanes; the others are zero.
template <int N, int Count, class T>
NNC_INLINE Vec<T, N> load_partial(const T* from) {
  static_assert(Count >= 0 && Count <= N, "count");
  Vec<T, N> result{};
  NNC_UNROLL
  for (int i = 0; i < Count; ++i) result = with_lane(result, i, load<1>(from + i));
  return result;
}
template <int Count, class V>
NNC_INLINE void store_partial(ElementOf<V>* to, V value) {
  static_assert(Count >= 0 && Count <= Lanes<V>::count, "count");
  NNC_UNROLL
  for (int i = 0; i < Count; ++i) store(to + i, lane(value, i));
}

// Lanes First to First + N.
template <int N, int First, class V>
NNC_INLINE Vec<ElementOf<V>, N> piece(V value) {
  if constexpr (N == Lanes<V>::count) {
    return value;
  } else {
    Vec<ElementOf<V>, N> result{};
    NNC_UNROLL
    for (int i = 0; i < N; ++i) result = with_lane(result, i, lane(value, First + i));
    return result;
  }
}

// ---- arithmetic -----------------------------------------------------------------------------------------------------

// The same bits read as another type of the same size.
template <class To, class V>
NNC_INLINE Vec<To, Lanes<V>::count> bits_as(V value) {
  static_assert(sizeof(To) == sizeof(ElementOf<V>), "size");
  Vec<To, Lanes<V>::count> result{};
  __builtin_memcpy(&result, &value, sizeof(value));
  return result;
}

// Integers as unsigned ones, whose arithmetic wraps: what C++ leaves undefined of signed ones, and of narrow ones once
// they are promoted to int.
template <class V>
NNC_INLINE auto modular(V value) {
  constexpr int bytes = static_cast<int>(sizeof(ElementOf<V>));
  if constexpr (Lanes<V>::count == 1) {
    constexpr int wide = bytes < 4 ? 4 : bytes;
    return static_cast<typename Integer<wide>::Unsigned>(value);
  } else {
    return bits_as<typename Integer<bytes>::Unsigned>(value);
  }
}
template <class V, class U>
NNC_INLINE V from_modular(U value) {
  if constexpr (Lanes<V>::count == 1) {
    return static_cast<V>(value);
  } else {
    return bits_as<ElementOf<V>>(value);
  }
}
template <class V>
NNC_INLINE V wrapping_add(V a, V b) {
  return from_modular<V>(modular(a) + modular(b));
}
template <class V>
NNC_INLINE V wrapping_subtract(V a, V b) {
  return from_modular<V>(modular(a) - modular(b));
}
template <class V>
NNC_INLINE V wrapping_multiply(V a, V b) {
  return from_modular<V>(modular(a) * modular(b));
}

// a * b + c with one rounding, where the target has it; else with two (a second class of targets, see decisions).
template <class V>
NNC_INLINE V fma(V a, V b, V c) {
  using T = ElementOf<V>;
  if constexpr (!is_floating<T>()) {
    return from_modular<V>(modular(a) * modular(b) + modular(c));
  } else {
#if !NNC_FMA
    return static_cast<V>(a * b + c);
#elif defined(__clang__)
    // Of scalars, too: where there is no operating system, Clang takes fmaf to set errno and calls it.
    return __builtin_elementwise_fma(a, b, c);
#else
    if constexpr (Same<V, float>::value) {
      return __builtin_fmaf(a, b, c);
    } else if constexpr (Same<V, double>::value) {
      return __builtin_fma(a, b, c);
    } else {
      // GCC has no portable spelling: it turns this loop into vector instructions in some surroundings only (measured).
#if defined(__x86_64__) && NNC_LANES >= 4
      if constexpr (Same<T, float>::value && Lanes<V>::count == 4) return __builtin_ia32_vfmaddps(a, b, c);
      if constexpr (Same<T, float>::value && Lanes<V>::count == 8) return __builtin_ia32_vfmaddps256(a, b, c);
#if NNC_LANES >= 8
      if constexpr (Same<T, double>::value && Lanes<V>::count == 4) return __builtin_ia32_vfmaddpd256(a, b, c);
#endif
#if NNC_LANES >= 16
      if constexpr (Same<T, double>::value && Lanes<V>::count == 8) {
        return __builtin_ia32_vfmaddpd512_mask(a, b, c, static_cast<std::uint8_t>(-1), 4);
      }
      if constexpr (Same<T, float>::value && Lanes<V>::count == 16) {
        return __builtin_ia32_vfmaddps512_mask(a, b, c, static_cast<std::uint16_t>(-1), 4);
      }
#endif
#endif
      V result{};
      for (int i = 0; i < Lanes<V>::count; ++i) result[i] = fma<T>(a[i], b[i], c[i]);
      return result;
    }
#endif
  }
}

// The square root, correctly rounded. The library's sqrt sets errno and so is neither vectorised nor freestanding.
template <class V>
NNC_INLINE V square_root(V x) {
#if defined(__clang__)
  return __builtin_elementwise_sqrt(x);
#elif defined(__GNUC__) && defined(__x86_64__)
  if constexpr (Same<V, double>::value) {
    return __builtin_ia32_sqrtsd(Vec<double, 2>{x, 0})[0];
#if NNC_LANES >= 8
  } else if constexpr (Same<ElementOf<V>, double>::value && Lanes<V>::count == 4) {
    return __builtin_ia32_sqrtpd256(x);
#endif
#if NNC_LANES >= 16
  } else if constexpr (Same<ElementOf<V>, double>::value && Lanes<V>::count == 8) {
    return __builtin_ia32_sqrtpd512_mask(x, x, static_cast<std::uint8_t>(-1), 4);
#endif
  } else if constexpr (Same<V, float>::value) {
    return __builtin_ia32_sqrtss(Vec<float, 4>{x, 0, 0, 0})[0];
  } else if constexpr (Lanes<V>::count == 4) {
    return __builtin_ia32_sqrtps(x);
#if NNC_LANES >= 8
  } else if constexpr (Lanes<V>::count == 8) {
    return __builtin_ia32_sqrtps256(x);
#endif
#if NNC_LANES >= 16
  } else if constexpr (Lanes<V>::count == 16) {
    return __builtin_ia32_sqrtps512_mask(x, x, static_cast<std::uint16_t>(-1), 4);
#endif
  } else {
    V result{};
    for (int i = 0; i < Lanes<V>::count; ++i) result[i] = square_root(lane(x, i));
    return result;
  }
#elif defined(__GNUC__)
  V result{};
  for (int i = 0; i < Lanes<V>::count; ++i) {
    if constexpr (Same<ElementOf<V>, double>::value) {
      result = with_lane(result, i, __builtin_sqrt(lane(x, i)));
    } else {
      result = with_lane(result, i, static_cast<ElementOf<V>>(__builtin_sqrtf(lane(x, i))));
    }
  }
  return result;
#else
  return sqrtf(x);
#endif
}

// ---- conditions -----------------------------------------------------------------------------------------------------
// A condition is a bool, or an integer vector whose lanes are 0 or -1 (what comparison operators yield) or 0 or 1 (what
// booleans are in memory: bytes).

template <class To, class V>
NNC_INLINE Vec<To, Lanes<V>::count> convert(V value) {
  if constexpr (Same<To, ElementOf<V>>::value) {
    return value;
  } else if constexpr (Lanes<V>::count == 1) {
    return static_cast<To>(value);
  } else if constexpr (sizeof(To) > 2 * sizeof(ElementOf<V>)) {
    // One size at a time: GCC takes longer steps lane by lane.
    return convert<To>(convert<typename Integer<2 * static_cast<int>(sizeof(ElementOf<V>))>::Signed>(value));
  } else if constexpr (2 * sizeof(To) < sizeof(ElementOf<V>)) {
    return convert<To>(convert<typename Integer<static_cast<int>(sizeof(ElementOf<V>)) / 2>::Signed>(value));
  } else {
    return __builtin_convertvector(value, Vec<To, Lanes<V>::count>);
  }
}

// condition ? a : b, in each lane.
template <class M, class V>
NNC_INLINE V select(M condition, V a, V b) {
  if constexpr (Lanes<V>::count == 1) {
    return condition ? a : b;
  } else {
    using Wanted = typename Integer<static_cast<int>(sizeof(ElementOf<V>))>::Signed;
    if constexpr (sizeof(ElementOf<M>) == sizeof(Wanted)) {
      return condition ? a : b;
    } else {
      return convert<Wanted>(condition) ? a : b;
    }
  }
}

// A condition in lanes as wide as those of V.
template <class V, class M>
NNC_INLINE auto condition_like(M condition) {
  if constexpr (Lanes<V>::count == 1) {
    return static_cast<bool>(condition);
  } else {
    return convert<typename Integer<static_cast<int>(sizeof(ElementOf<V>))>::Signed>(condition);
  }
}
template <class A, class B>
NNC_INLINE auto logical_and(A a, B b) {
  if constexpr (Lanes<A>::count == 1) {
    return a && b;
  } else if constexpr (sizeof(A) < sizeof(B)) {
    return static_cast<B>(static_cast<B>(condition_like<B>(a)) & b);
  } else {
    return static_cast<A>(a & static_cast<A>(condition_like<A>(b)));
  }
}
template <class A, class B>
NNC_INLINE auto logical_or(A a, B b) {
  if constexpr (Lanes<A>::count == 1) {
    return a || b;
  } else if constexpr (sizeof(A) < sizeof(B)) {
    return static_cast<B>(static_cast<B>(condition_like<B>(a)) | b);
  } else {
    return static_cast<A>(a | static_cast<A>(condition_like<A>(b)));
  }
}
template <class A>
NNC_INLINE auto logical_not(A a) {
  return a == A{};
}

// A condition as it lies in memory: 1 or 0.
template <class M>
NNC_INLINE Vec<std::uint8_t, Lanes<M>::count> to_bool(M condition) {
  if constexpr (Lanes<M>::count == 1) {
    return static_cast<std::uint8_t>(condition ? 1 : 0);
  } else {
    return convert<std::uint8_t>((condition != 0) & 1);
  }
}

// NaN passes, from either side; of equal values the first.
template <class V>
NNC_INLINE V maximum(V a, V b) {
  if constexpr (is_floating<ElementOf<V>>()) {
    return select((b > a) | (b != b), b, a);
  } else {
    return select(b > a, b, a);
  }
}
template <class V>
NNC_INLINE V minimum(V a, V b) {
  if constexpr (is_floating<ElementOf<V>>()) {
    return select((b < a) | (b != b), b, a);
  } else {
    return select(b < a, b, a);
  }
}

// Element conversion with the meaning of the primitive `cast`: float to integer truncates toward zero and saturates,
// NaN becomes 0; integers wrap.
template <class To, class V>
NNC_INLINE Vec<To, Lanes<V>::count> cast(V value) {
  using From = ElementOf<V>;
  if constexpr (is_floating<From>() && !is_floating<To>()) {
    constexpr bool is_signed = static_cast<To>(-1) < static_cast<To>(0);
    constexpr int bits = static_cast<int>(sizeof(To)) * 8 - (is_signed ? 1 : 0);
    constexpr To highest = static_cast<To>(static_cast<std::uint64_t>(-1) >> (64 - bits));
    constexpr To lowest = is_signed ? static_cast<To>(-highest - 1) : static_cast<To>(0);
    constexpr From limit = static_cast<From>(static_cast<std::uint64_t>(1) << (bits - 1)) * 2;
    const auto too_high = value >= splat<V>(limit);
    const auto too_low = value < splat<V>(static_cast<From>(lowest));
    const V inside = select((too_high | too_low) | (value != value), V{}, value);
    using Result = Vec<To, Lanes<V>::count>;
    Result result = convert<To>(inside);
    result = select(too_high, splat<Result>(highest), result);
    return select(too_low, splat<Result>(lowest), result);
  } else {
    return convert<To>(value);
  }
}

// ---- pieces of an axis ----------------------------------------------------------------------------------------------

// The next narrower width used at tails.
constexpr int narrower(int width) { return width > 8 ? 8 : width > 4 ? 4 : 1; }

// Calls function(Constant<width>, Constant<at>) for pieces that cover Count lanes, widest first.
template <int Width, int Count, int At = 0, class F>
NNC_INLINE void for_pieces(const F& function) {
  if constexpr (Count > 0) {
    if constexpr (Count >= Width) {
      function(Constant<Width>{}, Constant<At>{});
      for_pieces<Width, Count - Width, At + Width>(function);
    } else {
      for_pieces<narrower(Width), Count, At>(function);
    }
  }
}

// Calls function(Constant<width>, at) for consecutive pieces that cover an axis of Extent elements.
template <int Width, std::ptrdiff_t Extent, class F>
NNC_INLINE void for_lanes(const F& function) {
  constexpr std::ptrdiff_t whole = Extent / Width * Width;
  for (std::ptrdiff_t at = 0; at < whole; at += Width) function(Constant<Width>{}, at);
  for_pieces<Width, static_cast<int>(Extent - whole)>(
      [&function](auto width, auto at) { function(width, static_cast<std::ptrdiff_t>(whole + decltype(at)::value)); });
}

// ---- sums in a fixed order ------------------------------------------------------------------------------------------

// Combines 16 partial results in a fixed tree: i with i + 8, then i + 4, i + 2, i + 1. Combine is a functor of two
// values. Count < 16 says that the partials from Count on hold the neutral element, and may be left out.
template <int Count = 16, class V, class Combine>
NNC_INLINE V combine_partials(const V (&partial)[16], const Combine& combine) {
  V part[16];
  NNC_UNROLL
  for (int i = 0; i < 16; ++i) part[i] = partial[i];
  NNC_UNROLL
  for (int half = 8; half > 0; half /= 2) {
    NNC_UNROLL
    for (int i = 0; i < half; ++i) {
      if (i + half < Count) part[i] = combine(part[i], part[i + half]);
    }
  }
  return part[0];
}

}  // namespace nnc
