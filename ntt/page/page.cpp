#include "ntt/page/page.h"

#include <fmt/format.h>

#include <algorithm>

#include "ntt/page/html.h"
#include "ntt/page/page_style.h"
#include "ntt/version.h"

namespace ntt {
namespace {

std::string swatch_of(const Style& style) {
  return fmt::format("<span class=\"swatch\" style=\"background:{}\"></span>",
                     style.colour == kInk ? "currentColor" : style.colour);
}

std::string table_of(const Summary& summary) {
  std::string html = "<div class=\"scroll\"><table id=\"summary\"><thead><tr>";
  const auto attribute = [&](std::size_t column) {
    return summary.columns[column].align == Align::right ? " class=\"right\"" : "";
  };
  for (std::size_t i = 0; i < summary.columns.size(); ++i) {
    html += fmt::format("<th{}>{}</th>", attribute(i), escape_html(summary.columns[i].title));
  }
  html += "</tr></thead><tbody>\n";
  const auto method_column = std::ranges::find(summary.columns, "method", &Column::title) - summary.columns.begin();
  std::vector<std::string> methods;
  for (const auto& row : summary.rows) {
    if (method_column < std::ssize(row)) {
      methods.push_back(row[static_cast<std::size_t>(method_column)]);
    }
  }
  const auto styles = styles_of(methods);
  for (const auto& row : summary.rows) {
    html += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool method = static_cast<std::ptrdiff_t>(i) == method_column;
      html +=
          fmt::format("<td{}>{}{}</td>", attribute(i), method ? swatch_of(styles.at(row[i])) : "", escape_html(row[i]));
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string shared_html(const Summary& summary) {
  std::string text;
  for (const auto& [title, value] : summary.shared) {
    text += fmt::format("{}{} {}", text.empty() ? "" : " · ", escape_html(title), escape_html(value));
  }
  return fmt::format("<p class=\"soft\">{}</p>\n", text);
}

std::string figure_html(const DrawnFigure& drawn) {
  const Figure& figure = drawn.figure;
  const std::string id = escape_html(figure.id);
  return fmt::format(
      "<figure id=\"{0}\">{1}<figcaption><strong>{2}</strong><p>{3}</p>"
      "<p><a href=\"{0}.svg\">svg</a> · <a href=\"{0}.pdf\">pdf</a> · <a href=\"{0}.csv\">csv</a></p></figcaption>"
      "</figure>\n",
      id, inline_svg(drawn.svg, figure.id, figure.title), escape_html(figure.title), escape_html(figure.caption));
}

std::vector<std::string> sections_of(const PageContent& content) {
  std::vector<std::string> sections;
  for (const DrawnFigure& drawn : content.figures) {
    if (std::ranges::find(sections, drawn.figure.section) == sections.end()) {
      sections.push_back(drawn.figure.section);
    }
  }
  return sections;
}

std::string figures_html(const PageContent& content) {
  std::string html;
  for (const std::string& section : sections_of(content)) {
    html += fmt::format("<section id=\"section-{}\"><h2>{}</h2>\n<div class=\"figures\">\n", slug(section),
                        escape_html(section));
    for (const DrawnFigure& drawn : content.figures) {
      html += drawn.figure.section == section ? figure_html(drawn) : "";
    }
    html += "</div></section>\n";
  }
  return html;
}

std::string navigation(const PageContent& content) {
  std::string html = "<nav>";
  for (const std::string& section : sections_of(content)) {
    html += fmt::format("<a href=\"#section-{}\">{}</a> ", slug(section), escape_html(section));
  }
  return html + "<a href=\"#runs\">Runs</a> <a href=\"#commands\">Commands</a></nav>\n";
}

std::string state_text(const Run& run) {
  return run.record.state == JobState::waiting || run.record.state == JobState::running ? "unfinished"
                                                                                        : to_string(run.record.state);
}

std::string overview(const PageContent& content) {
  const auto count = [&](JobState state) {
    return std::ranges::count(content.study.runs, state, [](const Run& run) { return run.record.state; });
  };
  const auto unfinished = count(JobState::waiting) + count(JobState::running);
  return fmt::format("<p class=\"soft\">{} runs of {}: {} done, {} failed, {} unfinished.</p>\n",
                     content.study.runs.size(), escape_html(content.study.folder.string()), count(JobState::done),
                     count(JobState::failed), unfinished);
}

std::string missing_html(const PageContent& content) {
  std::string rows;
  for (const Run& run : content.study.runs) {
    if (!run.done()) {
      rows += fmt::format("<tr><td>{}</td><td class=\"bad\">{}</td><td>{}</td></tr>\n", escape_html(run.job().name),
                          state_text(run), escape_html(run.record.error));
    }
  }
  std::string html;
  if (!rows.empty()) {
    html += fmt::format(
        "<section id=\"missing\"><h2>Failed and unfinished</h2>\n<div class=\"scroll\"><table><thead><tr><th>run</th>"
        "<th>state</th><th>error</th></tr></thead><tbody>\n{}</tbody></table></div></section>\n",
        rows);
  }
  if (!content.warnings.empty()) {
    html += "<section id=\"warnings\"><h2>Left out</h2>\n<ul>\n";
    for (const std::string& warning : content.warnings) {
      html += fmt::format("<li>{}</li>\n", escape_html(warning));
    }
    html += "</ul></section>\n";
  }
  return html;
}

std::string run_html(const Run& run, const Style& style) {
  return fmt::format("<details><summary>{}{} <span class=\"{}\">{}</span></summary>\n<pre>{}</pre>\n{}</details>\n",
                     swatch_of(style), escape_html(run.job().name), run.done() ? "soft" : "bad", state_text(run),
                     escape_html(run.command),
                     run.done() ? fmt::format("<pre>{}</pre>\n", escape_html(run.record.result.dump(2))) : "");
}

std::string runs_html(const PageContent& content) {
  std::string html = fmt::format("<section id=\"runs\"><h2>Runs</h2>\n<details><summary>{} runs</summary>\n",
                                 content.study.runs.size());
  std::vector<std::string> methods;
  std::ranges::transform(content.study.runs, std::back_inserter(methods),
                         [](const Run& run) { return run.job().method; });
  const auto styles = styles_of(methods);
  for (const Run& run : content.study.runs) {
    html += run_html(run, styles.at(run.job().method));
  }
  html +=
      "</details></section>\n<section id=\"commands\"><h2>Commands</h2>\n<details><summary>In this order these make "
      "every run anew</summary>\n<pre>";
  for (const Run& run : content.study.runs) {
    html += run.command.empty() ? "" : escape_html(run.command) + "\n";
  }
  return html + fmt::format("ntt report {}</pre></details></section>\n", escape_html(content.study.folder.string()));
}

}  // namespace

std::string html_page(const PageContent& content) {
  const std::string name = escape_html(content.study.name);
  return fmt::format(
             "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
             "<link rel=\"icon\" "
             "href=\"data:,\">\n<title>{0}</title>\n<style>{1}</style>\n</head>\n<body>\n<h1>{0}</h1>\n",
             name, kPageStyle) +
         overview(content) + navigation(content) + "<h2>Summary</h2>\n" + shared_html(content.summary) +
         table_of(content.summary) + missing_html(content) + figures_html(content) + runs_html(content) +
         fmt::format("<p class=\"soft\">Made by ntt {} with gnuplot.</p>\n</body>\n</html>\n", NTT_VERSION);
}

}  // namespace ntt
