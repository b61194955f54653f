#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include <hone/data.h>
#include <hone/error.h>

#include "src/data/labels.h"
#include "src/data/picture.h"
#include "src/data/sources.h"
#include "src/data/text.h"
#include "src/data/wav.h"

namespace hone {
namespace {

std::string folder_name(const std::filesystem::path& file) {
  return std::filesystem::absolute(file).lexically_normal().parent_path().filename().string();
}

Tensor values_of(const Picture& p, const ImageOptions& o) {
  const Shape shape{1, static_cast<std::int64_t>(p.height), static_cast<std::int64_t>(p.width),
                    static_cast<std::int64_t>(p.channels)};
  Tensor out(TensorType(o.raw ? DType::uint8 : DType::float32, shape));
  if (o.raw) {
    std::copy(p.pixels.begin(), p.pixels.end(), out.mutable_data<std::uint8_t>().begin());
  } else {
    std::transform(p.pixels.begin(), p.pixels.end(), out.mutable_data<float>().begin(),
                   [&](std::uint8_t v) { return static_cast<float>(v) * o.scale + o.offset; });
  }
  return out;
}

Tensor values_of(const Sound& s, std::size_t rows) {
  Tensor out = Tensor::zeros(TensorType(DType::float32, Shape{static_cast<std::int64_t>(rows)}));
  std::transform(s.samples.begin(), s.samples.end(), out.mutable_data<float>().begin(),
                 [](std::int16_t v) { return static_cast<float>(v) / 32768.0f; });
  return out;
}

}  // namespace

Dataset images(const std::filesystem::path& folder, const ImageOptions& options) {
  if (options.channels != 0 && options.channels != 1 && options.channels != 3) {
    fail(ErrorKind::argument, "images", "expected 1 or 3 channels, or 0, got ", options.channels);
  }
  auto sources = std::make_shared<Dataset::Sources>();
  Labels labels(options.classes);
  for (const auto& file : files_below(folder, {".png", ".pgm", ".ppm"})) {
    const std::string where = escaped(file.string());
    const std::string bytes = read_text(file);
    Picture p = bytes.starts_with('P') ? read_pnm(bytes, where) : read_png(bytes, where);
    const std::size_t wanted = options.channels == 0 ? (p.channels < 3 ? 1 : 3) : options.channels;
    Tensor x = values_of(with_channels(p, wanted), options);
    const Shape shape{x.shape()[1], x.shape()[2], x.shape()[3]};
    if (sources->x.empty()) sources->shape = shape;
    if (shape != sources->shape) {
      fail(ErrorKind::data, where, "expected a picture of ", sources->shape, ", got ", shape);
    }
    labels.add(labels.number(folder_name(file), where));
    sources->samples.push_back({static_cast<std::uint32_t>(sources->x.size()), 0});
    sources->x.push_back(std::move(x));
    sources->recordings.push_back(file.lexically_relative(folder).generic_string());
  }
  sources->dtype = options.raw ? DType::uint8 : DType::float32;
  sources->target = Target::classes;
  sources->targets = labels.finish(sources->classes);
  Dataset data(std::move(sources));
  data.require_classes(options.min_classes, escaped(folder.string()));
  return data;
}

Dataset wav(const std::filesystem::path& folder, const WavOptions& options) {
  constexpr std::int64_t most = 1 << 30;
  if (options.length < 1 || options.length > most || options.stride < 0 || options.stride > most) {
    fail(ErrorKind::argument, "wav", "expected a length of 1 to ", most, " and a stride, got ",
         options.length, " and ", options.stride);
  }
  const std::int64_t stride = options.stride == 0 ? options.length : options.stride;
  auto sources = std::make_shared<Dataset::Sources>();
  sources->rows = options.length;
  sources->shape = {options.length};
  Labels labels(options.classes);
  std::uint32_t rate = options.rate_hz;
  for (const auto& file : files_below(folder, {".wav"})) {
    const std::string where = escaped(file.string());
    const Sound sound = read_wav(read_text(file), where);
    if (rate == 0) rate = sound.rate_hz;
    if (sound.rate_hz != rate) {
      fail(ErrorKind::data, where, "expected ", rate, " Hz, got ", sound.rate_hz);
    }
    if (sound.samples.empty()) fail(ErrorKind::data, where, "expected samples, got none");
    const std::int32_t label = labels.number(folder_name(file), where);
    const auto rows = std::max(static_cast<std::int64_t>(sound.samples.size()), options.length);
    for (std::int64_t i = 0; i + options.length <= rows; i += stride) {
      sources->samples.push_back({static_cast<std::uint32_t>(sources->x.size()), i});
      labels.add(label);
    }
    sources->x.push_back(values_of(sound, static_cast<std::size_t>(rows)));
    sources->recordings.push_back(file.lexically_relative(folder).generic_string());
  }
  sources->target = Target::classes;
  sources->targets = labels.finish(sources->classes);
  Dataset data(std::move(sources));
  data.require_classes(options.min_classes, escaped(folder.string()));
  return data;
}

Dataset load_data(const std::filesystem::path& path, const DataOptions& options) {
  const std::string where = escaped(path.string());
  std::error_code none;
  std::string kind = extension(path);
  if (std::filesystem::is_directory(path, none)) {
    kind.clear();
    for (const auto& file : files_below(path, {".csv", ".wav", ".png", ".pgm", ".ppm"})) {
      const std::string ending = extension(file);
      const std::string next = ending == ".csv" || ending == ".wav" ? ending : ".png";
      if (!kind.empty() && kind != next) {
        fail(ErrorKind::file, where, "expected files of one kind, got *", kind, " and *", next);
      }
      kind = next;
    }
    if (kind == ".png") return images(path, options.images);
    if (kind == ".wav") return wav(path, options.wav);
  }
  if (kind == ".csv") return csv(path, options.csv);
  if (kind == ".npz") return npz(path, options.npz);
  fail(ErrorKind::file, where, "expected an .npz or .csv file or a folder, got ",
       kind.empty() ? "no extension" : excerpt(kind));
}

}  // namespace hone
