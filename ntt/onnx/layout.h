#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ntt/onnx/step.h"

namespace ntt::onnx_import {

/// The graph's axis for one of ONNX's (counted from the front); none for the one of the batch.
std::optional<std::int64_t> graph_axis(const BatchAxis& batch, std::int64_t onnx_axis);

/// The graph's axis for one of ONNX's, which may be negative; InputError where it is that of the batch.
std::int64_t inner_axis(Step& step, const Activation& activation, std::int64_t onnx_axis);

/// InputError unless the first axis is the batch and nothing else.
void check_batch_first(Step& step, const Activation& activation);

/// Whether the batches of two values meet when their axes are aligned at the right.
bool batches_meet(Step& step, const Activation& a, const Activation& b);

/// Seen with other axes, which may be named in ONNX's way: -1 for what is left, and, where `copies_zeros`, 0 for the
/// side that is there. InputError where that would mix the inputs of a batch.
Activation reshaped(Step& step, const Activation& activation, std::vector<Side> sides, bool copies_zeros);

/// The same entries with another shape in the graph: no node where it has that shape.
DraftId with_shape(Step& step, DraftId value, const Shape& shape);

/// A node that gives a constant to every input of the batch, so that it meets an activation of `rank` axes in ONNX with
/// that batch: its own axes are aligned at the right, and must be 1 along the batch's.
/// @param role of the parameter if it is trained
DraftId constant_node(Step& step, const Constant& constant, const BatchAxis& batch, std::int64_t rank,
                      std::string_view role);

}  // namespace ntt::onnx_import
