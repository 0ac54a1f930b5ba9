#include "cli/sparse_timing.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "cli/process/interrupt.h"
#include "ntt/core/exceptions.h"
#include "ntt/core/random.h"
#include "ntt/core/stopwatch.h"
#include "ntt/nn/adam.h"
#include "ntt/sparse/predictor.h"
#include "ntt/train/executor.h"

namespace ntt {
namespace {

using Work = std::function<void()>;

/// Calls until the time is over, at least once.
void time_calls(const Work& work, double seconds, std::vector<double>& ms) {
  const Stopwatch watch;
  do {
    const Stopwatch call;
    work();
    ms.push_back(1e3 * call.seconds());
  } while (watch.seconds() < seconds && !interrupted());
}

CallTime median(std::vector<double> ms) {
  const auto middle = ms.begin() + static_cast<std::ptrdiff_t>(ms.size() / 2);
  std::nth_element(ms.begin(), middle, ms.end());
  return {*middle, static_cast<std::int64_t>(ms.size())};
}

/// A network and what moves it. Its steps are so small that no weight changes how long the next takes.
struct Trained {
  Trained(Network drawn, Execution execution)
      : network(std::move(drawn)), optimiser(network, 1e-9), executor(make_executor(execution, network, optimiser)) {}
  Network network;
  Adam optimiser;
  std::unique_ptr<Executor> executor;
};

at::Tensor draw_inputs(const Graph& graph, std::int64_t count, std::uint64_t seed) {
  RandomStream stream(seed, "bench");
  return random_normal(stream, graph.batch_shape(count), 1.0, at::kFloat);
}

SparseTimes split(const std::vector<CallTime>& times) {
  return {times.front(), {times.begin() + 1, times.end()}};
}

}  // namespace

std::vector<CallTime> time_in_turn(const std::vector<Work>& works, double seconds) {
  constexpr int kRounds = 3;
  const double slice = seconds / kRounds;
  std::vector<std::vector<double>> ms(works.size());
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < works.size(); ++i) {
      // The others' rounds have taken its data out of the caches, which a long call hardly feels.
      if (round == 0 || ms[i].back() < 1e3 * slice) {
        works[i]();
      }
      time_calls(works[i], slice, ms[i]);
      if (interrupted()) {
        throw Interrupted("stopped before all was measured; nothing is printed");
      }
    }
  }
  std::vector<CallTime> times;
  for (const std::vector<double>& calls : ms) {
    times.push_back(median(calls));
  }
  return times;
}

struct SparseTimer::Parts {
  Graph answered;
  Graph trained;
  std::uint64_t seed = 0;
  std::vector<std::unique_ptr<Predictor>> predictors;  ///< dense, then sparse
  std::vector<std::unique_ptr<Trained>> trainings;     ///< the same
};

SparseTimer::SparseTimer(const SparseCase& timed, const std::vector<double>& densities, std::uint64_t seed)
    : parts_(std::make_unique<Parts>()) {
  parts_->answered = timed.inference;
  parts_->trained = timed.training;
  parts_->seed = seed;
  const auto add = [&](double density, Execution execution) {
    parts_->predictors.push_back(std::make_unique<Predictor>(draw_masked(timed.inference, density, seed), execution));
    parts_->trainings.push_back(std::make_unique<Trained>(draw_masked(timed.training, density, seed), execution));
  };
  add(densities.front(), Execution::dense);  // as fast at any density
  for (const double density : densities) {
    add(density, Execution::sparse);
  }
}

SparseTimer::~SparseTimer() = default;

SparseTimes SparseTimer::inference(std::int64_t batch_size, double seconds) const {
  const at::Tensor inputs = draw_inputs(parts_->answered, batch_size, parts_->seed);
  at::Tensor outputs = at::empty({batch_size, parts_->predictors.front()->outputs()}, at::kFloat);
  std::vector<Work> works;
  for (const std::unique_ptr<Predictor>& predictor : parts_->predictors) {
    works.emplace_back([&predictor, &inputs, &outputs, batch_size] {
      predictor->predict(inputs.data_ptr<float>(), batch_size, outputs.data_ptr<float>());
    });
  }
  return split(time_in_turn(works, seconds));
}

SparseTimes SparseTimer::training(std::int64_t batch_size, double seconds) {
  constexpr std::int64_t kSet = 1024;  // batches are picked from a set of so many inputs or one batch
  const std::int64_t count = std::max(kSet, batch_size);
  const at::Tensor inputs = draw_inputs(parts_->trained, count, parts_->seed);
  const at::Tensor labels = at::arange(count, at::kLong).remainder(parts_->trainings.front()->network.outputs());
  const at::Tensor order = at::randperm(count, at::kLong);
  std::vector<Work> works;
  std::int64_t next = 0;
  for (const std::unique_ptr<Trained>& trained : parts_->trainings) {
    works.emplace_back([&trained, &inputs, &labels, &order, &next, count, batch_size] {
      trained->executor->loss_and_gradient(inputs, labels, order.narrow(0, next, batch_size));
      trained->executor->update(0);
      next = next + 2 * batch_size > count ? 0 : next + batch_size;
    });
  }
  return split(time_in_turn(works, seconds));
}

std::int64_t SparseTimer::sparse_weight_bytes(std::size_t density) const {
  return parts_->predictors[density + 1]->weight_bytes(1);
}

std::int64_t SparseTimer::dense_weight_bytes() const {
  return parts_->predictors.front()->weight_bytes(1);
}

}  // namespace ntt
