#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <string>
#include <vector>

namespace ntt {

/// What text, axes and the dense network are drawn in; on the page it becomes the text's colour.
inline constexpr const char* kInk = "#1a1b1c";
inline constexpr const char* kGrid = "#d8d8d8";

/// How one method looks, the same in every figure.
struct Style {
  std::string colour;  ///< "#d55e00": apart for colour-blind readers, and legible on white and on near black
  int marker = 7;      ///< gnuplot's point type
  int dash = 1;        ///< gnuplot's dash type
};

/// The style of a method. An ablated one, "snip, shuffle", has its method's colour and a marker and dashes of its own;
/// one that is not known has a style that follows from its name.
Style style_of(const std::string& method);

/// The styles of methods that stand in one figure or table. Variants of one method, "ntt-sketch, k=2", which would all
/// have its colour, get colours in turn where no other method is among them but the dense one.
std::map<std::string, Style> styles_of(const std::vector<std::string>& methods);

/// The same for the keys of a map, or the first members of pairs.
template <typename Named>
std::map<std::string, Style> styles_of_keys(const Named& named) {
  std::vector<std::string> methods;
  std::ranges::transform(named, std::back_inserter(methods), [](const auto& entry) { return entry.first; });
  return styles_of(methods);
}

/// Where a method stands in legends and tables; ties are broken by name.
std::size_t rank_of(const std::string& method);

/// Orders methods by rank, then by name.
bool method_before(const std::string& a, const std::string& b);

}  // namespace ntt
