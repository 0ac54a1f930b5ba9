#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "ntt/page/figure.h"

namespace ntt {

/// Values at steps, of one run.
using Curve = std::map<std::int64_t, double>;

/// Mean and interval at each step that all the curves have.
std::vector<PlotPoint> mean_curve(const std::vector<Curve>& curves);

/// Draws intervals as bands only where there are few enough lines to see them; the CSV file has them all.
void leave_few_bands(LinePlot& plot);

}  // namespace ntt
