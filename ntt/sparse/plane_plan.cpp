#include "ntt/sparse/plane_plan.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <map>

#include "ntt/core/error.h"
#include "ntt/ops/convolution.h"
#include "ntt/ops/pooling.h"
#include "ntt/ops/registry.h"
#include "ntt/sparse/plane_layers.h"
#include "ntt/sparse/sparse_products.h"

namespace ntt {
namespace {

using Kind = LoweredStep::Kind;

std::int64_t in_vectors(std::int64_t floats) {
  return (floats + Planes::kVector - 1) / Planes::kVector * Planes::kVector;
}

/// What all images of one size need around them.
struct Margins {
  std::int64_t lead = 0;  ///< zeros ahead of a plane: rows above it, and values on the left, in rows and columns
  std::int64_t left = 0;
  std::int64_t below = 0;
  std::int64_t right = 0;
  std::int64_t pitch = 0;  ///< at least
};

class PlanePlanner {
 public:
  PlanePlanner(const Network& network, Products products)
      : network_(network), graph_(network.execution()), lowered_(lower(network, products)) {
    plan_.input = graph_.input;
    plan_.output = graph_.output;
    for (const Value& value : graph_.values) {
      plan_.shapes.push_back(value.shape);
      plan_.buffers.push_back({unpadded(value.shape), 0});
    }
    find_margins();
    for (PlaneBuffer& buffer : plan_.buffers) {
      pad(buffer.planes);
    }
    for (ValueId value = 0; value < plan_.buffers.size(); ++value) {
      plan_.buffers[value].planes = planes(lowered_.sources[value]);
    }
    make_keeps();
    find_read_channels();
    for (LoweredStep& step : lowered_.steps) {
      add_step(std::move(step));
    }
    lay_out();
  }

  PlanePlan take() { return std::move(plan_); }

 private:
  const Planes& planes(ValueId value) const { return plan_.buffers[value].planes; }

  Planes unpadded(const Shape& shape) const {
    if (shape.size() == 3) {
      return {shape[0], shape[1], shape[2]};
    }
    return shape.size() == 2 && lowered_.sequences ? Planes{shape[0], 1, shape[1]} : Planes{entries(shape)};
  }

  std::optional<ConvGeometry> windows_of(const LoweredStep& step) const {
    return step.kind == Kind::product ? window_geometry(network_, step.node) : std::nullopt;
  }

  void find_margins() {
    for (const LoweredStep& step : lowered_.steps) {
      const auto windows = windows_of(step);
      const Planes& to = planes(step.output);
      if (!windows || to.features()) {
        continue;
      }
      Margins& margins = margins_[{to.height, to.width}];
      const ConvGeometry& g = *windows;
      if (reads_directly(g)) {
        margins.lead = std::max(margins.lead, g.pad_top);
        margins.left = std::max(margins.left, g.pad_left);
        margins.below = std::max(margins.below, g.pad_bottom);
        margins.right = std::max(margins.right, g.pad_right);
      } else {
        margins.pitch = std::max(margins.pitch, phase_columns(g));
      }
    }
  }

  void pad(Planes& planes) {
    if (planes.features()) {
      return;
    }
    const Margins m = margins_[{planes.height, planes.width}];
    planes.pitch = std::max(planes.width + std::max(m.left, m.right), m.pitch);
    const std::int64_t above = m.lead * planes.pitch + m.left;
    const std::int64_t below = m.below * planes.pitch + m.right;
    const std::int64_t image = (planes.height - 1) * planes.pitch + planes.width;
    planes.before = in_vectors(above);
    planes.behind = in_vectors(below) + Planes::kVector;
    planes.plane = spread_over_sets(in_vectors(image + std::max(above, below)));
  }

  /// Channels that lie a multiple of a cache's way apart would share a few of its sets.
  static std::int64_t spread_over_sets(std::int64_t floats) {
    const std::int64_t lines = floats / Planes::kVector;
    const std::int64_t spread = lines < 32 ? lines | 1 : (lines + 7) / 16 * 16 + 8;
    return spread * Planes::kVector;
  }

  void make_keeps() {
    std::map<std::pair<std::int64_t, std::int64_t>, std::size_t> known;
    for (const PlaneBuffer& buffer : plan_.buffers) {
      const Planes& p = buffer.planes;
      const auto [entry, added] = known.try_emplace({p.height, p.width}, plan_.keeps.size());
      plan_.keep_of.push_back(entry->second);
      if (added) {
        std::vector<std::int32_t> keep(static_cast<std::size_t>(p.features() ? 0 : p.plane), 0);
        for (std::int64_t y = 0; y < p.height && !p.features(); ++y) {
          std::fill_n(keep.begin() + y * p.pitch, p.width, -1);
        }
        plan_.keeps.push_back(std::move(keep));
      }
    }
  }

  /// From the output back. What nobody reads is not computed by products; other steps compute it from anything.
  void find_read_channels() {
    for (const PlaneBuffer& buffer : plan_.buffers) {
      read_.emplace_back(static_cast<std::size_t>(buffer.planes.channels), 0);
    }
    const auto all = [&](ValueId value) { std::ranges::fill(read_[lowered_.sources[value]], 1); };
    all(graph_.output);
    for (auto step = lowered_.steps.rbegin(); step != lowered_.steps.rend(); ++step) {
      const ReadChannels outputs = read_[step->output];
      if (step->kind == Kind::product) {
        const ValueId input = lowered_.sources[step->inputs.front()];
        mark_read_channels(network_, step->node, planes(input), outputs, read_[input]);
        if (step->residual) {
          add_read(outputs, 0, read_[*step->residual]);
        }
        continue;
      }
      std::size_t first = 0;
      for (const ValueId input : step->inputs) {
        if (step->kind == Kind::dense) {
          all(input);
          continue;
        }
        add_read(outputs, first, read_[input]);
        first += step->kind == Kind::concat ? read_[input].size() : 0;
      }
    }
  }

  /// Adds outputs from `first` on to as many inputs.
  static void add_read(const ReadChannels& outputs, std::size_t first, ReadChannels& inputs) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      inputs[i] |= outputs[first + i];
    }
  }

  void add_step(LoweredStep step) {
    PlaneStep added{std::move(step), 0};
    if (added.lowered.kind == Kind::product) {
      added.index = plan_.layers.size();
      const ValueId input = lowered_.sources[added.lowered.inputs.front()];
      plan_.layers.push_back(make_plane_layer(network_, added.lowered.node, planes(input), planes(added.lowered.output),
                                              read_[added.lowered.output]));
    } else if (added.lowered.kind == Kind::max_pool) {
      added.index = plan_.pools.size();
      plan_.pools.push_back(dynamic_cast<const Pooling&>(network_.op(added.lowered.node)).geometry());
    } else if (added.lowered.kind == Kind::dense) {
      added.index = plan_.nodes.size();
      plan_.nodes.push_back(bind(added.lowered.node));
    }
    plan_.steps.push_back(std::move(added));
  }

  DenseNode bind(NodeId id) const {
    const Node& node = graph_.nodes[id];
    DenseNode bound{make_operator(graph_, node), {}, {}, {}};
    for (const ParameterId parameter : node.parameters) {
      bound.parameters.push_back(std::make_unique<Parameter>(*network_.all_parameters()[parameter]));
      bound.bound.values.push_back(bound.parameters.back().get());
    }
    const bool weights = node.type == "linear" || node.type == "conv2d" || node.type == "conv1d";
    const Parameter* weight = weights ? bound.parameters[WeightOperator::kWeight].get() : nullptr;
    if (weight != nullptr && weight->pattern && products_pay(*weight)) {
      bound.products = SparseProducts::of_node(network_, id);
      bound.bound.products = bound.products.get();
    }
    return bound;
  }

  /// Gives each value memory from the step that writes it to the last one that reads it.
  void lay_out() {
    std::vector<std::size_t> last(plan_.buffers.size(), 0);
    const auto read = [&](ValueId value, std::size_t step) { last[lowered_.sources[value]] = step; };
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      for (const ValueId input : plan_.steps[i].lowered.inputs) {
        read(input, i);
      }
      if (plan_.steps[i].lowered.residual) {
        read(*plan_.steps[i].lowered.residual, i);
      }
    }
    read(graph_.output, plan_.steps.size());
    plan_.buffers[graph_.input].at = take(planes(graph_.input).size(), 0, last[graph_.input]);
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      const LoweredStep& step = plan_.steps[i].lowered;
      plan_.buffers[step.output].at = take(planes(step.output).size(), i, std::max(last[step.output], i));
      if (step.kind == Kind::product && plan_.layers[plan_.steps[i].index].copy) {
        PlaneLayer& layer = plan_.layers[plan_.steps[i].index];
        layer.copy_at = take(layer.copy->to.size(), i, i);
      }
    }
    for (ValueId value = 0; value < plan_.buffers.size(); ++value) {
      plan_.buffers[value].at = plan_.buffers[lowered_.sources[value]].at;
    }
  }

  /// The lowest free floats that nothing else holds from one step to another.
  std::int64_t take(std::int64_t floats, std::size_t from, std::size_t to) {
    if (floats >= std::numeric_limits<std::int32_t>::max()) {
      fail_input("a layer's output of {} values is too large for sparse execution; use dense execution", floats);
    }
    std::erase_if(taken_, [&](const Taken& taken) { return taken.until < from; });
    std::ranges::sort(taken_, {}, &Taken::at);
    std::int64_t at = kSlack;
    for (const Taken& taken : taken_) {
      if (at + floats <= taken.at) {
        break;
      }
      at = std::max(at, taken.at + taken.floats);
    }
    taken_.push_back({at, floats, to});
    plan_.workspace_floats = std::max(plan_.workspace_floats, at + floats + kSlack);
    return at;
  }

  /// Kernels read whole registers, of every second value at most, beyond both ends of what they use.
  static constexpr std::int64_t kSlack = 4 * Planes::kVector;

  struct Taken {
    std::int64_t at;
    std::int64_t floats;
    std::size_t until;  ///< step
  };

  const Network& network_;
  const Graph& graph_;
  Lowered lowered_;
  std::map<std::pair<std::int64_t, std::int64_t>, Margins> margins_;  ///< by height and width
  std::vector<Taken> taken_;
  std::vector<ReadChannels> read_;  ///< of each value
  PlanePlan plan_;
};

}  // namespace

std::int64_t PlanePlan::weight_bytes() const {
  std::int64_t bytes = 0;
  for (const PlaneLayer& layer : layers) {
    bytes += 8 * layer.entries() + 12 * layer.rows();
  }
  for (const DenseNode& node : nodes) {
    for (const auto& parameter : node.parameters) {
      bytes += 4 * parameter->effective.numel();
    }
  }
  return bytes;
}

PlanePlan make_plane_plan(const Network& network, Products products) {
  return PlanePlanner(network, products).take();
}

}  // namespace ntt
