#include "ntt/page/html.h"

#include <fmt/format.h>

#include <initializer_list>
#include <utility>

#include "ntt/page/style.h"

namespace ntt {
namespace {

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

/// Removes the first piece that begins and ends so; whether there was one.
bool cut(std::string& text, const std::string& begin, const std::string& end) {
  const std::size_t from = text.find(begin);
  const std::size_t to = from == std::string::npos ? from : text.find(end, from + begin.size());
  if (to == std::string::npos) {
    return false;
  }
  text.erase(from, to + end.size() - from);
  return true;
}

/// A colour "#1a1b1c" in the two forms in which gnuplot writes it: of lines and of text.
std::pair<std::string, std::string> forms_of(const std::string& colour) {
  const auto part = [&](std::size_t at) { return std::stoi(colour.substr(at, 2), nullptr, 16); };
  return {fmt::format("rgb({:3d}, {:3d}, {:3d})", part(1), part(3), part(5)),
          fmt::format("rgb({},{},{})", part(1), part(3), part(5))};
}

}  // namespace

std::string escape_html(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string inline_svg(std::string svg, const std::string& id, const std::string& title) {
  cut(svg, "<?xml", "?>");
  cut(svg, "<desc>", "</desc>");
  cut(svg, "<rect x=\"0\" y=\"0\"", "/>");  // the background
  cut(svg, " width=\"", "\"");
  cut(svg, " height=\"", "\"");
  while (cut(svg, "<title>", "</title>")) {  // they would show as tool tips
  }
  for (const char* quote : {"'", "\""}) {
    replace_all(svg, fmt::format(" id={}", quote), fmt::format(" id={}{}-", quote, id));
  }
  replace_all(svg, "xlink:href='#", fmt::format("xlink:href='#{}-", id));
  replace_all(svg, "url(#", fmt::format("url(#{}-", id));
  const auto [line, text] = forms_of(kInk);
  for (const std::string& ink : {line, text, std::string("\"black\"")}) {
    replace_all(svg, ink, ink.front() == '"' ? "\"currentColor\"" : "currentColor");
  }
  replace_all(svg, "<image ", "<image class=\"pixels\" ");
  const std::size_t start = svg.find("<svg");
  svg.insert(svg.find('>', start), fmt::format(" role=\"img\" aria-label=\"{}\"", escape_html(title)));
  return svg.substr(start);
}

}  // namespace ntt
