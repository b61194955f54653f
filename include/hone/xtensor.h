#pragma once
/// Tensors as xtensor expressions and back, without a copy.  Needs xtensor; not part of hone.h.

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include <hone/tensor.h>

#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>

namespace hone {

/// The values of `tensor` as an expression; integers are raw.  A view: `tensor` must outlive it.
/// Throws Error (argument) unless T is the element type.
template <class T>
auto xview(const Tensor& tensor) {
  if (tensor.dtype() != dtype_of<T>) {
    fail(ErrorKind::argument, "xview", "expected ", dtype_of<T>, ", got ", tensor.dtype());
  }
  const std::vector<std::size_t> shape(tensor.shape().begin(), tensor.shape().end());
  return xt::adapt(tensor.data<T>().data(), tensor.numel(), xt::no_ownership(), shape);
}

/// The values of `array`, which the tensor keeps alive.  Throws Error (argument): more than 8
/// dimensions.
template <class T>
Tensor from_xtensor(xt::xarray<T> array) {
  const auto owner = std::make_shared<xt::xarray<T>>(std::move(array));
  const std::vector<std::int64_t> dims(owner->shape().begin(), owner->shape().end());
  return Tensor::borrow(TensorType(dtype_of<T>, Shape(std::span<const std::int64_t>(dims))),
                        reinterpret_cast<std::byte*>(owner->data()), owner);
}

}  // namespace hone
