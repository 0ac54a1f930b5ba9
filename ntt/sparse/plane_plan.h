#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <vector>

#include "ntt/core/pooling.h"
#include "ntt/sparse/lowering.h"
#include "ntt/sparse/planes.h"

namespace ntt {

/// A linear layer or convolution by its stored weights, for one input.
struct PlaneLayer {
  std::string name;                   ///< "conv1"
  std::int64_t blocks = 1;            ///< of input channels
  std::vector<std::int32_t> begins;   ///< [blocks, rows + 1], of each row's entries in a block
  std::vector<std::int32_t> outputs;  ///< of each row; those of as many entries follow each other
  std::vector<std::int32_t> unread;   ///< outputs without a row
  std::vector<std::int32_t> offsets;  ///< of each entry: from a position of the first output to what it weighs there
  std::vector<float> values;          ///< of each entry
  std::vector<float> bias;            ///< of each row
  std::optional<PhaseCopy> copy;      ///< what it reads, if not the input itself
  std::int64_t copy_at = 0;           ///< of that, in a workspace
  std::int64_t positions = 1;         ///< of an output

  std::int64_t rows() const { return static_cast<std::int64_t>(bias.size()); }
  std::int64_t entries() const { return static_cast<std::int64_t>(values.size()); }
};

/// A node by its own operator, with parameters of its own.
struct DenseNode {
  std::unique_ptr<Operator> op;
  std::vector<std::unique_ptr<Parameter>> parameters;
  std::shared_ptr<const WeightProducts> products;  ///< null: dense ones
  NodeParameters bound;
};

struct PlaneStep {
  LoweredStep lowered;
  std::size_t index = 0;  ///< of a product's layer, a dense step's node or max-pooling's windows
};

/// Where a value lies in a workspace, and how.
struct PlaneBuffer {
  Planes planes;
  std::int64_t at = 0;  ///< in floats
};

/// A network as steps on one input after another, in memory laid out so that registers hold neighbouring positions.
struct PlanePlan {
  std::vector<PlaneStep> steps;
  std::vector<PlaneLayer> layers;
  std::vector<DenseNode> nodes;
  std::vector<PoolGeometry> pools;
  std::vector<PlaneBuffer> buffers;              ///< of each value of the graph; of an alias, its source's
  std::vector<Shape> shapes;                     ///< of each value
  std::vector<std::vector<std::int32_t>> keeps;  ///< for each kind of planes: -1 at positions, 0 between, [plane]
  std::vector<std::size_t> keep_of;              ///< of each value, among keeps
  ValueId input = 0;
  ValueId output = 0;
  std::int64_t workspace_floats = 0;

  /// Memory of the weights, values and indices.
  std::int64_t weight_bytes() const;
};

/// Plans a float32 network on the CPU; what is zero of its weights is neither stored nor computed. InputError naming
/// the value that is too large for 32-bit offsets.
PlanePlan make_plane_plan(const Network& network, Products products);

}  // namespace ntt
