#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "ntt/onnx/draft.h"

namespace ntt::onnx_import {

using ntt::to_string;

/// Where the batch of N inputs lies among the axes of an ONNX value: the axis `axis` has outer * N * inner entries,
/// those of one input not side by side unless outer is 1. Exporters move the batch (transpose) and merge it with its
/// neighbours (attention heads, tokens) and back again. In the graph, whose values have no batch, that axis has
/// outer * inner entries, and is left out where that is 1.
struct BatchAxis {
  std::int64_t axis = 0;
  std::int64_t outer = 1;
  std::int64_t inner = 1;

  std::int64_t factor() const { return outer * inner; }
  bool operator==(const BatchAxis&) const = default;
};

/// A side of an ONNX value: `size`, or `size` times N.
struct Side {
  std::int64_t size = 1;
  bool batch = false;
};

/// A value that depends on the network's input.
struct Activation {
  DraftId value = 0;
  BatchAxis batch;
};

/// The batch for which indices over a batch are counted out.
constexpr std::int64_t kSampleBatch = 3;

/// A value that is known when the file is read, but for the size of the batch: from the file, or computed.
struct Constant {
  at::Tensor value;  ///< of any type, on the CPU
  at::Tensor batch;  ///< bool, of the same shape: where set, the entry is value * N. Undefined: nowhere
  std::string
      origin;  ///< what it is called where the file gives its entries, in their order or another; empty: computed
  bool trained = false;  ///< it is given by an initialiser; a Constant node is what no training moves
  bool sampled = false;  ///< counted out for a batch of kSampleBatch: as indices these can turn out to change nothing
};

/// A value that cannot be had, and the sentence that says why. Only fatal where the output depends on it, and where no
/// node farther on turns out to be the end of a subgraph that is known as a whole.
struct Unavailable {
  std::string reason;
};

using Item = std::variant<Constant, Activation, Unavailable>;

/// The sides of an activation in ONNX, with the batch.
std::vector<Side> sides_of(const Shape& shape, const BatchAxis& batch);
/// The number of axes in ONNX.
std::int64_t rank_of(const Shape& shape, const BatchAxis& batch);
/// "2 x batch x 7", for messages.
std::string to_string(const std::vector<Side>& sides);

}  // namespace ntt::onnx_import
