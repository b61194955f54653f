#include <hone/error.h>

#include <fstream>
#include <iterator>

#include "tests/kernels/levels.h"

namespace hone {
namespace {

/// The level that this processor should run at, "none" if it is too old: what the environment
/// variable HONE_EXPECTED_ISA says where an emulator plays the processor (tests/cross), else from
/// the kernel's list of features.
std::string expected_level() {
  if (const char* named = std::getenv("HONE_EXPECTED_ISA")) return named;
  std::ifstream file("/proc/cpuinfo");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto has = [&text](const std::string& feature) {
    return text.find(' ' + feature + ' ') != std::string::npos;
  };
#if defined(__x86_64__)
  if (has("avx512bw") && has("avx512vl")) return has("avx512_vnni") ? "vnni" : "v4";
  if (has("avx2") && has("fma")) return "v3";
  return has("sse4_2") ? "v2" : "none";
#elif defined(__aarch64__)
  return has("asimddp") ? "sdot" : has("asimd") ? "neon" : "none";
#else
  return "base";
#endif
}

TEST(Levels, TheBestOfTheProcessorIsChosen) {
  if (std::getenv("HONE_ISA")) GTEST_SKIP() << "HONE_ISA names one";
  const std::string expected = expected_level();
  if (expected != "none") {
    EXPECT_EQ(kernels().isa, expected);
    return;
  }
  try {
    kernels();
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unsupported);
    EXPECT_NE(std::string(error.what()).find("x86-64-v2"), std::string::npos) << error.what();
  }
}

TEST(Levels, EveryOneBelowTheBestRunsToo) {
  const std::string expected = expected_level();
  bool below = expected != "none";
  for (const std::string_view name : kernel_names()) {
    EXPECT_EQ(kernels_named(name) != nullptr, below) << name;
    if (name == expected) below = false;
  }
}

TEST(Levels, AnUnknownOneIsNull) { EXPECT_EQ(kernels_named("v1"), nullptr); }

}  // namespace
}  // namespace hone
