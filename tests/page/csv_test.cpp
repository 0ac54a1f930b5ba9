#include "ntt/page/csv.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ntt {
namespace {

TEST(CsvTest, QuotesWhatWouldBreakARow) {
  Csv csv({"series", "x"});
  csv.add_row({"snip, shuffle", "0.03"});
  csv.add_row({"a \"b\"", "two\nlines"});
  EXPECT_EQ(csv.str(), "series,x\n\"snip, shuffle\",0.03\n\"a \"\"b\"\"\",\"two\nlines\"\n");
}

TEST(CsvTest, NumbersReadBackAsThemselves) {
  EXPECT_EQ(csv_number(0.1), "0.1");
  EXPECT_EQ(std::stod(csv_number(1.0 / 3)), 1.0 / 3);
  EXPECT_EQ(csv_number(NAN), "");
}

}  // namespace
}  // namespace ntt
