#include "ntt/ops/attributes.h"

#include "ntt/core/error.h"

namespace ntt {
namespace {

constexpr std::int64_t kLargestSize = 1 << 24;  // of any side

}  // namespace

Settings::Settings(std::string_view type, const Declaration& declaration) : type_(type), declaration_(declaration) {}

void Settings::check_inputs(std::size_t least, std::size_t most) const {
  const std::size_t count = declaration_.inputs.size();
  if (count < least || count > most) {
    fail_input("a {} layer takes {} inputs, but has {}", type_,
               least == most ? fmt::format("{}", least) : fmt::format("at least {}", least), count);
  }
}

const Shape& Settings::input(std::size_t axes, std::string_view described) const {
  check_inputs(1, 1);
  const Shape& shape = declaration_.inputs.front();
  if (shape.size() != axes) {
    fail_input("it needs an input of {}, but its input is {}", described, to_string(shape));
  }
  return shape;
}

bool Settings::has(std::string_view key) const {
  return declaration_.attributes.contains(key);
}

std::int64_t Settings::checked(std::string_view key, std::int64_t value, std::int64_t least) const {
  if (value < least || value > kLargestSize) {
    fail_input("'{}' is {}, but must lie between {} and {}", key, value, least, kLargestSize);
  }
  return value;
}

std::int64_t Settings::integer(std::string_view key, std::int64_t least) const {
  if (!has(key)) {
    fail_input("a {} layer needs '{}'", type_, key);
  }
  return integer_or(key, 0, least);
}

std::int64_t Settings::integer_or(std::string_view key, std::int64_t otherwise, std::int64_t least) const {
  return sizes_or(key, 1, otherwise, least).front();
}

double Settings::number_or(std::string_view key, double otherwise) const {
  const auto found = declaration_.attributes.find(key);
  if (found == declaration_.attributes.end()) {
    return otherwise;
  }
  if (const auto* whole = std::get_if<std::int64_t>(&found->second)) {
    return static_cast<double>(*whole);
  }
  if (const auto* number = std::get_if<double>(&found->second)) {
    return *number;
  }
  fail_input("'{}' must be a number", key);
}

double Settings::number_at_least(std::string_view key, double otherwise, double least) const {
  const double value = number_or(key, otherwise);
  if (!(value >= least)) {
    fail_input("'{}' is {}, but must be at least {}", key, value, least);
  }
  return value;
}

bool Settings::flag_or(std::string_view key, bool otherwise) const {
  const auto found = declaration_.attributes.find(key);
  if (found == declaration_.attributes.end()) {
    return otherwise;
  }
  if (const auto* flag = std::get_if<bool>(&found->second)) {
    return *flag;
  }
  fail_input("'{}' must be true or false", key);
}

std::string Settings::word_or(std::string_view key, const std::string& otherwise) const {
  const auto found = declaration_.attributes.find(key);
  if (found == declaration_.attributes.end()) {
    return otherwise;
  }
  if (const auto* word = std::get_if<std::string>(&found->second)) {
    return *word;
  }
  fail_input("'{}' must be a word", key);
}

std::vector<std::int64_t> Settings::list(std::string_view key) const {
  const auto found = declaration_.attributes.find(key);
  if (found == declaration_.attributes.end()) {
    return {};
  }
  if (const auto* whole = std::get_if<std::int64_t>(&found->second)) {
    return {*whole};
  }
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&found->second)) {
    return *list;
  }
  fail_input("'{}' must be a whole number or a list of them", key);
}

std::vector<std::int64_t> Settings::needed_list(std::string_view key) const {
  if (!has(key)) {
    fail_input("a {} layer needs '{}'", type_, key);
  }
  return list(key);
}

std::vector<std::int64_t> Settings::sizes(std::string_view key, std::size_t count, std::int64_t least) const {
  std::vector<std::int64_t> values = needed_list(key);
  if (values.size() == 1) {
    values.resize(count, values.front());
  }
  if (values.size() != count) {
    fail_input("'{}' has {} numbers, but must have {}", key, values.size(),
               count == 1 ? "one" : fmt::format("1 or {}", count));
  }
  for (const std::int64_t value : values) {
    checked(key, value, least);
  }
  return values;
}

std::vector<std::int64_t> Settings::sizes_or(std::string_view key, std::size_t count, std::int64_t otherwise,
                                             std::int64_t least) const {
  return has(key) ? sizes(key, count, least) : std::vector(count, otherwise);
}

std::vector<std::int64_t> Settings::padding(std::size_t axes) const {
  std::vector<std::int64_t> values = list("padding");
  if (values.size() == axes) {
    const std::vector<std::int64_t> begins = values;
    values.insert(values.end(), begins.begin(), begins.end());
  } else if (values.size() <= 1) {
    values.assign(2 * axes, values.empty() ? 0 : values.front());
  }
  if (values.size() != 2 * axes) {
    fail_input("'padding' has {} numbers, but must have 1, {} or {}", values.size(), axes, 2 * axes);
  }
  for (const std::int64_t value : values) {
    checked("padding", value, 0);
  }
  return values;
}

std::int64_t Settings::axis(std::string_view key, std::int64_t otherwise, std::size_t axes) const {
  const std::vector<std::int64_t> values = list(key);
  if (values.size() > 1) {
    fail_input("'{}' must be one axis", key);
  }
  const std::int64_t value = values.empty() ? otherwise : values.front();
  const auto count = static_cast<std::int64_t>(axes);
  if (value < -count || value >= count) {
    fail_input("'{}' is {}, but its input has {} axes, counted from 0 without the batch", key, value, axes);
  }
  return value < 0 ? value + count : value;
}

}  // namespace ntt
