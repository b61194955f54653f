#pragma once
/// Threads of the kernels.

#include <cstddef>
#include <type_traits>

namespace hone {

/// Number of threads that kernels may use, the calling one included; 1 at start.  Results do not
/// depend on it. Throws Error unless 1 <= n <= 256.
void set_threads(std::size_t n);
std::size_t threads() noexcept;

/// Calls body(context, i) once for every i in [0, count), on the calling thread and the pool's.
void parallel_for(std::size_t count, void (*body)(void* context, std::size_t i),
                  void* context) noexcept;

template <class F>
void parallel_for(std::size_t count, F&& body) noexcept {
  parallel_for(
      count, [](void* f, std::size_t i) { (*static_cast<std::remove_reference_t<F>*>(f))(i); },
      &body);
}

}  // namespace hone
