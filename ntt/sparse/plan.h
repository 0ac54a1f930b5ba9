#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ntt/nn/network.h"
#include "ntt/sparse/load_block.h"
#include "ntt/sparse/pointwise.h"
#include "ntt/sparse/product.h"

namespace ntt {

/// What a plan is for: inference, or training as well, which takes a second index and gradients.
enum class PlanFor { inference, training };

/// A linear layer or convolution by its stored weights alone.
struct SparseLayer {
  std::string name;  ///< "conv1"
  ParameterId weight_id = 0;
  std::optional<ParameterId> bias_id;
  bool convolution = false;
  std::int64_t outputs = 0;
  std::int64_t inputs = 0;  ///< features or channels
  std::int64_t kernel_height = 1;
  std::int64_t kernel_width = 1;
  std::int64_t stride = 1;
  std::int64_t padding = 0;

  std::vector<std::int32_t> row_begins;  ///< [outputs + 1], of each output's entries
  std::vector<std::int32_t> columns;     ///< of each entry, in a row of [inputs * kernel_height * kernel_width]
  bool masked = false;                   ///< the network has a mask here, be it one that keeps all
  at::Tensor weight;                     ///< float32 [entries]
  at::Tensor bias;                       ///< float32 [outputs], zeros where there is none

  SparseRows forward;                ///< the rows whose results somebody reads; to answer, without those below
  std::vector<SparseRow> constants;  ///< to answer: read rows without entries, whose results are their biases
  Windows forward_windows;
  bool pooled = false;  ///< a forward window is one of 2 x 2 pooling, over four of the convolution's own
  SparseRows backward;  ///< the same entries by the input that they read
  Windows backward_windows;
  std::vector<std::int32_t> backward_entries;  ///< which entry of `weight` each entry of `backward` is
  BlockLayout dilated;                         ///< of a convolution with stride: its output's gradient, spread out
  std::int64_t dilated_at = 0;                 ///< where that lies in a workspace
  std::int64_t gradient_at = 0;                ///< of the weights' gradients among all; the biases' follow

  /// Results that are worked out a row, in one block: those of pooled windows are four.
  std::int64_t results() const { return forward_windows.height * forward_windows.width * (pooled ? 4 : 1); }
  std::int64_t entries() const { return static_cast<std::int64_t>(columns.size()); }
  /// Values [entries] as a dense tensor of the weight's shape, 0 where nothing is stored.
  at::Tensor spread(const at::Tensor& values) const;
};

/// What one step hands to the next, for one block of inputs.
struct PlanBuffer {
  BlockLayout values;
  BlockLayout gradients;
  std::int64_t values_at = 0;  ///< in a workspace, in floats
  std::int64_t gradients_at = 0;
  bool rectified = false;       ///< the values passed a fused ReLU
  bool fused_away = false;      ///< no step writes it any more
  bool needs_gradient = false;  ///< a layer with weights lies before it
  int gradient_writers = 0;     ///< steps that read the values, and so add to the gradient
  bool sums_gradients = false;  ///< the gradient is cleared, then summed up
  std::vector<char> read;       ///< channels whose values somebody reads
};

/// One layer's work on a block.
struct PlanStep {
  enum class Kind { product, max_pool, average_pool, pointwise, add };

  Kind kind = Kind::product;
  std::size_t input = 0;   ///< buffers
  std::size_t second = 0;  ///< of an addition
  std::size_t output = 0;
  std::size_t layer = 0;  ///< of a product
  PoolWindows windows;
  Pointwise function = Pointwise::relu;
  bool rectify = false;  ///< followed by a ReLU that is part of the step
  bool pool = false;     ///< of a convolution: followed by 2 x 2 max-pooling that is part of the step
};

/// A network as steps on blocks of kLanes inputs. Rows whose results nobody reads, and inputs that no stored weight
/// reads, are left out: they change nothing.
struct Plan {
  std::vector<PlanBuffer> buffers;  ///< the first is the network's input
  std::vector<PlanStep> steps;
  std::vector<SparseLayer> layers;
  std::size_t output = 0;       ///< buffer
  FeaturePlaces input_places;   ///< of the inputs that are read, in the first buffer
  FeaturePlaces output_places;  ///< of the outputs, in the last buffer
  std::int64_t workspace_floats = 0;
  std::int64_t scratch_at = 0;        ///< of weight gradients, in a workspace
  std::int64_t gradients = 0;         ///< weights and biases in all
  std::int64_t block_operations = 0;  ///< of a block's way forward: one a stored weight and register of results
};

/// Plans a network, whose weights are copied, for blocks of kLanes inputs. InputError naming the layer where it cannot
/// be executed so: types and settings that have no step here, weights that several layers share, a flattened image
/// added to a flat output, tensors too large for 32-bit offsets.
Plan make_plan(const Network& network, PlanFor purpose);
/// Refuses what make_plan refuses, by the shapes alone: quick, whatever the network's size.
void check_plan(const Network& network, PlanFor purpose);

}  // namespace ntt
