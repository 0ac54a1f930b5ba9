#pragma once

#include <string>

#include "ntt/page/figure.h"

namespace ntt {

/// What gnuplot made of a figure.
struct Drawing {
  std::string svg;  ///< a file of its own, on white
  std::string pdf;
};

/// RunError saying how to install gnuplot where it is not there.
void check_gnuplot();

/// Draws the figure in a temporary folder that is gone afterwards; RunError with gnuplot's words where it fails.
Drawing run_gnuplot(const Figure& figure);

}  // namespace ntt
