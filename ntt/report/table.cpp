#include "ntt/report/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "ntt/core/display_width.h"

namespace ntt {
namespace {

std::string escape_bars(const std::string& cell) {
  std::string escaped;
  for (const char c : cell) {
    if (c == '|') {
      escaped += '\\';
    }
    escaped += c;
  }
  return escaped;
}

}  // namespace

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::add_row(std::vector<std::string> cells) {
  if (cells.size() != columns_.size()) {
    throw std::invalid_argument(
        fmt::format("a row of {} cells does not fit a table of {} columns", cells.size(), columns_.size()));
  }
  rows_.push_back(std::move(cells));
}

std::vector<std::size_t> Table::widths() const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    widths.push_back(display_width(columns_[i].title));
    for (const auto& row : rows_) {
      widths[i] = std::max(widths[i], display_width(row[i]));
    }
  }
  return widths;
}

std::string Table::line(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) const {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string padding(widths[i] - display_width(cells[i]), ' ');
    if (i > 0) {
      line += "  ";
    }
    line += columns_[i].align == Align::left ? fmt::format("{}{}", cells[i], padding)
                                             : fmt::format("{}{}", padding, cells[i]);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string Table::str() const {
  const std::vector<std::size_t> column_widths = widths();
  std::vector<std::string> titles;
  std::vector<std::string> rules;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    titles.push_back(columns_[i].title);
    rules.push_back(fmt::format("{:─<{}}", "", column_widths[i]));
  }
  std::string text = line(titles, column_widths) + line(rules, column_widths);
  for (const auto& row : rows_) {
    text += line(row, column_widths);
  }
  return text;
}

std::string Table::markdown() const {
  std::string text = "|";
  for (const Column& column : columns_) {
    text += fmt::format(" {} |", escape_bars(column.title));
  }
  text += "\n|";
  for (const Column& column : columns_) {
    text += column.align == Align::left ? " --- |" : " ---: |";
  }
  text += "\n";
  for (const auto& row : rows_) {
    text += "|";
    for (const std::string& cell : row) {
      text += fmt::format(" {} |", escape_bars(cell));
    }
    text += "\n";
  }
  return text;
}

std::string format_seconds(double seconds) {
  // Rounded before the unit is chosen, so that 59.996 s is "1 min 00 s" and never "60.00 s".
  if (seconds < 0.9995e-3) {
    return fmt::format("{:.0f} µs", seconds * 1e6);
  }
  if (seconds < 0.99995) {
    return fmt::format("{:.1f} ms", seconds * 1e3);
  }
  if (seconds < 59.995) {
    return fmt::format("{:.2f} s", seconds);
  }
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 3600) {
    return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  }
  const std::int64_t minutes = std::llround(seconds / 60);
  return fmt::format("{} h {:02} min", minutes / 60, minutes % 60);
}

std::string format_bytes(double bytes) {
  if (bytes < 1024) {
    return fmt::format("{:.0f} B", bytes);
  }
  constexpr std::array<std::string_view, 4> kUnits{"KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  bytes /= 1024;
  while (bytes >= 1023.95 && unit + 1 < kUnits.size()) {
    bytes /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

std::string format_percent(double fraction, int decimals) {
  return fmt::format("{:.{}f} %", 100 * fraction, decimals);
}

std::string format_count(std::int64_t count) {
  std::string digits = fmt::format("{}", count);
  const std::size_t first = count < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

}  // namespace ntt
