#pragma once
/// Losses.  Each is one number, float32, from a model's output and what it should have been.
/// Logits, predictions and targets may be float32, float16 or quantized: the loss is taken of their
/// real values, and so is the gradient.

#include <cstdint>
#include <vector>

#include <hone/variable.h>

namespace hone {

/// How the losses of the elements (of the rows, in a cross-entropy) become one number.
enum class Reduction : std::uint8_t {
  mean,
  sum,  ///< for parts of a batch: scale the seed of backward by one over the size of the whole
};

struct CrossEntropy {
  /// In [0, 1]: this share of each target is spread evenly over all classes.  Szegedy et al.
  /// (2016), section 7.
  float label_smoothing = 0.0f;
  /// One weight of 0 or more for each class; empty: all 1.  With class indices the mean is
  /// weighted: it divides by the sum of the weights of the labels, as PyTorch's does; with
  /// probabilities it divides by the number of rows.
  std::vector<float> class_weights = {};
  Reduction reduction = Reduction::mean;
};

/// Softmax cross-entropy, in nats: the mean over rows of -sum_c t_c log softmax(logits)_c.  Bridle
/// (1990). logits (..., C): every index of the leading dimensions is a row.  labels: class indices
/// (...), int32 or int64, or probabilities (..., C) in [0, 1], of a floating or quantized type.
/// Throws Error: another shape, no row, a label outside [0, C), labels whose weights are all 0.
Variable cross_entropy(const Variable& logits, const Tensor& labels,
                       const CrossEntropy& options = {});

/// Binary cross-entropy of sigmoid(logits), in nats: the mean over elements of
/// max(x, 0) - x t + log(1 + exp(-|x|)), which no logit overflows.
/// targets: the shape of logits, in [0, 1]; integers and booleans count as 0 and 1.
/// Throws Error: another shape, no element, a target outside [0, 1].
Variable bce_with_logits(const Variable& logits, const Tensor& targets,
                         Reduction reduction = Reduction::mean);

/// Mean squared error: the mean over elements of (x - t)^2.  Throws Error: another shape, no
/// element.
Variable mse(const Variable& prediction, const Variable& target,
             Reduction reduction = Reduction::mean);

/// Huber (1964): the mean over elements of d^2 / 2 where |d| < delta, delta (|d| - delta / 2)
/// elsewhere, d = x - t. Throws Error: another shape, no element, delta not above 0.
Variable huber(const Variable& prediction, const Variable& target, float delta = 1.0f,
               Reduction reduction = Reduction::mean);

/// Mean absolute error: the mean over elements of |x - t|; its gradient at x = t is 0.
/// Throws Error: another shape, no element.
Variable mae(const Variable& prediction, const Variable& target,
             Reduction reduction = Reduction::mean);

/// What a loss should look at: the input of the SOFTMAX or LOGISTIC that made `y`, else `y` itself.
///  An int8 softmax has steps of 1/256 and saturates; through it the gradient dies.
Variable logits(const Variable& y);

}  // namespace hone
