#include "src/train/checkpoint.h"

#include "src/data/npz.h"

namespace hone {
namespace {

constexpr std::int64_t checkpoint_version = 1;

}  // namespace

void write_checkpoint(const std::string& path, const Optimizer& optimizer, std::uint64_t seed,
                      std::size_t step) {
  Arrays arrays;
  const std::vector<std::byte> state = optimizer.state();
  arrays["optimizer"] = Tensor::of<std::uint8_t>(
      {static_cast<std::int64_t>(state.size())},
      std::span(reinterpret_cast<const std::uint8_t*>(state.data()), state.size()));
  arrays["version"] = Tensor::of<std::int64_t>({}, {checkpoint_version});
  arrays["seed"] = Tensor::of<std::int64_t>({}, {static_cast<std::int64_t>(seed)});
  arrays["step"] = Tensor::of<std::int64_t>({}, {static_cast<std::int64_t>(step)});
  write_npz(path, arrays);
}

std::size_t resume_from(const std::string& path, Optimizer& optimizer, std::uint64_t seed) {
  const Arrays arrays = read_npz(path);
  const auto number = [&](const char* key) {
    const std::vector<std::int64_t> values = require(arrays, key, path).to_ints();
    if (values.size() != 1)
      fail(ErrorKind::file, path, "expected one number ", key, ", got ", values.size());
    return values[0];
  };
  if (number("version") != checkpoint_version) {
    fail(ErrorKind::file, path, "expected a checkpoint of version ", checkpoint_version, ", got ",
         number("version"));
  }
  if (number("seed") != static_cast<std::int64_t>(seed)) {
    fail(ErrorKind::argument, path, "expected --seed ", number("seed"),
         ", that of the checkpoint, got ", seed);
  }
  const std::int64_t step = number("step");
  if (step < 0) fail(ErrorKind::file, path, "expected a step of 0 or more, got ", step);
  const Tensor& state = require(arrays, "optimizer", path);
  optimizer.restore({state.raw(), state.bytes()});
  return static_cast<std::size_t>(step);
}

}  // namespace hone
