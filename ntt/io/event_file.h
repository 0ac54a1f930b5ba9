#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace ntt {

/// The name of a run folder's event file, one that TensorBoard looks for.
inline constexpr std::string_view kEventFile = "events.out.tfevents.ntt";

/// CRC-32C (Castagnoli; RFC 3720, appendix B.4), the check of TensorFlow's records.
std::uint32_t crc32c(std::string_view bytes);

/// One record of a TFRecord file: length, check of the length, payload, check of the payload.
std::string tf_record(std::string_view payload);

/// What an event file begins with.
std::string event_file_start(double wall_time);

/// A record of metrics as an event: a scalar for each finite number, but for "step", which is the event's, and "epoch"
/// and "seconds", which TensorBoard has axes for. wall_time in seconds since 1970.
std::string scalar_event(const nlohmann::json& record, double wall_time);

}  // namespace ntt
