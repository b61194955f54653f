#include <algorithm>
#include <cmath>
#include <cstring>

#include <hone/parameter.h>

#include "optim/rounding.h"

namespace hone {
namespace {

bool has_weight_scales(const TensorType& type) noexcept {
  return type.quantized() && type.dtype != DType::int32 && type.dtype != DType::int64;
}

}  // namespace

Parameter::Parameter(const Tensor& data, std::string name, Place place,
                     const ParameterOptions& options)
    : name_(std::move(name)),
      memory_(options.memory),
      place_(place),
      update_(options.update),
      scales_(options.scales),
      frozen_(options.frozen),
      data_(data.clone(options.memory)) {
  const DType dtype = data.dtype();
  const bool known = dtype == DType::float32 || dtype == DType::float16 || data.type().quantized();
  if (!known && !is_integer(dtype)) {
    fail(ErrorKind::unsupported, "parameter", "expected float32, float16 or integers in \"",
         escaped(name_), "\", got ", data.type());
  }
  if (update_ == Update::in_place && scales_ == Scales::refresh) {
    fail(ErrorKind::argument, "parameter",
         "expected kept scales with in-place updates, got refreshed ones; use shadow updates");
  }
  // A plain int32 bias has no scale, and so no gradient, before it follows its weight.
  variable_ = Variable(data_, known && !frozen_ ? Grad::yes : Grad::no, name_, memory_);
  if (frozen_ || dtype == DType::float32 || update_ == Update::in_place) return;
  master_ = Tensor::zeros(TensorType(DType::float32, data.shape()), options.memory);
  if (known) read_real(data_.type(), data_.raw(), 0, master_.mutable_data<float>());
}

Parameter::~Parameter() {
  if (weight_) std::erase(weight_->biases_, this);
}

void Parameter::follow(std::shared_ptr<Parameter> weight, float input_scale) {
  const TensorType &type = data_.type(), &of = weight->data_.type();
  const std::size_t scales = of.per_axis() ? of.axis_scales->size() : 1;
  if (!is_integer(type.dtype) || !of.quantized() || !(input_scale > 0) ||
      !std::isfinite(input_scale) || (scales != 1 && scales != numel())) {
    fail(ErrorKind::argument, "parameter",
         "expected an integer bias with one element for each channel of its weight, got ", type,
         " for ", of, " and input scale ", input_scale);
  }
  if (weight_) std::erase(weight_->biases_, this);
  const bool plain = !type.quantized();
  weight_ = std::move(weight);
  input_scale_ = input_scale;
  weight_->biases_.push_back(this);
  if (frozen_) file_data_ = data_.clone(memory_);
  if (!plain) return;  // the file's own scale holds until the weight's moves
  weight_scaled();
  if (master_) read_real(data_.type(), data_.raw(), 0, master_.mutable_data<float>());
  if (!frozen_) variable_ = Variable(data_, Grad::yes, name_, memory_);
}

void Parameter::read(std::size_t begin, std::span<float> values) const noexcept {
  const Tensor& source = master_ ? master_ : data_;
  read_real(source.type(), source.raw(), begin, values);
}

std::span<float> Parameter::floats() noexcept {
  if (master_) return master_.mutable_data<float>();
  return data_.dtype() == DType::float32 ? data_.mutable_data<float>() : std::span<float>{};
}

void Parameter::assign(std::span<const float> values) {
  if (master_)
    std::copy(values.begin(), values.end(), master_.mutable_data<float>().begin());
  else
    round_nearest(data_.type(), data_.mutable_raw(), 0, values);
}

void Parameter::move(std::size_t begin, std::span<const float> before, std::span<const float> after,
                     std::uint64_t key) noexcept {
  round_stochastic(data_.type(), data_.mutable_raw(), begin, before, after, key);
}

void Parameter::commit() {
  if (scales_ == Scales::refresh && master_ && has_weight_scales(data_.type())) refresh_scales();
  round_master();
  data_.bump_version();
}

void Parameter::round_master() noexcept {
  if (master_) round_nearest(data_.type(), data_.mutable_raw(), 0, master_.data<float>());
}

void Parameter::refresh_scales() {
  TensorType type = data_.type();
  static_cast<QuantParams&>(type) = fitted_scales(type, master_.data<float>());
  if (type == data_.type()) return;
  data_.set_type(std::move(type));
  for (Parameter* bias : biases_) bias->weight_scaled();
}

void Parameter::weight_scaled() {
  const TensorType before = data_.type(), &weight = weight_->data_.type();
  TensorType type(before.dtype, before.shape);
  if (weight.per_axis()) {
    std::vector<float> scales(*weight.axis_scales);
    for (float& s : scales) s *= input_scale_;
    type.axis = 0;
    type.axis_scales = std::make_shared<const std::vector<float>>(std::move(scales));
  } else {
    type.scale = weight.scale * input_scale_;
  }
  data_.set_type(type);
  if (master_ && before.quantized()) {
    round_master();
  } else if (file_data_ && file_data_.type().quantized()) {
    // always from the integers of the file, so that roundings do not add up
    std::memcpy(data_.mutable_raw(), file_data_.raw(), data_.bytes());
    rescale_integers(file_data_.type(), type, data_.mutable_raw());
  } else if (before.quantized()) {
    rescale_integers(before, type, data_.mutable_raw());
  }
  data_.bump_version();
}

void Parameter::restore(const Tensor& data, std::span<const float> master) {
  const bool scaled = data.type() != data_.type();
  if (scaled) data_.set_type(data.type());
  if (data.bytes() != 0) std::memcpy(data_.mutable_raw(), data.raw(), data.bytes());
  if (master_) std::copy(master.begin(), master.end(), master_.mutable_data<float>().begin());
  data_.bump_version();
  for (Parameter* bias : biases_) {
    if (scaled) bias->weight_scaled();
  }
}

std::size_t Parameters::numel() const noexcept {
  std::size_t n = 0;
  for (const auto& p : list_) n += p->numel();
  return n;
}

std::size_t Parameters::master_bytes() const noexcept {
  std::size_t n = 0;
  for (const auto& p : list_) n += p->master_bytes();
  return n;
}

std::vector<float> Parameters::get() const {
  std::vector<float> values(numel());
  std::span<float> rest = values;
  for (const auto& p : list_) {
    p->read(0, rest.first(p->numel()));
    rest = rest.subspan(p->numel());
  }
  return values;
}

void Parameters::set(std::span<const float> values) const {
  if (values.size() != numel()) {
    fail(ErrorKind::argument, "parameters", "expected ", numel(), " values, got ", values.size());
  }
  const auto bad =
      std::find_if_not(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
  if (bad != values.end()) {
    fail(ErrorKind::argument, "parameters", "expected finite values, got ", *bad, " at ",
         bad - values.begin());
  }
  for (const auto& p : list_) {
    p->assign(values.first(p->numel()));
    values = values.subspan(p->numel());
  }
  for (const auto& p : list_) p->commit();
}

std::vector<ParameterLayout> Parameters::layout() const {
  std::vector<ParameterLayout> all;
  std::size_t offset = 0;
  for (const auto& p : list_) {
    all.push_back({p->name(), p->place(), p->tensor().shape(), offset, p->numel()});
    offset += p->numel();
  }
  return all;
}

void Parameters::clear_grads() const noexcept {
  for (const auto& p : list_) p->clear_grad();
}

}  // namespace hone
