#pragma once
/// One CSV file as a table of numbers.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <hone/data.h>

namespace hone {

/// Rows that belong together: one label, one group.
struct CsvRun {
  std::size_t begin = 0, end = 0;  ///< rows
  std::size_t line = 0;            ///< where it begins, counted from 1
  std::string label;
};

struct CsvTable {
  std::vector<std::string> columns;  ///< the features
  std::vector<float> values;         ///< (rows, columns)
  std::vector<CsvRun> runs;
  std::size_t rows = 0;
};

/// The table of `text`.  `label` is that of every row; null: the column options.label_column says.
/// `columns` are the features (empty: all that are nothing else), `where` the file in messages.
CsvTable read_csv_table(std::string_view text, const CsvOptions& options,
                        const std::vector<std::string>& columns, const std::string* label,
                        const std::string& where);

/// The names in the first line of `text`.
std::vector<std::string> read_csv_header(std::string_view text, char separator,
                                         const std::string& where);

}  // namespace hone
