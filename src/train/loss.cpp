#include <hone/loss.h>
#include <hone/train.h>

namespace hone {
namespace {

/// Targets as the prediction has them: class indices spread out, or float values of its shape.
Variable target_like(const Variable& prediction, const Tensor& target) {
  if (target.numel() != prediction.data().numel()) {
    fail(ErrorKind::data, "loss", "expected targets of shape ", prediction.shape(), ", got ",
         target.shape());
  }
  if (is_integer(target.dtype()) && !target.type().quantized()) {
    Tensor floats(TensorType(DType::float32, prediction.shape()));
    const std::vector<std::int64_t> values = target.to_ints();
    std::copy(values.begin(), values.end(), floats.mutable_data<float>().begin());
    return Variable(std::move(floats));
  }
  return Variable(target.to_float().reshaped(prediction.shape()));
}

}  // namespace

Variable loss_of(Loss loss, const Variable& y, const Tensor& target, Reduction reduction) {
  switch (loss) {
    case Loss::xent:
      return cross_entropy(y, target, {.reduction = reduction});
    case Loss::bce:
      return bce_with_logits(y, target_like(y, target).data(), reduction);
    case Loss::mse:
      return mse(y, target_like(y, target), reduction);
    case Loss::huber:
      return huber(y, target_like(y, target), 1.0f, reduction);
    case Loss::mae:
      return mae(y, target_like(y, target), reduction);
  }
  fail(ErrorKind::argument, "loss", "expected one of xent, bce, mse, huber, mae");
}

}  // namespace hone
