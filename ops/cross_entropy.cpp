#include "ops/loss.h"

namespace hone {
namespace ops {
namespace {

/// max(x) + log sum_c exp(x_c - max(x)): exp cannot overflow.
double log_sum_exp(std::span<const float> x) {
  const float highest = *std::max_element(x.begin(), x.end());
  if (!std::isfinite(highest)) return highest;
  double sum = 0;
  for (const float v : x) sum += std::exp(v - highest);
  return highest + std::log(sum);
}

/// The target distribution of one row: t_c = (1 - smoothing) p_c + smoothing / C, times the weight
/// of class c.
struct Target {
  std::int64_t label = -1;               // class index, or
  std::span<const float> probabilities;  // of this row
};

/// Mean over rows of -sum_c w_c t_c log softmax(x)_c.  x: (..., C); labels: (...) or (..., C).
struct SoftmaxCrossEntropy {
  static constexpr std::string_view name = "cross_entropy";
  static constexpr Arity arity{2, 2};
  static constexpr Saves saves = Saves::inputs;
  using Attributes = CrossEntropy;

  static bool by_index(const TensorType& labels) {
    return (labels.dtype == DType::int32 || labels.dtype == DType::int64) && !labels.quantized();
  }

  static TensorType infer(const Attributes&, const Call& call) {
    const TensorType &x = call.inputs[0], &labels = call.inputs[1];
    require_real(call, 0);
    if (x.shape.rank() == 0 || x.numel() == 0)
      call.refuse("expected logits (..., C) with one row or more, got shape ", x.shape);
    if (by_index(labels)) {
      const Shape rows(std::span(x.shape.begin(), x.shape.rank() - 1));
      if (labels.shape != rows)
        call.refuse("expected class indices of shape ", rows, ", got ", labels.shape);
    } else {
      require_real(call, 1);
      require_same_shape(call);
    }
    return {DType::float32, {}};
  }

  static void check(const Attributes& a, const Call& call) {
    if (!(a.label_smoothing >= 0 && a.label_smoothing <= 1))
      call.refuse("expected label_smoothing in [0, 1], got ", a.label_smoothing);
    const std::int64_t classes = call.inputs[0].shape.back();
    if (!a.class_weights.empty() && a.class_weights.size() != static_cast<std::size_t>(classes))
      call.refuse("expected ", classes, " class weights, got ", a.class_weights.size());
    for (const float w : a.class_weights) {
      if (!(w >= 0 && std::isfinite(w)))
        call.refuse("expected class weights of 0 or more, got ", w);
    }
    const Tensor& labels = call.values[1];
    if (!by_index(labels.type())) {
      const Tensor probabilities = labels.to_float();
      for (const float p : probabilities.data<float>()) {
        if (!(p >= 0 && p <= 1)) call.refuse("expected probabilities in [0, 1], got ", p);
      }
      return;
    }
    double weights = 0;
    for (std::size_t i = 0; i < labels.numel(); ++i) {
      const std::int64_t label = label_at(labels, i);
      if (label < 0 || label >= classes)
        call.refuse("expected labels in [0, ", classes, "), got ", label, " in row ", i);
      weights += weight(a, static_cast<std::size_t>(label));
    }
    if (a.reduction == Reduction::mean && weights == 0)
      call.refuse("expected a class weight above 0 among the labels of a batch, all are 0");
  }

  static std::size_t scratch_bytes(const Attributes&, const NoPlan&, const Call& call) {
    const std::size_t labels = by_index(call.inputs[1]) ? 0 : scratch_floats(call, 1);
    return (scratch_floats(call, 0) + labels) * sizeof(float);
  }

  static void forward(const Attributes& a, const NoPlan&, const Forward& f) {
    auto scratch = floats(f.scratch);
    const auto x = real_values(f, 0, scratch);
    if (f.type_in(0).dtype != DType::float32) scratch = scratch.subspan(x.size());
    const Rows rows(f.type_in(0), f.inputs[1],
                    by_index(f.type_in(1)) ? std::span<const float>{} : real_values(f, 1, scratch));
    double sum = 0;
    for (std::size_t r = 0; r < rows.count; ++r) {
      const auto row = x.subspan(r * rows.classes, rows.classes);
      const Target target = rows.target(r);
      const double normalizer = log_sum_exp(row);
      for (std::size_t c = 0; c < rows.classes; ++c) {
        const double t = share(a, target, c, rows.classes);
        if (t != 0) sum += t * (normalizer - row[c]);  // a class that does not count may be -inf
      }
    }
    f.output<float>(0)[0] = static_cast<float>(sum / divisor(a, rows));
  }

  static void backward(const Attributes& a, const NoPlan&, const Backward& b) {
    const auto x = b.saved_input(0);
    const bool indexed = by_index(b.type_in(1));
    const Rows rows(b.type_in(0), b.saved_inputs_raw[1],
                    indexed ? std::span<const float>{} : b.saved_input(1));
    const auto gy = static_cast<float>(b.output_grad(0)[0] / divisor(a, rows));
    for (std::size_t r = 0; r < rows.count; ++r) {
      const auto row = x.subspan(r * rows.classes, rows.classes);
      const Target target = rows.target(r);
      const double normalizer = log_sum_exp(row);
      if (b.wants(0)) {
        const auto gx = b.input_grad(0).subspan(r * rows.classes, rows.classes);
        double total = 0;
        for (std::size_t c = 0; c < rows.classes; ++c) total += share(a, target, c, rows.classes);
        for (std::size_t c = 0; c < rows.classes; ++c) {
          const double p = std::exp(static_cast<float>(row[c] - normalizer));
          gx[c] = gy * static_cast<float>(total * p - share(a, target, c, rows.classes));
        }
      }
      if (b.wants(1)) {
        const auto gt = b.input_grad(1).subspan(r * rows.classes, rows.classes);
        for (std::size_t c = 0; c < rows.classes; ++c) {
          const double slope = (1.0 - a.label_smoothing) * weight(a, c) * (normalizer - row[c]);
          gt[c] = gy * static_cast<float>(slope);
        }
      }
    }
  }

 private:
  static std::int64_t label_at(const Tensor& labels, std::size_t i) {
    return labels.dtype() == DType::int32 ? labels.data<std::int32_t>()[i]
                                          : labels.data<std::int64_t>()[i];
  }

  struct Rows {
    Rows(const TensorType& x, const Tensor& l, std::span<const float> p)
        : classes(static_cast<std::size_t>(x.shape.back())),
          count(x.numel() / classes),
          labels(l),
          probabilities(p) {}
    Target target(std::size_t r) const {
      if (probabilities.empty()) return {label_at(labels, r), {}};
      return {-1, probabilities.subspan(r * classes, classes)};
    }
    std::size_t classes, count;
    const Tensor& labels;
    std::span<const float> probabilities;  // empty: class indices
  };

  static double weight(const Attributes& a, std::size_t c) {
    return a.class_weights.empty() ? 1.0 : a.class_weights[c];
  }

  /// w_c t_c, t smoothed.
  static double share(const Attributes& a, const Target& target, std::size_t c,
                      std::size_t classes) {
    const double p = target.probabilities.empty()
                         ? static_cast<double>(target.label == static_cast<std::int64_t>(c))
                         : target.probabilities[c];
    const double smoothing = a.label_smoothing;
    return weight(a, c) * ((1 - smoothing) * p + smoothing / static_cast<double>(classes));
  }

  static double divisor(const Attributes& a, const Rows& rows) {
    if (a.reduction == Reduction::sum) return 1;
    if (!rows.probabilities.empty() || a.class_weights.empty())
      return static_cast<double>(rows.count);
    double sum = 0;
    for (std::size_t r = 0; r < rows.count; ++r)
      sum += weight(a, static_cast<std::size_t>(rows.target(r).label));
    return sum;
  }
};

}  // namespace

extern constinit const OpDef cross_entropy = define<SoftmaxCrossEntropy>();

}  // namespace ops

Variable cross_entropy(const Variable& logits, const Tensor& labels, const CrossEntropy& options) {
  return ops::apply_loss<ops::cross_entropy>(options, {logits, labels});
}

}  // namespace hone
