#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ntt {

enum class Align { left, right };

struct Column {
  std::string title;
  Align align = Align::left;
};

/// A table for people: `Table table({{"method"}, {"density", Align::right}}); table.add_row({"ntt", "0.03"});`
class Table {
 public:
  explicit Table(std::vector<Column> columns);

  /// A row of as many cells as there are columns (std::invalid_argument otherwise).
  void add_row(std::vector<std::string> cells);
  /// Aligned text for a terminal: titles, a rule, the rows; two spaces between columns, no space at a line's end.
  [[nodiscard]] std::string str() const;
  /// The same as a Markdown table.
  [[nodiscard]] std::string markdown() const;

 private:
  [[nodiscard]] std::vector<std::size_t> widths() const;
  [[nodiscard]] std::string line(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// "850 µs", "12.3 ms", "4.56 s", "2 min 05 s", "1 h 02 min".
std::string format_seconds(double seconds);
/// "512 B", "1.5 KiB", "2.0 GiB".
std::string format_bytes(double bytes);
/// A fraction as a percentage: 0.96425 is "96.43 %".
std::string format_percent(double fraction, int decimals = 2);
/// Thousands set apart: "1,234,567".
std::string format_count(std::int64_t count);

}  // namespace ntt
