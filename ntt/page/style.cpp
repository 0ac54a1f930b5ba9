#include "ntt/page/style.h"

#include <algorithm>
#include <array>
#include <set>
#include <tuple>
#include <vector>

namespace ntt {
namespace {

struct Entry {
  const char* method;
  Style style;
};

/// Okabe and Ito's colours and Paul Tol's, of middle lightness; markers tell apart what some eyes do not.
const std::vector<Entry>& known() {
  static const std::vector<Entry> entries = {{"dense", {kInk, 3, 2}},
                                             {"ntt", {"#d55e00", 7, 1}},
                                             {"ntt-exact", {"#d55e00", 7, 1}},
                                             {"ntt-sketch", {"#e69f00", 5, 1}},
                                             {"logit-mimicry", {"#cc6677", 13, 1}},
                                             {"random", {"#8a8a8a", 6, 1}},
                                             {"random-rescaled", {"#b08d57", 4, 1}},
                                             {"magnitude", {"#228833", 9, 1}},
                                             {"snip", {"#3b7dd8", 11, 1}},
                                             {"logit-snip", {"#56b4e9", 10, 1}},
                                             {"grasp", {"#44aa99", 8, 1}},
                                             {"synflow", {"#aa4499", 15, 1}},
                                             {"ntk-sap", {"#999933", 12, 1}},
                                             {"iterative-snip", {"#332288", 11, 1}},
                                             {"force", {"#6699cc", 14, 1}},
                                             {"px", {"#882255", 9, 1}},
                                             {"phew", {"#117733", 7, 1}},
                                             {"prospr", {"#0072b2", 13, 1}},
                                             {"late-magnitude", {"#661100", 5, 3}}};
  return entries;
}

struct Ablation {
  const char* name;
  int marker;
  int dash;
};

constexpr std::array<Ablation, 4> kAblations{
    {{"shuffle", 4, 2}, {"shuffle-with-weights", 8, 3}, {"reinitialise", 12, 4}, {"invert", 2, 5}}};

std::uint32_t hash_of(const std::string& text) {
  std::uint32_t hash = 2166136261U;  // FNV-1a: the same everywhere
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  }
  return hash;
}

std::pair<std::string, std::string> split(const std::string& method) {
  const std::size_t comma = method.find(", ");
  return comma == std::string::npos ? std::pair{method, std::string()}
                                    : std::pair{method.substr(0, comma), method.substr(comma + 2)};
}

}  // namespace

Style style_of(const std::string& method) {
  const auto [base, ablation] = split(method);
  const auto entry = std::ranges::find(known(), base, [](const Entry& e) { return std::string(e.method); });
  // The first entry is the dense network's alone.
  Style style = entry != known().end() ? entry->style : known()[1 + hash_of(base) % (known().size() - 1)].style;
  if (!ablation.empty()) {
    const auto found = std::ranges::find(kAblations, ablation, [](const Ablation& a) { return std::string(a.name); });
    const Ablation& look = found != kAblations.end() ? *found : kAblations[hash_of(ablation) % kAblations.size()];
    style.marker = look.marker;
    style.dash = look.dash;
  }
  return style;
}

std::map<std::string, Style> styles_of(const std::vector<std::string>& methods) {
  std::map<std::string, Style> styles;
  std::set<std::string> bases;
  for (const std::string& method : methods) {
    styles.emplace(method, style_of(method));
    bases.insert(split(method).first);
  }
  const bool many = styles.size() > 1 + bases.count("dense");
  bases.erase("dense");
  if (bases.size() != 1 || !many) {
    return styles;
  }
  // The first entry is the dense network's, the second has the third's colour.
  constexpr std::size_t kFirst = 2;
  const std::size_t colours = known().size() - kFirst;
  std::size_t next = std::max(rank_of(*bases.begin()), kFirst) - kFirst;
  for (auto& [method, style] : styles) {
    if (method != "dense") {
      style.colour = known()[kFirst + next % colours].style.colour;
      ++next;
    }
  }
  return styles;
}

std::size_t rank_of(const std::string& method) {
  const auto entry =
      std::ranges::find(known(), split(method).first, [](const Entry& e) { return std::string(e.method); });
  return static_cast<std::size_t>(entry - known().begin());
}

bool method_before(const std::string& a, const std::string& b) {
  return std::tuple(rank_of(a), a) < std::tuple(rank_of(b), b);
}

}  // namespace ntt
