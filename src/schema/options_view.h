#pragma once
/// The options of one operator of a file, without the generated header; ops include
/// "src/schema/options.h".

#ifndef HONE_PRIVATE
#error "a private header of hone"
#endif

#include <cstddef>
#include <cstdint>
#include <span>

namespace tflite {
struct Operator;
template <typename T>
struct BuiltinOptionsTraits;
template <typename T>
struct BuiltinOptions2Traits;
}  // namespace tflite

namespace hone {

/// A view into the bytes of the file, which must outlive it.
class Options {
 public:
  /// No options: all defaults, version 1.
  Options() = default;
  /// `version` stands in the operator's code.  `custom` replaces the operator's custom options
  /// where a file keeps them outside of its tables.
  explicit Options(const tflite::Operator* op, int version = 1,
                   std::span<const std::byte> custom = {});

  /// `options.as<tflite::LeakyReluOptions>().alpha()`.  Where the file has none: a table of
  /// defaults. Throws Error where the file has those of another operator.
  template <class Table>
  const Table& as() const {
    static_assert(sizeof(Table) == 1, "a table of the schema");
    return *static_cast<const Table*>(find(int{tflite::BuiltinOptionsTraits<Table>::enum_value},
                                           int{tflite::BuiltinOptions2Traits<Table>::enum_value}));
  }

  std::span<const std::byte> custom() const noexcept { return custom_; }
  int version() const noexcept { return version_; }

 private:
  /// The table with tag `first` in the first union or `second` in the second; tag 0: not a member
  /// of it.
  const void* find(int first, int second) const;

  const tflite::Operator* op_ = nullptr;
  int version_ = 1;
  std::span<const std::byte> custom_;
};

}  // namespace hone
