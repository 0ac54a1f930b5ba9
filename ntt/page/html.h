#pragma once

#include <string>

namespace ntt {

/// A text with &, <, >, " and ' as HTML writes them, for content and attributes.
std::string escape_html(const std::string& text);

/// gnuplot's SVG as a part of a page: without prolog, size and background, with every id behind `id`, in the colour of
/// the text around it where it was drawn in ink, and with a title for those who cannot see it.
std::string inline_svg(std::string svg, const std::string& id, const std::string& title);

}  // namespace ntt
