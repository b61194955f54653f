#include "src/train/operations.h"

namespace hone {

double operations(std::string_view op, std::span<const TensorType> in,
                  std::span<const TensorType> out) {
  if (in.size() < 2 || out.empty()) return 0;
  const auto in_doubles = [](std::int64_t n) { return static_cast<double>(n); };
  const Shape &x = in[0].shape, &w = in[1].shape, &y = out[0].shape;
  const auto outputs = static_cast<double>(out[0].numel());
  if (op == "CONV_2D") return 2 * outputs * in_doubles(w[1]) * in_doubles(w[2]) * in_doubles(w[3]);
  if (op == "DEPTHWISE_CONV_2D") return 2 * outputs * in_doubles(w[1]) * in_doubles(w[2]);
  if (op == "FULLY_CONNECTED") return 2 * outputs * in_doubles(w[1]);
  if (op == "BATCH_MATMUL") {
    const std::size_t r = x.rank();
    const std::int64_t rows = y[y.rank() - 2];
    return rows == 0 ? 0 : 2 * outputs * in_doubles(x[r - 1]) * in_doubles(x[r - 2] / rows);
  }
  return 0;
}

}  // namespace hone
