#pragma once

#include <string>
#include <vector>

#include "ntt/page/figure.h"
#include "ntt/page/run.h"
#include "ntt/page/summary.h"

namespace ntt {

/// A figure and its drawing as SVG.
struct DrawnFigure {
  Figure figure;
  std::string svg;
};

/// What a page shows.
struct PageContent {
  Study study;
  Summary summary;
  std::vector<DrawnFigure> figures;
  std::vector<std::string> warnings;  ///< sentences on what could not be read
};

/// One HTML page without anything outside it but links to the figures' files beside it.
std::string html_page(const PageContent& content);

}  // namespace ntt
