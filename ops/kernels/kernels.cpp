#include "ops/kernels/kernels.h"

#include <hone/error.h>

#include <array>
#include <cstdlib>
#include <string>

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

extern "C" {
#define HONE_KERNELS(name) extern const hone::Kernels hone_kernels_##name;
#include "ops/kernels/isas.inc"
#undef HONE_KERNELS
}

namespace hone {
namespace {

#define HONE_KERNELS(name) #name,
constexpr std::string_view names[] = {
#include "ops/kernels/isas.inc"
};
#undef HONE_KERNELS

#define HONE_KERNELS(name) &hone_kernels_##name,
constexpr const Kernels* tables[] = {
#include "ops/kernels/isas.inc"
};
#undef HONE_KERNELS

constexpr std::string_view least =
    names[0] == "v2" ? "level x86-64-v2 (SSE4.2 and POPCNT)" : names[0];

bool processor_has(std::string_view name) noexcept {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("popcnt")) return false;
  if (name == "v2") return true;
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
      !__builtin_cpu_supports("bmi2")) {
    return false;
  }
  if (name == "v3") return true;
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512vl") ||
      !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512dq") ||
      !__builtin_cpu_supports("avx512cd")) {
    return false;
  }
  return name == "v4" || (name == "vnni" && __builtin_cpu_supports("avx512vnni"));
#elif defined(__aarch64__) && defined(__linux__)
  constexpr unsigned long multiplies_bytes = 1ul << 20;  // HWCAP_ASIMDDP
  return name != "sdot" || (getauxval(AT_HWCAP) & multiplies_bytes) != 0;
#else
  return name != "sdot";
#endif
}

const Kernels& choose() {
  if (const char* wanted = std::getenv("HONE_ISA"); wanted != nullptr && *wanted != '\0') {
    if (const Kernels* found = kernels_named(wanted)) return *found;
    std::string known;
    for (const std::string_view name : names) {
      if (processor_has(name)) known.append(known.empty() ? "" : ", ").append(name);
    }
    fail(ErrorKind::unsupported, "HONE_ISA", "expected one of ", known, ", got ", escaped(wanted));
  }
  const Kernels* best = nullptr;
  for (const std::string_view name : names) {
    if (const Kernels* found = kernels_named(name)) best = found;
  }
  if (best == nullptr) {
    fail(ErrorKind::unsupported, "kernels", "expected a processor of ", least,
         ", got an older one");
  }
  return *best;
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

std::span<const std::string_view> kernel_names() noexcept { return names; }

const Kernels* kernels_named(std::string_view name) noexcept {
  for (std::size_t i = 0; i < std::size(names); ++i) {
    if (names[i] == name) return processor_has(name) ? tables[i] : nullptr;
  }
  return nullptr;
}

}  // namespace hone
