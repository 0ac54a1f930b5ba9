#include "ntt/find/record.h"

#include <nlohmann/json.hpp>

#include "ntt/nn/cost_record.h"
#include "ntt/prune/method.h"

namespace ntt {

nlohmann::json find_record(const FoundNetwork& found) {
  nlohmann::json record = {{"model", found.network.graph().name},      {"method", found.method},
                           {"density", found.network.density()},       {"reads", found.reads},
                           {"inputs_read", found.inputs_read},         {"cost", cost_record(found.network)},
                           {"layers", layer_densities(found.network)}, {"empty_layers", empty_layers(found.network)}};
  if (found.transfer) {
    const auto& [before, after] = std::pair(found.transfer->before, found.transfer->after);
    record["figures"] = {{"kernel_distance", {{"before", before.kernel}, {"after", after.kernel}}},
                         {"target_distance", {{"before", before.target}, {"after", after.target}}},
                         {"steps", found.transfer->steps}};
  }
  return record;
}

}  // namespace ntt
