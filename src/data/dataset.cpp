#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <set>

#include <hone/data.h>
#include <hone/error.h>

#include "src/data/sources.h"
#include "src/tensor/random.h"

namespace hone {
namespace {

constexpr std::string_view dataset_where = "dataset";

/// Floats of other widths as float32; every float is finite.
Tensor real_values(const Tensor& t, std::string_view what) {
  if (is_integer(t.dtype()) || t.dtype() == DType::boolean) return t;
  Tensor out = t;
  if (t.dtype() == DType::float64) {
    out = Tensor(TensorType(DType::float32, t.shape()));
    std::transform(t.data<double>().begin(), t.data<double>().end(),
                   out.mutable_data<float>().begin(),
                   [](double v) { return static_cast<float>(v); });
  } else {
    out = t.to_float();
  }
  const std::span<const float> values = out.data<float>();
  const auto bad =
      std::find_if_not(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
  if (bad != values.end()) {
    const auto at = static_cast<std::size_t>(bad - values.begin());
    const std::size_t each = values.size() / static_cast<std::size_t>(t.shape()[0]);
    fail(ErrorKind::data, dataset_where, "expected finite numbers in ", what, ", got ", *bad,
         " in sample ", at / each, " at ", at % each);
  }
  return out;
}

/// Integers as int32 class indices.
Tensor class_indices(const Tensor& y, std::size_t classes) {
  Tensor out(TensorType(DType::int32, y.shape()));
  const std::span<std::int32_t> to = out.mutable_data<std::int32_t>();
  const std::vector<std::int64_t> labels = y.to_ints();
  const std::int64_t end =
      classes == 0 ? std::numeric_limits<std::int32_t>::max() : static_cast<std::int64_t>(classes);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0 || labels[i] >= end) {
      fail(ErrorKind::data, dataset_where, "expected labels from 0 to ", end - 1, ", got ",
           labels[i], " at ", i);
    }
    to[i] = static_cast<std::int32_t>(labels[i]);
  }
  return out;
}

Shape without_first(const Shape& shape) {
  return Shape(std::span<const std::int64_t>(shape).subspan(1));
}

Shape with_first(std::size_t n, const Shape& rest) {
  Shape shape{static_cast<std::int64_t>(n)};
  for (const std::int64_t d : rest) shape.append(d);
  return shape;
}

/// 0, 1, ..., n - 1
template <class T>
std::vector<T> counting(std::size_t n) {
  std::vector<T> out(n);
  std::iota(out.begin(), out.end(), T{0});
  return out;
}

}  // namespace

std::shared_ptr<Dataset::Sources> sources_of(const TensorType& x, const Tensor& y,
                                             std::vector<std::string> classes) {
  if (!x.present() || x.shape.rank() == 0 || x.shape[0] == 0) {
    fail(ErrorKind::data, dataset_where, "expected x of shape (samples, ...), got ", x);
  }
  const std::int64_t n = x.shape[0];
  if (n > std::numeric_limits<std::int32_t>::max()) {
    fail(ErrorKind::data, dataset_where, "expected fewer than 2147483648 samples, got ", n);
  }
  if (y && (y.shape().rank() == 0 || y.shape()[0] != n)) {
    fail(ErrorKind::data, dataset_where, "expected y of ", n, " samples as x has, got ", y.type());
  }
  auto s = std::make_shared<Dataset::Sources>();
  s->dtype = x.dtype;
  s->shape = without_first(x.shape);
  s->recordings = {""};
  s->samples.resize(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < s->samples.size(); ++i) {
    s->samples[i].begin = static_cast<std::int64_t>(i);
  }
  s->classes = std::move(classes);
  if (!y) {
    s->target = Target::input;
  } else if (is_integer(y.dtype()) || y.dtype() == DType::boolean) {
    s->target = Target::classes;
    const bool column = y.shape().rank() == 2 && y.shape()[1] == 1;
    s->targets = class_indices(column ? y.reshaped({n}) : y, s->classes.size());
  } else {
    s->target = Target::values;
    s->targets = real_values(y, "y");
  }
  return s;
}

void Dataset::Sources::read(std::size_t i, std::span<std::byte> to) const {
  const Sample& s = samples[i];
  const std::size_t begin = static_cast<std::size_t>(s.begin) * row_bytes();
  if (file)
    file->read(begin, to);
  else if (!to.empty())
    std::memcpy(to.data(), x[s.recording].raw() + begin, to.size());
}

namespace {

std::shared_ptr<const Dataset::Sources> from_arrays(const Tensor& x, const Tensor& y,
                                                    std::vector<std::string> classes) {
  const auto s = sources_of(x.type(), y, std::move(classes));
  s->x.push_back(real_values(x, "x"));
  s->dtype = s->x[0].dtype();
  return s;
}

}  // namespace

Dataset::Dataset(Tensor x, Tensor y, std::vector<std::string> classes)
    : Dataset(from_arrays(x, y, std::move(classes))) {}

Dataset::Dataset(std::shared_ptr<const Sources> sources)
    : sources_(std::move(sources)),
      samples_(std::make_shared<const Samples>(counting<std::uint32_t>(sources_->samples.size()))),
      shape_(sources_->shape) {}

DType Dataset::dtype() const noexcept { return sources_->dtype; }
Target Dataset::target() const noexcept { return sources_->target; }
const std::vector<std::string>& Dataset::classes() const noexcept { return sources_->classes; }
const std::vector<std::string>& Dataset::recordings() const noexcept {
  return sources_->recordings;
}

void Dataset::check_index(std::size_t i) const {
  if (i >= size()) {
    fail(ErrorKind::argument, dataset_where, "expected a sample below ", size(), ", got ", i);
  }
}

Dataset::Origin Dataset::origin(std::size_t i) const {
  check_index(i);
  const Sources::Sample& s = sources_->samples[(*samples_)[i]];
  return {s.recording, s.begin, s.begin + sources_->rows, sources_->rows_of(s.recording)};
}

Tensor Dataset::x(std::size_t i) const {
  const std::size_t one[] = {i};
  return gather(one).x.reshaped(shape());
}

std::int32_t Dataset::label(std::size_t i) const {
  check_index(i);
  if (target() != Target::classes || sources_->targets.shape().rank() != 1) {
    fail(ErrorKind::state, dataset_where, "expected one class a sample, got ",
         target() == Target::input ? "samples without labels" : "labels of another kind");
  }
  return sources_->targets.data<std::int32_t>()[(*samples_)[i]];
}

std::size_t Dataset::distinct_labels() const {
  std::set<std::int32_t> labels;
  if (target() != Target::classes) return 0;
  const std::size_t each = sources_->target_bytes() / sizeof(std::int32_t);
  const std::span<const std::int32_t> all = sources_->targets.data<std::int32_t>();
  for (const std::uint32_t i : *samples_) {
    for (const std::int32_t label : all.subspan(i * each, each)) labels.insert(label);
  }
  return labels.size();
}

void Dataset::require_classes(std::size_t least, std::string_view in) const {
  if (target() != Target::classes || distinct_labels() >= least) return;
  const std::int32_t label = sources_->targets.data<std::int32_t>()[samples_->front()];
  const auto at = static_cast<std::size_t>(label);
  fail(ErrorKind::data, in, "expected samples of at least ", least, " classes, got ",
       distinct_labels(), ": all ", size(), " are ",
       at < classes().size() ? '"' + escaped(classes()[at]) + '"' : std::to_string(label));
}

Batch Dataset::gather(std::span<const std::size_t> indices,
                      std::pmr::memory_resource* memory) const {
  for (const std::size_t i : indices) check_index(i);
  const Sources& s = *sources_;
  Batch batch;
  batch.x = Tensor(TensorType(s.dtype, with_first(indices.size(), shape_)), memory);
  const std::size_t bytes = shape_.numel() * byte_size(s.dtype);
  for (std::size_t k = 0; k < indices.size(); ++k)
    s.read((*samples_)[indices[k]], {batch.x.mutable_raw() + k * bytes, bytes});
  if (normalization_) normalization_->apply(batch.x.mutable_data<float>());
  batch.labels = s.target == Target::input ? batch.x : labels(indices, memory);
  return batch;
}

Tensor Dataset::labels(std::span<const std::size_t> indices,
                       std::pmr::memory_resource* memory) const {
  const Sources& s = *sources_;
  if (s.target == Target::input) return gather(indices, memory).x;
  for (const std::size_t i : indices) check_index(i);
  Tensor labels(
      TensorType(s.targets.dtype(), with_first(indices.size(), without_first(s.targets.shape()))),
      memory);
  const std::size_t each = s.target_bytes();
  for (std::size_t k = 0; each > 0 && k < indices.size(); ++k) {
    std::memcpy(labels.mutable_raw() + k * each, s.targets.raw() + (*samples_)[indices[k]] * each,
                each);
  }
  return labels;
}

std::vector<std::size_t> Dataset::order(std::uint64_t seed, std::uint64_t epoch) const {
  return shuffled(size(), seed, epoch);
}

Batches Dataset::batches(std::size_t batch, std::uint64_t seed, std::uint64_t epoch) const {
  return {*this, order(seed, epoch), batch};
}

Batches Dataset::batches(std::size_t batch) const {
  return {*this, counting<std::size_t>(size()), batch};
}

Dataset Dataset::subset(std::span<const std::size_t> indices) const {
  auto samples = std::make_shared<Samples>();
  samples->reserve(indices.size());
  for (const std::size_t i : indices) {
    check_index(i);
    samples->push_back((*samples_)[i]);
  }
  Dataset out = *this;
  out.samples_ = std::move(samples);
  return out;
}

Dataset Dataset::normalized(Normalization constants) const {
  if (normalization_) fail(ErrorKind::state, dataset_where, "the samples are normalised already");
  if (dtype() != DType::float32) {
    fail(ErrorKind::data, dataset_where, "expected float32 samples to normalise, got ", dtype());
  }
  constants.check_channels(shape().rank() == 0 ? 1 : shape().back(), dataset_where);
  Dataset out = *this;
  out.normalization_ = std::move(constants);
  return out;
}

Dataset Dataset::reshaped(const Shape& shape) const {
  if (shape.numel() != shape_.numel()) {
    fail(ErrorKind::data, dataset_where, "expected a shape of ", shape_.numel(), " elements as ",
         shape_, " has, got ", shape);
  }
  Dataset out = *this;
  out.shape_ = shape;
  return out;
}

Batches::Batches(Dataset data, std::vector<std::size_t> order, std::size_t batch)
    : data_(std::move(data)), order_(std::move(order)), batch_(batch) {
  if (batch == 0) fail(ErrorKind::argument, dataset_where, "expected a batch of 1 or more, got 0");
}

std::size_t Batches::size() const noexcept { return (order_.size() + batch_ - 1) / batch_; }

std::span<const std::size_t> Batches::indices(std::size_t i) const {
  if (i >= size())
    fail(ErrorKind::argument, dataset_where, "expected a batch below ", size(), ", got ", i);
  return std::span(order_).subspan(i * batch_, std::min(batch_, order_.size() - i * batch_));
}

}  // namespace hone
