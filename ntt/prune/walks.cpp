#include "ntt/prune/walks.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "ntt/core/error.h"

namespace ntt {
namespace {

constexpr std::array<std::string_view, 3> kWeighted{"linear", "conv2d", "conv1d"};
/// What leaves features where they are, however they are arranged.
constexpr std::array<std::string_view, 2> kFlat{"flatten", "reshape"};
/// What mixes channels without weights, or reorders them.
constexpr std::array<std::string_view, 5> kMixing{"matmul", "softmax", "transpose", "slice", "layer-norm"};

template <typename Names>
bool is_one_of(const Names& names, const std::string& type) {
  return std::ranges::find(names, type) != names.end();
}

/// 0, a0, a0 + a1, ... of the magnitudes.
std::vector<double> running_sums(const at::Tensor& values) {
  const at::Tensor sums = values.abs().to(at::kDouble).flatten().cumsum(0).contiguous();
  std::vector<double> result(1 + static_cast<std::size_t>(sums.numel()));
  std::copy_n(sums.data_ptr<double>(), sums.numel(), result.begin() + 1);
  return result;
}

/// One of the entries from begin to end, in proportion to their magnitudes; none where all are 0.
std::optional<std::int64_t> choose(const std::vector<double>& sums, std::int64_t begin, std::int64_t end,
                                   RandomStream& stream) {
  const auto first = sums.begin() + begin;
  const auto last = sums.begin() + end;
  const double total = *last - *first;
  if (!(total > 0)) {
    return std::nullopt;
  }
  const auto above = std::upper_bound(first + 1, last, *first + stream.uniform() * total);
  return std::min<std::int64_t>(above - sums.begin() - 1, end - 1);
}

std::int64_t below(RandomStream& stream, std::int64_t bound) {
  return static_cast<std::int64_t>(stream.below(static_cast<std::uint64_t>(bound)));
}

}  // namespace

Walks::Walks(const Network& network)
    : graph_(network.graph()), readers_(graph_.values.size()), sees_input_(graph_.values.size()) {
  sees_input_[graph_.input] = true;
  for (NodeId i = 0; i < graph_.nodes.size(); ++i) {
    const Node& node = graph_.nodes[i];
    for (std::size_t j = 0; j < node.inputs.size(); ++j) {
      readers_[node.inputs[j]].push_back({i, j});
      sees_input_[node.output] = sees_input_[node.output] || sees_input_[node.inputs[j]];
    }
    if (sees_input_[node.output]) {
      check(node);
    }
    const bool weighted = is_one_of(kWeighted, node.type);
    weights_.push_back(weighted ? std::optional(weight_of(network, node)) : std::nullopt);
  }
}

std::int64_t Walks::positions(ValueId value) const {
  const Shape& shape = graph_.values[value].shape;
  return entries(shape) / shape.front();
}

bool Walks::keeps_features(const Node& node) const {
  return is_one_of(kFlat, node.type) || node.type == "concat";
}

void Walks::check(const Node& node) const {
  const auto shape_of = [&](ValueId value) -> const Shape& { return graph_.values[value].shape; };
  bool follows = !is_one_of(kMixing, node.type);
  if (node.type == "linear") {
    follows = shape_of(node.output).size() == 1;
  } else if (node.type == "concat") {
    const auto axis = node.attributes.find("axis");
    follows = axis == node.attributes.end() || axis->second == Attribute(std::int64_t{0});
  } else if (!is_one_of(kWeighted, node.type) && !keeps_features(node)) {
    for (const ValueId input : node.inputs) {
      follows = follows && shape_of(input).front() == shape_of(node.output).front();
    }
  }
  if (!follows) {
    fail_input("method phew walks from channel to channel, and cannot follow {} ({}); take another method", node.name,
               node.type);
  }
}

Walks::Weight Walks::weight_of(const Network& network, const Node& node) const {
  const Parameter& parameter = *network.all_parameters()[node.parameters.front()];
  const Shape& shape = parameter.shape;
  const std::int64_t groups = node.type == "linear" ? 1 : graph_.values[node.inputs.front()].shape.front() / shape[1];
  Weight weight{node.parameters.front(), shape[0] / groups, shape[1], entries(shape) / (shape[0] * shape[1]), {}, {}};
  const at::Tensor values = parameter.effective.cpu();
  weight.by_output = running_sums(values);
  weight.by_input =
      running_sums(values.reshape({groups, weight.outputs, weight.inputs, weight.kernel}).transpose(1, 2));
  return weight;
}

Walks::Units Walks::channels(ValueId from, const Units& units, ValueId to) const {
  const std::int64_t first = units.begin / positions(from);
  const std::int64_t last = (units.end - 1) / positions(from);
  return {first * positions(to), (last + 1) * positions(to)};
}

std::int64_t Walks::offset(const Node& node, std::size_t input) const {
  std::int64_t before = 0;
  for (std::size_t i = 0; i < input && node.type == "concat"; ++i) {
    before += entries(graph_.values[node.inputs[i]].shape);
  }
  return before;
}

std::optional<Walks::Units> Walks::hop_forward(NodeId node, const Units& units, RandomStream& stream,
                                               const Visit& visit) const {
  const Weight& w = *weights_[node];
  const ValueId input = graph_.nodes[node].inputs.front();
  const ValueId output = graph_.nodes[node].output;
  const std::int64_t row = w.outputs * w.kernel;  // what leaves a channel
  const std::int64_t first = units.begin / positions(input);
  const std::int64_t last = (units.end - 1) / positions(input);
  const auto chosen = choose(w.by_input, first * row, (last + 1) * row, stream);
  if (!chosen) {
    return std::nullopt;
  }
  const std::int64_t channel = *chosen / row;
  const std::int64_t group = channel / w.inputs;
  const std::int64_t to = group * w.outputs + *chosen % row / w.kernel;
  visit(w.parameter, (to * w.inputs + channel % w.inputs) * w.kernel + *chosen % w.kernel);
  return Units{to * positions(output), (to + 1) * positions(output)};
}

std::optional<Walks::Units> Walks::hop_backward(NodeId node, const Units& units, RandomStream& stream,
                                                const Visit& visit) const {
  const Weight& w = *weights_[node];
  const ValueId input = graph_.nodes[node].inputs.front();
  const ValueId output = graph_.nodes[node].output;
  const std::int64_t row = w.inputs * w.kernel;  // what arrives at a channel
  const std::int64_t first = units.begin / positions(output);
  const std::int64_t last = (units.end - 1) / positions(output);
  const auto chosen = choose(w.by_output, first * row, (last + 1) * row, stream);
  if (!chosen) {
    return std::nullopt;
  }
  visit(w.parameter, *chosen);
  const std::int64_t group = *chosen / row / w.outputs;
  const std::int64_t from = group * w.inputs + *chosen % row / w.kernel;
  return Units{from * positions(input), (from + 1) * positions(input)};
}

void Walks::forward(RandomStream& stream, const Visit& visit) const {
  const std::int64_t start = below(stream, entries(graph_.input_shape()));
  std::optional<Units> units = Units{start, start + 1};
  for (ValueId value = graph_.input; value != graph_.output;) {
    const std::vector<Reader>& readers = readers_[value];
    if (readers.empty()) {
      return;
    }
    const Reader reader = readers[stream.below(readers.size())];
    const Node& node = graph_.nodes[reader.node];
    if (weights_[reader.node]) {
      units = hop_forward(reader.node, *units, stream, visit);
    } else if (keeps_features(node)) {
      const std::int64_t shift = offset(node, reader.input);
      units = Units{units->begin + shift, units->end + shift};
    } else {
      units = channels(value, *units, node.output);
    }
    if (!units) {
      return;
    }
    value = node.output;
  }
}

std::size_t Walks::choose_input(const Node& node, const Units& units, RandomStream& stream) const {
  if (node.type == "concat") {
    std::size_t input = 0;
    while (input + 1 < node.inputs.size() && offset(node, input + 1) <= units.begin) {
      ++input;
    }
    return input;
  }
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (sees_input_[node.inputs[i]]) {
      open.push_back(i);
    }
  }
  return open[stream.below(open.size())];
}

void Walks::backward(RandomStream& stream, const Visit& visit) const {
  const std::int64_t start = below(stream, entries(graph_.output_shape()));
  std::optional<Units> units = Units{start, start + 1};
  for (ValueId value = graph_.output; value != graph_.input;) {
    const NodeId producer = *graph_.values[value].producer;
    const Node& node = graph_.nodes[producer];
    std::size_t input = 0;
    if (weights_[producer]) {
      units = hop_backward(producer, *units, stream, visit);
    } else {
      input = choose_input(node, *units, stream);
      if (keeps_features(node)) {
        const std::int64_t shift = offset(node, input);
        const std::int64_t most = entries(graph_.values[node.inputs[input]].shape);
        units = Units{units->begin - shift, std::min(units->end - shift, most)};
      } else {
        units = channels(value, *units, node.inputs[input]);
      }
    }
    if (!units || !sees_input_[node.inputs[input]]) {
      return;
    }
    value = node.inputs[input];
  }
}

}  // namespace ntt
