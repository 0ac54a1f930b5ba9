#include "ntt/page/csv.h"

#include <fmt/format.h>

#include <cmath>

namespace ntt {

Csv::Csv(const std::vector<std::string>& titles) {
  add_row(titles);
}

void Csv::add_row(const std::vector<std::string>& cells) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    text_ += i > 0 ? "," : "";
    if (cells[i].find_first_of(",\"\r\n") == std::string::npos) {
      text_ += cells[i];
      continue;
    }
    text_ += '"';
    for (const char c : cells[i]) {
      text_ += c == '"' ? std::string("\"\"") : std::string(1, c);
    }
    text_ += '"';
  }
  text_ += '\n';
}

std::string csv_number(double value) {
  return std::isnan(value) ? "" : fmt::format("{}", value);
}

}  // namespace ntt
