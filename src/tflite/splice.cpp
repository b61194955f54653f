#include "src/tflite/splice.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include <hone/error.h>

#include "src/schema/tflite_generated.h"
#include "src/tflite/archive.h"
#include "src/tflite/verifier.h"

namespace hone::file {
namespace {

constexpr std::size_t alignment = 16;  // of constants

std::size_t aligned(std::size_t size) { return (size + alignment - 1) / alignment * alignment; }

}  // namespace

Splice::Splice(std::span<const std::byte> file)
    : file_(file),
      body_end_(std::max(archive_start(file), header_bytes)),
      body_(file.begin(), file.end()) {}

Splice::Place Splice::place(const void* original) const {
  return {Part::body,
          static_cast<std::size_t>(static_cast<const std::byte*>(original) - file_.data())};
}

std::byte* Splice::edit(const void* original) { return body_.data() + place(original).at; }

Splice::Place Splice::append(const flatbuffers::FlatBufferBuilder& builder) {
  const std::size_t start = tail_.size();
  const auto* bytes = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  tail_.insert(tail_.end(), bytes, bytes + builder.GetSize());
  tail_.resize(aligned(tail_.size()));
  std::uint32_t root;
  std::memcpy(&root, bytes, sizeof root);
  return {Part::tail, start + root};
}

void Splice::push(std::uint32_t word) {
  const auto* bytes = reinterpret_cast<const std::byte*>(&word);
  front_.insert(front_.end(), bytes, bytes + sizeof word);
}

std::vector<Splice::Place> Splice::front_table(
    const std::vector<std::optional<std::uint32_t>>& fields) {
  std::vector<std::uint16_t> vtable{static_cast<std::uint16_t>(4 + 2 * fields.size()), 4};
  for (const auto& field : fields) {
    vtable.push_back(field ? vtable[1] : std::uint16_t{0});
    if (field) vtable[1] = static_cast<std::uint16_t>(vtable[1] + 4);
  }
  if (vtable.size() % 2 != 0) vtable.push_back(0);
  for (std::size_t i = 0; i < vtable.size(); i += 2) {
    push(vtable[i] | std::uint32_t{vtable[i + 1]} << 16);
  }
  std::vector<Place> places(fields.size() + 1, {Part::front, front_.size()});
  push(static_cast<std::uint32_t>(2 * vtable.size()));  // back to the vtable
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (!fields[i]) continue;
    places[i + 1].at = front_.size();
    push(*fields[i]);
  }
  return places;
}

std::vector<Splice::Place> Splice::front_vector(std::size_t elements) {
  std::vector<Place> places;
  for (std::size_t i = 0; i <= elements; ++i) {
    places.push_back({Part::front, front_.size()});
    push(static_cast<std::uint32_t>(i == 0 ? elements : 0));
  }
  return places;
}

std::size_t Splice::position(Place place) const {
  switch (place.part) {
    case Part::front:
      return header_bytes + place.at;
    case Part::body:
      return front_.size() + place.at;
    default:
      return front_.size() + aligned(body_end_) + place.at;
  }
}

std::uint64_t Splice::moved(std::uint64_t position) const {
  const std::size_t pushed = tail_.empty() ? 0 : aligned(body_end_) - body_end_ + tail_.size();
  return position + front_.size() + (position >= body_end_ ? pushed : 0);
}

void Splice::move_absolute_positions() {
  const auto& model = *tflite::GetModel(file_.data());
  const auto move = [&](const flatbuffers::Table& table, flatbuffers::voffset_t field,
                        std::uint64_t offset) {
    if (offset <= 1) return;
    const std::uint64_t value = moved(offset);
    std::memcpy(edit(table.GetAddressOf(field)), &value, sizeof value);
  };
  const auto table = [](const auto* t) -> const flatbuffers::Table& {
    return *reinterpret_cast<const flatbuffers::Table*>(t);
  };
  for (unsigned i = 0; i < size_of(model.buffers()); ++i) {
    const auto* buffer = model.buffers()->Get(i);
    move(table(buffer), tflite::Buffer::VT_OFFSET, buffer->offset());
  }
  for (const auto* graph : *model.subgraphs()) {
    for (unsigned i = 0; i < size_of(graph->operators()); ++i) {
      const auto* op = graph->operators()->Get(i);
      move(table(op), tflite::Operator::VT_LARGE_CUSTOM_OPTIONS_OFFSET,
           op->large_custom_options_offset());
    }
  }
}

std::vector<std::byte> Splice::assemble() {
  front_.resize(aligned(front_.size()));
  if (!front_.empty() || !tail_.empty()) move_absolute_positions();
  const std::size_t shift = front_.size();
  const auto new_archive = static_cast<std::size_t>(moved(body_end_));
  std::vector<std::byte> result(new_archive + body_.size() - body_end_);
  const auto copy = [&](std::span<const std::byte> bytes, std::size_t at) {
    std::copy(bytes.begin(), bytes.end(), result.begin() + static_cast<std::ptrdiff_t>(at));
  };
  const std::span<const std::byte> body = body_;
  copy(body.first(header_bytes), 0);
  copy(front_, header_bytes);
  copy(body.subspan(header_bytes, body_end_ - header_bytes), header_bytes + shift);
  if (!tail_.empty()) copy(tail_, position({Part::tail, 0}));
  copy(body.subspan(body_end_), new_archive);
  const auto write_offset = [&](std::size_t at, std::size_t target) {
    if (target - at > std::numeric_limits<std::int32_t>::max()) {
      fail(ErrorKind::unsupported, "model", "expected a change within 2 GB, got a larger file");
    }
    const auto offset = static_cast<std::uint32_t>(target - at);
    std::memcpy(result.data() + at, &offset, sizeof offset);
  };
  for (const auto& [from, to] : links_) write_offset(position(from), position(to));
  if (root_) write_offset(0, position(*root_));
  move_archive(result, new_archive - body_end_);
  return result;
}

}  // namespace hone::file
