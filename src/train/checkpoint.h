#pragma once
/// A training run on disk: weights, optimizer state and position, in one versioned file.

#include <cstdint>
#include <string>

#include <hone/optim.h>

namespace hone {

/// Writes it whole or not at all.
void write_checkpoint(const std::string& path, const Optimizer& optimizer, std::uint64_t seed,
                      std::size_t step);

/// Restores weights and state and returns the step to go on from.
/// Throws Error: no file, another version, another seed, other parameters or another optimizer.
std::size_t resume_from(const std::string& path, Optimizer& optimizer, std::uint64_t seed);

}  // namespace hone
