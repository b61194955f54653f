#pragma once
#include <algorithm>
#include <cstddef>
#include <memory_resource>
#include <span>
#include <vector>

namespace hone {

/// Memory for the short lists of one call: on the stack while they fit, else from `upstream`.
class Temporary {
 public:
  explicit Temporary(std::pmr::memory_resource* upstream)
      : resource_(bytes_, sizeof bytes_, upstream) {}
  /// n values made by default.
  template <class T>
  std::pmr::vector<T> list(std::size_t n) {
    return std::pmr::vector<T>(n, &resource_);
  }
  /// n times false; a vector would pack them.
  std::span<bool> flags(std::size_t n) {
    auto* list = static_cast<bool*>(resource_.allocate(n, alignof(bool)));
    std::fill_n(list, n, false);
    return {list, n};
  }

 private:
  alignas(std::max_align_t) std::byte bytes_[4096];
  std::pmr::monotonic_buffer_resource resource_;
};

}  // namespace hone
