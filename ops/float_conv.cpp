#include "ops/float_conv.h"

#include <algorithm>

#include "ops/kernels/conv_table.h"
#include "ops/linear.h"
#include "ops/products.h"

namespace hone::ops {
namespace {

// Images with fewer channels than this get their padding columns as memory.
constexpr std::int64_t few_channels = 16;

Conv group_of(const ConvShape& s) {
  Conv c = conv_of(s.window, s.group_in(), s.group_out());
  c.x_pixel = s.in, c.y_pixel = s.out;
  return c;
}

}  // namespace

FloatConv::FloatConv(const ConvShape& shape, const Uses& uses, std::pmr::memory_resource* memory)
    : kernels_(&kernels()),
      shape_(shape),
      group_(group_of(shape)),
      pointwise_(shape.groups == 1 && shape.window.taps() == 1 && shape.window.y.stride == 1 &&
                 shape.window.x.stride == 1),
      fits_(fits_conv_table(group_)),
      patch_(shape.window.taps() * shape.group_in()),
      dots_(pointwise_ && prefers_dot(pixels())),
      keeps_table_(uses.keeps_table || !uses.forward) {
  if (pointwise_ || !fits_) return;
  merge_columns();
  const std::ptrdiff_t rows = kernels_->row_block;
  if (uses.forward && keeps_table_) {
    forward_table_ = offsets(forward_table_size(rows_, rows), memory);
    build_forward_table(rows_, rows, forward_table_.mutable_data<std::int32_t>().data());
  }
  if (uses.input_grad) {
    backward_table_ = offsets(backward_table_size(group_, rows), memory);
    build_backward_table(group_, rows, backward_table_.mutable_data<std::int32_t>().data());
  }
}

/// Taps side by side in memory are one tap with all their channels, if none of them lies in padding
/// columns.  With few channels it pays to copy the image so that those columns are zeros in memory.
void FloatConv::merge_columns() noexcept {
  rows_ = group_;
  const WindowAxis& x = shape_.window.x;
  if (shape_.groups > 1 || x.dilation > 1 || x.size == 1 || x.output == 0) return;
  const std::int64_t reach = (x.output - 1) * x.stride + x.size;
  const bool pads = x.before > 0 || reach > x.input;
  if (pads && shape_.in >= few_channels) return;
  rows_.w = std::max(reach, x.input + x.before);
  rows_.c = x.size * shape_.in;
  rows_.kw = 1;
  rows_.pad_left = 0;
  if (pads) padded_ = rows_.h * rows_.w * shape_.in;
}

std::size_t FloatConv::own_table_size() const noexcept {
  const bool own = !keeps_table_ && !pointwise_ && fits_;
  return own ? forward_table_size(rows_, kernels_->row_block) : 0;
}

const std::int32_t* FloatConv::forward_table(float* own) const noexcept {
  if (keeps_table_) return forward_table_.data<std::int32_t>().data();
  auto* table = reinterpret_cast<std::int32_t*>(own);
  build_forward_table(rows_, kernels_->row_block, table);
  return table;
}

/// One image, with its padding columns if there are any.
const float* FloatConv::padded(const float* image, float* to) const noexcept {
  if (padded_ == 0) return image;
  const std::int64_t row = shape_.window.x.input * shape_.in, wide = rows_.w * shape_.in;
  const std::int64_t before = shape_.window.x.before * shape_.in;
  for (std::int64_t i = 0; i < rows_.h; ++i, image += row, to += wide) {
    std::fill(to, to + before, 0.0f);
    std::copy(image, image + row, to + before);
    std::fill(to + before + row, to + wide, 0.0f);
  }
  return to - rows_.h * wide;
}

std::size_t FloatConv::packed_size() const noexcept {
  return dots_ ? 0 : static_cast<std::size_t>(shape_.weights());
}

void FloatConv::pack(const float* w, float* packed) const noexcept {
  for (std::int64_t g = 0; g < shape_.groups; ++g) {
    kernels_->transpose({.rows = group_.o,
                         .columns = patch_,
                         .from = w + g * group_.o * patch_,
                         .from_row = patch_,
                         .to = packed + g * group_.o * patch_,
                         .to_row = group_.o});
  }
}

void FloatConv::forward(const float* x, const float* w, const float* packed, const float* b,
                        float low, float high, float* y, float* scratch) const noexcept {
  if (dots_) {
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
                               .b = packed,
                               .b_row = shape_.out,
                               .c = y,
                               .c_row = shape_.out,
                               .bias = b,
                               .lo = low,
                               .hi = high});
  }
  if (!fits_) {
    return direct_conv<float>(
        shape_, x, 0, packed,
        [&](std::int64_t pixel, std::int64_t o, const float* sums, std::int64_t count) {
          for (std::int64_t j = o; j < o + count; ++j) {
            const float v = sums[j - o] + (b ? b[j] : 0.0f);
            y[pixel * shape_.out + j] = std::min(std::max(v, low), high);
          }
        });
  }
  const std::int32_t* const table = forward_table(scratch + padded_);
  if (padded_ == 0) {
    for (std::int64_t g = 0; g < shape_.groups; ++g) {
      forward_group(g, shape_.batch, x, packed, table, b, low, high, y);
    }
    return;
  }
  const std::int64_t in = shape_.window.inputs() * shape_.in;
  const std::int64_t out = shape_.window.outputs() * shape_.out;
  for (std::int64_t n = 0; n < shape_.batch; ++n) {
    forward_group(0, 1, padded(x + n * in, scratch), packed, table, b, low, high, y + n * out);
  }
}

void FloatConv::forward_group(std::int64_t g, std::int64_t images, const float* x,
                              const float* packed, const std::int32_t* table, const float* b,
                              float low, float high, float* y) const noexcept {
  const std::int64_t tiles = forward_tiles(rows_, kernels_->row_block);
  const std::int64_t in = shape_.window.inputs() * shape_.in;
  const std::int64_t out = shape_.window.outputs() * shape_.out;
  const double work = 2.0 * static_cast<double>(kernels_->row_block * patch_ * group_.o);
  in_blocks(images * tiles, 1, work, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t at = first; at < last;) {
      const std::int64_t n = at / tiles, end = std::min(last, (n + 1) * tiles);
      kernels_->gather_product({.table = table,
                                .first_tile = at - n * tiles,
                                .last_tile = end - n * tiles,
                                .a = x + n * in + g * group_.c,
                                .k = rows_.c,
                                .b = packed + g * group_.o * patch_,
                                .b_row = group_.o,
                                .n = group_.o,
                                .bias = b ? b + g * group_.o : nullptr,
                                .lo = low,
                                .hi = high,
                                .c = y + n * out + g * group_.o});
      at = end;
    }
  });
}

void FloatConv::input_grad(const float* gy, const float* w, float* gx, bool add,
                           Backward::Rows rows) const noexcept {
  if (pointwise_) {
    return run(*kernels_, Gemm{.m = pixels(),
                               .n = shape_.in,
                               .k = rows.count,
                               .a = gy + rows.first,
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
        kernels_->gather_product({.table = backward_table_.data<std::int32_t>().data(),
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

std::size_t FloatConv::forward_scratch() const noexcept {
  return static_cast<std::size_t>(padded_) + own_table_size();
}

std::size_t FloatConv::weight_scratch() const noexcept {
  if (pointwise_ || !fits_) return 0;
  return static_cast<std::size_t>(patch_ * group_.o + padded_) + own_table_size();
}

void FloatConv::weight_grad(const float* gy, const float* x, float* gw, bool add, float* scratch,
                            Backward::Rows rows) const noexcept {
  if (pointwise_) {
    return run(*kernels_, Gemm{.m = rows.count,
                               .n = shape_.in,
                               .k = pixels(),
                               .a = gy + rows.first,
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
  const std::int64_t in = shape_.window.inputs() * shape_.in;
  const std::int64_t out = shape_.window.outputs() * shape_.out;
  const double work = 2.0 * static_cast<double>(shape_.window.outputs() * rows_.c * group_.o);
  float* image = scratch + patch_ * group_.o;
  const std::int32_t* const table = forward_table(image + padded_);
  for (std::int64_t g = 0; g < shape_.groups; ++g) {
    for (std::int64_t n = 0; n < shape_.batch; ++n) {
      const float* from = padded(x + n * in, image) + g * group_.c;
      in_blocks(rows_.kh * rows_.kw, 1, work, [&](std::int64_t first, std::int64_t last) {
        kernels_->gather_weights({.table = table,
                                  .first_tap = first,
                                  .last_tap = last,
                                  .c = rows_.c,
                                  .o = group_.o,
                                  .x = from,
                                  .gy = gy + n * out + g * group_.o,
                                  .gy_pixel = shape_.out,
                                  .gw = scratch,
                                  .accumulate = n > 0});
      });
    }
    kernels_->transpose({.rows = patch_,
                         .columns = group_.o,
                         .from = scratch,
                         .from_row = group_.o,
                         .to = gw + g * group_.o * patch_,
                         .to_row = patch_,
                         .accumulate = add});
  }
}

void FloatConv::bias_grad(const float* gy, float* gb, bool add) const noexcept {
  column_sums(*kernels_, pixels(), shape_.out, gy, gb, add);
}

}  // namespace hone::ops
