#include "ntt/sparse/sparse_products.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "ntt/core/error.h"
#include "ntt/core/parallel.h"
#include "ntt/core/patch_products.h"
#include "ntt/ops/convolution.h"

namespace ntt {
namespace {

using planes::kStep;
using planes::PlaneLayout;

/// Room on a cache line of its own for this thread.
template <typename T>
T* aligned_scratch(std::int64_t count) {
  constexpr std::int64_t kLine = 64 / sizeof(T);
  T* room = scratch<T>(count + kLine + kStep);
  const auto past = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(room) / sizeof(T)) % kLine;
  return room + (kLine - past) % kLine;
}

std::int64_t whole_steps(std::int64_t count) {
  return (count + kStep - 1) / kStep * kStep;
}

/// Images of a block, which begins at image `first`.
struct Block {
  std::int64_t first;
  std::int64_t images;
};

Block block_of(std::int64_t number, std::int64_t together, std::int64_t images) {
  const std::int64_t first = number * together;
  return {first, std::min(together, images - first)};
}

/// Where in the weight [out, channels of a group, height, width] an entry is.
struct Tap {
  std::int64_t out, channel, phase, shift;
};

Tap tap_of(const ConvGeometry& g, const PlaneLayout& in, std::int64_t outputs, std::int64_t entry) {
  const std::int64_t out = entry / g.patch();
  const std::int64_t column = entry % g.patch();
  const std::int64_t y = column / g.kernel_width % g.kernel_height * g.dilation_height;
  const std::int64_t x = column % g.kernel_width * g.dilation_width;
  return {out, out / (outputs / g.groups) * (g.channels / g.groups) + column / (g.kernel_height * g.kernel_width),
          y % g.stride_height * g.stride_width + x % g.stride_width,
          y / g.stride_height * in.pitch + x / g.stride_width};
}

/// Begins of rows from the number of entries in each.
std::vector<std::int32_t> begins_of(const std::vector<std::int64_t>& rows, std::int64_t count) {
  std::vector<std::int32_t> begins(static_cast<std::size_t>(count) + 1);
  for (const std::int64_t row : rows) {
    ++begins[static_cast<std::size_t>(row) + 1];
  }
  std::partial_sum(begins.begin(), begins.end(), begins.begin());
  return begins;
}

Shape with_batch(Shape shape, std::int64_t count) {
  shape.insert(shape.begin(), count);
  return shape;
}

/// The sum of the rows of parts [n, m], in their order.
at::Tensor add_up(const at::Tensor& parts) {
  at::Tensor total = parts[0].clone();
  for (std::int64_t part = 1; part < parts.size(0); ++part) {
    total.add_(parts[part]);
  }
  return total;
}

}  // namespace

SparseProducts::SparseProducts(const ConvGeometry& geometry, Shape input, Shape output, std::int64_t out,
                               const at::Tensor& kept)
    : geometry_(geometry), input_(std::move(input)), output_(std::move(output)), kept_(kept) {
  lay_out(out);
  make_index(out);
}

std::shared_ptr<const SparseProducts> SparseProducts::of_node(const Network& network, NodeId node) {
  const Parameter& weight = *network.parameters_of(node).values.front();
  const Graph& graph = network.graph();
  ConvGeometry geometry;
  if (const auto* convolution = dynamic_cast<const Convolution*>(&network.op(node))) {
    geometry = convolution->geometry();
  } else {
    geometry.channels = weight.shape[1];
    geometry.height = geometry.width = geometry.kernel_height = geometry.kernel_width = 1;
  }
  return std::make_shared<SparseProducts>(geometry, graph.values[graph.nodes[node].inputs.front()].shape,
                                          graph.values[graph.nodes[node].output].shape, weight.shape.front(),
                                          weight.kept_indices());
}

void SparseProducts::lay_out(std::int64_t out) {
  constexpr std::int64_t kLength = 256;  // of planes, where images are small: enough to fill registers
  constexpr std::int64_t kMost = 32;
  const ConvGeometry& g = geometry_;
  const std::int64_t rows = (g.height + g.pad_top + g.pad_bottom + g.stride_height - 1) / g.stride_height;
  const std::int64_t pitch = (g.width + g.pad_left + g.pad_right + g.stride_width - 1) / g.stride_width;
  together_ = std::clamp<std::int64_t>((kLength + rows * pitch - 1) / (rows * pitch), 1, kMost);
  const std::int64_t plane = whole_steps(together_ * rows * pitch);
  const std::int64_t reach = whole_steps((g.kernel_height - 1) * g.dilation_height / g.stride_height * pitch +
                                         (g.kernel_width - 1) * g.dilation_width / g.stride_width);
  in_planes_ = {g.channels, g.height, g.width, g.pad_top, g.pad_left, g.stride_height, g.stride_width, rows,
                pitch,      plane,    0,       reach,     {}};
  out_planes_ = {out, g.out_height(), g.out_width(), 0, 0, 1, 1, rows, pitch, plane, 0, 0, {}};
  delta_planes_ = out_planes_;
  delta_planes_.plane += reach;  // what a shifted plane reads of its neighbour must be zeros
  delta_planes_.before = reach;
  if (std::max(in_planes_.size(), delta_planes_.size()) > std::numeric_limits<std::int32_t>::max()) {
    fail_input("a layer of {} inputs and {} outputs is too large for sparse products; use dense execution",
               in_planes_.entries(), out_planes_.entries());
  }
}

void SparseProducts::make_index(std::int64_t out) {
  const auto* kept = kept_.data_ptr<std::int64_t>();
  std::vector<std::int64_t> forward_rows;
  std::vector<std::int64_t> backward_rows;
  std::vector<Tap> taps;
  for (std::int64_t i = 0; i < kept_.numel(); ++i) {
    const Tap& tap = taps.emplace_back(tap_of(geometry_, in_planes_, out, kept[i]));
    forward_.offsets.push_back(static_cast<std::int32_t>(in_planes_.at(tap.channel, tap.phase) + tap.shift));
    forward_rows.push_back(tap.out);
    backward_rows.push_back(tap.channel * in_planes_.phases() + tap.phase);
  }
  forward_.begins = begins_of(forward_rows, out);
  for (std::size_t row = 0; row < static_cast<std::size_t>(out); ++row) {
    delta_planes_.unread.push_back(forward_.begins[row] == forward_.begins[row + 1] ? 1 : 0);
  }
  backward_.begins = begins_of(backward_rows, geometry_.channels * in_planes_.phases());
  backward_.offsets.resize(taps.size());
  backward_order_ = at::empty({kept_.numel()}, at::kLong);
  auto* order = backward_order_.data_ptr<std::int64_t>();
  std::vector<std::int32_t> next = backward_.begins;
  for (std::size_t i = 0; i < taps.size(); ++i) {
    const auto entry = static_cast<std::size_t>(next[static_cast<std::size_t>(backward_rows[i])]++);
    order[entry] = static_cast<std::int64_t>(i);
    backward_.offsets[entry] = static_cast<std::int32_t>(delta_planes_.at(taps[i].out, 0) - taps[i].shift);
  }
}

template <typename T>
void SparseProducts::sum_shifted(const planes::SparseRuns& runs, const T* values, const T* start,
                                 const PlaneLayout& from, const T* source, const PlaneLayout& to, bool adds,
                                 std::int64_t images, T* sums) const {
  parallel_for(blocks(images), [&](std::int64_t begin, std::int64_t end, int) {
    T* from_planes = aligned_scratch<T>(from.size() + to.size());
    T* to_planes = from_planes + from.size();
    for (std::int64_t i = begin; i < end; ++i) {
      const Block block = block_of(i, together_, images);
      spread(from, source + block.first * from.entries(), block.images, from_planes);
      add_runs(runs, values, start, from_planes, whole_steps(block.images * in_planes_.image()), to.plane, to_planes);
      gather(to, to_planes, block.images, adds, sums + block.first * to.entries());
    }
  });
}

void SparseProducts::multiply(const at::Tensor& values, const at::Tensor& inputs, const at::Tensor& bias, bool adds,
                              at::Tensor& outputs) const {
  AT_DISPATCH_FLOATING_TYPES(inputs.scalar_type(), "multiply", [&] {
    sum_shifted<scalar_t>(forward_.view(), values.data_ptr<scalar_t>(),
                          bias.defined() ? bias.data_ptr<scalar_t>() : nullptr, in_planes_, inputs.data_ptr<scalar_t>(),
                          out_planes_, adds, inputs.numel() / in_planes_.entries(), outputs.data_ptr<scalar_t>());
  });
}

void SparseProducts::multiply_transposed(const at::Tensor& values, const at::Tensor& delta, bool adds,
                                         at::Tensor& inputs) const {
  const at::Tensor ordered = values.index_select(0, backward_order_);
  AT_DISPATCH_FLOATING_TYPES(delta.scalar_type(), "multiply_transposed", [&] {
    sum_shifted<scalar_t>(backward_.view(), ordered.data_ptr<scalar_t>(), nullptr, delta_planes_,
                          delta.data_ptr<scalar_t>(), in_planes_, adds, delta.numel() / out_planes_.entries(),
                          inputs.data_ptr<scalar_t>());
  });
}

at::Tensor SparseProducts::differentiate(const at::Tensor& values, const at::Tensor& inputs, const at::Tensor& delta,
                                         at::Tensor* input_gradient) const {
  constexpr std::int64_t kParts = 16;  // sums of their own, whatever the number of threads
  const std::int64_t images = inputs.numel() / in_planes_.entries();
  const std::int64_t parts = std::min(kParts, blocks(images));
  const at::Tensor sums = at::zeros({std::max<std::int64_t>(parts, 1), kept_.numel()}, inputs.options());
  const at::Tensor ordered = input_gradient != nullptr ? values.index_select(0, backward_order_) : at::Tensor();
  AT_DISPATCH_FLOATING_TYPES(inputs.scalar_type(), "differentiate", [&] {
    const auto* x = inputs.data_ptr<scalar_t>();
    const auto* d = delta.data_ptr<scalar_t>();
    auto* by_inputs = input_gradient != nullptr ? input_gradient->data_ptr<scalar_t>() : nullptr;
    parallel_for(parts, [&](std::int64_t begin, std::int64_t end, int) {
      auto* source = aligned_scratch<scalar_t>(in_planes_.size() + delta_planes_.size());
      auto* deltas = source + in_planes_.size();
      for (std::int64_t part = begin; part < end; ++part) {
        for (std::int64_t i = blocks(images) * part / parts; i < blocks(images) * (part + 1) / parts; ++i) {
          const Block block = block_of(i, together_, images);
          const std::int64_t length = whole_steps(block.images * in_planes_.image());
          spread(in_planes_, x + block.first * in_planes_.entries(), block.images, source);
          spread(delta_planes_, d + block.first * out_planes_.entries(), block.images, deltas);
          multiply_runs(forward_.view(), deltas + delta_planes_.before, delta_planes_.plane, source, length,
                        sums.data_ptr<scalar_t>() + part * kept_.numel());
          if (by_inputs != nullptr) {  // in the place of the inputs, which nobody reads any more
            add_runs(backward_.view(), ordered.data_ptr<scalar_t>(), static_cast<const scalar_t*>(nullptr), deltas,
                     length, in_planes_.plane, source);
            gather(in_planes_, source, block.images, false, by_inputs + block.first * in_planes_.entries());
          }
        }
      }
    });
  });
  return add_up(sums);
}

at::Tensor SparseProducts::outputs(const at::Tensor& weight, const at::Tensor& inputs, const at::Tensor& bias,
                                   const at::Tensor& sum) const {
  at::Tensor result = sum_or_new(sum, with_batch(output_, inputs.size(0)), inputs.options());
  multiply(weight.flatten().index_select(0, kept_), inputs, bias, sum.defined(), result);
  return result;
}

at::Tensor SparseProducts::inputs(const at::Tensor& weight, const at::Tensor& delta, const at::Tensor& sum) const {
  at::Tensor result = sum_or_new(sum, with_batch(input_, delta.size(0)), delta.options());
  multiply_transposed(weight.flatten().index_select(0, kept_), delta, sum.defined(), result);
  return result;
}

void SparseProducts::add_gradient(const at::Tensor& inputs, const at::Tensor& delta, at::Tensor& gradient) const {
  const at::Tensor values = differentiate({}, inputs, delta, nullptr);
  const auto* kept = kept_.data_ptr<std::int64_t>();
  AT_DISPATCH_FLOATING_TYPES(values.scalar_type(), "add_gradient", [&] {
    const auto* from = values.data_ptr<scalar_t>();
    auto* into = gradient.data_ptr<scalar_t>();
    for (std::int64_t i = 0; i < values.numel(); ++i) {
      into[kept[i]] += from[i];
    }
  });
}

bool products_pay(const Parameter& weight) {
  return static_cast<double>(weight.kept()) <
         product_break_even(weight.shape.size() > 2) * static_cast<double>(weight.value.numel());
}

void choose_products(Network& network, Execution execution) {
  if (execution == Execution::sparse) {
    check_sparse_device(network);
  }
  const bool tries = execution != Execution::dense && has_sparse_device(network);
  for (NodeId node = 0; node < network.graph().nodes.size(); ++node) {
    const NodeParameters parameters = network.parameters_of(node);
    if (parameters.values.empty() || parameters.values.front()->role != Role::weight) {
      continue;
    }
    network.set_products(node, nullptr);
    const Parameter& weight = *parameters.values.front();
    if (tries && weight.prunable && weight.pattern && (execution == Execution::sparse || products_pay(weight))) {
      network.set_products(node, SparseProducts::of_node(network, node));
    }
  }
}

}  // namespace ntt
