#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hone/data.h>
#include <hone/error.h>

#include "src/data/csv_table.h"
#include "src/data/labels.h"
#include "src/data/sources.h"
#include "src/data/text.h"

namespace hone {
namespace {

/// Whether `text` is `pattern`, in which `*` is anything.
bool matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {  // let the last star take one more
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

/// The last part between underscores that can stand for the `@` of `pattern`.
std::optional<std::string> label_in(std::string_view name, std::string_view pattern) {
  const std::size_t at = pattern.find('@');
  std::size_t end = name.size();
  while (true) {
    const std::size_t line = end == 0 ? std::string_view::npos : name.rfind('_', end - 1);
    const std::size_t begin = line == std::string_view::npos ? 0 : line + 1;
    if (begin < end && matches(pattern.substr(0, at), name.substr(0, begin)) &&
        matches(pattern.substr(at + 1), name.substr(end))) {
      return std::string(name.substr(begin, end - begin));
    }
    if (begin == 0) return {};
    end = line;
  }
}

void check_options(const CsvOptions& o) {
  constexpr std::string_view where = "csv";
  constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
  if (o.length < 0 || o.stride < 0 || o.length > most || o.stride > most) {
    fail(ErrorKind::argument, where, "expected length and stride of 0 to ", most, ", got ",
         o.length, " and ", o.stride);
  }
  if (std::count(o.file_pattern.begin(), o.file_pattern.end(), '@') != 1) {
    fail(ErrorKind::argument, where, "expected a file pattern with one @, got ",
         excerpt(o.file_pattern));
  }
  if (o.label == LabelFrom::none && !o.classes.empty()) {
    fail(ErrorKind::argument, where, "classes are given, but no labels are to be read");
  }
}

/// The label that file and folder give; no value: a column gives it.
std::optional<std::string> label_of_path(const std::filesystem::path& path, const CsvOptions& o,
                                         bool has_column) {
  if (o.label == LabelFrom::none) return "";
  if (o.label == LabelFrom::column || (o.label == LabelFrom::automatic && has_column)) return {};
  const std::string stem = path.stem().string();
  if (o.label != LabelFrom::folder) {
    if (const auto label = label_in(stem, o.file_pattern)) return label;
  }
  if (o.label == LabelFrom::file_name) {
    fail(ErrorKind::data, escaped(path.string()), "expected a file name like ",
         excerpt(o.file_pattern), ", got ", excerpt(stem));
  }
  return std::filesystem::absolute(path).parent_path().filename().string();
}

/// Collects windows file by file.
class Loader {
 public:
  explicit Loader(const CsvOptions& options)
      : options_(options), labels_(options.classes), columns_(options.columns) {
    sources_->rows = std::max<std::int64_t>(options.length, 1);
    sources_->target = options.label == LabelFrom::none ? Target::input : Target::classes;
  }

  void add(const std::filesystem::path& path, const std::string& recording) {
    const std::string where = escaped(path.string());
    const std::string text = read_text(path);
    const std::vector<std::string> header = read_csv_header(text, options_.separator, where);
    const bool has_column =
        std::find(header.begin(), header.end(), options_.label_column) != header.end();
    const std::optional<std::string> label = label_of_path(path, options_, has_column);
    const CsvTable table =
        read_csv_table(text, options_, columns_, label ? &*label : nullptr, where);
    if (columns_.empty()) columns_ = table.columns;  // those of the first file, in its order
    if (options_.columns.empty() && columns_.size() != features_of(header)) {
      fail(ErrorKind::data, where + ":1", "expected ", columns_.size(),
           " columns of numbers as in the first file, got ", features_of(header));
    }
    Tensor values(TensorType(DType::float32, {static_cast<std::int64_t>(table.rows),
                                              static_cast<std::int64_t>(columns_.size())}));
    std::copy(table.values.begin(), table.values.end(), values.mutable_data<float>().begin());
    sources_->x.push_back(std::move(values));
    sources_->recordings.push_back(recording);
    for (const CsvRun& run : table.runs) add_windows(run, where);
  }

  std::shared_ptr<const Dataset::Sources> finish(const std::string& where) {
    if (sources_->samples.empty()) {
      fail(ErrorKind::data, where, "expected ", sources_->rows,
           " rows of one label for a window, got at most ", longest_);
    }
    const auto channels = static_cast<std::int64_t>(columns_.size());
    sources_->shape = options_.length == 0 ? Shape{channels} : Shape{options_.length, channels};
    if (sources_->target == Target::classes) {
      sources_->targets = labels_.finish(sources_->classes);
    }
    return sources_;
  }

 private:
  std::size_t features_of(const std::vector<std::string>& header) const {
    std::size_t others = options_.has_time ? 1 : 0;
    if (!options_.group_column.empty()) ++others;
    others +=
        static_cast<std::size_t>(std::count(header.begin(), header.end(), options_.label_column));
    return header.size() - others;
  }

  void add_windows(const CsvRun& run, const std::string& where) {
    std::int32_t label = 0;
    if (sources_->target == Target::classes) {
      label = labels_.number(run.label, where + ':' + std::to_string(run.line));
    }
    const std::int64_t length = sources_->rows;
    const std::int64_t stride = options_.stride == 0 ? length : options_.stride;
    const auto end = static_cast<std::int64_t>(run.end);
    for (auto i = static_cast<std::int64_t>(run.begin); i + length <= end; i += stride) {
      sources_->samples.push_back({static_cast<std::uint32_t>(sources_->x.size() - 1), i});
      labels_.add(label);
    }
    longest_ = std::max(longest_, run.end - run.begin);
  }

  const CsvOptions& options_;
  Labels labels_;
  std::vector<std::string> columns_;
  std::shared_ptr<Dataset::Sources> sources_ = std::make_shared<Dataset::Sources>();
  std::size_t longest_ = 0;
};

}  // namespace

Dataset csv(const std::filesystem::path& path, const CsvOptions& options) {
  check_options(options);
  const std::string where = escaped(path.string());
  Loader loader(options);
  std::error_code none;
  if (std::filesystem::is_directory(path, none)) {
    for (const std::filesystem::path& file : files_below(path, {".csv"})) {
      loader.add(file, file.lexically_relative(path).generic_string());
    }
  } else {
    loader.add(path, path.filename().string());
  }
  Dataset data(loader.finish(where));
  data.require_classes(options.min_classes, where);
  return data;
}

}  // namespace hone
