#pragma once
/// Vectors of int32 lanes from bytes in memory and to them.

#include "ops/kernels/simd.h"

namespace hone::HONE_ISA {
namespace {

/// Some bytes of a vector: the first n of the lanes, 0 < n < lanes.
struct SomeBytes {
  ptrdiff_t count;
};

/// `lanes` signed bytes.
HONE_INLINE Ints<lanes> load_bytes(const int8_t* p) {
#if defined(__AVX512F__)
  // masked by ones: g++ 12 warns about its own header where there is no mask
  return (Ints<lanes>)_mm512_maskz_cvtepi8_epi32(
      0xFFFF, _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
#elif defined(__AVX2__)
  return (Ints<lanes>)_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
#elif defined(__SSE4_1__)
  int32_t bits;
  memcpy(&bits, p, sizeof bits);
  return (Ints<lanes>)_mm_cvtepi8_epi32(_mm_cvtsi32_si128(bits));
#else
  return Ints<lanes>{p[0], p[1], p[2], p[3]};
#endif
}

/// To bytes, each the low one of its lane.
HONE_INLINE void store_bytes(int8_t* p, Ints<lanes> v) {
#if defined(__AVX512F__)
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8((__m512i)v));
#elif defined(__AVX2__)
  const __m256i low_bytes =
      _mm256_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 4, 8, 12, -1,
                       -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  const __m256i fours = _mm256_shuffle_epi8((__m256i)v, low_bytes);
  _mm_storel_epi64(
      reinterpret_cast<__m128i*>(p),
      _mm_unpacklo_epi32(_mm256_castsi256_si128(fours), _mm256_extracti128_si256(fours, 1)));
#elif defined(__SSE4_1__)
  const __m128i low_bytes =
      _mm_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  const int32_t bits = _mm_cvtsi128_si32(_mm_shuffle_epi8((__m128i)v, low_bytes));
  memcpy(p, &bits, sizeof bits);
#else
  for (int i = 0; i < lanes; ++i) p[i] = static_cast<int8_t>(v[i]);
#endif
}

HONE_INLINE Ints<lanes> load_bytes(const int8_t* p, SomeBytes some) {
#if defined(__AVX512F__)
  const auto mask = static_cast<__mmask16>((1u << some.count) - 1);
  return (Ints<lanes>)_mm512_maskz_cvtepi8_epi32(0xFFFF, _mm_maskz_loadu_epi8(mask, p));
#else
  int8_t whole[lanes] = {};
  for (ptrdiff_t i = 0; i < some.count; ++i) whole[i] = p[i];
  return load_bytes(whole);
#endif
}

HONE_INLINE void store_bytes(int8_t* p, Ints<lanes> v, SomeBytes some) {
#if defined(__AVX512F__)
  _mm512_mask_cvtepi32_storeu_epi8(p, static_cast<__mmask16>((1u << some.count) - 1), (__m512i)v);
#else
  int8_t whole[lanes];
  store_bytes(whole, v);
  for (ptrdiff_t i = 0; i < some.count; ++i) p[i] = whole[i];
#endif
}

#if defined(__AVX512VNNI__)
/// Three rows of bytes as lanes for add_bytes_of: flipped; the fourth byte is anything.
HONE_INLINE Ints<lanes> column_of(Ints<lanes> first, Ints<lanes> second, Ints<lanes> third) {
  const __m512i a = (__m512i)first, b = (__m512i)second, c = (__m512i)third;
  const __m512i two = _mm512_ternarylogic_epi32(_mm512_set1_epi32(0xFF), a, _mm512_slli_epi32(b, 8),
                                                0xCA);  // a where the mask is 1
  const __m512i all =
      _mm512_ternarylogic_epi32(_mm512_set1_epi32(0xFFFF), two, _mm512_slli_epi32(c, 16), 0xCA);
  return (Ints<lanes>)_mm512_xor_si512(all, _mm512_set1_epi32(0x00808080));
}
#endif

}  // namespace
}  // namespace hone::HONE_ISA
