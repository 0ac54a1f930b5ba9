#pragma once

namespace ntt::onnx_import {

class Step;

/// Whether a node ends a subgraph that exporters write for an operator of ours (gelu, layer norm, softplus, silu); if
/// so its output is set to that operator's.
bool ends_pattern(Step& step);

/// The same for gelu alone, of a Mul or a Div.
bool ends_gelu(Step& step);

/// Whether a SequenceAt takes a part that a SplitToSequence has made, which is how PyTorch's newer exporter writes
/// chunk() and split() unless it optimises; if so its output is set to that part.
bool ends_sequence(Step& step);

}  // namespace ntt::onnx_import
