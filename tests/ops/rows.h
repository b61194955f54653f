#pragma once
/// The tests of one op as a table.  tests/ops/foo.cpp defines `extern const OpRows foo{...}` in
/// namespace hone::tests::foo_rows; each row is built as a one-op .tflite in memory, read back
/// through the reader, run, and checked (tests/ops/rows.cpp): forward against the double reference,
/// the gradient along a random direction against the derivative of that reference, the same bits
/// with 1 and 4 threads, no node and no byte left behind.  Bit-exactness of integers is the
/// business of tests/ops/conformance.cpp.

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hone/op.h>
#include <hone/tensor.h>

#include "src/schema/options.h"

namespace hone::tests {

/// One tensor in double and real units, row-major.  Plain integers and booleans: their value.
using Values = std::vector<double>;
/// By position; empty where an optional input is absent (and for empty tensors).
using Inputs = std::vector<Values>;

/// One tensor of a row and how its values are drawn.  Drawn unless told otherwise: floats in
/// [-3, 3], quantized 4, 8 and 16-bit integers over their whole range (never -8, -128 or -32768
/// in `weight` or `constant`), quantized int32 in [-1, 1] real, plain integers in [-10, 10].
struct Arg {
  TensorType type;
  double low = 0, high = -1;  ///< real units; low > high: the default above
  Values fixed;               ///< given values, in real units
  bool constant_too = false;  ///< tested both as a graph input and as a constant
  bool constant_only = false;
  bool all_different = false;

  /// Real values within [lo, hi].
  Arg between(double lo, double hi) const {
    return with([&](Arg& a) { a.low = lo, a.high = hi; });
  }
  /// These values, in real units; a constant of the file (axes, paddings, indices).
  Arg values(Values v) const {
    return with([&](Arg& a) { a.fixed = std::move(v), a.constant_only = !a.constant_too; });
  }
  /// May be a constant of the file: tested both as an input and as a constant.
  Arg weight() const {
    return with([](Arg& a) { a.constant_too = true, a.constant_only = false; });
  }
  /// Always a constant of the file.
  Arg constant() const {
    return with([](Arg& a) { a.constant_only = true, a.constant_too = false; });
  }
  /// No two equal values, where the element type has enough of them.
  Arg distinct() const {
    return with([](Arg& a) { a.all_different = true; });
  }

  const Shape& shape() const noexcept { return type.shape; }
  bool present() const noexcept { return type.present(); }

 private:
  template <class F>
  Arg with(F change) const {
    Arg a = *this;
    change(a);
    return a;
  }
};

Arg f32(Shape shape);
Arg f16(Shape shape);
Arg f64(Shape shape);
Arg boolean(Shape shape);
/// Plain where scale is 0.
Arg i4(Shape shape, float scale, std::int32_t zero_point = 0);
Arg i8(Shape shape, float scale = 0, std::int32_t zero_point = 0);
Arg u8(Shape shape, float scale = 0, std::int32_t zero_point = 0);
Arg i16(Shape shape, float scale = 0, std::int32_t zero_point = 0);
Arg i32(Shape shape, float scale = 0);
Arg i64(Shape shape, float scale = 0);
/// One scale for each index of dimension `axis`.
Arg i4_axis(Shape shape, int axis, std::vector<float> scales);
Arg i8_axis(Shape shape, int axis, std::vector<float> scales);
Arg i32_axis(Shape shape, int axis, std::vector<float> scales);
Arg i64_axis(Shape shape, int axis, std::vector<float> scales);
/// A plain int32 constant of rank 1, such as axes or a shape.
Arg ints(std::initializer_list<std::int32_t> values);
/// An optional input that is left out.
Arg absent();

/// An options table of the schema's object API, `tflite::LeakyReluOptionsT`; or none.
class RowOptions {
 public:
  RowOptions() = default;
  template <class T>
    requires std::derived_from<T, flatbuffers::NativeTable>
  RowOptions(T options)  // NOLINT: implicit on purpose
      : type_(tflite::BuiltinOptionsUnionTraits<T>::enum_value) {
    static_assert(tflite::BuiltinOptionsUnionTraits<T>::enum_value != tflite::BuiltinOptions_NONE);
    if constexpr (requires { options.fused_activation_function; }) {
      fused_ = static_cast<Activation>(options.fused_activation_function);
    }
    table_ = std::make_shared<T>(std::move(options));
  }

  /// The table; its defaults where the row gives another one or none.
  template <class T>
  T as() const {
    if (type_ != tflite::BuiltinOptionsUnionTraits<T>::enum_value) return {};
    return *static_cast<const T*>(table_.get());
  }
  tflite::BuiltinOptions type() const noexcept { return type_; }
  const void* table() const noexcept { return table_.get(); }
  Activation fused() const noexcept { return fused_; }

 private:
  tflite::BuiltinOptions type_ = tflite::BuiltinOptions_NONE;
  std::shared_ptr<const void> table_;
  Activation fused_ = Activation::none;
};

/// What a row may ask to be judged by; say why in a comment beside it.
struct Judged {
  /// Forward, float outputs: how many units in the last place the inputs may be off for the
  /// result to be right (a backward-stable kernel), beside 4 of the result itself.
  double ulps = 32;
  /// Forward, integer outputs: how many steps off the rounded reference.
  double steps = 1;
  /// Gradient, relative to the sum of the magnitudes of its terms.
  double gradient = 1e-5;
  /// Overrides OpRows::moves: an integer output at the limit of its type passes no gradient.
  std::optional<bool> clamps = std::nullopt;
};

struct Row {
  std::string name;
  std::vector<Arg> inputs;
  std::vector<Arg> outputs;  ///< shape, dtype and quantization; the values are not used
  RowOptions options = {};
  Judged judged = {};

  bool has(std::size_t i) const noexcept { return i < inputs.size() && inputs[i].present(); }
  const Shape& shape_in(std::size_t i) const noexcept { return inputs[i].shape(); }
  const Shape& shape_out(std::size_t i = 0) const noexcept { return outputs[i].shape(); }
};

/// A row that must throw Error, whose text contains `word`.
struct Refused {
  Row row;
  std::string_view word;
};

/// The op in double, from the format's definition, without the fused activation of the options
/// (the harness applies it).  Takes `Values (const Row&, const Inputs&)`, or, for ops with several
/// outputs, `std::vector<Values> (const Row&, const Inputs&)`.
class Reference {
 public:
  Reference() = default;
  template <class F>
    requires std::is_invocable_v<F, const Row&, const Inputs&>
  Reference(F f) {  // NOLINT: implicit on purpose
    if constexpr (std::same_as<std::invoke_result_t<F, const Row&, const Inputs&>, Values>) {
      f_ = [f](const Row& row, const Inputs& in) { return std::vector<Values>{f(row, in)}; };
    } else {
      f_ = f;
    }
  }
  std::vector<Values> operator()(const Row& row, const Inputs& in) const { return f_(row, in); }

 private:
  std::function<std::vector<Values>(const Row&, const Inputs&)> f_;
};

/// Which of equal values an op with a choice takes (integers have ties): none says that there are
/// no ties that matter; `largest_first` and `smallest_first` say that the op takes the largest
/// (smallest) value, and the first of equal ones: input 0 before input 1, memory order within.
enum class Ties : std::uint8_t { none, largest_first, smallest_first };

/// All rows of one op.
struct OpRows {
  std::string_view op;  ///< its name in the format, "LEAKY_RELU"
  Reference reference;
  /// Where the reference has no derivative: inputs are drawn clear of these values (real units).
  /// Kinks elsewhere (a fused activation, a maximum of two inputs) are noticed and drawn again.
  std::vector<double> kinks = {};
  /// No gradient: backward must refuse it and name the op.
  bool differentiable = true;
  /// Only moves or chooses values: an integer output has no clamp but a fused activation's.
  bool moves = false;
  /// RELU and the like: applied to the reference, as if it were fused.
  Activation activation = Activation::none;
  Ties ties = Ties::none;
  std::vector<Row> rows;
  std::vector<Refused> refused = {};
};

// For references.

/// Row-major strides, in elements.
std::vector<std::int64_t> strides(const Shape& shape);
/// The index of element `i` of a tensor of that shape, outermost dimension first.
std::vector<std::int64_t> index_of(const Shape& shape, std::size_t i);
/// The element at `index`; negative or too large coordinates are a mistake of the reference.
std::size_t offset_of(const Shape& shape, const std::vector<std::int64_t>& index);
/// The element of an operand of shape `from` that element `i` of the result of shape `to` reads.
std::size_t broadcast_offset(const Shape& from, const Shape& to, std::size_t i);
/// f of every element.
Values map(const Values& x, double (*f)(double));
/// f of every pair, broadcast to output 0 of the row.
Values map(const Row& row, const Values& a, const Values& b, double (*f)(double, double));

}  // namespace hone::tests
