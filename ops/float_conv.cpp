#include "ops/float_conv.h"

#include <algorithm>

#include "ops/kernels/conv_table.h"
#include "ops/products.h"

namespace hone::ops {
namespace {

// Rows of patches that the gradient of weights with few input channels copies at a time.
constexpr std::int64_t patch_rows = 64;

Conv group_of(const ConvShape& s) {
  const WindowAxis &y = s.window.y, &x = s.window.x;
  return {.h = y.input,
          .w = x.input,
          .c = s.group_in(),
          .oh = y.output,
          .ow = x.output,
          .o = s.group_out(),
          .kh = y.size,
          .kw = x.size,
          .stride_h = y.stride,
          .stride_w = x.stride,
          .dilation_h = y.dilation,
          .dilation_w = x.dilation,
          .pad_top = y.before,
          .pad_left = x.before,
          .x_pixel = s.in,
          .y_pixel = s.out};
}

}  // namespace

FloatConv::FloatConv(const ConvShape& shape, bool packs)
    : kernels_(&kernels()),
      shape_(shape),
      group_(group_of(shape)),
      pointwise_(shape.groups == 1 && shape.window.taps() == 1 && shape.window.y.stride == 1 &&
                 shape.window.x.stride == 1),
      fits_(fits_conv_table(group_)),
      patch_(shape.window.taps() * shape.group_in()) {
  const bool dots = pointwise_ && prefers_dot(pixels(), shape.in);
  if (packs && !dots) packed_.resize(static_cast<std::size_t>(shape.weights()));
  if (pointwise_ || !fits_) return;
  const std::ptrdiff_t rows = kernels_->row_block;
  forward_table_.resize(forward_table_size(group_, rows));
  build_forward_table(group_, rows, forward_table_.data());
  backward_table_.resize(backward_table_size(group_, rows));
  build_backward_table(group_, rows, backward_table_.data());
}

void FloatConv::refresh(const float* w) noexcept {
  if (packed_.empty()) return;
  for (std::int64_t g = 0; g < shape_.groups; ++g) {
    kernels_->transpose({.rows = group_.o,
                         .columns = patch_,
                         .from = w + g * group_.o * patch_,
                         .from_row = patch_,
                         .to = packed_.data() + g * group_.o * patch_,
                         .to_row = group_.o});
  }
}

void FloatConv::forward(const float* x, const float* w, const float* b, float low, float high,
                        float* y) const noexcept {
  if (pointwise_ && packed_.empty()) {
    return run(*kernels_, Dot{.m = pixels(),
                              .n = shape_.out,
                              .k = shape_.in,
                              .a = x,
                              .a_row = shape_.in,
                              .b = w,
                              .b_row = shape_.in,
                              .c = y,
                              .c_row = shape_.out,
                              .bias = b,
                              .lo = low,
                              .hi = high});
  }
  if (pointwise_) {
    return run(*kernels_, Gemm{.m = pixels(),
                               .n = shape_.out,
                               .k = shape_.in,
                               .a = x,
                               .a_row = shape_.in,
                               .b = packed_.data(),
                               .b_row = shape_.out,
                               .c = y,
                               .c_row = shape_.out,
                               .bias = b,
                               .lo = low,
                               .hi = high});
  }
  if (!fits_) {
    return direct_conv<float>(
        shape_, x, 0, packed_.data(),
        [&](std::int64_t pixel, std::int64_t o, const float* sums, std::int64_t count) {
          for (std::int64_t j = o; j < o + count; ++j) {
            const float v = sums[j - o] + (b ? b[j] : 0.0f);
            y[pixel * shape_.out + j] = std::min(std::max(v, low), high);
          }
        });
  }
  const std::int64_t tiles = forward_tiles(group_, kernels_->row_block);
  const std::int64_t in = shape_.window.inputs() * shape_.in;
  const std::int64_t out = shape_.window.outputs() * shape_.out;
  const double work = 2.0 * static_cast<double>(kernels_->row_block * patch_ * group_.o);
  for (std::int64_t g = 0; g < shape_.groups; ++g) {
    const auto image = [&](std::int64_t n, std::int64_t first, std::int64_t last) {
      kernels_->gather_product({.table = forward_table_.data(),
                                .first_tile = first,
                                .last_tile = last,
                                .a = x + n * in + g * group_.c,
                                .k = group_.c,
                                .b = packed_.data() + g * group_.o * patch_,
                                .b_row = group_.o,
                                .n = group_.o,
                                .bias = b ? b + g * group_.o : nullptr,
                                .lo = low,
                                .hi = high,
                                .c = y + n * out + g * group_.o});
    };
    in_blocks(shape_.batch * tiles, 1, work, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t at = first; at < last;) {
        const std::int64_t n = at / tiles, end = std::min(last, (n + 1) * tiles);
        image(n, at - n * tiles, end - n * tiles);
        at = end;
      }
    });
  }
}

void FloatConv::input_grad(const float* gy, const float* w, float* gx, bool add) const noexcept {
  if (pointwise_) {
    return run(*kernels_, Gemm{.m = pixels(),
                               .n = shape_.in,
                               .k = shape_.out,
                               .a = gy,
                               .a_row = shape_.out,
                               .b = w,
                               .b_row = shape_.in,
                               .c = gx,
                               .c_row = shape_.in,
                               .accumulate = add});
  }
  const std::int64_t in = shape_.window.inputs() * shape_.in;
  const std::int64_t out = shape_.window.outputs() * shape_.out;
  if (!fits_ || add) {  // images that are parameters: rare
    if (!add) std::fill(gx, gx + shape_.batch * in, 0.0f);
    return conv_input_grad(shape_, gy, w, gx);
  }
  const std::int64_t tiles = backward_tiles(group_, kernels_->row_block);
  const double work = 2.0 * static_cast<double>(kernels_->row_block * patch_ * group_.o) /
                      static_cast<double>(group_.stride_h * group_.stride_w);
  for (std::int64_t g = 0; g < shape_.groups; ++g) {
    in_blocks(shape_.batch * tiles, 1, work, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t at = first; at < last;) {
        const std::int64_t n = at / tiles, end = std::min(last, (n + 1) * tiles);
        kernels_->gather_product({.table = backward_table_.data(),
                                  .first_tile = at - n * tiles,
                                  .last_tile = end - n * tiles,
                                  .a = gy + n * out + g * group_.o,
                                  .k = group_.o,
                                  .b = w + g * group_.o * patch_,
                                  .b_row = patch_,
                                  .n = group_.c,
                                  .c = gx + n * in + g * group_.c});
        at = end;
      }
    });
  }
}

std::size_t FloatConv::weight_scratch() const noexcept {
  if (pointwise_ || !fits_) return 0;
  return static_cast<std::size_t>(patch_ * (gathers_weights() ? group_.o : patch_rows));
}

void FloatConv::weight_grad(const float* gy, const float* x, float* gw, bool add,
                            float* scratch) const noexcept {
  const std::int64_t in = shape_.window.inputs() * shape_.in;
  const std::int64_t out = shape_.window.outputs() * shape_.out;
  if (pointwise_) {
    return run(*kernels_, Gemm{.m = shape_.out,
                               .n = shape_.in,
                               .k = pixels(),
                               .a = gy,
                               .a_row = 1,
                               .a_col = shape_.out,
                               .b = x,
                               .b_row = shape_.in,
                               .c = gw,
                               .c_row = shape_.in,
                               .accumulate = add});
  }
  if (!fits_ || pixels() == 0) {
    if (!add) std::fill(gw, gw + shape_.weights(), 0.0f);
    return conv_weight_grad(shape_, gy, x, gw);
  }
  const double work = 2.0 * static_cast<double>(shape_.window.outputs() * group_.c * group_.o);
  for (std::int64_t g = 0; g < shape_.groups; ++g) {
    float* group = gw + g * group_.o * patch_;
    if (!gathers_weights()) {
      for (std::int64_t n = 0; n < shape_.batch; ++n) {
        weight_grad_of_image(gy + n * out + g * group_.o, x + n * in + g * group_.c, group,
                             add || n > 0, scratch);
      }
      continue;
    }
    in_blocks(shape_.window.taps(), 1, work * static_cast<double>(shape_.batch),
              [&](std::int64_t first, std::int64_t last) {
                for (std::int64_t n = 0; n < shape_.batch; ++n) {
                  kernels_->gather_weights({.table = forward_table_.data(),
                                            .first_tap = first,
                                            .last_tap = last,
                                            .c = group_.c,
                                            .o = group_.o,
                                            .x = x + n * in + g * group_.c,
                                            .gy = gy + n * out + g * group_.o,
                                            .gy_pixel = shape_.out,
                                            .gw = scratch,
                                            .accumulate = n > 0});
                }
              });
    kernels_->transpose({.rows = patch_,
                         .columns = group_.o,
                         .from = scratch,
                         .from_row = group_.o,
                         .to = group,
                         .to_row = patch_,
                         .accumulate = add});
  }
}

void FloatConv::weight_grad_of_image(const float* gy, const float* x, float* gw, bool add,
                                     float* scratch) const noexcept {
  const std::int64_t outputs = shape_.window.outputs();
  for (std::int64_t p = 0; p < outputs; p += patch_rows) {
    const std::int64_t last = std::min(outputs, p + patch_rows);
    kernels_->im2col({.shape = group_, .first = p, .last = last, .x = x, .columns = scratch});
    run(*kernels_, Gemm{.m = group_.o,
                        .n = patch_,
                        .k = last - p,
                        .a = gy + p * shape_.out,
                        .a_row = 1,
                        .a_col = shape_.out,
                        .b = scratch,
                        .b_row = patch_,
                        .c = gw,
                        .c_row = patch_,
                        .accumulate = add || p > 0});
  }
}

void FloatConv::bias_grad(const float* gy, float* gb, bool add) const noexcept {
  column_sums(*kernels_, pixels(), shape_.out, gy, gb, add);
}

}  // namespace hone::ops
