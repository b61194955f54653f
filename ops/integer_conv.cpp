#include "ops/integer_conv.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "ops/kernels/conv_table.h"
#include "ops/products.h"

namespace hone::ops {
namespace {

constexpr std::int64_t side_by_side = 16;  // outputs whose weights are read at once
constexpr std::int64_t few_rows = 64;      // of a product, where memory is short

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
                         bool keeps_packed, std::pmr::memory_resource* memory)
    : kernels_(&kernels()),
      shape_(s),
      weights_(weights.dtype),
      weights_zero_(weights.zero_point),
      keeps_(keeps_packed),
      block_(s.group_out()),
      bytes_(weights.dtype != DType::uint8 && weights.zero_point == 0 &&
             kernels_->gather_bytes != nullptr),
      in_lane_(bytes_ ? 4 : 2),
      factors_(std::move(factors)) {
  in_lanes_ = shape_in_lanes();
  usable_ = fits_conv_table(in_lanes_);
  dense_ =
      s.groups == 1 && s.window.taps() == 1 && s.window.y.stride == 1 && s.window.x.stride == 1;
  piece_ = s.window.outputs();
  if (!keeps_) {
    block_ = std::min<std::int64_t>(block_, kernels_->column_block);
    if (dense_) piece_ = std::min(piece_, few_rows);
  } else if (usable_ && !dense_) {
    table_ = offsets(forward_table_size(in_lanes_, kernels_->row_block), memory);
    build_forward_table(in_lanes_, kernels_->row_block, table_.mutable_data<std::int32_t>().data());
  }
}

Conv IntegerConv::shape_in_lanes() noexcept {
  const WindowAxis &y = shape_.window.y, &x = shape_.window.x;
  Conv c = conv_of(shape_.window, 1, shape_.group_out());
  c.y_pixel = shape_.out;
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

std::size_t IntegerConv::weight_bytes(std::int64_t outputs) const noexcept {
  return static_cast<std::size_t>(taps_ * lanes_ * outputs) * sizeof(std::int32_t);
}

std::size_t IntegerConv::block_bytes() const noexcept {
  return weight_bytes(block_) + (bytes_ ? static_cast<std::size_t>(block_) * 4 : 0);
}

std::size_t IntegerConv::packed_bytes() const noexcept {
  return keeps_ ? static_cast<std::size_t>(shape_.groups) * block_bytes() : 0;
}

template <class T>
void IntegerConv::pack_pairs(const T* w, std::int64_t first, std::int64_t count,
                             std::int16_t* packed) const noexcept {
  // the place of a channel after an odd last one
  if (channels_ % 2 != 0) std::fill_n(packed, weight_bytes(count) / 2, std::int16_t{0});
  const std::int64_t channels = channels_, taps = taps_, zero_point = weights_zero_;
  for (std::int64_t begin = 0; begin < count; begin += side_by_side) {
    const std::int64_t some = std::min(side_by_side, count - begin);
    const T* from = w + (first + begin) * taps * channels;
    for (std::int64_t t = 0; t < taps; ++t, from += channels) {
      for (std::int64_t c = 0; c < channels; ++c) {
        std::int16_t* pair = packed + ((t * lanes_ + c / 2) * count + begin) * 2 + c % 2;
        for (std::int64_t o = 0; o < some; ++o) {
          pair[o * 2] = static_cast<std::int16_t>(from[o * taps * channels + c] - zero_point);
        }
      }
    }
  }
}

/// Four bytes are moved as a float is: whole lanes of some outputs are put side by side, then
/// transposed.
void IntegerConv::pack_bytes(const std::int8_t* w, std::int64_t first, std::int64_t count,
                             std::byte* packed) const noexcept {
  constexpr std::int64_t run = 64;
  alignas(64) std::array<float, side_by_side * run> rows;
  const auto put = [&](std::int64_t tap, std::int64_t begin, std::int64_t lane) {
    const std::int64_t some = std::min(side_by_side, count - begin);
    const std::int64_t lanes = std::min(run, lanes_ - lane);
    const auto bytes = static_cast<std::size_t>(std::min(lanes * 4, channels_ - lane * 4));
    for (std::int64_t o = 0; o < some; ++o) {
      auto* row = reinterpret_cast<std::byte*>(rows.data() + o * run);
      const std::int64_t at = ((first + begin + o) * taps_ + tap) * channels_;
      std::memcpy(row, w + at + lane * 4, bytes);
      std::memset(row + bytes, 0, static_cast<std::size_t>(lanes * 4) - bytes);
    }
    kernels_->transpose(
        {.rows = some,
         .columns = lanes,
         .from = rows.data(),
         .from_row = run,
         .to = reinterpret_cast<float*>(packed) + (tap * lanes_ + lane) * count + begin,
         .to_row = count});
  };
  for (std::int64_t tap = 0; tap < taps_; ++tap) {
    for (std::int64_t begin = 0; begin < count; begin += side_by_side) {
      for (std::int64_t lane = 0; lane < lanes_; lane += run) put(tap, begin, lane);
    }
  }
}

void IntegerConv::pack_block(const void* w, std::int64_t first, std::int64_t count,
                             std::byte* packed) const noexcept {
  const auto* bytes = static_cast<const std::int8_t*>(w);
  if (bytes_) {
    pack_bytes(bytes, first, count, packed);
    return kernels_->row_sums(
        {.rows = count,
         .columns = taps_ * channels_,
         .from = bytes + first * taps_ * channels_,
         .to = reinterpret_cast<std::int32_t*>(packed + weight_bytes(count))});
  }
  auto* pairs = reinterpret_cast<std::int16_t*>(packed);
  if (weights_ == DType::uint8) {
    pack_pairs(static_cast<const std::uint8_t*>(w), first, count, pairs);
  } else {
    pack_pairs(bytes, first, count, pairs);
  }
}

void IntegerConv::pack(const void* w, std::byte* packed) const noexcept {
  for (std::int64_t g = 0; g < shape_.groups; ++g, packed += block_bytes()) {
    pack_block(w, g * block_, block_, packed);
  }
}

std::size_t IntegerConv::outside_bytes() const noexcept {
  return static_cast<std::size_t>(std::min<std::int64_t>(lanes_, GatherInteger::most_outside)) * 4;
}

std::size_t IntegerConv::table_bytes() const noexcept {
  return keeps_ || dense_ ? 0 : forward_table_size(in_lanes_, kernels_->row_block) * 4;
}

std::size_t IntegerConv::scratch_bytes() const noexcept {
  if (!usable()) return 0;
  // one lane more: the last one of channels that do not fill it
  const auto image =
      static_cast<std::size_t>(lead_ + (dense_ ? piece_ : rows_) * row_step_ + in_lane_);
  const std::size_t biases = bytes_ ? static_cast<std::size_t>(block_) * 4 : 0;
  return table_bytes() + (keeps_ ? 0 : block_bytes()) + biases + outside_bytes() +
         image * (4 / static_cast<std::size_t>(in_lane_));
}

/// The bias where the image's zero point counts as 0 of the bytes that are multiplied, as it does
/// outside of the image too.  Modulo 2^32, as the sums are.
void IntegerConv::correct_biases(const std::int32_t* bias, const std::uint32_t* sums,
                                 std::int32_t zero,
                                 std::span<std::int32_t> corrected) const noexcept {
  for (std::size_t o = 0; o < corrected.size(); ++o) {
    const auto start = bias ? static_cast<std::uint32_t>(bias[o]) : 0u;
    corrected[o] = static_cast<std::int32_t>(start - static_cast<std::uint32_t>(zero) * sums[o]);
  }
}

/// One image, or some of its rows, in the kernel's elements.
void IntegerConv::bring_in(const std::byte* x, std::int64_t rows, bool is_unsigned,
                           std::int32_t zero_point, std::byte* image) const noexcept {
  const auto element = static_cast<std::int64_t>(4 / in_lane_);
  in_blocks(rows, 1, static_cast<double>(columns_), [&](std::int64_t first, std::int64_t last) {
    std::byte* const to = image + (lead_ + first * row_step_) * element;
    if (bytes_) {
      kernels_->flip_bytes({.rows = last - first,
                            .columns = columns_,
                            .from = reinterpret_cast<const std::int8_t*>(x) + first * columns_,
                            .flip = kernels_->byte_flip,
                            .fill = outside_of(zero_point),
                            .to = reinterpret_cast<std::uint8_t*>(to),
                            .to_row = row_step_});
    } else {
      kernels_->widen({.rows = last - first,
                       .columns = columns_,
                       .from = x + first * columns_,
                       .is_unsigned = is_unsigned,
                       .zero_point = zero_point,
                       .to = reinterpret_cast<std::int16_t*>(to),
                       .to_row = row_step_});
    }
  });
}

std::uint8_t IntegerConv::outside_of(std::int32_t zero_point) const noexcept {
  if (!bytes_) return 0;
  return static_cast<std::uint8_t>(static_cast<std::uint8_t>(zero_point) ^ kernels_->byte_flip);
}

/// Outputs [first, first + count) of the pixels in the image; `packed` are their weights.
void IntegerConv::run_block(Work& work, std::int64_t first, std::int64_t count,
                            const std::byte* packed) const noexcept {
  if (table_bytes() != 0 && work.outputs_in_table != count) {
    Conv shape = in_lanes_;
    shape.o = count;  // a tap's weights are that far from the next one's
    build_forward_table(shape, kernels_->row_block, work.own_table);
    work.outputs_in_table = count;
  }
  Requant requant = factors_.from(first, work.bias);
  if (bytes_) {
    correct_biases(requant.bias,
                   reinterpret_cast<const std::uint32_t*>(packed + weight_bytes(count)), work.zero,
                   {work.corrected, static_cast<std::size_t>(count)});
    requant.bias = work.corrected;
  }
  const std::int64_t row_block = kernels_->row_block;
  const std::int64_t tiles =
      dense_ ? (work.pixels + row_block - 1) / row_block : forward_tiles(in_lanes_, row_block);
  const auto gather = bytes_ ? kernels_->gather_bytes : kernels_->gather_pairs;
  const double cost = static_cast<double>(row_block * taps_ * lanes_ * count);
  in_blocks(tiles, 1, cost, [&](std::int64_t from, std::int64_t to) {
    gather({.table = work.table,
            .pixels = work.pixels,
            .a_pixel = row_step_,
            .c_pixel = shape_.out,
            .first_tile = from,
            .last_tile = to,
            .a = work.image + first / shape_.group_out() * lanes_ * 4,
            .outside = work.outside,
            .k = lanes_,
            .b = reinterpret_cast<const std::int32_t*>(packed),
            .n = count,
            .requant = requant,
            .c = work.y + work.first_pixel * shape_.out + first});
  });
}

void IntegerConv::forward(const void* x, bool is_unsigned, std::int32_t zero_point, const void* w,
                          const std::byte* packed, const std::int32_t* bias, std::int8_t* y,
                          std::byte* scratch) const noexcept {
  const auto element = static_cast<std::int64_t>(4 / in_lane_);
  const std::uint8_t fill = outside_of(zero_point);
  Work work{.bias = bias, .y = y, .zero = kernels_->byte_flip != 0 ? fill : zero_point};
  work.own_table = reinterpret_cast<std::int32_t*>(scratch);
  work.own_block = scratch + table_bytes();
  work.corrected = reinterpret_cast<std::int32_t*>(work.own_block + (keeps_ ? 0 : block_bytes()));
  work.outside = reinterpret_cast<std::byte*>(work.corrected + (bytes_ ? block_ : 0));
  work.image = work.outside + outside_bytes();
  if (!dense_) work.table = keeps_ ? table_.data<std::int32_t>().data() : work.own_table;
  std::memset(work.outside, fill, outside_bytes() + static_cast<std::size_t>(lead_ * element));
  const std::int64_t all = shape_.batch * shape_.window.outputs(), outputs = shape_.group_out();
  for (std::int64_t pixel = 0; pixel < all; pixel += piece_) {
    work.first_pixel = pixel, work.pixels = std::min(piece_, all - pixel);
    const std::int64_t rows = dense_ ? work.pixels : rows_;
    const std::int64_t row = dense_ ? pixel : pixel / piece_ * rows_;
    bring_in(static_cast<const std::byte*>(x) + row * columns_, rows, is_unsigned, zero_point,
             work.image);
    std::memset(work.image + (lead_ + rows * row_step_) * element, fill, 4);
    for (std::int64_t o = 0; o < shape_.out;) {
      const std::int64_t count = std::min(block_, outputs - o % outputs);
      if (!keeps_) pack_block(w, o, count, work.own_block);
      const std::size_t group = static_cast<std::size_t>(o / outputs);
      run_block(work, o, count, keeps_ ? packed + group * block_bytes() : work.own_block);
      o += count;
    }
  }
}

}  // namespace hone::ops
