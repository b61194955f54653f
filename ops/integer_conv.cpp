#include "ops/integer_conv.h"

#include <algorithm>
#include <utility>

#include "ops/kernels/conv_table.h"
#include "ops/products.h"

namespace hone::ops {

RequantFactors::RequantFactors(const Requantize& r)
    : zero_point_(r.zero_point), low_(r.low), high_(r.high) {
  for (const Rescale& f : r.factors) {
    multipliers_.push_back(f.multiplier);
    left_.push_back(std::max(f.shift, 0));
    right_.push_back(std::max(-f.shift, 0));
  }
}

RequantFactors::RequantFactors(std::vector<double> factors, std::int32_t zero_point,
                               std::int32_t low, std::int32_t high)
    : factors_(std::move(factors)), zero_point_(zero_point), low_(low), high_(high) {}

Requant RequantFactors::from(std::int64_t first, const std::int32_t* bias) const noexcept {
  Requant q;
  q.bias = bias ? bias + first : nullptr;
  if (factors_.empty()) {
    q.multipliers = multipliers_.data() + first;
    q.left = left_.data() + first;
    q.right = right_.data() + first;
  } else {
    q.factors = factors_.data() + first;
  }
  q.zero_point = zero_point_, q.lo = low_, q.hi = high_;
  return q;
}

IntegerConv::IntegerConv(const ConvShape& s, RequantFactors factors,
                         std::pmr::memory_resource* memory)
    : kernels_(&kernels()), shape_(s), factors_(std::move(factors)) {
  const Conv in_pairs = shape_in_pairs();
  if (!fits_conv_table(in_pairs)) return;
  table_ = offsets(forward_table_size(in_pairs, kernels_->row_block), memory);
  build_forward_table(in_pairs, kernels_->row_block, table_.mutable_data<std::int32_t>().data());
  tiles_ = forward_tiles(in_pairs, kernels_->row_block);
}

Conv IntegerConv::shape_in_pairs() noexcept {
  const WindowAxis &y = shape_.window.y, &x = shape_.window.x;
  Conv c = {.h = y.input,
            .w = x.input,
            .oh = y.output,
            .ow = x.output,
            .o = shape_.group_out(),
            .kh = y.size,
            .kw = x.size,
            .stride_h = y.stride,
            .stride_w = x.stride,
            .dilation_h = y.dilation,
            .dilation_w = x.dilation,
            .pad_top = y.before,
            .pad_left = x.before,
            .y_pixel = shape_.out};
  channels_ = shape_.group_in();
  if (shape_.groups == 1 && x.dilation == 1 && x.size > 1) {
    c.w = std::max(x.before + x.input, (x.output - 1) * x.stride + x.size);
    c.x_pixel = channels_;
    c.kw = 1, c.pad_left = 0;
    rows_ = y.input, columns_ = x.input * channels_, row_step_ = c.w * channels_;
    lead_ = x.before * channels_;
    channels_ *= x.size;
    pairs_ = (channels_ + 1) / 2;
  } else {
    pairs_ = (channels_ + 1) / 2;
    c.x_pixel = pairs_ * 2 * shape_.groups;
    rows_ = shape_.window.inputs() * shape_.groups, columns_ = channels_, row_step_ = pairs_ * 2;
  }
  taps_ = c.kh * c.kw;
  c.c = pairs_;
  return c;
}

std::size_t IntegerConv::packed_bytes() const noexcept {
  return static_cast<std::size_t>(taps_ * pairs_ * 2 * shape_.out) * sizeof(std::int16_t);
}

template <class T>
void IntegerConv::pack_pairs(const T* w, std::int32_t zero_point,
                             std::int16_t* packed) const noexcept {
  // the place of a channel after an odd last one
  if (channels_ % 2 != 0) std::fill_n(packed, packed_bytes() / 2, std::int16_t{0});
  const std::int64_t outputs = shape_.group_out(), channels = channels_, taps = taps_;
  constexpr std::int64_t block = 16;  // outputs whose rows are read side by side
  for (std::int64_t g = 0; g < shape_.groups; ++g) {
    for (std::int64_t first = 0; first < outputs; first += block) {
      const std::int64_t count = std::min(block, outputs - first);
      const T* from = w + (g * outputs + first) * taps * channels;
      std::int16_t* to = packed + (g * taps * pairs_ * outputs + first) * 2;
      for (std::int64_t t = 0; t < taps; ++t, from += channels) {
        for (std::int64_t c = 0; c < channels; ++c) {
          std::int16_t* pair = to + (t * pairs_ + c / 2) * outputs * 2 + c % 2;
          for (std::int64_t o = 0; o < count; ++o) {
            pair[o * 2] = static_cast<std::int16_t>(from[o * taps * channels + c] - zero_point);
          }
        }
      }
    }
  }
}

void IntegerConv::pack(const std::int8_t* w, std::int32_t zero_point,
                       std::byte* packed) const noexcept {
  pack_pairs(w, zero_point, reinterpret_cast<std::int16_t*>(packed));
}
void IntegerConv::pack(const std::uint8_t* w, std::int32_t zero_point,
                       std::byte* packed) const noexcept {
  pack_pairs(w, zero_point, reinterpret_cast<std::int16_t*>(packed));
}

std::size_t IntegerConv::scratch_bytes() const noexcept {
  if (!usable()) return 0;
  // one more: the last pair of an odd number
  return static_cast<std::size_t>(lead_ + rows_ * row_step_ + 1) * sizeof(std::int16_t);
}

void IntegerConv::forward(const void* x, bool is_unsigned, std::int32_t zero_point,
                          const std::int16_t* packed, const std::int32_t* bias, std::int8_t* y,
                          std::int16_t* wide) const noexcept {
  const std::int64_t outputs = shape_.group_out();
  const double work = static_cast<double>(kernels_->row_block * taps_ * pairs_ * outputs);
  std::fill_n(wide, lead_, std::int16_t{0});
  wide[lead_ + rows_ * row_step_] = 0;
  for (std::int64_t n = 0; n < shape_.batch; ++n) {
    const auto* image = static_cast<const std::byte*>(x) + n * rows_ * columns_;
    in_blocks(rows_, 1, static_cast<double>(columns_), [&](std::int64_t first, std::int64_t last) {
      kernels_->widen({.rows = last - first,
                       .columns = columns_,
                       .from = image + first * columns_,
                       .is_unsigned = is_unsigned,
                       .zero_point = zero_point,
                       .to = wide + lead_ + first * row_step_,
                       .to_row = row_step_});
    });
    for (std::int64_t g = 0; g < shape_.groups; ++g) {
      in_blocks(tiles_, 1, work, [&](std::int64_t first, std::int64_t last) {
        kernels_->gather_integer(
            {.table = table_.data<std::int32_t>().data(),
             .first_tile = first,
             .last_tile = last,
             .a = wide + g * pairs_ * 2,
             .k = pairs_,
             .b = reinterpret_cast<const std::int32_t*>(packed + g * taps_ * pairs_ * outputs * 2),
             .n = outputs,
             .requant = factors_.from(g * outputs, bias),
             .c = y + n * shape_.window.outputs() * shape_.out + g * outputs});
      });
    }
  }
}

}  // namespace hone::ops
