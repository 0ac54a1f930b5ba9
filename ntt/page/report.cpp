#include "ntt/page/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "ntt/core/error.h"
#include "ntt/core/exceptions.h"
#include "ntt/io/atomic_file.h"
#include "ntt/io/run_folder.h"
#include "ntt/page/figures.h"
#include "ntt/page/gnuplot.h"
#include "ntt/page/page.h"

namespace ntt {
namespace {

void append(std::vector<Figure>& figures, std::vector<Figure> more) {
  std::ranges::move(more, std::back_inserter(figures));
}

std::vector<Figure> figures_of(const Study& study, RunFiles& files) {
  std::vector<Figure> figures;
  const std::vector<Comparison> comparisons = compare(study);
  const std::vector<Comparison> networks = found_networks(study);
  for (const Comparison& comparison : comparisons) {
    append(figures, accuracy_figures(comparison));
    append(figures, cost_figures(comparison, files));
    append(figures, convergence_figures(comparison, files));
  }
  for (const Comparison& found : networks) {
    append(figures, transfer_figures(found, files));
  }
  for (const Comparison& comparison : comparisons) {
    append(figures, training_kernel_figures(comparison, files));
    append(figures, track_figures(comparison, files));
  }
  for (const Comparison& found : networks) {
    append(figures, mask_figures(found, files));
  }
  return figures;
}

/// Data sets in different folders may share a name; files may not.
void make_ids_unique(std::vector<Figure>& figures) {
  std::set<std::string> taken;
  for (Figure& figure : figures) {
    const std::string wanted = figure.id;
    for (int number = 2; !taken.insert(figure.id).second; ++number) {
      figure.id = fmt::format("{}-{}", wanted, number);
    }
  }
}

DrawnFigure draw_into(const std::filesystem::path& out, Figure figure) {
  Drawing drawing = run_gnuplot(figure);
  write_file_atomically(out / (figure.id + ".svg"), drawing.svg);
  write_file_atomically(out / (figure.id + ".pdf"), drawing.pdf);
  write_file_atomically(out / (figure.id + ".csv"), figure.csv);
  return {std::move(figure), std::move(drawing.svg)};
}

}  // namespace

ReportResult write_report(const std::filesystem::path& folder, const std::filesystem::path& out, Observer& observer) {
  PageContent content;
  content.study = read_study(folder);
  check_gnuplot();
  RunFiles files;
  std::vector<Figure> figures = figures_of(content.study, files);
  make_ids_unique(figures);
  content.summary = summarise(content.study, files);
  content.warnings = files.warnings();
  RunFolder(out).create();
  ReportResult result;
  for (Figure& figure : figures) {
    if (observer.stop_requested()) {
      throw Interrupted("the report was stopped; the page was not written");
    }
    result.figures.push_back(figure.id);
    content.figures.push_back(draw_into(out, std::move(figure)));
  }
  result.page = out / "index.html";
  result.runs = content.study.runs.size();
  result.finished = static_cast<std::size_t>(std::ranges::count_if(content.study.runs, &Run::done));
  result.warnings = content.warnings;
  write_file_atomically(result.page, html_page(content));
  return result;
}

}  // namespace ntt
