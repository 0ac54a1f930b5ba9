#include "ntt/page/style.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace ntt {
namespace {

TEST(StylesTest, AMethodLooksTheSameWhoeverStandsBesideIt) {
  const auto styles = styles_of({"dense", "ntt-exact", "snip", "snip, shuffle"});
  for (const auto& [method, style] : styles) {
    EXPECT_EQ(style.colour, style_of(method).colour) << method;
  }
  EXPECT_EQ(styles.at("snip").colour, styles.at("snip, shuffle").colour);
}

TEST(StylesTest, VariantsOfOneMethodHaveColoursOfTheirOwn) {
  std::vector<std::string> methods{"dense"};
  for (int i = 0; i < 11; ++i) {
    methods.push_back("ntt-sketch, k=" + std::to_string(i));
  }
  const auto styles = styles_of(methods);
  std::set<std::string> colours;
  for (const auto& [method, style] : styles) {
    colours.insert(style.colour);
  }
  EXPECT_EQ(colours.size(), methods.size());
  EXPECT_EQ(styles.at("dense").colour, kInk);
}

TEST(StylesTest, OneMethodAloneKeepsItsColour) {
  EXPECT_EQ(styles_of({"ntt-exact"}).at("ntt-exact").colour, style_of("ntt-exact").colour);
  EXPECT_EQ(styles_of({"my-method"}).at("my-method").colour, style_of("my-method").colour);
  EXPECT_EQ(styles_of({"ntk-sap", "dense"}).at("ntk-sap").colour, style_of("ntk-sap").colour);
}

TEST(StylesTest, TheFirstVariantHasTheMethodsColour) {
  for (const char* base : {"ntt", "ntt-sketch", "ntk-sap"}) {
    const std::string first = std::string(base) + ", a";
    EXPECT_EQ(styles_of({first, std::string(base) + ", b"}).at(first).colour, style_of(base).colour);
  }
}

TEST(StylesTest, UnknownNamesHaveStylesToo) {
  EXPECT_EQ(styles_of({"my-method", "my-method, one"}).size(), 2);
  EXPECT_TRUE(styles_of({}).empty());
}

}  // namespace
}  // namespace ntt
