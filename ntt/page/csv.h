#pragma once

#include <string>
#include <vector>

namespace ntt {

/// A table as RFC 4180 writes it, but with plain line feeds.
class Csv {
 public:
  explicit Csv(const std::vector<std::string>& titles);

  /// A cell is quoted where it holds a comma, a quote or a line break.
  void add_row(const std::vector<std::string>& cells);
  const std::string& str() const { return text_; }

 private:
  std::string text_;
};

/// A number in the fewest digits that read back as itself; empty for NaN.
std::string csv_number(double value);

}  // namespace ntt
