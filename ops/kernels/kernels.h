#pragma once
/// The fast loops that ops share, for the machine the program runs on.

#include <span>
#include <string_view>

#include "ops/kernels/table.h"

namespace hone {

/// The kernels of the best instruction set here, or of the one that the environment variable
/// HONE_ISA names (v2, v3, v4, vnni; neon).  Chosen once.
/// Throws Error (unsupported) if that name is unknown or the processor lacks it; call it from
/// prepare(), which may throw, and keep the reference.
const Kernels& kernels();

/// The names this program was built with, the best last.
std::span<const std::string_view> kernel_names() noexcept;

/// The kernels of that name; null if not built in, or if the processor lacks them.
const Kernels* kernels_named(std::string_view name) noexcept;

}  // namespace hone
