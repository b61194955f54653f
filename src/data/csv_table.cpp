#include "src/data/csv_table.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include <hone/error.h>

#include "src/data/text.h"

namespace hone {
namespace {

constexpr std::size_t absent = std::numeric_limits<std::size_t>::max();

/// Lines one after the other, without their ends.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (rest_.starts_with(byte_order_mark)) rest_.remove_prefix(byte_order_mark.size());
    // what follows the last row is no row
    while (!rest_.empty() && std::string_view("\r\n \t").find(rest_.back()) != std::string::npos) {
      rest_.remove_suffix(1);
    }
  }
  bool next(std::string_view& line) {
    if (rest_.empty()) return false;
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    ++number_;
    return true;
  }
  std::size_t number() const { return number_; }

 private:
  std::string_view rest_;
  std::size_t number_ = 0;
};

/// The fields of a line; quotes around a field protect separators, and stay.
void split(std::string_view line, char separator, std::vector<std::string_view>& fields) {
  fields.clear();
  bool quoted = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') quoted = !quoted;
    if (line[i] != separator || quoted) continue;
    fields.push_back(line.substr(begin, i - begin));
    begin = i + 1;
  }
  fields.push_back(line.substr(begin));
}

/// A field without the spaces and quotes around it; two quotes inside stand for one.
std::string unquoted(std::string_view field) {
  field = trimmed(field);
  if (field.size() < 2 || field.front() != '"' || field.back() != '"') return std::string(field);
  std::string out;
  field = field.substr(1, field.size() - 2);
  for (std::size_t i = 0; i < field.size(); ++i) {
    out += field[i];
    if (field[i] == '"' && i + 1 < field.size() && field[i + 1] == '"') ++i;
  }
  return out;
}

/// For a message: as many of the names as are read.
std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t most = 200;
  std::string out;
  for (const std::string& n : names) {
    if (out.size() + n.size() > most) return (out.empty() ? excerpt(n) : out) + ", ...";
    (out += out.empty() ? "" : ",") += escaped(n);
  }
  return out;
}

std::size_t find_column(const std::vector<std::string>& header, const std::string& name,
                        const std::string& where) {
  const auto it = std::find(header.begin(), header.end(), name);
  if (it == header.end()) {
    fail(ErrorKind::data, where + ":1", "expected a column \"", escaped(name), "\", got ",
         listed(header));
  }
  return static_cast<std::size_t>(it - header.begin());
}

/// Which column is what.
struct Layout {
  std::size_t time = absent, label = absent, group = absent;
  std::vector<std::size_t> features;
};

Layout layout_of(const std::vector<std::string>& header, const CsvOptions& o,
                 const std::vector<std::string>& columns, bool label_column,
                 const std::string& where) {
  Layout l;
  if (o.has_time) l.time = o.time_column.empty() ? 0 : find_column(header, o.time_column, where);
  if (label_column) l.label = find_column(header, o.label_column, where);
  if (!o.group_column.empty()) l.group = find_column(header, o.group_column, where);
  for (const std::string& name : columns) {
    l.features.push_back(find_column(header, name, where));
    if (l.features.back() == l.label) {
      fail(ErrorKind::data, where + ":1", "column \"", escaped(name), "\" is the label");
    }
  }
  for (std::size_t c = 0; columns.empty() && c < header.size(); ++c) {
    // a column that holds labels is no feature, also where the labels are taken from elsewhere
    if (c != l.time && c != l.group && header[c] != o.label_column) l.features.push_back(c);
  }
  if (l.features.empty()) {
    fail(ErrorKind::data, where + ":1", "expected columns of numbers, got ", listed(header));
  }
  return l;
}

}  // namespace

std::vector<std::string> read_csv_header(std::string_view text, char separator,
                                         const std::string& where) {
  std::string_view line;
  if (Lines lines(text); !lines.next(line)) {
    fail(ErrorKind::data, where, "expected a line of column names, the file is empty");
  }
  std::vector<std::string_view> fields;
  split(line, separator, fields);
  std::vector<std::string> header;
  for (const std::string_view field : fields) {
    header.push_back(unquoted(field));
    if (std::count(header.begin(), header.end(), header.back()) > 1 || header.back().empty()) {
      fail(ErrorKind::data, where + ":1", "expected column names of their own, got ",
           excerpt(header.back()), " in column ", header.size());
    }
  }
  const bool all_numbers = std::all_of(header.begin(), header.end(), [](const std::string& n) {
    return parse_double(n).has_value();
  });
  if (all_numbers) {
    fail(ErrorKind::data, where + ":1", "expected a line of column names, got ", excerpt(line));
  }
  return header;
}

CsvTable read_csv_table(std::string_view text, const CsvOptions& options,
                        const std::vector<std::string>& columns, const std::string* label,
                        const std::string& where) {
  const std::vector<std::string> header = read_csv_header(text, options.separator, where);
  const Layout layout = layout_of(header, options, columns, label == nullptr, where);
  CsvTable table;
  for (const std::size_t c : layout.features) table.columns.push_back(header[c]);

  Lines lines(text);
  std::string_view line;
  std::vector<std::string_view> fields;
  std::string row_label = label == nullptr ? "" : *label;
  std::string group;
  std::optional<double> last_time;
  lines.next(line);  // the header
  const auto at = [&] { return where + ':' + std::to_string(lines.number()); };
  while (lines.next(line)) {
    split(line, options.separator, fields);
    if (fields.size() != header.size()) {
      fail(ErrorKind::data, at(), "expected ", header.size(), " columns, got ", fields.size());
    }
    const auto refuse = [&](std::size_t c) {
      fail(ErrorKind::data, at(), "expected a finite number in column \"", escaped(header[c]),
           "\", got ", excerpt(fields[c]));
    };
    if (layout.time != absent) {
      const std::optional<double> time = parse_double(fields[layout.time]);
      if (!time) refuse(layout.time);
      if (last_time && *time < *last_time) {
        fail(ErrorKind::data, at(), "expected a time of ", *last_time, " or later, got ", *time,
             "; recordings belong into files of their own");
      }
      last_time = time;
    }
    for (const std::size_t c : layout.features) {
      const std::optional<float> value = parse_float(fields[c]);
      if (!value) refuse(c);
      table.values.push_back(*value);
    }
    if (layout.label != absent) row_label = unquoted(fields[layout.label]);
    const std::string row_group = layout.group == absent ? "" : unquoted(fields[layout.group]);
    if (table.runs.empty() || table.runs.back().label != row_label || group != row_group) {
      table.runs.push_back({table.rows, table.rows, lines.number(), row_label});
      group = row_group;
    }
    table.runs.back().end = ++table.rows;
  }
  if (table.rows == 0) fail(ErrorKind::data, where, "expected rows below the column names, got 0");
  return table;
}

}  // namespace hone
