#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ntt {

/// How the places of a weight's kept entries are written, an entry's place being its index in the flattened weight.
///
/// gaps8: for each kept entry the number of pruned ones since the kept one before, a byte each; 255 stands for 255
/// pruned entries and nothing kept. gaps16: the same in two bytes, little-endian, with 65535 in the place of 255.
/// bits: one bit an entry, 1 if kept, from the lowest bit of the first byte on; the last byte is filled up with 0.
enum class PlaceCoding { gaps8, gaps16, bits };

/// "gaps8", "gaps16", "bits"
std::string_view to_string(PlaceCoding coding);

/// Places in one coding, as bytes (U8, [bytes]).
struct CodedPlaces {
  PlaceCoding coding = PlaceCoding::gaps8;
  at::Tensor bytes;
};

/// Ascending places (int64 [kept]) below `entries` in the coding that takes the fewest bytes.
CodedPlaces encode_places(const at::Tensor& places, std::int64_t entries);

/// The bytes that encode_places would make.
std::int64_t encoded_bytes(const at::Tensor& places, std::int64_t entries);

/// The places again, int64 [kept]; InputError that starts with `what` where they are no places below `entries`.
at::Tensor decode_places(const CodedPlaces& coded, std::int64_t entries, const std::string& what);

/// What a file says of each weight that it holds in compact form: how its places are coded, and its dense shape.
struct CompactWeight {
  PlaceCoding coding = PlaceCoding::gaps8;
  std::vector<std::int64_t> shape;
};
using CompactWeights = std::map<std::string, CompactWeight>;

/// {"version": 1, "weights": {"fc1.weight": {"places": "gaps8", "shape": [300, 784]}}}
std::string to_json(const CompactWeights& weights);
/// The reverse; InputError that starts with `what` where the text is something else or of another version.
CompactWeights parse_compact_weights(const std::string& text, const std::string& what);

}  // namespace ntt
