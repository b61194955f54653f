#pragma once
/// Tests that run once for each instruction set, named by the environment variable HONE_ISA.

#include <cstdio>
#include <cstdlib>

#include "ops/kernels/kernels.h"

namespace hone::tests {

/// Whether the processor lacks the instruction set that HONE_ISA names; says so.
inline bool lacks_isa() {
  const char* isa = std::getenv("HONE_ISA");
  if (isa == nullptr || kernels_named(isa) != nullptr) return false;
  std::printf("skipped: this processor lacks %s\n", isa);
  return true;
}

inline constexpr int skipped = 77;  ///< exit code: Meson counts a skip

}  // namespace hone::tests
