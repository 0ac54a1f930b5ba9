#include "ntt/io/event_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "ntt/io/run_folder.h"
#include "tests/io/temporary_folder.h"

namespace ntt {
namespace {

using ::testing::StartsWith;

// The check values of the CRC catalogue and of RFC 3720, appendix B.4.
TEST(Crc32c, IsThePublishedOne) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43U);
  EXPECT_EQ(crc32c(""), 0U);
}

TEST(TfRecord, IsLengthAndPayloadEachWithItsCheck) {
  const std::string record = tf_record("abc");
  EXPECT_EQ(record.size(), 8U + 4 + 3 + 4);
  EXPECT_EQ(record.substr(0, 8), std::string("\x03\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(record.substr(12, 3), "abc");
}

TEST(ScalarEvent, HasEachNumberButTheAxes) {
  const std::string event =
      scalar_event({{"step", 300}, {"epoch", 2}, {"seconds", 1.5}, {"loss", 0.5}, {"what", "x"}, {"none", NAN}}, 2.0);
  // wall_time 2.0; step 300; summary { value { tag: "loss" simple_value: 0.5 } }
  const std::string payload("\x09\0\0\0\0\0\0\0\x40\x10\xAC\x02\x2A\x0D\x0A\x0B\x0A\x04loss\x15\0\0\0\x3F", 27);
  EXPECT_EQ(event, tf_record(payload));
}

class EventFileTest : public TemporaryFolderTest {};

TEST_F(EventFileTest, FollowsTheMetricsThroughAResumption) {
  const auto line = [](int step) { return nlohmann::json{{"step", step}, {"seconds", step}, {"loss", 1.0 / step}}; };
  const auto records = [&] {
    std::size_t count = 0;
    const std::string bytes = read(folder_ / kEventFile);
    for (std::size_t at = 0; at < bytes.size(); ++count) {
      std::uint64_t length = 0;
      std::memcpy(&length, bytes.data() + at, sizeof length);
      at += 16 + length;
      EXPECT_LE(at, bytes.size());
    }
    return count;
  };
  {
    MetricsLog log(folder_ / kMetricsFile, true);
    log.truncate_to(0);
    EXPECT_EQ(records(), 1U) << "the file's version alone";
    log.append(line(1));
    log.append(line(2));
    log.append(line(3));
    EXPECT_EQ(records(), 4U);
  }
  MetricsLog log(folder_ / kMetricsFile, true);
  log.truncate_to(2);
  EXPECT_EQ(records(), 3U) << "what the checkpoint does not know is gone";
  log.append(line(4));
  EXPECT_EQ(records(), 4U);
}

TEST_F(EventFileTest, IsNotThereUnlessAskedFor) {
  MetricsLog log(folder_ / kMetricsFile);
  log.truncate_to(0);
  log.append({{"step", 1}});
  EXPECT_FALSE(std::filesystem::exists(folder_ / kEventFile));
}

}  // namespace
}  // namespace ntt
