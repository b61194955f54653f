#include "ops/integer_conv.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "ops/kernels/conv_table.h"
#include "ops/products.h"

namespace hone::ops {
namespace {

constexpr std::int64_t pack_block = 16;  // outputs whose weights are read side by side

}  // namespace

RequantFactors::RequantFactors(const Requantize& r)
    : zero_point_(r.zero_point), low_(r.low), high_(r.high) {
  for (const Rescale& f : r.factors) {
    multipliers_.push_back(f.multiplier);
    left_.push_back(std::max(f.shift, 0));
    right_.push_back(std::max(-f.shift, 0));
  }
  only_right_ = std::none_of(r.factors.begin(), r.factors.end(),
                             [](const Rescale& f) { return f.shift >= 0; });
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
    q.only_right = only_right_;
  } else {
    q.factors = factors_.data() + first;
  }
  q.zero_point = zero_point_, q.lo = low_, q.hi = high_;
  return q;
}

IntegerConv::IntegerConv(const ConvShape& s, const TensorType& weights, RequantFactors factors,
                         std::pmr::memory_resource* memory)
    : kernels_(&kernels()),
      shape_(s),
      bytes_(weights.dtype != DType::uint8 && weights.zero_point == 0 &&
             kernels_->gather_bytes != nullptr),
      in_lane_(bytes_ ? 4 : 2),
      factors_(std::move(factors)) {
  const Conv in_lanes = shape_in_lanes();
  usable_ = fits_conv_table(in_lanes);
  tiles_ = forward_tiles(in_lanes, kernels_->row_block);
  const bool dense =
      s.groups == 1 && s.window.taps() == 1 && s.window.y.stride == 1 && s.window.x.stride == 1;
  if (!usable_ || dense) return;
  table_ = offsets(forward_table_size(in_lanes, kernels_->row_block), memory);
  build_forward_table(in_lanes, kernels_->row_block, table_.mutable_data<std::int32_t>().data());
}

Conv IntegerConv::shape_in_lanes() noexcept {
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
    lanes_ = (channels_ + in_lane_ - 1) / in_lane_;
  } else {
    lanes_ = (channels_ + in_lane_ - 1) / in_lane_;
    c.x_pixel = lanes_ * in_lane_ * shape_.groups;
    rows_ = shape_.window.inputs() * shape_.groups, columns_ = channels_;
    row_step_ = lanes_ * in_lane_;
  }
  taps_ = c.kh * c.kw;
  c.c = lanes_;
  return c;
}

std::size_t IntegerConv::weight_bytes() const noexcept {
  return static_cast<std::size_t>(taps_ * lanes_ * shape_.out) * sizeof(std::int32_t);
}

std::size_t IntegerConv::packed_bytes() const noexcept {
  return weight_bytes() + (bytes_ ? static_cast<std::size_t>(shape_.out) * 4 : 0);
}

template <class T>
void IntegerConv::pack_pairs(const T* w, std::int32_t zero_point,
                             std::int16_t* packed) const noexcept {
  // the place of a channel after an odd last one
  if (channels_ % 2 != 0) std::fill_n(packed, weight_bytes() / 2, std::int16_t{0});
  const std::int64_t outputs = shape_.group_out(), channels = channels_, taps = taps_;
  for (std::int64_t g = 0; g < shape_.groups; ++g) {
    for (std::int64_t first = 0; first < outputs; first += pack_block) {
      const std::int64_t count = std::min(pack_block, outputs - first);
      const T* from = w + (g * outputs + first) * taps * channels;
      std::int16_t* to = packed + (g * taps * lanes_ * outputs + first) * 2;
      for (std::int64_t t = 0; t < taps; ++t, from += channels) {
        for (std::int64_t c = 0; c < channels; ++c) {
          std::int16_t* pair = to + (t * lanes_ + c / 2) * outputs * 2 + c % 2;
          for (std::int64_t o = 0; o < count; ++o) {
            pair[o * 2] = static_cast<std::int16_t>(from[o * taps * channels + c] - zero_point);
          }
        }
      }
    }
  }
}

/// Four bytes are moved as a float is: whole lanes of some outputs are put side by side, then
/// transposed.
void IntegerConv::pack_bytes(const std::int8_t* w, std::byte* packed) const noexcept {
  constexpr std::int64_t run = 64;
  alignas(64) std::array<float, pack_block * run> rows;
  const std::int64_t outputs = shape_.group_out(), taps = shape_.groups * taps_;
  const auto put = [&](std::int64_t tap, std::int64_t first, std::int64_t lane) {
    const std::int64_t count = std::min(pack_block, outputs - first);
    const std::int64_t lanes = std::min(run, lanes_ - lane);
    const auto bytes = static_cast<std::size_t>(std::min(lanes * 4, channels_ - lane * 4));
    const std::int64_t group = tap / taps_ * outputs;
    for (std::int64_t o = 0; o < count; ++o) {
      auto* row = reinterpret_cast<std::byte*>(rows.data() + o * run);
      const std::int64_t at = ((group + first + o) * taps_ + tap % taps_) * channels_;
      std::memcpy(row, w + at + lane * 4, bytes);
      std::memset(row + bytes, 0, static_cast<std::size_t>(lanes * 4) - bytes);
    }
    const std::int64_t to = (tap * lanes_ + lane) * outputs + first;
    kernels_->transpose({.rows = count,
                         .columns = lanes,
                         .from = rows.data(),
                         .from_row = run,
                         .to = reinterpret_cast<float*>(packed) + to,
                         .to_row = outputs});
  };
  for (std::int64_t tap = 0; tap < taps; ++tap) {
    for (std::int64_t first = 0; first < outputs; first += pack_block) {
      for (std::int64_t lane = 0; lane < lanes_; lane += run) put(tap, first, lane);
    }
  }
}

void IntegerConv::pack(const std::int8_t* w, std::int32_t zero_point,
                       std::byte* packed) const noexcept {
  if (!bytes_) return pack_pairs(w, zero_point, reinterpret_cast<std::int16_t*>(packed));
  pack_bytes(w, packed);
  kernels_->row_sums({.rows = shape_.out,
                      .columns = taps_ * channels_,
                      .from = w,
                      .to = reinterpret_cast<std::int32_t*>(packed + weight_bytes())});
}
void IntegerConv::pack(const std::uint8_t* w, std::int32_t zero_point,
                       std::byte* packed) const noexcept {
  pack_pairs(w, zero_point, reinterpret_cast<std::int16_t*>(packed));
}

std::size_t IntegerConv::outside_bytes() const noexcept {
  return static_cast<std::size_t>(std::min<std::int64_t>(lanes_, GatherInteger::most_outside)) * 4;
}

std::size_t IntegerConv::scratch_bytes() const noexcept {
  if (!usable()) return 0;
  // one lane more: the last one of channels that do not fill it
  const auto image = static_cast<std::size_t>(lead_ + rows_ * row_step_ + in_lane_);
  const std::size_t biases = bytes_ ? static_cast<std::size_t>(shape_.out) * 4 : 0;
  return biases + outside_bytes() + image * (4 / static_cast<std::size_t>(in_lane_));
}

/// The bias where the image's zero point counts as 0 of the bytes that are multiplied, as it does
/// outside of the image too.  Modulo 2^32, as the sums are.
void IntegerConv::correct_biases(const std::int32_t* bias, const std::byte* packed,
                                 std::int32_t zero, std::int32_t* corrected) const noexcept {
  const auto* sums = reinterpret_cast<const std::uint32_t*>(packed + weight_bytes());
  for (std::int64_t o = 0; o < shape_.out; ++o) {
    const auto start = bias ? static_cast<std::uint32_t>(bias[o]) : 0u;
    corrected[o] = static_cast<std::int32_t>(start - static_cast<std::uint32_t>(zero) * sums[o]);
  }
}

void IntegerConv::forward(const void* x, bool is_unsigned, std::int32_t zero_point,
                          const std::byte* packed, const std::int32_t* bias, std::int8_t* y,
                          std::byte* scratch) const noexcept {
  const std::int64_t outputs = shape_.group_out();
  const double work = static_cast<double>(kernels_->row_block * taps_ * lanes_ * outputs);
  const auto element = static_cast<std::int64_t>(4 / in_lane_);
  std::uint8_t fill = 0;  // what each byte outside of the image is
  if (bytes_) {
    fill = static_cast<std::uint8_t>(static_cast<std::uint8_t>(zero_point) ^ kernels_->byte_flip);
    auto* corrected = reinterpret_cast<std::int32_t*>(scratch);
    correct_biases(bias, packed, kernels_->byte_flip != 0 ? fill : zero_point, corrected);
    bias = corrected, scratch += shape_.out * 4;
  }
  std::byte* const image = scratch + outside_bytes();
  std::memset(scratch, fill, outside_bytes() + static_cast<std::size_t>(lead_ * element));
  std::memset(image + (lead_ + rows_ * row_step_) * element, fill, 4);
  for (std::int64_t n = 0; n < shape_.batch; ++n) {
    const auto* from = static_cast<const std::byte*>(x) + n * rows_ * columns_;
    in_blocks(rows_, 1, static_cast<double>(columns_), [&](std::int64_t first, std::int64_t last) {
      std::byte* const to = image + (lead_ + first * row_step_) * element;
      if (bytes_) {
        kernels_->flip_bytes({.rows = last - first,
                              .columns = columns_,
                              .from = reinterpret_cast<const std::int8_t*>(from) + first * columns_,
                              .flip = kernels_->byte_flip,
                              .fill = fill,
                              .to = reinterpret_cast<std::uint8_t*>(to),
                              .to_row = row_step_});
      } else {
        kernels_->widen({.rows = last - first,
                         .columns = columns_,
                         .from = from + first * columns_,
                         .is_unsigned = is_unsigned,
                         .zero_point = zero_point,
                         .to = reinterpret_cast<std::int16_t*>(to),
                         .to_row = row_step_});
      }
    });
    const auto gather = bytes_ ? kernels_->gather_bytes : kernels_->gather_pairs;
    const std::int64_t group_lanes = taps_ * lanes_ * outputs;
    for (std::int64_t g = 0; g < shape_.groups; ++g) {
      in_blocks(tiles_, 1, work, [&](std::int64_t first, std::int64_t last) {
        gather({.table = table_ ? table_.data<std::int32_t>().data() : nullptr,
                .pixels = shape_.window.outputs(),
                .a_pixel = row_step_,
                .c_pixel = shape_.out,
                .first_tile = first,
                .last_tile = last,
                .a = image + g * lanes_ * 4,
                .outside = scratch,
                .k = lanes_,
                .b = reinterpret_cast<const std::int32_t*>(packed) + g * group_lanes,
                .n = outputs,
                .requant = factors_.from(g * outputs, bias),
                .c = y + n * shape_.window.outputs() * shape_.out + g * outputs});
      });
    }
  }
}

}  // namespace hone::ops
