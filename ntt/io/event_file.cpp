#include "ntt/io/event_file.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

namespace ntt {
namespace {

static_assert(std::endian::native == std::endian::little, "records are written in this machine's byte order");

/// Field numbers of TensorFlow's event.proto and summary.proto.
enum EventField : std::uint8_t { kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5 };
enum SummaryField : std::uint8_t { kValue = 1 };
enum ValueField : std::uint8_t { kTag = 1, kSimpleValue = 2 };
enum WireType : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

template <typename T>
std::string raw(T value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7U) {
    bytes.push_back(static_cast<char>(value | 0x80U));
  }
  bytes.push_back(static_cast<char>(value));
  return bytes;
}

std::string key(std::uint8_t field, WireType type) {
  return varint(static_cast<std::uint64_t>(field) << 3U | type);
}

std::string bytes_field(std::uint8_t field, std::string_view bytes) {
  return key(field, kBytes) + varint(bytes.size()) + std::string(bytes);
}

std::array<std::uint32_t, 256> castagnoli_table() {
  constexpr std::uint32_t kReversedPolynomial = 0x82F63B78;
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value & 1U) != 0 ? value >> 1U ^ kReversedPolynomial : value >> 1U;
    }
    table[byte] = value;
  }
  return table;
}

/// TensorFlow stores checks rotated, so that a record within a record does not check itself.
std::uint32_t masked_check(std::string_view bytes) {
  return std::rotr(crc32c(bytes), 15) + 0xA282EAD8U;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  static const auto table = castagnoli_table();
  std::uint32_t check = ~0U;
  for (const char byte : bytes) {
    check = table[(check ^ static_cast<std::uint8_t>(byte)) & 0xFFU] ^ check >> 8U;
  }
  return ~check;
}

std::string tf_record(std::string_view payload) {
  const std::string length = raw(static_cast<std::uint64_t>(payload.size()));
  return length + raw(masked_check(length)) + std::string(payload) + raw(masked_check(payload));
}

std::string event_file_start(double wall_time) {
  return tf_record(key(kWallTime, kFixed64) + raw(wall_time) + bytes_field(kFileVersion, "brain.Event:2"));
}

std::string scalar_event(const nlohmann::json& record, double wall_time) {
  static const std::set<std::string> axes{"step", "epoch", "seconds"};
  std::string summary;
  for (const auto& [name, value] : record.items()) {
    if (value.is_number() && std::isfinite(value.get<double>()) && !axes.contains(name)) {
      const std::string entry =
          bytes_field(kTag, name) + key(kSimpleValue, kFixed32) + raw(static_cast<float>(value.get<double>()));
      summary += bytes_field(kValue, entry);
    }
  }
  const auto step = record.value("step", std::uint64_t{0});
  return tf_record(key(kWallTime, kFixed64) + raw(wall_time) + key(kStep, kVarint) + varint(step) +
                   bytes_field(kSummary, summary));
}

}  // namespace ntt
