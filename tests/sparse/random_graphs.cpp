#include "tests/sparse/random_graphs.h"

#include <ATen/ATen.h>

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "ntt/core/error.h"
#include "ntt/models/graph_builder.h"
#include "tests/support/networks.h"

namespace ntt::testing_support {
namespace {

class RandomGraph {
 public:
  explicit RandomGraph(std::uint64_t seed) : random_(seed), builder_("random", {pick(1, 5), pick(1, 13), pick(1, 13)}) {
    values_.push_back(GraphBuilder::kInput);
    const std::int64_t nodes = pick(2, 14);
    for (std::int64_t i = 0; i < nodes; ++i) {
      add_node();
    }
    if (builder_.shape(values_.back()).size() == 3) {
      chance(2) ? add("flatten") : add("reduce-mean", {{"axes", std::vector<std::int64_t>{1, 2}}});
    }
    add("linear", {{"out_features", pick(1, 6)}});
    if (chance(2)) {
      add("relu");
      add("linear", {{"out_features", 3L}, {"bias", false}});
    }
  }

  Graph finish() { return builder_.finish(values_.back()); }

 private:
  std::int64_t pick(std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(random_);
  }
  bool chance(std::int64_t one_in) { return pick(1, one_in) == 1; }

  bool add(const std::string& type, Attributes attributes = {}, std::vector<ValueId> inputs = {}) {
    if (inputs.empty()) {
      inputs.push_back(values_.back());
    }
    try {
      values_.push_back(builder_.add({type, fmt::format("n{}", names_++), std::move(attributes), std::move(inputs)}));
      return true;
    } catch (const InputError&) {
      return false;  // does not fit this shape
    }
  }

  std::int64_t divisor_of(std::int64_t number) {
    std::int64_t divisor = pick(1, number);
    while (number % divisor != 0) {
      divisor = pick(1, number);
    }
    return divisor;
  }

  void add_convolution() {
    const std::int64_t channels = builder_.shape(values_.back()).front();
    const std::int64_t groups = chance(3) ? channels : chance(3) ? divisor_of(channels) : 1;
    const auto pair = [&](std::int64_t least, std::int64_t most) {
      return std::vector<std::int64_t>{pick(least, most), pick(least, most)};
    };
    const std::int64_t kernel = pick(1, 4);
    Attributes attributes{{"out_channels", groups * pick(1, 4)},
                          {"kernel", chance(2) ? std::vector<std::int64_t>{kernel, kernel} : pair(1, 4)},
                          {"groups", groups},
                          {"bias", chance(2)}};
    if (chance(2)) {
      attributes["padding"] = kernel / 2;
    } else {
      attributes["padding"] = std::vector<std::int64_t>{pick(0, 3), pick(0, 3), pick(0, 3), pick(0, 3)};
    }
    if (chance(3)) {
      attributes["stride"] = pair(1, 3);
    }
    if (chance(4)) {
      attributes["dilation"] = pair(1, 2);
    }
    add("conv2d", attributes);
    if (chance(2)) {
      add("batch-norm");
    }
  }

  void add_activation() {
    const std::vector<std::string> types{"relu", "clip",       "leaky-relu",   "sigmoid", "silu",
                                         "tanh", "hard-swish", "hard-sigmoid", "gelu",    "elu"};
    const std::string& type = types[static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(types.size()) - 1))];
    add(type, type == "clip" ? Attributes{{"min", 0.0}, {"max", 1.5}} : Attributes());
  }

  /// An earlier value that a new node may read beside the last one.
  ValueId earlier() {
    return values_[static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(values_.size()) - 1))];
  }

  void add_pool() {
    Attributes attributes{{"kernel", std::vector<std::int64_t>{pick(1, 3), pick(1, 3)}}};
    if (chance(2)) {
      attributes["stride"] = std::vector<std::int64_t>{pick(1, 3), pick(1, 3)};
    }
    if (chance(3)) {
      attributes["padding"] = 1L;
    }
    attributes["ceil_mode"] = chance(4);
    add(chance(2) ? "max-pool" : "average-pool", attributes);
  }

  /// Squeeze and excite: the last images times a number for each channel.
  void add_gates() {
    const ValueId images = values_.back();
    add("reduce-mean", {{"axes", std::vector<std::int64_t>{1, 2}}, {"keep_axes", true}});
    add("conv2d", {{"out_channels", builder_.shape(images).front()}, {"kernel", 1L}});
    add("sigmoid");
    add("mul", {}, {images, values_.back()});
  }

  void add_node() {
    const bool images = builder_.shape(values_.back()).size() == 3;
    const std::int64_t kind = pick(0, 11);
    if (!images && kind < 5) {
      add("linear", {{"out_features", pick(1, 9)}, {"bias", chance(2)}});
    } else if (kind < 5) {
      add_convolution();
    } else if (kind < 7) {
      add_activation();
    } else if (kind == 7) {
      add_pool();
    } else if (kind == 8) {
      add(chance(3) ? "mul" : "add", {}, {values_.back(), earlier()});
    } else if (kind == 9) {
      add("concat", {}, {values_.back(), earlier(), values_.back()});
    } else if (kind == 10 && images) {
      add_gates();
    } else {
      values_.push_back(earlier());
    }
  }

  std::mt19937_64 random_;
  GraphBuilder builder_;
  std::vector<ValueId> values_;  ///< in the order in which nodes may read them; the last is where to go on from
  int names_ = 0;
};

}  // namespace

Network random_sparse_network(std::uint64_t seed) {
  Network network = draw(RandomGraph(seed).finish(), seed, at::kFloat);
  constexpr double kDensities[] = {0, 0.02, 0.1, 0.3, 0.7, 1};
  mask_at_random(network, kDensities[seed % 6], seed);
  for (Parameter* parameter : network.parameters()) {
    if (parameter->role == Role::weight && parameter->shape.front() > 1 && seed % 3 == 0) {
      at::Tensor mask = at::ones_like(parameter->value);
      mask.select(0, static_cast<std::int64_t>(seed) % parameter->shape.front()).zero_();
      parameter->set_mask(parameter->pattern ? mask * parameter->mask() : mask);
    }
  }
  return network;
}

}  // namespace ntt::testing_support
