#pragma once

#include <cstdint>
#include <vector>

#include "ntt/core/convolution.h"

/// What direct_convolution.h is made of: sums over one padded image in registers.
namespace ntt::direct {

/// One image [channels, height, width] with zeros around it. Where outputs stand `stride` columns apart, columns lie in
/// `stride` runs, so that what neighbouring outputs read lies side by side.
struct PaddedImage {
  std::int64_t channels, height, width;
  std::int64_t rows, top;  ///< with the padding, and the padding above
  std::int64_t stride;     ///< runs of columns
  std::int64_t left, run;  ///< the padding on the left, and columns of a run

  std::int64_t row() const { return stride * run; }
  std::int64_t plane() const { return rows * row(); }
  std::int64_t size() const { return channels * plane(); }
};

/// Σ over channels c and taps t of weight[row * weight_row + c * weight_channel + t] times what an output sees in
/// channel c of the padded image at tap t, for outputs [rows, height * width].
struct Correlation {
  PaddedImage image;
  std::vector<std::int64_t> taps;  ///< what output (0, 0) sees: offsets in a padded channel
  std::int64_t step;               ///< from what an output sees to what the one below it sees
  std::int64_t height, width;      ///< of the outputs
  std::int64_t weight_row, weight_channel;
};

/// Whether `correlate` knows an output of that size, which must fall into whole vectors.
bool in_whole_vectors(std::int64_t height, std::int64_t width);

/// Copies one image, [image.channels, image.height, image.width].
void pad(const PaddedImage& image, const float* source, float* padded);
void pad(const PaddedImage& image, const double* source, double* padded);

/// Correlation's sum, + bias[row] unless that is null; `outputs` is written or, if `adds`, added to.
void correlate(const Correlation& correlation, std::int64_t rows, const float* padded, const float* weight,
               const float* bias, bool adds, float* outputs);
void correlate(const Correlation& correlation, std::int64_t rows, const double* padded, const double* weight,
               const double* bias, bool adds, double* outputs);

/// What output (0, 0) sees, channel by channel, tap by tap: offsets in the padded image, one for each column of
/// tap_products.
std::vector<std::int64_t> columns_of(const Correlation& correlation);

/// products [rows, channels * taps] (+)= Σ over outputs of delta [rows, height * width] times what they see: the
/// derivative by the weights. Rows of the output must be whole vectors (width % 16 == 0).
void tap_products(const Correlation& correlation, const std::vector<std::int64_t>& columns, std::int64_t rows,
                  const float* padded, const float* delta, bool adds, float* products);
void tap_products(const Correlation& correlation, const std::vector<std::int64_t>& columns, std::int64_t rows,
                  const double* padded, const double* delta, bool adds, double* products);

}  // namespace ntt::direct
