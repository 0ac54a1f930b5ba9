#include "ntt/find/rewind.h"

#include <ATen/ATen.h>

#include <utility>

#include "ntt/core/error.h"
#include "ntt/core/stopwatch.h"

namespace ntt {

FoundNetwork rewind_to(Network earlier, const Network& trained, double density, Scope scope, std::int64_t inputs_read) {
  if (trained.graph() != earlier.graph()) {
    fail_input("the trained network '{}' and the earlier one '{}' differ in more than their weights",
               trained.graph().name, earlier.graph().name);
  }
  if (trained.density() < 1 || earlier.density() < 1) {
    fail_input("{} prunes a dense network, but '{}' has masks already", kLateMagnitude, trained.graph().name);
  }
  const Stopwatch watch;
  Network sparse = earlier.clone();
  Scores scores;
  for (const Parameter* parameter : prunable_parameters(sparse)) {
    scores.push_back(trained.all_parameters()[parameter->id]->value.abs());
  }
  mask_by_scores(sparse, scores, density, scope);
  FoundNetwork found{std::move(earlier),
                     std::move(sparse),
                     std::string(kLateMagnitude),
                     "inputs and labels",
                     inputs_read,
                     watch.seconds(),
                     0,
                     {},
                     {}};
  found.warnings = empty_layer_warnings(found.network);
  return found;
}

}  // namespace ntt
