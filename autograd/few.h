#pragma once
/// A short list of fixed length.

#include <cstddef>
#include <memory>
#include <memory_resource>
#include <new>

namespace hone {

/// n values, made from the same arguments: in place while they are at most `few`, else in `memory`.
template <class T, std::size_t few>
class Few {
 public:
  template <class... Args>
  Few(std::size_t n, std::pmr::memory_resource* memory, const Args&... args)
      : memory_(n > few ? memory : nullptr) {
    if (memory_ != nullptr) begin_ = static_cast<T*>(memory_->allocate(n * sizeof(T), alignof(T)));
    while (size_ < n) new (begin_ + size_++) T(args...);
    room_ = n;
  }
  ~Few() {
    clear();
    if (memory_ != nullptr) memory_->deallocate(begin_, room_ * sizeof(T), alignof(T));
  }
  Few(const Few&) = delete;
  Few& operator=(const Few&) = delete;

  void clear() noexcept {
    while (size_ > 0) std::destroy_at(begin_ + --size_);
  }

  std::size_t size() const noexcept { return size_; }
  T& operator[](std::size_t i) noexcept { return begin_[i]; }
  const T& operator[](std::size_t i) const noexcept { return begin_[i]; }
  T* begin() noexcept { return begin_; }
  T* end() noexcept { return begin_ + size_; }
  const T* begin() const noexcept { return begin_; }
  const T* end() const noexcept { return begin_ + size_; }

 private:
  std::pmr::memory_resource* memory_;  // null: in place
  alignas(T) std::byte place_[few * sizeof(T)];
  T* begin_ = reinterpret_cast<T*>(place_);
  std::size_t size_ = 0, room_ = 0;
};

}  // namespace hone
