#include <algorithm>
#include <cmath>

#include <hone/loss.h>
#include <hone/train.h>

#include "src/train/shaped.h"

namespace hone {
namespace {

/// Row by row, the first index of the largest value; the order of quantized values is that of the
/// integers.
std::vector<std::size_t> argmax_rows(const Tensor& output, std::size_t rows) {
  const Tensor values = output.to_float();
  const auto v = values.data<float>();
  const std::size_t n = rows == 0 ? 0 : v.size() / rows;
  std::vector<std::size_t> best(rows);
  for (std::size_t r = 0; r < rows; ++r) {
    const auto row = v.subspan(r * n, n);
    best[r] = static_cast<std::size_t>(std::max_element(row.begin(), row.end()) - row.begin());
  }
  return best;
}

std::size_t classes_of(const Tensor& output) {
  return output.shape().rank() == 0 ? 1 : static_cast<std::size_t>(output.shape().back());
}

}  // namespace

Metrics evaluate(Model& model, const Dataset& given, Loss loss) {
  const NoGrad no_grad;
  const Dataset data = shaped(model, given, "evaluate");
  Metrics m;
  const std::size_t batch = model.can_batch(8) ? 8 : 1;
  std::size_t right = 0, labelled = 0;
  for (const auto& [x, labels] : data.batches(batch)) {
    const Evaluated y = model.evaluate(Variable(x));
    const bool at_logits = loss == Loss::xent || loss == Loss::bce;
    const auto rows = static_cast<std::size_t>(x.shape()[0]);
    m.loss += static_cast<double>(loss_of(loss, at_logits ? y.logits : y.output, labels).item()) *
              static_cast<double>(rows);
    m.n += rows;
    if (data.target() != Target::classes || labels.numel() != rows) continue;
    const std::size_t classes = classes_of(y.output.data());
    if (m.confusion.size() < classes)
      m.confusion.assign(classes, std::vector<std::size_t>(classes, 0));
    const std::vector<std::int64_t> truth = labels.to_ints();
    const std::vector<std::size_t> guess = argmax_rows(y.output.data(), rows);
    for (std::size_t r = 0; r < rows; ++r) {
      if (truth[r] < 0 || static_cast<std::size_t>(truth[r]) >= classes) {
        fail(ErrorKind::data, "evaluate", "expected labels below ", classes,
             ", the outputs of the model, got ", truth[r]);
      }
      const auto t = static_cast<std::size_t>(truth[r]);
      ++m.confusion[t][guess[r]];
      right += t == guess[r];
      ++labelled;
    }
  }
  m.loss /= static_cast<double>(m.n);
  if (labelled > 0) m.accuracy = static_cast<double>(right) / static_cast<double>(labelled);
  return m;
}

}  // namespace hone
