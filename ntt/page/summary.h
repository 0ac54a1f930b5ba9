#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ntt/page/run_files.h"
#include "ntt/report/table.h"

namespace ntt {

/// The table of a report: one row a point of the grid, its seeds put together.
struct Summary {
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;
  /// Title and value of the columns left out because all rows say the same: data sets, model, scope.
  std::vector<std::pair<std::string, std::string>> shared;
};

/// A row for each data set, model, scope, density and method that something finished for; empty columns are left out.
Summary summarise(const Study& study, RunFiles& files);

}  // namespace ntt
