#include "ntt/prune/phew.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ntt/prune/walks.h"

namespace ntt {
namespace {

constexpr std::int64_t kHopsEach = 50;

/// Which weights walks have met, and how many each parameter, or all together, still asks for.
class Visited {
 public:
  Visited(const std::vector<Parameter*>& prunable, std::vector<std::int64_t> wanted, bool together)
      : wanted_(std::move(wanted)), together_(together) {
    for (std::size_t i = 0; i < prunable.size(); ++i) {
      index_.resize(std::max(index_.size(), prunable[i]->id + 1), kNone);
      index_[prunable[i]->id] = i;
      orders_.push_back(at::zeros({prunable[i]->value.numel()}, at::kLong));
    }
  }

  void visit(ParameterId parameter, std::int64_t entry) {
    ++hops_;
    const std::size_t i = parameter < index_.size() ? index_[parameter] : kNone;
    if (i == kNone) {
      return;
    }
    std::int64_t& order = orders_[i].data_ptr<std::int64_t>()[entry];
    if (order == 0) {
      order = ++count_;
      --wanted_[together_ ? 0 : i];
    }
  }

  bool enough() const {
    return std::ranges::all_of(wanted_, [](std::int64_t wanted) { return wanted <= 0; });
  }
  std::int64_t hops() const { return hops_; }
  /// When each weight of the i-th prunable parameter was first met, counted from 1; 0: never.
  const at::Tensor& orders(std::size_t i) const { return orders_[i]; }
  std::int64_t count() const { return count_; }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  std::vector<std::int64_t> wanted_;
  bool together_;
  std::vector<std::size_t> index_;  ///< of a parameter among the prunable ones
  std::vector<at::Tensor> orders_;
  std::int64_t count_ = 0;
  std::int64_t hops_ = 0;
};

/// How many weights stay of so many.
std::int64_t kept_of(std::int64_t count, double density) {
  return count - static_cast<std::int64_t>(std::floor((1 - density) * static_cast<double>(count) + 1e-6));
}

Visited walk(Network& network, double density, Scope scope, std::uint64_t seed) {
  const std::vector<Parameter*> prunable = prunable_parameters(network);
  std::vector<std::int64_t> sizes;
  std::vector<Shape> shapes;
  for (const Parameter* parameter : prunable) {
    sizes.push_back(parameter->value.numel());
    shapes.push_back(parameter->shape);
  }
  const std::int64_t all = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
  const std::vector<double> densities =
      scope == Scope::erk ? erk_densities(shapes, density) : std::vector<double>(sizes.size(), density);
  std::vector<std::int64_t> wanted;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    wanted.push_back(kept_of(sizes[i], densities[i]));
  }
  const bool together = scope == Scope::global;
  Visited visited(prunable, together ? std::vector{kept_of(all, density)} : wanted, together);
  const Walks walks(network);
  const auto visit = [&](ParameterId parameter, std::int64_t entry) { visited.visit(parameter, entry); };
  for (std::uint64_t number = 0; !visited.enough() && visited.hops() < kHopsEach * all; ++number) {
    RandomStream stream(seed, "phew", number);
    const std::int64_t before = visited.hops();
    number % 2 == 0 ? walks.forward(stream, visit) : walks.backward(stream, visit);
    if (visited.hops() == before) {
      break;  // no weight is on the way
    }
  }
  return visited;
}

}  // namespace

Scores phew_scores(Network& network, double density, Scope scope, std::uint64_t seed) {
  const Visited visited = walk(network, density, scope, seed);
  const std::vector<Parameter*> prunable = prunable_parameters(network);
  double largest = 0;
  for (const Parameter* parameter : prunable) {
    largest = std::max(largest, parameter->effective.abs().max().item<double>());
  }
  Scores scores;
  for (std::size_t i = 0; i < prunable.size(); ++i) {
    const at::Tensor magnitude = prunable[i]->effective.cpu().abs().to(at::kDouble) / std::max(largest, 1e-300);
    const at::Tensor order = visited.orders(i).view(magnitude.sizes()).to(at::kDouble);
    // Those that were met lie above 1, the first ones highest.
    const at::Tensor met = 2 - order / static_cast<double>(visited.count() + 1);
    scores.push_back(at::where(order.gt(0), met, magnitude).to(prunable[i]->value.device()));
  }
  return scores;
}

}  // namespace ntt
