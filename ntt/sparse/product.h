#pragma once

#include <cstdint>
#include <vector>

#include "ntt/sparse/block_layout.h"

namespace ntt {

/// One row of a sparse matrix as its kernels see it; all places are in floats.
struct SparseRow {
  std::int32_t first = 0;   ///< of its entries
  std::int32_t last = 0;    ///< one past them
  std::int32_t output = 0;  ///< where its result at the first position lies
  std::int32_t other = 0;   ///< the same in the buffer of the other kind: its gate, or its cotangent
  std::int32_t index = 0;   ///< its number in the matrix, and its bias's
};

/// A sparse matrix, row by row, over inputs of one layout.
struct SparseRows {
  std::vector<SparseRow> rows;
  std::vector<std::int32_t> offsets;  ///< of each entry: floats from the window's corner to the input that it weighs
};

/// Where the windows of a product lie. A linear layer has one, a convolution one an output position.
struct Windows {
  std::int64_t height = 1;
  std::int64_t width = 1;
  std::int64_t input_row = 0;          ///< floats from one row of windows to the next
  std::int64_t input_column = kLanes;  ///< floats from one window to the next in a row
  std::int64_t output_row = 0;         ///< floats between rows of results; results in a row lie side by side
  std::int64_t other_row = 0;          ///< the same in the other buffer
};

/// output[r, p] = bias[r] + Σ_j values[j] · input[window p + offsets[j]] over the entries j of row r, for every lane.
struct SparseProduct {
  const SparseRows* matrix = nullptr;
  std::int64_t first_row = 0;  ///< of matrix->rows
  std::int64_t last_row = 0;
  Windows windows;
  const float* values = nullptr;
  const float* bias = nullptr;   ///< null: zeros
  const float* input = nullptr;  ///< the first window's corner
  float* output = nullptr;
  const float* gate = nullptr;  ///< null, or: results count only where this buffer is above 0
  bool rectify = false;         ///< max(0, result)
  bool accumulate = false;      ///< adds to the output
  bool pool = false;            ///< writes the maxima of 2 x 2 results; `windows` then counts these. Ungated
};

void sparse_product(const SparseProduct& product);

/// Sums over positions and lanes: gradient[j] = Σ cotangent[r, p] · input[window p + offsets[j]] at the stored entries
/// alone, and bias_gradient[index of r] = Σ cotangent[r, p]. The cotangent lies where `other` and `other_row` say.
struct SparseWeightGradient {
  const SparseRows* matrix = nullptr;
  Windows windows;
  const float* input = nullptr;
  const float* cotangent = nullptr;
  float* gradient = nullptr;
  float* bias_gradient = nullptr;
  float* scratch = nullptr;  ///< kLanes floats an entry and a row, for more than one window
};

void sparse_weight_gradient(const SparseWeightGradient& task);

}  // namespace ntt
