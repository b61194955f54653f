#include <hone/functions.h>

#include "ops/integer_conv.h"
#include "ops/kernels/hybrid.h"
#include "ops/kernels/product.h"
#include "ops/linear.h"
#include "ops/products.h"

namespace hone::ops {
namespace {

/// The matrix products op(x) op(y); op transposes where adj_x or adj_y says so.
/// op(x): (..., M, K); op(y): (..., K, N); result: (..., M, N), leading dimensions broadcast.
struct BatchMatmul {
  static constexpr std::string_view name = "BATCH_MATMUL";
  static constexpr int code = tflite::BuiltinOperator_BATCH_MATMUL;
  static constexpr Arity arity{2, 2};
  static constexpr Dtypes<float, std::int8_t, std::int16_t> dtypes{};
  static constexpr Saves saves = Saves::others;
  static constexpr Slots weights = Slots::of({0, 1});
  static constexpr bool accumulates = true;

  using Attributes = BatchMatmulOptions;

  struct Plan {
    const Kernels* kernels = nullptr;
    std::int64_t m = 0, n = 0, k = 0;
    std::vector<std::int64_t> x_batch, y_batch;  // the matrices of each product, by position
    bool adj_x = false, adj_y = false;
    Rescale factor;          // sx * sy / s
    RequantFactors requant;  // the same for each column, where products run in floats
    bool in_floats = false;  // int8 products whose sums are whole numbers below 2^24
    float scale = 0;         // hybrid: of y

    template <class T>
    MatrixView<T> left(T* x, std::size_t batch) const {
      T* data = x + x_batch[batch] * m * k;
      return adj_x ? MatrixView<T>{data, 1, m} : MatrixView<T>{data, k, 1};
    }
    template <class T>
    MatrixView<T> right(T* y, std::size_t batch) const {
      T* data = y + y_batch[batch] * k * n;
      return adj_y ? MatrixView<T>{data, 1, k} : MatrixView<T>{data, n, 1};
    }
    template <class T>
    MatrixView<T> product(T* z, std::size_t batch) const {
      return {z + static_cast<std::int64_t>(batch) * m * n, n, 1};
    }
  };

  static Attributes parse(const Options& options) {
    const auto& o = options.as<tflite::BatchMatMulOptions>();
    return {.adj_x = o.adj_x(),
            .adj_y = o.adj_y(),
            .asymmetric_quantize_inputs = o.asymmetric_quantize_inputs()};
  }

  /// Dimension `from_back` of the leading ones, counted from the last; 1 beyond the first.
  static std::int64_t batch_dim(const Shape& s, std::size_t from_back) {
    return from_back + 2 < s.rank() ? s[s.rank() - 3 - from_back] : 1;
  }

  static TensorType infer(const Attributes& a, const Call& call) {
    call.require_rank(0, 2, Shape::max_rank);
    call.require_rank(1, 2, Shape::max_rank);
    const TensorType &tx = call.inputs[0], &ty = call.inputs[1];
    const Shape &x = tx.shape, &y = ty.shape;
    const std::int64_t m = x[x.rank() - (a.adj_x ? 1 : 2)], kx = x[x.rank() - (a.adj_x ? 2 : 1)];
    const std::int64_t ky = y[y.rank() - (a.adj_y ? 1 : 2)], n = y[y.rank() - (a.adj_y ? 2 : 1)];
    if (kx != ky) call.refuse("expected inner dimensions that are equal, got ", kx, " and ", ky);
    Shape z;
    for (std::size_t d = std::max(x.rank(), y.rank()) - 2; d-- > 0;) {
      const std::int64_t dx = batch_dim(x, d), dy = batch_dim(y, d);
      if (dx != dy && dx != 1 && dy != 1) {
        call.refuse("expected shapes that broadcast, got ", x, " and ", y);
      }
      z.append(dx == 1 ? dy : dx);
    }
    z.append(m);
    z.append(n);
    const bool sums = tx.dtype == DType::int8 && call.declared(0, tx.dtype) == DType::int32;
    return {sums ? DType::int32 : tx.dtype, z};
  }

  /// For each product the position of the matrix of `from` that it reads.
  static std::vector<std::int64_t> batches(const Shape& from, const Shape& z) {
    std::vector<std::int64_t> list{0};
    std::int64_t stride = 1;
    for (std::size_t d = 0; d + 2 < z.rank(); ++d) {  // from the last leading dimension forward
      const std::int64_t size = batch_dim(z, d), own = batch_dim(from, d);
      std::vector<std::int64_t> longer;
      for (std::int64_t i = 0; i < size; ++i) {
        for (const std::int64_t rest : list) longer.push_back(rest + (own == 1 ? 0 : i * stride));
      }
      list = std::move(longer);
      stride *= own;
    }
    return list;
  }

  static double operations(std::span<const TensorType> in, std::span<const TensorType> out) {
    const Shape &x = in[0].shape, &y = out[0].shape;
    if (x.rank() < 2 || y.rank() < 2 || y.numel() == 0) return 0;
    const std::int64_t rows = y[y.rank() - 2], depth = x[x.rank() - 1] * x[x.rank() - 2];
    return 2 * static_cast<double>(out[0].numel()) * static_cast<double>(depth / rows);
  }

  static Plan prepare(const Attributes& a, const Call& call) {
    const TensorType &x = call.inputs[0], &y = call.inputs[1], &z = call.outputs[0];
    const std::size_t inner = x.shape.rank() - (a.adj_x ? 2 : 1);
    Plan plan{.kernels = &kernels(),
              .m = z.shape[z.shape.rank() - 2],
              .n = z.shape.back(),
              .k = x.shape[inner],
              .x_batch = batches(x.shape, z.shape),
              .y_batch = batches(y.shape, z.shape),
              .adj_x = a.adj_x,
              .adj_y = a.adj_y};
    const bool known = x.dtype == DType::float32 ? y.dtype == x.dtype || is_narrow(y.dtype)
                       : x.dtype == DType::int16 ? y.dtype == x.dtype || is_narrow(y.dtype)
                                                 : is_narrow(y.dtype);
    if (!known) call.refuse("expected a second input that fits ", x.dtype, ", got ", y.dtype);
    if (y.dtype == DType::float32) return plan;
    if (!y.quantized() || y.per_axis()) {
      call.refuse("expected a second input with one scale, got ", y);
    }
    if (x.dtype == DType::float32) {
      if (y.zero_point != 0) call.refuse("expected weights with zero_point 0, got ", y);
      plan.scale = y.scale;
    } else if (z.dtype != DType::int32) {
      require_plain_scales(call);
      plan.factor = rescale(double{x.scale * y.scale} / double{z.scale});
      plan.in_floats = x.dtype == DType::int8 && plan.k * 255 * 255 < std::int64_t{1} << 24;
    }
    if (plan.in_floats) {
      Requantize columns{.zero_point = z.zero_point, .low = -128, .high = 127};
      columns.factors.assign(static_cast<std::size_t>(plan.n), plan.factor);
      plan.requant = RequantFactors(columns);
    }
    return plan;
  }

  /// Floats: a matrix transposed; int8 also the three matrices as floats.  Hybrid: one row of
  /// op(x), as floats and as integers.
  static std::size_t scratch_bytes(const Attributes& a, const Plan& plan, const Call& call) {
    if (plan.in_floats) {
      const std::int64_t all = plan.m * plan.k + plan.k * plan.n + plan.m * plan.n;
      return backward_scratch_bytes(a, plan, call) + static_cast<std::size_t>(all) * sizeof(float);
    }
    if (!is_hybrid(call)) return backward_scratch_bytes(a, plan, call);
    return static_cast<std::size_t>(plan.k) * (sizeof(float) + 1);
  }

  template <class T>
  static void forward(const Attributes& a, const Plan& plan, const Forward& f) {
    if constexpr (std::same_as<T, float>) {
      plan.scale == 0 ? forward_float(plan, f) : forward_hybrid(a, plan, f);
    } else if constexpr (std::same_as<T, std::int16_t>) {
      f.type_in(1).dtype == DType::int16 ? forward_integer<T, std::int16_t, T>(plan, f)
                                         : forward_integer<T, std::int8_t, T>(plan, f);
    } else if (plan.in_floats) {
      forward_in_floats(plan, f);
    } else {
      f.type_out(0).dtype == DType::int32 ? forward_integer<T, std::int8_t, std::int32_t>(plan, f)
                                          : forward_integer<T, std::int8_t, T>(plan, f);
    }
  }

  static void forward_float(const Plan& plan, const Forward& f) {
    for (std::size_t i = 0; i < plan.x_batch.size(); ++i) {
      product(*plan.kernels, plan.m, plan.n, plan.k, plan.left(f.input<float>(0).data(), i),
              plan.right(f.input<float>(1).data(), i), plan.product(f.output<float>(0).data(), i),
              false, reinterpret_cast<float*>(f.scratch.data()));
    }
  }

  static void forward_in_floats(const Plan& plan, const Forward& f) {
    auto* x = reinterpret_cast<float*>(f.scratch.data());
    float *y = x + plan.m * plan.k, *z = y + plan.k * plan.n, *transposed = z + plan.m * plan.n;
    const auto widen = [&](std::size_t slot, std::int64_t matrix, std::int64_t count, float* to) {
      plan.kernels->dequantize({.count = count,
                                .from = f.input<std::int8_t>(slot).data() + matrix * count,
                                .zero_point = f.type_in(slot).zero_point,
                                .to = to});
    };
    for (std::size_t i = 0; i < plan.x_batch.size(); ++i) {
      widen(0, plan.x_batch[i], plan.m * plan.k, x);
      widen(1, plan.y_batch[i], plan.k * plan.n, y);
      const MatrixView<const float> left = plan.adj_x ? MatrixView<const float>{x, 1, plan.m}
                                                      : MatrixView<const float>{x, plan.k, 1};
      const MatrixView<const float> right = plan.adj_y ? MatrixView<const float>{y, 1, plan.k}
                                                       : MatrixView<const float>{y, plan.n, 1};
      product(*plan.kernels, plan.m, plan.n, plan.k, left, right, {z, plan.n, 1}, false,
              transposed);
      const auto to = plan.product(f.output<std::int8_t>(0).data(), i);
      plan.kernels->requantize({.rows = plan.m,
                                .columns = plan.n,
                                .sums = z,
                                .sums_row = plan.n,
                                .requant = plan.requant.from(0, nullptr),
                                .to = to.data,
                                .to_row = plan.n});
    }
  }

  template <class X, class Y, class Z>
  static void forward_integer(const Plan& plan, const Forward& f) {
    using Sum = std::conditional_t<std::same_as<X, std::int16_t>, std::int64_t, std::uint32_t>;
    const std::int32_t zx = f.type_in(0).zero_point, zy = f.type_in(1).zero_point;
    for (std::size_t i = 0; i < plan.x_batch.size(); ++i) {
      const auto x = plan.left(f.input<X>(0).data(), i);
      const auto y = plan.right(f.input<Y>(1).data(), i);
      const auto z = plan.product(f.output<Z>(0).data(), i);
      for (std::int64_t r = 0; r < plan.m; ++r) {
        for (std::int64_t c = 0; c < plan.n; ++c) {
          Sum sum = 0;
          for (std::int64_t l = 0; l < plan.k; ++l) {
            sum += static_cast<Sum>(x(r, l) - zx) * static_cast<Sum>(y(l, c) - zy);
          }
          z(r, c) = finished<Z>(plan, sum, f.type_out(0).zero_point);
        }
      }
    }
  }

  template <class Z, class Sum>
  static Z finished(const Plan& plan, Sum sum, std::int32_t zero) {
    if constexpr (std::same_as<Z, std::int32_t>) {
      return static_cast<std::int32_t>(sum);  // the format: sums in sx * sy, not rescaled
    } else if constexpr (std::same_as<Sum, std::int64_t>) {
      return saturate<Z>(std::int64_t{plan.factor.wide(sum)} + zero);
    } else {
      return saturate<Z>(std::int64_t{plan.factor(static_cast<std::int32_t>(sum))} + zero);
    }
  }

  static void forward_hybrid(const Attributes& a, const Plan& plan, const Forward& f) {
    auto* row = reinterpret_cast<float*>(f.scratch.data());
    auto* q = reinterpret_cast<std::int8_t*>(row + plan.k);
    for (std::size_t i = 0; i < plan.x_batch.size(); ++i) {
      const auto x = plan.left(f.input<float>(0).data(), i);
      const auto y = plan.right(f.input<std::int8_t>(1).data(), i);
      const auto z = plan.product(f.output<float>(0).data(), i);
      for (std::int64_t r = 0; r < plan.m; ++r) {
        for (std::int64_t l = 0; l < plan.k; ++l) row[l] = x(r, l);
        const OnTheFly made = a.asymmetric_quantize_inputs ? quantize_asymmetric(row, plan.k, q)
                                                           : quantize_symmetric(row, plan.k, q);
        for (std::int64_t c = 0; c < plan.n; ++c) {
          std::uint32_t sum = 0;
          for (std::int64_t l = 0; l < plan.k; ++l) {
            sum += static_cast<std::uint32_t>(q[l] - made.zero_point) *
                   static_cast<std::uint32_t>(y(l, c));
          }
          z(r, c) = static_cast<float>(static_cast<std::int32_t>(sum)) * (made.scale * plan.scale);
        }
      }
    }
  }

  /// A matrix transposed, the largest of the three.
  static std::size_t backward_scratch_bytes(const Attributes&, const Plan& plan, const Call&) {
    const std::int64_t largest = std::max({plan.m * plan.k, plan.k * plan.n, plan.m * plan.n});
    return static_cast<std::size_t>(largest) * sizeof(float);
  }

  static void backward(const Attributes&, const Plan& plan, const Backward& b) {
    const float* gz = b.output_grad(0).data();
    auto* scratch = reinterpret_cast<float*>(b.scratch.data());
    if (b.wants(0)) {
      float* gx = started_grad(b, 0).data();
      for (std::size_t i = 0; i < plan.x_batch.size(); ++i) {
        product(*plan.kernels, plan.m, plan.k, plan.n, plan.product(gz, i),
                plan.right(b.saved_input(1).data(), i).transposed(), plan.left(gx, i), true,
                scratch);
      }
    }
    if (b.wants(1)) {
      float* gy = started_grad(b, 1).data();
      for (std::size_t i = 0; i < plan.x_batch.size(); ++i) {
        product(*plan.kernels, plan.k, plan.n, plan.m,
                plan.left(b.saved_input(0).data(), i).transposed(), plan.product(gz, i),
                plan.right(gy, i), true, scratch);
      }
    }
  }
};

}  // namespace

extern constinit const OpDef batch_matmul = define<BatchMatmul>();

}  // namespace hone::ops

namespace hone {

Variable batch_matmul(const Variable& x, const Variable& y, const BatchMatmulOptions& options) {
  return apply_one(ops::batch_matmul, options, {x, y});
}

}  // namespace hone
