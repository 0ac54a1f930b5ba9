#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ntt/core/observer.h"

namespace ntt {

/// What a report was written of.
struct ReportResult {
  std::filesystem::path page;
  std::size_t runs = 0;
  std::size_t finished = 0;
  std::vector<std::string> figures;   ///< their ids
  std::vector<std::string> warnings;  ///< sentences on what could not be read
};

/// Draws the runs below `folder` (read_study) into `out`: index.html and each figure as .svg, .pdf and .csv. Throws
/// what read_study throws; RunError where gnuplot is missing or the disk refuses; Interrupted where the
/// observer asks to stop.
ReportResult write_report(const std::filesystem::path& folder, const std::filesystem::path& out,
                          Observer& observer = Observer::none());

}  // namespace ntt
