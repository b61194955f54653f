#include <algorithm>
#include <cstring>

#include <hone/functions.h>

#include "ops/moves.h"
#include "ops/op.h"

namespace hone::ops {
namespace {

/// Slices of x along `axis` in the order of the indices, for each of the first `batch_dims` common
/// dimensions by itself.
/// x: (batch, outer, n, inner); indices: (batch, ...), integers in [0, n);
/// y: (batch, outer, ..., inner).
struct Gather {
  static constexpr std::string_view name = "GATHER";
  static constexpr int code = tflite::BuiltinOperator_GATHER;
  static constexpr Slots weights = Slots::of({0});
  static constexpr Arity arity{2, 2};
  static constexpr Saves saves = Saves::only({1});
  static constexpr bool moves = true;

  struct Attributes {
    std::int64_t axis = 0, batch_dims = 0;
  };

  struct Plan {
    std::size_t batch = 1, outer = 1, n = 1, inner = 1, indices = 1;  // indices: of each batch
  };

  static Attributes parse(const Options& options) {
    const auto& o = options.as<tflite::GatherOptions>();
    return {.axis = o.axis(), .batch_dims = o.batch_dims()};
  }

  static std::size_t batch_dims(const Attributes& a, const Call& call) {
    const auto rank = static_cast<std::int64_t>(call.inputs[1].shape.rank());
    const std::int64_t n = a.batch_dims < 0 ? a.batch_dims + rank : a.batch_dims;
    if (n < 0 || n > rank) {
      call.refuse("expected batch_dims from ", -rank, " to ", rank, ", got ", a.batch_dims);
    }
    return static_cast<std::size_t>(n);
  }

  static TensorType infer(const Attributes& a, const Call& call) {
    const Shape &x = call.inputs[0].shape, &indices = call.inputs[1].shape;
    const DType index = call.inputs[1].dtype;
    if (index != DType::int16 && index != DType::int32 && index != DType::int64) {
      call.refuse("expected indices of int16, int32 or int64, got ", index);
    }
    const std::size_t axis = call.axis(a.axis, x.rank()), batch = batch_dims(a, call);
    if (batch > axis) call.refuse("expected batch_dims up to the axis ", axis, ", got ", batch);
    Shape y;
    for (std::size_t i = 0; i < axis; ++i) {
      if (i < batch && x[i] != indices[i]) {
        call.refuse("expected the first ", batch, " dimensions to agree, got ", x, " and ",
                    indices);
      }
      y.append(x[i]);
    }
    for (std::size_t i = batch; i < indices.rank(); ++i) y.append(indices[i]);
    for (std::size_t i = axis + 1; i < x.rank(); ++i) y.append(x[i]);
    return moved(call, 0, y);
  }

  static Plan prepare(const Attributes& a, const Call& call) {
    const Shape &x = call.inputs[0].shape, &indices = call.inputs[1].shape;
    const std::size_t axis = call.axis(a.axis, x.rank()), batch = batch_dims(a, call);
    const auto count = [](const Shape& s, std::size_t begin, std::size_t end) {
      return static_cast<std::size_t>(product(s, begin, end));
    };
    return {.batch = count(x, 0, batch),
            .outer = count(x, batch, axis),
            .n = count(x, axis, axis + 1),
            .inner = count(x, axis + 1, x.rank()),
            .indices = count(indices, batch, indices.rank())};
  }

  static void check(const Attributes& a, const Call& call) {
    const Shape& x = call.inputs[0].shape;
    const std::int64_t n = x[call.axis(a.axis, x.rank())];
    visit(call.values[1], [&](auto indices) {
      for (const auto i : indices) {
        if (i < 0 || i >= n) call.refuse("expected indices from 0 to ", n - 1, ", got ", i);
      }
    });
  }

  /// Calls f with the indices as a span of their type.
  template <class F>
  static void visit(const Tensor& indices, F&& f) {
    switch (indices.dtype()) {
      case DType::int16:
        return f(indices.data<std::int16_t>());
      case DType::int32:
        return f(indices.data<std::int32_t>());
      default:
        return f(indices.data<std::int64_t>());
    }
  }

  /// Calls f(from, to) with the places in x and in y of every slice of `inner` elements.
  template <class F>
  static void walk(const Plan& p, const Tensor& indices, F&& f) {
    visit(indices, [&](auto values) {
      std::size_t to = 0;
      for (std::size_t b = 0; b < p.batch; ++b) {
        for (std::size_t o = 0; o < p.outer; ++o) {
          for (std::size_t i = 0; i < p.indices; ++i, to += p.inner) {
            const auto index = static_cast<std::size_t>(values[b * p.indices + i]);
            f(((b * p.outer + o) * p.n + index) * p.inner, to);
          }
        }
      }
    });
  }

  static void forward(const Attributes&, const Plan& plan, const Forward& f) {
    const std::size_t size = byte_size(f.type_in(0).dtype), bytes = plan.inner * size;
    if (bytes == 0) return;
    const std::byte* x = f.inputs[0].raw();
    std::byte* y = f.outputs[0].mutable_raw();
    walk(plan, f.inputs[1], [&](std::size_t from, std::size_t to) {
      std::memcpy(y + to * size, x + from * size, bytes);
    });
  }

  static void backward(const Attributes&, const Plan& plan, const Backward& b) {
    const auto gy = b.output_grad(0);
    const auto gx = b.input_grad(0);
    std::ranges::fill(gx, 0.0f);
    walk(plan, b.saved_inputs_raw[1], [&](std::size_t from, std::size_t to) {
      for (std::size_t k = 0; k < plan.inner; ++k) gx[from + k] += gy[to + k];
    });
  }
};

}  // namespace

extern constinit const OpDef gather = define<Gather>();

}  // namespace hone::ops

namespace hone {

Variable gather(const Variable& x, const Variable& indices, std::int64_t axis,
                std::int64_t batch_dims) {
  return apply_one(ops::gather, ops::Gather::Attributes{.axis = axis, .batch_dims = batch_dims},
                   {x, indices});
}

}  // namespace hone
