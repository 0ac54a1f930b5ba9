#include "ntt/nn/compact.h"

#include <ATen/ATen.h>

#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "ntt/core/error.h"

namespace ntt {
namespace {

static_assert(std::endian::native == std::endian::little, "gaps of two bytes are written as they lie in memory");

constexpr int kVersion = 1;
constexpr std::array kCodings{PlaceCoding::gaps8, PlaceCoding::gaps16, PlaceCoding::bits};

/// Pruned entries that one unit of this type stands for when no kept entry follows them.
template <typename Unit>
constexpr std::int64_t kSkip = std::numeric_limits<Unit>::max();

template <typename Visit>
void for_each_gap(const at::Tensor& places, const Visit& visit) {
  const auto* place = places.data_ptr<std::int64_t>();
  std::int64_t next = 0;
  for (std::int64_t i = 0; i < places.numel(); ++i) {
    visit(place[i] - next);
    next = place[i] + 1;
  }
}

std::int64_t bytes_in(PlaceCoding coding, const at::Tensor& places, std::int64_t entries) {
  if (coding == PlaceCoding::bits) {
    return (entries + 7) / 8;
  }
  const bool narrow = coding == PlaceCoding::gaps8;
  const std::int64_t skip = narrow ? kSkip<std::uint8_t> : kSkip<std::uint16_t>;
  std::int64_t units = 0;
  for_each_gap(places, [&](std::int64_t gap) { units += gap / skip + 1; });
  return narrow ? units : 2 * units;
}

PlaceCoding smallest(const at::Tensor& places, std::int64_t entries) {
  PlaceCoding best = kCodings.front();
  for (const PlaceCoding coding : kCodings) {
    if (bytes_in(coding, places, entries) < bytes_in(best, places, entries)) {
      best = coding;
    }
  }
  return best;
}

template <typename Unit>
at::Tensor encode_gaps(const at::Tensor& places) {
  std::vector<Unit> units;
  for_each_gap(places, [&](std::int64_t gap) {
    units.insert(units.end(), static_cast<std::size_t>(gap / kSkip<Unit>), static_cast<Unit>(kSkip<Unit>));
    units.push_back(static_cast<Unit>(gap % kSkip<Unit>));
  });
  at::Tensor bytes = at::empty({static_cast<std::int64_t>(units.size() * sizeof(Unit))}, at::kByte);
  if (!units.empty()) {
    std::memcpy(bytes.data_ptr(), units.data(), units.size() * sizeof(Unit));
  }
  return bytes;
}

at::Tensor encode_bits(const at::Tensor& places, std::int64_t entries) {
  at::Tensor bytes = at::zeros({(entries + 7) / 8}, at::kByte);
  auto* byte = bytes.data_ptr<std::uint8_t>();
  const auto* place = places.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < places.numel(); ++i) {
    byte[place[i] / 8] = static_cast<std::uint8_t>(byte[place[i] / 8] | 1U << (place[i] % 8));
  }
  return bytes;
}

template <typename Unit>
std::vector<std::int64_t> decode_gaps(const at::Tensor& bytes, std::int64_t entries, const std::string& what) {
  if (bytes.numel() % static_cast<std::int64_t>(sizeof(Unit)) != 0) {
    fail_input("{} has {} bytes, but each of its gaps takes {}", what, bytes.numel(), sizeof(Unit));
  }
  std::vector<Unit> units(static_cast<std::size_t>(bytes.numel()) / sizeof(Unit));
  if (!units.empty()) {
    std::memcpy(units.data(), bytes.data_ptr(), units.size() * sizeof(Unit));
  }
  if (!units.empty() && units.back() == kSkip<Unit>) {
    fail_input("{} ends with pruned entries; it must end with a kept one", what);
  }
  std::vector<std::int64_t> places;
  std::int64_t next = 0;
  for (const Unit unit : units) {
    next += unit;
    if (unit != kSkip<Unit>) {
      if (next >= entries) {
        fail_input("{} names entry {}, but the weight has {}, counted from 0", what, next, entries);
      }
      places.push_back(next++);
    }
  }
  return places;
}

std::vector<std::int64_t> decode_bits(const at::Tensor& bytes, std::int64_t entries, const std::string& what) {
  if (bytes.numel() != (entries + 7) / 8) {
    fail_input("{} has {} bytes where the bits of {} entries take {}", what, bytes.numel(), entries, (entries + 7) / 8);
  }
  std::vector<std::int64_t> places;
  const auto* byte = bytes.data_ptr<std::uint8_t>();
  for (std::int64_t place = 0; place < 8 * bytes.numel(); ++place) {
    if ((byte[place / 8] >> (place % 8) & 1U) != 0) {
      places.push_back(place);
    }
  }
  if (!places.empty() && places.back() >= entries) {
    fail_input("{} names entry {}, but the weight has {}, counted from 0", what, places.back(), entries);
  }
  return places;
}

CompactWeight parse_weight(const std::string& name, const nlohmann::json& value, const std::string& what) {
  const auto member = [&](const char* key) { return value.is_object() ? value.value(key, nlohmann::json()) : value; };
  CompactWeight weight;
  const nlohmann::json coding = member("places");
  const auto* found = std::find_if(kCodings.begin(), kCodings.end(), [&](PlaceCoding known) {
    return coding.is_string() && coding.get_ref<const std::string&>() == to_string(known);
  });
  if (found == kCodings.end()) {
    fail_input("{}: the places of '{}' are {}, but must be \"gaps8\", \"gaps16\" or \"bits\"", what, name,
               coding.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }
  weight.coding = *found;
  const nlohmann::json shape = member("shape");
  if (!shape.is_array()) {
    fail_input("{}: '{}' has no shape", what, name);
  }
  for (const nlohmann::json& size : shape) {
    if (!size.is_number_unsigned()) {
      fail_input("{}: the shape of '{}' is not a list of sizes", what, name);
    }
    weight.shape.push_back(size.get<std::int64_t>());
  }
  return weight;
}

}  // namespace

std::string_view to_string(PlaceCoding coding) {
  switch (coding) {
    case PlaceCoding::gaps8:
      return "gaps8";
    case PlaceCoding::gaps16:
      return "gaps16";
    case PlaceCoding::bits:
      break;
  }
  return "bits";
}

CodedPlaces encode_places(const at::Tensor& places, std::int64_t entries) {
  switch (smallest(places, entries)) {
    case PlaceCoding::gaps8:
      return {PlaceCoding::gaps8, encode_gaps<std::uint8_t>(places)};
    case PlaceCoding::gaps16:
      return {PlaceCoding::gaps16, encode_gaps<std::uint16_t>(places)};
    case PlaceCoding::bits:
      break;
  }
  return {PlaceCoding::bits, encode_bits(places, entries)};
}

std::int64_t encoded_bytes(const at::Tensor& places, std::int64_t entries) {
  return bytes_in(smallest(places, entries), places, entries);
}

at::Tensor decode_places(const CodedPlaces& coded, std::int64_t entries, const std::string& what) {
  if (coded.bytes.scalar_type() != at::kByte || coded.bytes.dim() != 1) {
    fail_input("{} must be a row of U8, but is {} of {} dimensions", what, c10::toString(coded.bytes.scalar_type()),
               coded.bytes.dim());
  }
  const std::vector<std::int64_t> places = coded.coding == PlaceCoding::bits ? decode_bits(coded.bytes, entries, what)
                                           : coded.coding == PlaceCoding::gaps8
                                               ? decode_gaps<std::uint8_t>(coded.bytes, entries, what)
                                               : decode_gaps<std::uint16_t>(coded.bytes, entries, what);
  return at::tensor(places, at::kLong);
}

std::string to_json(const CompactWeights& weights) {
  nlohmann::json described = nlohmann::json::object();
  for (const auto& [name, weight] : weights) {
    described[name] = {{"places", to_string(weight.coding)}, {"shape", weight.shape}};
  }
  return nlohmann::json{{"version", kVersion}, {"weights", described}}.dump();
}

CompactWeights parse_compact_weights(const std::string& text, const std::string& what) {
  const nlohmann::json root = nlohmann::json::parse(text, nullptr, false);
  if (!root.is_object() || !root.contains("version") || !root["version"].is_number_integer()) {
    fail_input("{} is not a JSON object with a version", what);
  }
  if (root["version"] != kVersion) {
    fail_input("{} has version {}, but this program reads version {}", what, root["version"].dump(), kVersion);
  }
  if (!root.contains("weights") || !root["weights"].is_object()) {
    fail_input("{} has no object 'weights'", what);
  }
  CompactWeights weights;
  for (const auto& [name, value] : root["weights"].items()) {
    weights.emplace(name, parse_weight(name, value, what));
  }
  return weights;
}

}  // namespace ntt
