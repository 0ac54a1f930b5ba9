#pragma once

#include <cstdint>
#include <vector>

#include "ntt/graph/graph.h"
#include "ntt/onnx/step.h"

// The functions that the table of operators (operators.cpp) names, by the files that they are in.

namespace ntt::onnx_import {

struct SimpleOperator;

/// @name read_weights.cpp: operators with parameters
///@{
void read_conv(Step& step);
void read_gemm(Step& step);
void read_matmul(Step& step);
void read_batch_normalization(Step& step);
void read_layer_normalization(Step& step);
///@}

/// @name read_attention.cpp
///@{
void read_attention(Step& step);
///@}

/// @name read_pools.cpp
///@{
void read_max_pool(Step& step);
void read_average_pool(Step& step);
void read_global_average_pool(Step& step);
void read_global_max_pool(Step& step);
void read_reduce_mean(Step& step);
void read_reduce_sum(Step& step);
void read_reduce_max(Step& step);
///@}

/// @name read_arithmetic.cpp
///@{
void read_add(Step& step);
void read_sub(Step& step);
void read_mul(Step& step);
void read_div(Step& step);
void read_neg(Step& step);
void read_pow(Step& step);
void read_sum(Step& step);
void read_min_max(Step& step);
///@}

/// @name read_elementwise.cpp
///@{
void read_simple(Step& step, const SimpleOperator& row);
void read_identity(Step& step);
void read_cast(Step& step);
void read_dropout(Step& step);
void read_clip(Step& step);
void read_gelu(Step& step);
void read_swish(Step& step);
void read_selu(Step& step);
void read_celu(Step& step);
void read_mish(Step& step);
void read_softmax(Step& step);
///@}

/// @name read_shapes.cpp
///@{
void read_flatten(Step& step);
void read_reshape(Step& step);
void read_squeeze(Step& step);
void read_unsqueeze(Step& step);
void read_transpose(Step& step);
void read_expand(Step& step);
void read_shape(Step& step);
void read_size(Step& step);
///@}

/// @name read_slices.cpp
///@{
void read_concat(Step& step);
void read_split(Step& step);
void read_slice(Step& step);
void read_gather(Step& step);
void read_pad(Step& step);
///@}

/// @name read_sequences.cpp
///@{
void read_split_to_sequence(Step& step);
///@}

/// @name fold_shapes.cpp: rearranging constants
///@{
void fold_constant(Step& step);
void fold_constant_of_shape(Step& step);
void fold_identity(Step& step);
void fold_cast(Step& step);
void fold_shape(Step& step);
void fold_size(Step& step);
void fold_reshape(Step& step);
void fold_flatten(Step& step);
void fold_squeeze(Step& step);
void fold_unsqueeze(Step& step);
void fold_transpose(Step& step);
void fold_expand(Step& step);
void fold_concat(Step& step);
void fold_split(Step& step);
void fold_slice(Step& step);
void fold_gather(Step& step);
///@}

/// @name fold_arithmetic.cpp: computing with constants
///@{
void fold_binary(Step& step);
void fold_unary(Step& step);
void fold_where(Step& step);
void fold_range(Step& step);
void fold_reduction(Step& step);
void fold_clip(Step& step);
///@}

/// The part of an axis that a Slice keeps.
struct Cut {
  std::int64_t axis;   ///< from the front
  std::int64_t start;  ///< the first index
  std::int64_t count;
  std::int64_t step;  ///< may be negative
};
/// What a Slice keeps of a value with these sides; -1 is the batch, of which nothing is known.
std::vector<Cut> cuts_of(Step& step, const std::vector<std::int64_t>& sides);

/// The sizes of the parts that a Split makes of an axis.
std::vector<std::int64_t> split_sizes(Step& step, std::int64_t side);

/// New places of axes: those of a Squeeze counted in its input, those of an Unsqueeze in its output; sorted, unique.
std::vector<std::int64_t> listed_axes(Step& step, std::int64_t rank);

/// The order of axes that a Transpose asks for.
std::vector<std::int64_t> permutation(Step& step, std::int64_t rank);

/// A setting of one number for each axis, as short as it can be written.
Attribute sizes_attribute(const std::vector<std::int64_t>& sizes);

/// A sliding window of a convolution or a pool.
struct Window {
  std::vector<std::int64_t> kernel;
  std::vector<std::int64_t> stride;
  std::vector<std::int64_t> dilation;
  std::vector<std::int64_t> padding;  ///< all begins, then all ends
};
/// The window of a node over axes of these sizes; `kernel` where the attribute is left out. InputError where a size is
/// out of range.
Window read_window(Step& step, const Shape& sizes, std::vector<std::int64_t> kernel);
/// Sets kernel, and stride, dilation and padding where they are not the defaults.
void set_window(Attributes& attributes, const Window& window, bool is_pool);

/// factor * x + offset, or what it makes together with the nodes before it.
DraftId affine(Step& step, DraftId input, double factor, double offset);
/// a * b of two values in the graph, or the operator that this is: x times its gate.
DraftId product(Step& step, DraftId a, DraftId b);

}  // namespace ntt::onnx_import
