#include "ops/table.h"

namespace hone::ops {

#define HONE_OP(op) extern constinit const OpDef op;
#include "ops/table.inc"
#undef HONE_OP

namespace {

#define HONE_OP(op) &op,
constexpr const OpDef* table[] = {
#include "ops/table.inc"
    nullptr};
#undef HONE_OP

}  // namespace

std::span<const OpDef* const> all() noexcept { return {table, std::size(table) - 1}; }

bool complete() noexcept { return HONE_EVERY_OP; }

const OpDef* find(int code) noexcept {
  for (const OpDef* op : all()) {
    if (op->code == code && code >= 0) return op;
  }
  return nullptr;
}

const OpDef* find(std::string_view name) noexcept {
  for (const OpDef* op : all()) {
    if (op->name == name) return op;
  }
  return nullptr;
}

}  // namespace hone::ops
