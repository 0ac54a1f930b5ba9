#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "ntt/core/error.h"

namespace ntt::python {

/// The words that stand for the values of an option.
template <typename Enum>
using Words = std::vector<std::pair<std::string, Enum>>;

template <typename Enum>
std::string to_word(const Words<Enum>& words, Enum value) {
  for (const auto& [word, meaning] : words) {
    if (meaning == value) {
      return word;
    }
  }
  fail_run("a value of an option has no name");
}

/// InputError naming the option and its words.
template <typename Enum>
Enum from_word(const Words<Enum>& words, const std::string& option, const std::string& given) {
  std::vector<std::string> known;
  for (const auto& [word, meaning] : words) {
    if (word == given) {
      return meaning;
    }
    known.push_back(word);
  }
  fail_input("{} is '{}', but must be one of {}", option, given, fmt::join(known, ", "));
}

/// Which numbers an option may be.
struct Range {
  double least = 0;
  double most = std::numeric_limits<double>::infinity();
  bool above = false;  ///< above `least`, not equal to it

  void check(const std::string& option, double value) const {
    if (std::isnan(value) || value < least || value > most || (above && value == least)) {
      const std::string end = std::isinf(most) ? "" : fmt::format(" and at most {}", most);
      fail_input("{} is {}, but must be {} {}{}", option, value, above ? "above" : "at least", least, end);
    }
  }
};

constexpr Range kPositive{0, std::numeric_limits<double>::infinity(), true};
constexpr Range kCount{1};
constexpr Range kNotNegative{};
constexpr Range kShare{1e-6, 1};

/// Binds a struct of options as a class of attributes, each under its keyword of the Python functions.
template <typename Options>
class OptionClass {
 public:
  OptionClass(nanobind::module_& module, const char* name, const char* doc) : class_(module, name, doc) {
    class_.def(nanobind::init<>());
  }

  template <typename Get>
  OptionClass& number(const std::string& name, Get get, Range range) {
    using Value = std::remove_cvref_t<decltype(get(std::declval<Options&>()))>;
    using Given = std::conditional_t<std::is_integral_v<Value>, std::int64_t, double>;
    class_.def_prop_rw(
        name.c_str(), [get](Options& options) { return get(options); },
        [get, name, range](Options& options, Given value) {
          range.check(name, static_cast<double>(value));
          get(options) = static_cast<Value>(value);
        });
    return *this;
  }

  /// A number or None.
  template <typename Get>
  OptionClass& optional_number(const std::string& name, Get get, Range range) {
    using Value = typename std::remove_cvref_t<decltype(get(std::declval<Options&>()))>::value_type;
    class_.def_prop_rw(
        name.c_str(), [get](Options& options) { return get(options); },
        [get, name, range](Options& options, std::optional<Value> value) {
          if (value) {
            range.check(name, static_cast<double>(*value));
          }
          get(options) = value;
        },
        nanobind::for_setter(nanobind::arg("value").none()));
    return *this;
  }

  template <typename Get, typename Enum>
  OptionClass& choice(const std::string& name, Get get, const Words<Enum>& words) {
    class_.def_prop_rw(
        name.c_str(), [get, words](Options& options) { return to_word(words, get(options)); },
        [get, words, name](Options& options, const std::string& word) { get(options) = from_word(words, name, word); });
    return *this;
  }

  /// A word or None.
  template <typename Get, typename Enum>
  OptionClass& optional_choice(const std::string& name, Get get, const Words<Enum>& words) {
    class_.def_prop_rw(
        name.c_str(),
        [get, words](Options& options) -> std::optional<std::string> {
          return get(options) ? std::optional(to_word(words, *get(options))) : std::nullopt;
        },
        [get, words, name](Options& options, const std::optional<std::string>& word) {
          get(options) = word ? std::optional(from_word(words, name, *word)) : std::nullopt;
        },
        nanobind::for_setter(nanobind::arg("value").none()));
    return *this;
  }

  /// What Python sees in another form: get(options) and set(options, value).
  template <typename Get, typename Set>
  OptionClass& property(const std::string& name, Get get, Set set) {
    class_.def_prop_rw(name.c_str(), get, set);
    return *this;
  }

  template <typename Get>
  OptionClass& field(const std::string& name, Get get) {
    using Value = std::remove_cvref_t<decltype(get(std::declval<Options&>()))>;
    class_.def_prop_rw(
        name.c_str(), [get](Options& options) { return get(options); },
        [get](Options& options, Value value) { get(options) = std::move(value); });
    return *this;
  }

 private:
  nanobind::class_<Options> class_;
};

}  // namespace ntt::python
