#include "src/schema/options.h"

#include <array>

#include <hone/error.h>

#include "src/schema/tflite_generated.h"

namespace hone {
namespace {

// A FlatBuffers table without a field: its vtable (4 bytes long, for a table of 4 bytes), then the
// distance back to it.
struct EmptyTable {
  std::uint16_t vtable_bytes = 4, table_bytes = 4;
  std::int32_t to_vtable = 4;
};
constexpr EmptyTable empty_table;

}  // namespace

Options::Options(const tflite::Operator* op, int version, std::span<const std::byte> custom)
    : op_(op), version_(version), custom_(custom) {
  if (op_ && custom_.empty() && op_->custom_options()) {
    custom_ =
        std::as_bytes(std::span(op_->custom_options()->data(), op_->custom_options()->size()));
  }
}

const void* Options::find(int first, int second) const {
  const auto tag = op_ ? op_->builtin_options_type() : tflite::BuiltinOptions_NONE;
  const auto tag2 = op_ ? op_->builtin_options_2_type() : tflite::BuiltinOptions2_NONE;
  if (tag == 0 && tag2 == 0) return &empty_table.to_vtable;
  if (first != 0 && tag == first && op_->builtin_options()) return op_->builtin_options();
  if (second != 0 && tag2 == second && op_->builtin_options_2()) return op_->builtin_options_2();
  fail(ErrorKind::file, "options", "expected ",
       first ? tflite::EnumNameBuiltinOptions(static_cast<tflite::BuiltinOptions>(first))
             : tflite::EnumNameBuiltinOptions2(static_cast<tflite::BuiltinOptions2>(second)),
       ", got ", tag ? tflite::EnumNameBuiltinOptions(tag) : tflite::EnumNameBuiltinOptions2(tag2));
}

}  // namespace hone
