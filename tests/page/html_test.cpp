#include "ntt/page/html.h"

#include <gtest/gtest.h>

#include "ntt/page/figure.h"

namespace ntt {
namespace {

TEST(HtmlTest, EscapesWhatHtmlReads) {
  EXPECT_EQ(escape_html("<script>alert('a & \"b\"')</script>"),
            "&lt;script&gt;alert(&#39;a &amp; &quot;b&quot;&#39;)&lt;/script&gt;");
}

TEST(HtmlTest, InlineSvgHasIdsOfItsOwnAndTheTextsColour) {
  const std::string svg = inline_svg(
      "<?xml version=\"1.0\"?>\n<svg width=\"480\" height=\"400\" viewBox=\"0 0 480 400\">\n"
      "<title>Gnuplot</title>\n<rect x=\"0\" y=\"0\" width=\"480\" height=\"400\" fill=\"#ffffff\"/>\n"
      "<path id='gpPt0' stroke='rgb( 26,  27,  28)'/><use xlink:href='#gpPt0'/>\n"
      "<g id=\"gnuplot_plot_1\" ><title>gnuplot_plot_1</title></g><g color=\"black\" fill=\"rgb(26,27,28)\"/></svg>",
      "fig", "a < b");
  EXPECT_EQ(svg,
            "<svg viewBox=\"0 0 480 400\" role=\"img\" aria-label=\"a &lt; b\">\n\n\n"
            "<path id='fig-gpPt0' stroke='currentColor'/><use xlink:href='#fig-gpPt0'/>\n"
            "<g id=\"fig-gnuplot_plot_1\" ></g><g color=\"currentColor\" fill=\"currentColor\"/></svg>");
}

TEST(HtmlTest, GnuplotStringsHoldAnyText) {
  EXPECT_EQ(gnuplot_string("it's `date` \"x\"\n"), "'it''s `date` \"x\" '");
}

TEST(HtmlTest, SlugsAreFileNames) {
  EXPECT_EQ(slug("../my data/éa b"), "..-my-data-a-b");
  EXPECT_EQ(slug("//"), "x");
}

}  // namespace
}  // namespace ntt
