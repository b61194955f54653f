#pragma once
/// Vectors of the instruction set that a file is compiled for, and the few operations that compiler
/// vector extensions cannot say.  Every intrinsic of the project is in this file and bytes.h.
///
/// HONE_ISA names the namespace of this compilation.  All of it has internal linkage: a shared
/// inline function compiled with AVX-512 could be the copy that the linker keeps for everybody.

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__SSE4_1__)
#include <smmintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#if !defined(HONE_ISA)
#error "compile this file once per instruction set, with -DHONE_ISA=name"
#endif

// Arrays of vectors stay in registers only if every loop over them is unrolled.
#if defined(__clang__)
#define HONE_UNROLL _Pragma("clang loop unroll(full)")
#else
#define HONE_UNROLL _Pragma("GCC unroll 32")
#endif
#define HONE_INLINE inline __attribute__((always_inline))
#define HONE_INLINE_LAMBDA __attribute__((always_inline))
#define HONE_NOINLINE __attribute__((noinline))

namespace hone::HONE_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int lanes = 16;        // floats of a vector
constexpr int tile_rows = 8;     // register tile: rows of scalars
constexpr int tile_vectors = 3;  // times vectors of columns
#elif defined(__AVX2__)
constexpr int lanes = 8;
constexpr int tile_rows = 6;
constexpr int tile_vectors = 2;
#elif defined(__ARM_NEON)
constexpr int lanes = 4;
constexpr int tile_rows = 6;
constexpr int tile_vectors = 3;
#else
constexpr int lanes = 4;
constexpr int tile_rows = 4;
constexpr int tile_vectors = 2;
#endif

template <int L>
struct VectorTypes {
  typedef float Float __attribute__((vector_size(L * 4)));
  typedef int32_t Int __attribute__((vector_size(L * 4)));
  typedef float FloatInMemory __attribute__((vector_size(L * 4), aligned(4), may_alias));
  typedef int32_t IntInMemory __attribute__((vector_size(L * 4), aligned(4), may_alias));
};
template <int L>
using Floats = typename VectorTypes<L>::Float;
template <int L>
using Ints = typename VectorTypes<L>::Int;

template <int L>
HONE_INLINE Floats<L> load(const float* p) {
  return *reinterpret_cast<const typename VectorTypes<L>::FloatInMemory*>(p);
}
template <int L>
HONE_INLINE Ints<L> load(const int32_t* p) {
  return *reinterpret_cast<const typename VectorTypes<L>::IntInMemory*>(p);
}
template <int L>
HONE_INLINE void store(float* p, Floats<L> v) {
  *reinterpret_cast<typename VectorTypes<L>::FloatInMemory*>(p) = v;
}
template <int L>
HONE_INLINE void store(int32_t* p, Ints<L> v) {
  *reinterpret_cast<typename VectorTypes<L>::IntInMemory*>(p) = v;
}
template <int L>
HONE_INLINE Floats<L> splat(float x) {
  return x - Floats<L>{};  // minus: keeps the sign of -0
}
template <int L>
HONE_INLINE Ints<L> splat(int32_t x) {
  return x - Ints<L>{};
}

/// The first n lanes, 0 < n < L, of a vector in memory.
#if defined(__AVX512F__)
struct Part {
  __mmask16 mask;
};
template <int L>
HONE_INLINE Part part(ptrdiff_t n) {
  return {static_cast<__mmask16>((1u << n) - 1)};
}
template <int L>
HONE_INLINE Floats<L> load(const float* p, Part n) {
  if constexpr (L == 16) {
    return (Floats<L>)_mm512_maskz_loadu_ps(n.mask, p);
  } else {
    return (Floats<L>)_mm256_maskz_loadu_ps(static_cast<__mmask8>(n.mask), p);
  }
}
template <int L>
HONE_INLINE Ints<L> load(const int32_t* p, Part n) {
  if constexpr (L == 16) {
    return (Ints<L>)_mm512_maskz_loadu_epi32(n.mask, p);
  } else {
    return (Ints<L>)_mm256_maskz_loadu_epi32(static_cast<__mmask8>(n.mask), p);
  }
}
template <int L>
HONE_INLINE void store(float* p, Floats<L> v, Part n) {
  if constexpr (L == 16) {
    _mm512_mask_storeu_ps(p, n.mask, (__m512)v);
  } else {
    _mm256_mask_storeu_ps(p, static_cast<__mmask8>(n.mask), (__m256)v);
  }
}
#elif defined(__AVX2__)
struct Part {
  __m256i mask;
};
template <int L>
HONE_INLINE Part part(ptrdiff_t n) {
  static const int32_t ones_then_zeros[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(ones_then_zeros + 8 - n))};
}
template <int L>
HONE_INLINE Floats<L> load(const float* p, Part n) {
  return (Floats<L>)_mm256_maskload_ps(p, n.mask);
}
template <int L>
HONE_INLINE Ints<L> load(const int32_t* p, Part n) {
  return (Ints<L>)_mm256_maskload_epi32(p, n.mask);
}
template <int L>
HONE_INLINE void store(float* p, Floats<L> v, Part n) {
  _mm256_maskstore_ps(p, n.mask, (__m256)v);
}
#else
struct Part {
  ptrdiff_t count;
};
template <int L>
HONE_INLINE Part part(ptrdiff_t n) {
  return {n};
}
template <int L>
HONE_INLINE Floats<L> load(const float* p, Part n) {
  const float first = p[0], second = n.count > 1 ? p[1] : 0.0f, third = n.count > 2 ? p[2] : 0.0f;
  return Floats<L>{first, second, third, 0.0f};
}
template <int L>
HONE_INLINE Ints<L> load(const int32_t* p, Part n) {
  return Ints<L>{p[0], n.count > 1 ? p[1] : 0, n.count > 2 ? p[2] : 0, 0};
}
template <int L>
HONE_INLINE void store(float* p, Floats<L> v, Part n) {
  p[0] = v[0];
  if (n.count > 1) p[1] = v[1];
  if (n.count > 2) p[2] = v[2];
}
#endif

/// The first n of a vector's lanes, all where n >= L; n > 0.
template <int L>
HONE_INLINE Floats<L> load_some(const float* p, ptrdiff_t n) {
  return n >= L ? load<L>(p) : load<L>(p, part<L>(n));
}
template <int L>
HONE_INLINE void store_some(float* p, Floats<L> v, ptrdiff_t n) {
  if (n >= L) {
    store<L>(p, v);
  } else {
    store<L>(p, v, part<L>(n));
  }
}
/// v in its first n lanes, `rest` in the others.
template <int L>
HONE_INLINE Floats<L> or_else(Floats<L> v, ptrdiff_t n, float rest) {
  if (n >= L) return v;
  Ints<L> at;
  HONE_UNROLL
  for (int i = 0; i < L; ++i) at[i] = i;
  return at < splat<L>(static_cast<int32_t>(n)) ? v : splat<L>(rest);
}

/// NaN passes.
template <int L>
HONE_INLINE Floats<L> clamp(Floats<L> v, Floats<L> lo, Floats<L> hi) {
  v = v < lo ? lo : v;
  return v > hi ? hi : v;
}

/// Lower and upper half of a vector.
template <int L>
HONE_INLINE Floats<L / 2> lower(Floats<L> v) {
  Floats<L / 2> half;
  memcpy(&half, &v, sizeof half);
  return half;
}
template <int L>
HONE_INLINE Floats<L / 2> upper(Floats<L> v) {
  Floats<L / 2> half;
  memcpy(&half, reinterpret_cast<const char*>(&v) + sizeof half, sizeof half);
  return half;
}

/// The lanes of v added up to four, halves onto each other.
template <int L>
HONE_INLINE Floats<4> four_sums(Floats<L> v) {
  if constexpr (L == 4) {
    return v;
  } else {
    return four_sums<L / 2>(lower<L>(v) + upper<L>(v));
  }
}
/// The sum of the lanes.
template <int L>
HONE_INLINE float total(Floats<L> v) {
  const Floats<4> s = four_sums<L>(v);
  return (s[0] + s[1]) + (s[2] + s[3]);
}
/// The largest of the lanes.
template <int L>
HONE_INLINE float greatest(Floats<L> v) {
  if constexpr (L > 4) {
    const Floats<L / 2> a = lower<L>(v), b = upper<L>(v);
    return greatest<L / 2>(a > b ? a : b);
  } else {
    float most = v[0];
    for (int i = 1; i < L; ++i) most = v[i] > most ? v[i] : most;
    return most;
  }
}
/// Lane i is the sum of the lanes of v[i].
template <int L>
HONE_INLINE Floats<4> sums_of_four(Floats<L> v0, Floats<L> v1, Floats<L> v2, Floats<L> v3) {
  const Floats<4> a = four_sums<L>(v0), b = four_sums<L>(v1);
  const Floats<4> c = four_sums<L>(v2), d = four_sums<L>(v3);
  const Floats<4> ab =
      __builtin_shufflevector(a, b, 0, 4, 1, 5) + __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Floats<4> cd =
      __builtin_shufflevector(c, d, 0, 4, 1, 5) + __builtin_shufflevector(c, d, 2, 6, 3, 7);
  return __builtin_shufflevector(ab, cd, 0, 1, 4, 5) + __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
}

/// sum + a.low * b.low + a.high * b.high of the 16-bit halves of each lane, where all lanes of a
/// are the same; wraps at 32 bits.
template <int L>
HONE_INLINE Ints<L> add_pairs(Ints<L> sum, Ints<L> a, Ints<L> b) {
#if defined(__AVX512VNNI__)
  if constexpr (L == 16) {
    return (Ints<L>)_mm512_dpwssd_epi32((__m512i)sum, (__m512i)a, (__m512i)b);
  } else {
    return (Ints<L>)_mm256_dpwssd_epi32((__m256i)sum, (__m256i)a, (__m256i)b);
  }
#elif defined(__AVX512BW__)
  if constexpr (L == 16) {
    return sum + (Ints<L>)_mm512_madd_epi16((__m512i)a, (__m512i)b);
  } else {
    return sum + (Ints<L>)_mm256_madd_epi16((__m256i)a, (__m256i)b);
  }
#elif defined(__AVX2__)
  return sum + (Ints<L>)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#elif defined(__SSE4_1__)
  return sum + (Ints<L>)_mm_madd_epi16((__m128i)a, (__m128i)b);
#elif defined(__ARM_NEON)
  // the halves of b serve every row of a tile, so the compiler parts them once
  const int16x4_t pair = vget_low_s16((int16x8_t)a);
  const int32x4_t low = vmlal_lane_s16((int32x4_t)sum, vmovn_s32((int32x4_t)b), pair, 0);
  return (Ints<L>)vmlal_lane_s16(low, vshrn_n_s32((int32x4_t)b, 16), pair, 1);
#else
  // low halves by a shift up and down again, high halves by a shift down
  return sum + ((a << 16) >> 16) * ((b << 16) >> 16) + (a >> 16) * (b >> 16);
#endif
}

// What the instructions that multiply bytes want of the image: see Kernels::byte_flip.
#if defined(__AVX512VNNI__)
#define HONE_BYTE_FLIP 0x80
#elif defined(__ARM_FEATURE_DOTPROD)
#define HONE_BYTE_FLIP 0
#endif

#if defined(HONE_BYTE_FLIP)
/// sum + the products of the four bytes of each lane, those of a flipped, those of b signed; wraps
/// at 32 bits.
template <int L>
HONE_INLINE Ints<L> add_bytes_of(Ints<L> sum, Ints<L> a, Ints<L> b) {
#if defined(__AVX512VNNI__)
  if constexpr (L == 16) {
    return (Ints<L>)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)a, (__m512i)b);
  } else {
    return (Ints<L>)_mm256_dpbusd_epi32((__m256i)sum, (__m256i)a, (__m256i)b);
  }
#else
  return (Ints<L>)vdotq_s32((int32x4_t)sum, (int8x16_t)a, (int8x16_t)b);
#endif
}
#endif

/// sum + x * w of each lane, where x is within 16 bits and w a small_factor(); wraps at 32 bits.
HONE_INLINE Ints<lanes> add_products(Ints<lanes> sum, Ints<lanes> x, Ints<lanes> w) {
#if defined(__SSE4_1__)
  return add_pairs<lanes>(sum, x, w);  // a product of whole lanes takes twice as long
#else
  return sum + x * w;
#endif
}
/// A factor within 16 bits for add_products.
HONE_INLINE Ints<lanes> small_factor(Ints<lanes> w) {
#if defined(__SSE4_1__)
  return w & 0xFFFF;
#else
  return w;
#endif
}

/// (2 a b + 2^31) >> 32 of each lane, in 64 bits; b is not -2^31.
HONE_INLINE Ints<lanes> high_product(Ints<lanes> a, Ints<lanes> b) {
#if defined(__AVX512F__)
  const __m512i x = (__m512i)a, y = (__m512i)b, half = _mm512_set1_epi64(1 << 30);
  const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(x, y), half);
  const __m512i odd =
      _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(x, 32), _mm512_srli_epi64(y, 32)), half);
  return (Ints<lanes>)_mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64(even, 31),
                                              _mm512_add_epi64(odd, odd));
#elif defined(__AVX2__)
  const __m256i x = (__m256i)a, y = (__m256i)b, half = _mm256_set1_epi64x(1 << 30);
  const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(x, y), half);
  const __m256i odd =
      _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(x, 32), _mm256_srli_epi64(y, 32)), half);
  return (Ints<lanes>)_mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_add_epi64(odd, odd),
                                         0xAA);
#elif defined(__SSE4_1__)
  const __m128i x = (__m128i)a, y = (__m128i)b, half = _mm_set1_epi64x(1 << 30);
  const __m128i even = _mm_add_epi64(_mm_mul_epi32(x, y), half);
  const __m128i odd =
      _mm_add_epi64(_mm_mul_epi32(_mm_srli_epi64(x, 32), _mm_srli_epi64(y, 32)), half);
  return (Ints<lanes>)_mm_blend_epi16(_mm_srli_epi64(even, 31), _mm_add_epi64(odd, odd), 0xCC);
#elif defined(__ARM_NEON)
  return (Ints<lanes>)vqrdmulhq_s32((int32x4_t)a, (int32x4_t)b);
#else
  for (int i = 0; i < lanes; ++i) {
    a[i] = static_cast<int32_t>((int64_t{a[i]} * b[i] + (int64_t{1} << 30)) >> 31);
  }
  return a;
#endif
}

/// table[at] for each lane.
HONE_INLINE Ints<lanes> look_up(const int32_t* table, Ints<lanes> at) {
#if defined(__AVX512F__)
  return (Ints<lanes>)_mm512_mask_i32gather_epi32(_mm512_setzero_si512(), 0xFFFF, (__m512i)at,
                                                  table, 4);
#else
  Ints<lanes> y;
  HONE_UNROLL
  for (int i = 0; i < lanes; ++i) y[i] = table[at[i]];
  return y;
#endif
}

}  // namespace
}  // namespace hone::HONE_ISA
