#include "ntt/report/table.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace ntt {
namespace {

TEST(TableTest, AlignsByDisplayWidth) {
  Table table({{"method"}, {"accuracy", Align::right}, {"note"}});
  table.add_row({"ntt", "96.4 ± 0.1", "a·b"});
  table.add_row({"magnitude", "9.3", ""});
  EXPECT_EQ(table.str(),
            "method       accuracy  note\n"
            "─────────  ──────────  ────\n"
            "ntt        96.4 ± 0.1  a·b\n"
            "magnitude         9.3\n");
}

TEST(TableTest, WithoutRowsHasTitlesAndRule) {
  EXPECT_EQ(Table({{"a"}, {"bc"}}).str(), "a  bc\n─  ──\n");
}

TEST(TableTest, Markdown) {
  Table table({{"p(a|b)"}, {"n", Align::right}});
  table.add_row({"x|y", "1"});
  EXPECT_EQ(table.markdown(),
            "| p(a\\|b) | n |\n"
            "| --- | ---: |\n"
            "| x\\|y | 1 |\n");
}

TEST(TableTest, RefusesARowOfAnotherLength) {
  Table table({{"a"}, {"b"}});
  EXPECT_THROW(table.add_row({"1"}), std::invalid_argument);
  EXPECT_THROW(table.add_row({"1", "2", "3"}), std::invalid_argument);
}

TEST(FormatTest, Seconds) {
  EXPECT_EQ(format_seconds(0), "0 µs");
  EXPECT_EQ(format_seconds(850e-6), "850 µs");
  EXPECT_EQ(format_seconds(0.0123), "12.3 ms");
  EXPECT_EQ(format_seconds(0.99996), "1.00 s");
  EXPECT_EQ(format_seconds(4.561), "4.56 s");
  EXPECT_EQ(format_seconds(59.996), "1 min 00 s");
  EXPECT_EQ(format_seconds(125), "2 min 05 s");
  EXPECT_EQ(format_seconds(3599.7), "1 h 00 min");
  EXPECT_EQ(format_seconds(3725), "1 h 02 min");
}

TEST(FormatTest, Bytes) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
  EXPECT_EQ(format_bytes(1024.0 * 1024 - 1), "1.0 MiB");
  EXPECT_EQ(format_bytes(2.0 * 1024 * 1024 * 1024), "2.0 GiB");
  EXPECT_EQ(format_bytes(5e15), "4547.5 TiB");
}

TEST(FormatTest, PercentAndCount) {
  EXPECT_EQ(format_percent(0.96424), "96.42 %");
  EXPECT_EQ(format_percent(0.03, 0), "3 %");
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1234567), "1,234,567");
  EXPECT_EQ(format_count(-123456), "-123,456");
}

}  // namespace
}  // namespace ntt
