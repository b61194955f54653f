#pragma once
/// The table of all ops.

#include <span>
#include <string_view>

#include <hone/op.h>

namespace hone::ops {

/// Every op of the library, by name.
std::span<const OpDef* const> all() noexcept;
/// Whether these are all that hone has: a build may have some of them only (-Dops).
bool complete() noexcept;
/// The op with that BuiltinOperator code; null if there is none.
const OpDef* find(int code) noexcept;
const OpDef* find(std::string_view name) noexcept;

}  // namespace hone::ops
