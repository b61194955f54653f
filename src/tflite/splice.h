#pragma once
/// Changes the structure of a FlatBuffer without touching what stays.
///
/// A FlatBuffer points forward only, and relatively. So new tables can stand behind the old ones,
/// and what points to both, new and old, in front of them:
///
///     header | front: new root and vectors | body: the old bytes | tail: new tables | archive
///
/// The body keeps every byte except the numbers that were changed on purpose, unknown fields
/// included.

#ifndef HONE_PRIVATE
#error "a private header of hone"
#endif

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "src/schema/tflite_tables.h"

namespace hone::file {

class Splice {
 public:
  enum class Part : std::uint8_t { front, body, tail };

  /// A position before it is known how far the parts move.
  struct Place {
    Part part = Part::body;
    std::size_t at = 0;
  };

  /// `file` must outlive the splice.
  explicit Splice(std::span<const std::byte> file);

  /// The place of something in the original file.
  Place place(const void* original) const;
  /// The copy, to be overwritten, of a byte of the original file.
  std::byte* edit(const void* original);
  /// A finished buffer behind the old tables; the place of its root.
  Place append(const flatbuffers::FlatBufferBuilder& builder);
  /// Lets the offset stored at `from` point to `to`; the last call for a place counts.
  void point(Place from, Place to) { links_.emplace_back(from, to); }

  /// A table in front, of fields of 4 bytes: numbers, or offsets that `point` sets.  Returns the
  /// place of the table, then of each field (of the table where the field is left out).
  std::vector<Place> front_table(const std::vector<std::optional<std::uint32_t>>& fields);
  /// A vector of offsets in front; its place, then that of each element.
  std::vector<Place> front_vector(std::size_t elements);
  /// Needed with anything in front.
  void set_root(Place table) { root_ = table; }

  /// The new file.  Throws Error (unsupported) where it would exceed 2 GB of tables.
  std::vector<std::byte> assemble();

 private:
  static constexpr std::size_t header_bytes = 8;  // root offset and identifier

  void push(std::uint32_t word);
  std::size_t position(Place place) const;
  /// Positions stored as numbers from the start of the file: constants outside of the tables.
  void move_absolute_positions();
  std::uint64_t moved(std::uint64_t position) const;

  std::span<const std::byte> file_;
  std::size_t body_end_;  // where the archive begins
  std::vector<std::byte> body_, front_, tail_;
  std::vector<std::pair<Place, Place>> links_;
  std::optional<Place> root_;
};

}  // namespace hone::file
