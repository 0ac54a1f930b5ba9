#pragma once

#include <optional>

#include "ntt/core/convolution.h"
#include "ntt/sparse/plane_plan.h"

namespace ntt {

/// The windows of a node that multiplies with weights: a convolution's, those of average pooling, or single values of
/// batch norm; none of linear layers.
std::optional<ConvGeometry> window_geometry(const Network& network, NodeId node);

/// Whether outputs lie as what they read does: the stride is 1 and the size stays.
bool reads_directly(const ConvGeometry& geometry);
/// Values in a row of one phase that some output reads (PhaseCopy::columns).
std::int64_t phase_columns(const ConvGeometry& geometry);

/// Which channels of planes (features: which features) somebody reads: 0 or 1 each.
using ReadChannels = std::vector<char>;

/// Adds the channels of its input that a node of network.execution() reads for those of its outputs that are read.
void mark_read_channels(const Network& network, NodeId node, const Planes& input, const ReadChannels& outputs,
                        ReadChannels& inputs);

/// The stored weights of a node, indexed for planes: the rows of outputs that are read.
PlaneLayer make_plane_layer(const Network& network, NodeId node, const Planes& input, const Planes& output,
                            const ReadChannels& read);

}  // namespace ntt
