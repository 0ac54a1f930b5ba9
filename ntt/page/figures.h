#pragma once

#include <optional>
#include <vector>

#include "ntt/page/comparison.h"
#include "ntt/page/figure.h"
#include "ntt/page/run_files.h"

namespace ntt {

// Each function gives the figures that it has data for, and none where it has none.

/// Accuracy against density, one line a method, the dense network a level.
std::vector<Figure> accuracy_figures(const Comparison& comparison);
/// Accuracy against multiply-adds of the sparse network, one point a method and density.
std::vector<Figure> cost_figures(const Comparison& comparison, RunFiles& files);

/// Test accuracy against training step, one line a method, at each of the lowest three densities.
std::vector<Figure> convergence_figures(const Comparison& comparison, RunFiles& files);
/// Kernel and target distance over the search, of methods that record them; `networks` as found_networks gives them.
std::vector<Figure> transfer_figures(const Comparison& networks, RunFiles& files);
/// The same and the kernel's alignment with the teacher's during training, at the lowest density.
std::vector<Figure> training_kernel_figures(const Comparison& comparison, RunFiles& files);

/// From the tracks of one seed at the lowest density: outputs in their plane (two outputs), kernels as pictures, their
/// eigenvalues; and over all seeds each kernel's alignment with the dense network's at the same step.
std::vector<Figure> track_figures(const Comparison& comparison, RunFiles& files);

/// What the masks of the lowest density keep: weights a pixel or a filter of the first layer, densities of all layers.
std::vector<Figure> mask_figures(const Comparison& networks, RunFiles& files);

/// Eigenvalues of a symmetric kernel [N, N], falling.
std::vector<double> eigenvalues(const at::Tensor& kernel);

/// The mean of the values with its interval, at x; nothing where there is no value.
std::optional<PlotPoint> point_of(double x, const std::vector<double>& values);

}  // namespace ntt
