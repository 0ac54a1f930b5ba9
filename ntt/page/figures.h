#pragma once

#include <vector>

#include "ntt/page/comparison.h"
#include "ntt/page/figure.h"

namespace ntt {

/// Accuracy against density, one line a method, the dense network a level. Nothing where there is no sparse network.
std::vector<Figure> accuracy_figures(const Comparison& comparison);

}  // namespace ntt
