#include "ntt/nn/compact.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "ntt/core/error.h"
#include "ntt/core/random.h"
#include "tests/io/temporary_folder.h"

namespace ntt {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using Bytes = std::vector<int>;
using Places = std::vector<std::int64_t>;

at::Tensor bytes(const Bytes& values) {
  return at::tensor(values, at::kInt).to(at::kByte);
}
Bytes list(const at::Tensor& coded) {
  const at::Tensor values = coded.to(at::kInt);
  return {values.data_ptr<int>(), values.data_ptr<int>() + values.numel()};
}
CodedPlaces encode(const Places& places, std::int64_t entries) {
  return encode_places(at::tensor(places, at::kLong), entries);
}
Places decode(PlaceCoding coding, const Bytes& coded, std::int64_t entries) {
  const at::Tensor places = decode_places({coding, bytes(coded)}, entries, "f: 'w_places'");
  return {places.data_ptr<std::int64_t>(), places.data_ptr<std::int64_t>() + places.numel()};
}
std::string refusal(PlaceCoding coding, const Bytes& coded, std::int64_t entries) {
  const std::string message = message_of<InputError>([&] { decode(coding, coded, entries); });
  EXPECT_THAT(message, StartsWith("f: 'w_places' "));
  return message;
}

TEST(Compact, GapsOfAByteAreThoseCountedByHand) {
  const CodedPlaces coded = encode({0, 1, 5, 260, 515, 516, 1281}, 2000);
  EXPECT_EQ(coded.coding, PlaceCoding::gaps8);
  // 254 is the longest gap of one byte; 255 takes the byte that keeps nothing and a gap of 0.
  EXPECT_EQ(list(coded.bytes), (Bytes{0, 0, 3, 254, 254, 0, 255, 255, 254}));
  EXPECT_EQ(decode(PlaceCoding::gaps8, {0, 0, 3, 254, 254, 0, 255, 255, 254}, 2000),
            (Places{0, 1, 5, 260, 515, 516, 1281}));
  EXPECT_EQ(list(encode({255, 511}, 1000).bytes), (Bytes{255, 0, 255, 0}));
}

TEST(Compact, GapsOfTwoBytesServeWhereKeptEntriesAreFarApart) {
  const CodedPlaces coded = encode({1000, 70000, 135536}, 200000);
  EXPECT_EQ(coded.coding, PlaceCoding::gaps16);
  // 68999 = 65535 + 3464; 65535 itself takes two.
  EXPECT_EQ(list(coded.bytes), (Bytes{0xe8, 0x03, 0xff, 0xff, 0x88, 0x0d, 0xff, 0xff, 0x00, 0x00}));
  EXPECT_EQ(decode(PlaceCoding::gaps16, list(coded.bytes), 200000), (Places{1000, 70000, 135536}));
}

TEST(Compact, BitsServeWhereMoreThanAnEighthIsKept) {
  const CodedPlaces coded = encode({0, 2, 7, 9}, 11);
  EXPECT_EQ(coded.coding, PlaceCoding::bits);
  EXPECT_EQ(list(coded.bytes), (Bytes{0b10000101, 0b00000010}));
  EXPECT_EQ(decode(PlaceCoding::bits, {0b10000101, 0b00000010}, 11), (Places{0, 2, 7, 9}));
}

TEST(Compact, NothingKeptTakesNothing) {
  EXPECT_EQ(encode({}, 100).bytes.numel(), 0);
  EXPECT_EQ(decode(PlaceCoding::gaps8, {}, 100), Places{});
}

TEST(Compact, PlacesOfEveryDensityComeBackAndTakeWhatWasCounted) {
  for (const std::int64_t entries : {1, 7, 8, 9, 5000}) {
    for (const double density : {0.0, 0.001, 0.01, 0.1, 0.125, 0.3, 0.9, 1.0}) {
      RandomStream stream(1, "test-places", static_cast<std::uint64_t>(entries));
      Places places;
      for (std::int64_t i = 0; i < entries; ++i) {
        if (stream.uniform() < density) {
          places.push_back(i);
        }
      }
      const CodedPlaces coded = encode(places, entries);
      EXPECT_EQ(decode(coded.coding, list(coded.bytes), entries), places) << density << " of " << entries;
      EXPECT_EQ(coded.bytes.numel(), encoded_bytes(at::tensor(places, at::kLong), entries));
      EXPECT_LE(coded.bytes.numel(), (entries + 7) / 8);
    }
  }
}

TEST(Compact, PlacesOutsideTheWeightAreRefused) {
  EXPECT_THAT(refusal(PlaceCoding::gaps8, {3, 6}, 10), HasSubstr("names entry 10, but the weight has 10"));
  EXPECT_THAT(refusal(PlaceCoding::gaps8, {255, 255, 0}, 510), HasSubstr("names entry 510"));
  EXPECT_THAT(refusal(PlaceCoding::gaps16, {0, 1}, 256), HasSubstr("names entry 256"));
  EXPECT_THAT(refusal(PlaceCoding::bits, {0, 0b1000}, 11), HasSubstr("names entry 11"));
}

TEST(Compact, BytesThatCannotBePlacesAreRefused) {
  EXPECT_THAT(refusal(PlaceCoding::gaps16, {0, 1, 2}, 1000), HasSubstr("3 bytes, but each of its gaps takes 2"));
  EXPECT_THAT(refusal(PlaceCoding::gaps8, {1, 255}, 1000), HasSubstr("must end with a kept one"));
  EXPECT_THAT(refusal(PlaceCoding::bits, {1}, 11), HasSubstr("1 bytes where the bits of 11 entries take 2"));
  EXPECT_THAT(refusal(PlaceCoding::bits, {1, 0, 0}, 11), HasSubstr("3 bytes"));
  for (const at::Tensor& wrong : {at::zeros({3}), at::zeros({3, 1}, at::kByte)}) {
    EXPECT_THAT(message_of<InputError>([&] {
                  decode_places({PlaceCoding::gaps8, wrong}, 10, "f: 'w_places'");
                }),
                StartsWith("f: 'w_places' must be a row of U8"));
  }
}

TEST(Compact, WhatAFileSaysOfItselfComesBack) {
  const std::string text = to_json({{"a", {PlaceCoding::gaps16, {3, 4}}}, {"b", {PlaceCoding::bits, {2, 1, 5, 5}}}});
  EXPECT_EQ(
      text,
      R"({"version":1,"weights":{"a":{"places":"gaps16","shape":[3,4]},"b":{"places":"bits","shape":[2,1,5,5]}}})");
  const CompactWeights weights = parse_compact_weights(text, "it");
  ASSERT_EQ(weights.size(), 2U);
  EXPECT_EQ(weights.at("a").coding, PlaceCoding::gaps16);
  EXPECT_EQ(weights.at("b").shape, (Places{2, 1, 5, 5}));
}

TEST(Compact, WhatAFileSaysWronglyOfItselfIsRefused) {
  const auto message = [](const std::string& text) {
    return message_of<InputError>([&] { parse_compact_weights(text, "f: its metadata"); });
  };
  for (const char* text : {"", "[]", "{}", R"({"version":"1"})", R"({"version":null,"weights":{}})"}) {
    EXPECT_THAT(message(text), HasSubstr("f: its metadata is not a JSON object with a version"));
  }
  EXPECT_THAT(message(R"({"version":2,"weights":{}})"), HasSubstr("has version 2, but this program reads version 1"));
  EXPECT_THAT(message(R"({"version":1,"weights":[]})"), HasSubstr("has no object 'weights'"));
  EXPECT_THAT(message(R"({"version":1,"weights":{"w":3}})"), HasSubstr("the places of 'w' are 3"));
  EXPECT_THAT(message(R"({"version":1,"weights":{"w":{"shape":[2]}}})"), HasSubstr("the places of 'w' are null"));
  EXPECT_THAT(message(R"({"version":1,"weights":{"w":{"places":"runs","shape":[2]}}})"), HasSubstr("are \"runs\""));
  EXPECT_THAT(message(R"({"version":1,"weights":{"w":{"places":"bits"}}})"), HasSubstr("'w' has no shape"));
  EXPECT_THAT(message(R"({"version":1,"weights":{"w":{"places":"bits","shape":[-2]}}})"),
              HasSubstr("the shape of 'w' is not a list of sizes"));
}

}  // namespace
}  // namespace ntt
