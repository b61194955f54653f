#pragma once
/// Samples to learn from: recordings cut into windows, arrays, pictures, sounds.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <memory>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hone/tensor.h>

namespace hone {

class Batches;

/// Constants of z = (x - mean) / deviation, one of each for every channel (index of the last axis).
struct Normalization {
  std::vector<float> mean;
  std::vector<float> deviation;  ///< never 0

  /// The name under which a model's metadata keep to_text().
  static constexpr std::string_view metadata_name = "hone.normalization";

  std::size_t channels() const noexcept { return mean.size(); }
  /// Throws Error (data) unless there are as many constants as `channels`; `where` begins the text.
  void check_channels(std::int64_t channels, std::string_view where) const;
  /// Of values whose last axis is the channels, in place.
  void apply(std::span<float> values) const;
  /// One line of JSON with a version in it; parse(to_text()) gives the same bits.
  std::string to_text() const;
  /// Throws Error (data) on anything else than what to_text() gives.
  static Normalization parse(std::string_view text);

  friend bool operator==(const Normalization&, const Normalization&) = default;
};

/// What goes through the model at once.
struct Batch {
  Tensor x;  ///< (batch, ...)
  Tensor
      labels;  ///< class indices int32 (batch, ...), or targets float32 (batch, ...), or x itself
};

/// What a label is.
enum class Target : std::uint8_t {
  classes,  ///< the index of a class
  values,   ///< float32 numbers
  input,    ///< the sample itself, as an autoencoder wants it
};

/// Samples of one shape, immutable.  Copies, subsets and splits share the values; windows that
/// overlap share them too.
class Dataset {
 public:
  struct Sources;  // src/data/sources.h

  /// Where a sample came from: rows [begin, end) of `rows` in a recording.
  struct Origin {
    std::size_t recording = 0;  ///< index into recordings()
    std::int64_t begin = 0, end = 0, rows = 0;
  };

  /// Samples x (N, ...), of float32 in real units or of an integer type as the model takes it
  /// (float16 and float64 become float32).  y (N, ...): integers are class indices, floats are
  /// targets, no tensor stands for x itself.  Class names are for messages and may be left out.
  /// Throws Error (data): no sample, another N, a value that is not finite, a label that is
  /// negative or has no name.
  explicit Dataset(Tensor x, Tensor y = {}, std::vector<std::string> classes = {});
  explicit Dataset(std::shared_ptr<const Sources> sources);  ///< all samples of the sources

  std::size_t size() const noexcept { return samples_->size(); }
  const Shape& shape() const noexcept { return shape_; }  ///< of one sample
  DType dtype() const noexcept;                           ///< of x
  Target target() const noexcept;
  const std::vector<std::string>& classes() const noexcept;  ///< names; empty: not known
  const std::vector<std::string>& recordings() const noexcept;
  Origin origin(std::size_t i) const;

  Tensor x(std::size_t i) const;  ///< of shape()
  /// Class index.  Throws Error (state) unless there is one label a sample, of Target::classes.
  std::int32_t label(std::size_t i) const;
  /// How many different labels there are.
  std::size_t distinct_labels() const;
  /// Throws Error (data) where labels are classes and fewer than `least` of them occur.
  void require_classes(std::size_t least, std::string_view where) const;

  /// Those samples, in that order.
  Batch gather(std::span<const std::size_t> indices,
               std::pmr::memory_resource* memory = default_memory()) const;
  /// The labels of that batch alone: samples are read only where they are the labels.
  Tensor labels(std::span<const std::size_t> indices,
                std::pmr::memory_resource* memory = default_memory()) const;
  /// A permutation of [0, size()) that depends on nothing but size(), `seed` and `epoch`.
  std::vector<std::size_t> order(std::uint64_t seed, std::uint64_t epoch) const;
  /// All samples in order(seed, epoch), `batch` at a time; the last batch may be short.
  Batches batches(std::size_t batch, std::uint64_t seed, std::uint64_t epoch = 0) const;
  /// All samples as they stand.
  Batches batches(std::size_t batch) const;

  /// Those samples, in that order; throws Error on an index out of range.
  Dataset subset(std::span<const std::size_t> indices) const;

  /// The same samples, each of `shape`.  Throws Error (data) unless it has as many elements.
  Dataset reshaped(const Shape& shape) const;

  /// Two parts, the first with `fraction` of the samples: split_by_time where samples overlap
  /// (windows with a stride below their length: neighbours would be in both parts), else
  /// split_stratified.  All splits keep the order and throw Error (data) where a part is empty.
  std::pair<Dataset, Dataset> split(double fraction, std::uint64_t seed = 0) const;
  /// `fraction` of each class, chosen at random; at least one sample of a class in either part
  /// where it has two.
  std::pair<Dataset, Dataset> split_stratified(double fraction, std::uint64_t seed = 0) const;
  /// Whole recordings, chosen at random.
  std::pair<Dataset, Dataset> split_by_recording(double fraction, std::uint64_t seed = 0) const;
  /// Of a recording with n = rows - length + 1 possible windows: those that begin before
  /// fraction * n, and those that begin `length` after it or later.  The parts share no row; the
  /// windows between are left out.
  std::pair<Dataset, Dataset> split_by_time(double fraction) const;

  /// Mean and population standard deviation of each channel over all samples; a deviation of 0 (a
  /// constant channel) becomes 1.  Throws Error unless x is float32.
  Normalization measure_normalization() const;
  /// The same samples, normalised as they are read.  Throws Error (data) unless x is float32 of as
  /// many channels, not normalised before.
  Dataset normalized(Normalization constants) const;
  const std::optional<Normalization>& normalization() const noexcept { return normalization_; }

 private:
  using Samples = std::vector<std::uint32_t>;  // indices into the samples of the sources
  std::pair<Dataset, Dataset> parts(const std::vector<std::size_t>& first,
                                    const std::vector<std::size_t>& second,
                                    std::string_view where) const;
  void check_index(std::size_t i) const;

  std::shared_ptr<const Sources> sources_;
  std::shared_ptr<const Samples> samples_;
  Shape shape_;
  std::optional<Normalization> normalization_;
};

/// A walk through a dataset: `for (const auto& [x, labels] : data.batches(16, seed))`.
class Batches {
 public:
  class Iterator {
   public:
    using value_type = Batch;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;

    Iterator(const Batches* range, std::size_t at) noexcept : range_(range), at_(at) {}
    Batch operator*() const { return (*range_)[at_]; }
    Iterator& operator++() noexcept {
      ++at_;
      return *this;
    }
    void operator++(int) noexcept { ++at_; }
    friend bool operator==(const Iterator& a, const Iterator& b) noexcept { return a.at_ == b.at_; }

   private:
    const Batches* range_;
    std::size_t at_;
  };

  /// Throws Error (argument) where `batch` is 0.
  Batches(Dataset data, std::vector<std::size_t> order, std::size_t batch);

  std::size_t size() const noexcept;  ///< number of batches
  /// Which samples batch `i` has.
  std::span<const std::size_t> indices(std::size_t i) const;
  Batch operator[](std::size_t i) const { return data_.gather(indices(i)); }
  Iterator begin() const noexcept { return {this, 0}; }
  Iterator end() const noexcept { return {this, size()}; }

 private:
  Dataset data_;
  std::vector<std::size_t> order_;
  std::size_t batch_;
};

/// Where the label of a row stands.
enum class LabelFrom : std::uint8_t {
  automatic,  ///< column where there is one of that name, else file name, else folder
  column,
  file_name,
  folder,  ///< the one the file lies in
  none,    ///< the sample is its own target
};

struct CsvOptions {
  std::int64_t length =
      0;  ///< rows of a window (length, columns); 0: each row is a sample (columns)
  std::int64_t stride = 0;  ///< rows from one window to the next; 0: length
  LabelFrom label = LabelFrom::automatic;
  std::string label_column = "label";
  /// For file names, without the extension: `@` is the label, a part between underscores (the last
  /// that fits); `*` is anything.
  std::string file_pattern = "*_@";
  /// Known classes in the order of the model's outputs; another label is an Error.  Empty: those
  /// that occur, sorted, as numbers where all of them are whole numbers.
  std::vector<std::string> classes = {};
  std::size_t min_classes = 2;  ///< fewer are an Error; 1 to evaluate a single one
  /// The features, in this order.  Empty: all columns but time, label and group.
  std::vector<std::string> columns = {};
  bool has_time = true;          ///< there is a column of times, which never fall within a file
  std::string time_column = {};  ///< its name; empty: the first column
  /// A column whose value is the same within what was recorded without a break; empty: the whole
  /// file is.
  std::string group_column = {};
  char separator = ',';
};

/// Windows out of a CSV file, or of every .csv file in a folder and the folders below, by path.
/// The first line names the columns.  A window crosses no change of label or group and no end of a
/// file.  Throws Error (file, data) that names file, line, what was expected and what stands there:
/// text or a number that is not finite, too few or too many columns, a missing column, an unknown
/// label, a time that falls, no window at all, too few classes.
Dataset csv(const std::filesystem::path& path, const CsvOptions& options = {});

struct NpzOptions {
  std::string x = "x", y = "y";           ///< names of the arrays; without y, x is its own target
  std::size_t min_classes = 2;            ///< fewer are an Error; 1 to evaluate a single one
  std::vector<std::string> classes = {};  ///< names of the labels 0, 1, ...
  /// A float32 x that is stored, not deflated, and larger than this stays in the file, which is
  /// checked now and read when samples are needed; it must not change meanwhile.
  std::size_t most_bytes = std::size_t{4} << 20;
};

/// Samples of an NPZ file: see Dataset's constructor.
Dataset npz(const std::filesystem::path& path, const NpzOptions& options = {});

struct ImageOptions {
  std::size_t channels = 0;     ///< 1 gray, 3 RGB; 0: what the file has, without alpha
  float scale = 1.0f / 255.0f;  ///< x = pixel * scale + offset
  float offset = 0.0f;
  bool raw = false;                       ///< x is the pixels themselves, uint8
  std::vector<std::string> classes = {};  ///< as in CsvOptions
  std::size_t min_classes = 2;
};

/// Pictures of one size, x (height, width, channels), in a folder a class.  PNG (up to 8 bits, not
/// interlaced), PGM and PPM (binary); RGB becomes gray as 0.299 R + 0.587 G + 0.114 B.
/// Throws Error (file, data, unsupported) that names the file.
Dataset images(const std::filesystem::path& folder, const ImageOptions& options = {});

struct WavOptions {
  std::int64_t length = 16000;  ///< samples of a window; shorter sounds get zeros at their end
  std::int64_t stride = 0;      ///< 0: length
  std::uint32_t rate_hz = 0;    ///< another one is an Error; 0: that of the first file
  std::vector<std::string> classes = {};  ///< as in CsvOptions
  std::size_t min_classes = 2;
};

/// Sounds, x (length) in [-1, 1), in a folder a class: WAV of 16-bit PCM, one channel.
/// Throws Error (file, data, unsupported) that names the file.
Dataset wav(const std::filesystem::path& folder, const WavOptions& options = {});

struct DataOptions {
  CsvOptions csv = {};
  NpzOptions npz = {};
  ImageOptions images = {};
  WavOptions wav = {};
};

/// Samples of whatever stands at `path`: an .npz or .csv file, or a folder of CSV files, of
/// pictures or of sounds.  Throws Error (file): another extension, a folder of several kinds or of
/// none.
Dataset load_data(const std::filesystem::path& path, const DataOptions& options = {});

/// What stands beside a model: how its input was made.  What the file lacks is empty or 0.
struct Sidecar {
  std::vector<std::string> labels;   ///< classes in the order of the outputs
  std::vector<std::string> columns;  ///< channels in the order of the input
  double rate_hz = 0;
  std::int64_t window = 0, stride = 0;              ///< rows
  std::optional<Normalization> normalization = {};  ///< from mean and std
};

/// Reads a .json file with any of labels, columns, rate_hz, window, stride, mean, std; other keys
/// are left alone.  Throws Error (file, data): no JSON, another type, mean without std of the same
/// length, sizes below 1.
Sidecar read_sidecar(const std::filesystem::path& path);

}  // namespace hone
