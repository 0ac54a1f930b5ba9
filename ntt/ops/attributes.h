#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ntt/ops/operator.h"

namespace ntt {

/// Reads what a node is declared with; InputError that names what is missing or does not fit.
class Settings {
 public:
  /// @param type as messages name it: "conv2d"
  Settings(std::string_view type, const Declaration& declaration);

  /// The number of inputs, which must lie between these.
  void check_inputs(std::size_t least, std::size_t most) const;
  /// The shape of an input that has so many axes, which are described as in "channels x height x width".
  const Shape& input(std::size_t axes, std::string_view described) const;

  std::int64_t integer(std::string_view key, std::int64_t least = 1) const;
  std::int64_t integer_or(std::string_view key, std::int64_t otherwise, std::int64_t least) const;
  double number_or(std::string_view key, double otherwise) const;
  /// A number that must not be below `least`.
  double number_at_least(std::string_view key, double otherwise, double least) const;
  bool flag_or(std::string_view key, bool otherwise) const;
  std::string word_or(std::string_view key, const std::string& otherwise) const;
  /// A list; a single number is a list of one. Empty where it is not set.
  std::vector<std::int64_t> list(std::string_view key) const;
  /// A list that must be set.
  std::vector<std::int64_t> needed_list(std::string_view key) const;
  /// A list of `count` numbers, of which one stands for all.
  std::vector<std::int64_t> sizes(std::string_view key, std::size_t count, std::int64_t least) const;
  std::vector<std::int64_t> sizes_or(std::string_view key, std::size_t count, std::int64_t otherwise,
                                     std::int64_t least) const;
  /// Padding of `axes` axes as in ONNX: all begins, then all ends. One number stands for all, one an axis for both
  /// ends.
  std::vector<std::int64_t> padding(std::size_t axes) const;
  /// An axis without the batch; negative ones are counted from the end.
  std::int64_t axis(std::string_view key, std::int64_t otherwise, std::size_t axes) const;

  bool has(std::string_view key) const;
  const std::vector<Shape>& inputs() const { return declaration_.inputs; }

 private:
  std::int64_t checked(std::string_view key, std::int64_t value, std::int64_t least) const;

  std::string_view type_;
  const Declaration& declaration_;
};

}  // namespace ntt
