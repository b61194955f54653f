#include <algorithm>
#include <bit>

#include <hone/functions.h>

#include "ops/moves.h"
#include "ops/op.h"

namespace hone::ops {
namespace {

/// x[begin:end:strides] as in Python, position by position; see StridedSliceMasks.
/// x: any shape; begin, end, strides: (n) integers, n up to rank + new axes, strides not 0.
struct StridedSlice {
  static constexpr std::string_view name = "STRIDED_SLICE";
  static constexpr int code = tflite::BuiltinOperator_STRIDED_SLICE;
  static constexpr Arity arity{4, 4};
  static constexpr Slots reads = Slots::of({1, 2, 3});
  static constexpr bool moves = true;

  struct Attributes {
    StridedSliceMasks masks;
    bool offset = false;  // end counts from begin
  };

  struct Plan {
    StridedCopy copy;
  };

  /// What is taken of one dimension of x, or a new dimension of y.
  struct Range {
    std::int64_t first = 0, count = 1, stride = 1;
    bool of_x = true, in_y = true;
  };

  static Attributes parse(const Options& options) {
    const auto& o = options.as<tflite::StridedSliceOptions>();
    const auto bits = [](std::int32_t mask) { return static_cast<std::uint32_t>(mask); };
    return {.masks = {.begin = bits(o.begin_mask()),
                      .end = bits(o.end_mask()),
                      .ellipsis = bits(o.ellipsis_mask()),
                      .new_axis = bits(o.new_axis_mask()),
                      .shrink_axis = bits(o.shrink_axis_mask())},
            .offset = o.offset()};
  }

  /// A range for each dimension of x and each new one, in the order of x and y.
  static std::vector<Range> ranges(const Attributes& a, const Call& call) {
    const Shape& x = call.inputs[0].shape;
    const std::vector<std::int64_t> begin = call.ints(1), end = call.ints(2),
                                    strides = call.ints(3);
    const std::size_t n = begin.size();
    if (end.size() != n || strides.size() != n) {
      call.refuse("expected as many ends and strides as begins (", n, "), got ", end.size(),
                  " and ", strides.size());
    }
    if (n > 2 * Shape::max_rank) call.refuse("expected up to 16 positions, got ", n);
    const std::uint32_t in_use = (1u << n) - 1;
    const std::uint32_t ellipsis = a.masks.ellipsis & in_use;
    const std::uint32_t new_axis = a.masks.new_axis & in_use & ~ellipsis;
    if (std::popcount(ellipsis) > 1) call.refuse("expected at most one ellipsis, got more");
    const std::size_t named = n - static_cast<std::size_t>(std::popcount(ellipsis | new_axis));
    if (named > x.rank()) {
      call.refuse("expected positions for up to ", x.rank(), " dimensions, got ", named);
    }
    std::vector<Range> all;
    std::size_t axis = 0;
    const auto whole = [&](std::size_t count) {
      for (; count > 0; --count) all.push_back({.count = x[axis++]});
    };
    for (std::size_t i = 0; i < n; ++i) {
      if ((ellipsis >> i & 1u) != 0) {
        whole(x.rank() - named);
      } else if ((new_axis >> i & 1u) != 0) {
        all.push_back({.of_x = false});
      } else {
        all.push_back(range(a, call, i, x[axis++], begin[i], end[i], strides[i]));
      }
    }
    whole(x.rank() - axis);
    return all;
  }

  /// Position i, in a dimension of `dim` elements.
  static Range range(const Attributes& a, const Call& call, std::size_t i, std::int64_t dim,
                     std::int64_t begin, std::int64_t end, std::int64_t stride) {
    constexpr std::int64_t limit = std::int64_t{1} << 32;  // so that nothing below overflows
    if (stride == 0 || stride < -limit || stride > limit) {
      call.refuse("expected strides other than 0 and up to 2^32, got ", stride);
    }
    begin = std::clamp(begin, -limit, limit);
    end = std::clamp(end, -limit, limit);
    const auto bit = [i](std::uint32_t mask) { return (mask >> i & 1u) != 0; };
    // the positions between which a walk can begin and end
    const std::int64_t low = stride > 0 ? 0 : -1, high = stride > 0 ? dim : dim - 1;
    const auto from_front = [dim](std::int64_t at) { return at < 0 ? at + dim : at; };
    const bool open = bit(a.masks.begin);
    if (bit(a.masks.shrink_axis)) {
      const std::int64_t at = open ? (stride > 0 ? 0 : dim - 1) : from_front(begin);
      if (at < 0 || at >= dim) {
        call.refuse("expected an index from ", -dim, " to ", dim - 1, " at position ", i, ", got ",
                    begin);
      }
      return {.first = at, .in_y = false};
    }
    const std::int64_t first =
        open ? (stride > 0 ? low : high) : std::clamp(from_front(begin), low, high);
    const std::int64_t stop = a.offset ? first + end : from_front(end);
    const std::int64_t last =
        bit(a.masks.end) ? (stride > 0 ? high : low) : std::clamp(stop, low, high);
    const std::int64_t distance = stride > 0 ? last - first : first - last;
    const std::int64_t step = stride > 0 ? stride : -stride;
    return {
        .first = first, .count = distance > 0 ? (distance + step - 1) / step : 0, .stride = stride};
  }

  static TensorType infer(const Attributes& a, const Call& call) {
    Shape y;
    for (const Range& r : ranges(a, call)) {
      if (r.in_y) y.append(r.count);
    }
    return moved(call, 0, y);
  }

  static Plan prepare(const Attributes& a, const Call& call) {
    const auto from = strides_of(call.inputs[0].shape), to = strides_of(call.outputs[0].shape);
    Plan plan;
    std::size_t axis = 0, y_axis = 0;
    for (const Range& r : ranges(a, call)) {
      const std::int64_t step = r.of_x ? from[axis] : 0;
      plan.copy.source += r.first * step;
      if (r.in_y) plan.copy.add(r.count, r.stride * step, to[y_axis++]);
      if (r.of_x) ++axis;
    }
    return plan;
  }

  static void forward(const Attributes&, const Plan& plan, const Forward& f) {
    copy_elements(plan.copy, f);
  }

  static void backward(const Attributes&, const Plan& plan, const Backward& b) {
    std::ranges::fill(b.input_grad(0), 0.0f);
    copy_floats(plan.copy.reversed(), b.output_grad(0), b.input_grad(0));
  }
};

}  // namespace

extern constinit const OpDef strided_slice = define<StridedSlice>();

}  // namespace hone::ops

namespace hone {

Variable strided_slice(const Variable& x, const std::vector<std::int64_t>& begin,
                       const std::vector<std::int64_t>& end,
                       const std::vector<std::int64_t>& strides, const StridedSliceMasks& masks) {
  const std::vector<std::int64_t> ones(begin.size(), 1);
  return apply_one(
      ops::strided_slice, ops::StridedSlice::Attributes{.masks = masks},
      {x, ops::list(begin), ops::list(end), ops::list(strides.empty() ? ones : strides)});
}

}  // namespace hone
