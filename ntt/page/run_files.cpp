#include "ntt/page/run_files.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "ntt/core/error.h"
#include "ntt/io/run_folder.h"
#include "ntt/io/safetensors.h"
#include "ntt/nn/network_file.h"
#include "ntt/page/receptive_fields.h"

namespace ntt {
namespace {

Track read_track(const std::filesystem::path& path) {
  const TensorFile file = read_safetensors(path);
  Track track{file.at("steps"), file.at("outputs"), file.at("kernel"), file.at("labels")};
  const auto fits = [&] {
    if (track.steps.dim() != 1 || track.outputs.dim() != 3 || track.labels.dim() != 1) {
      return false;
    }
    const std::int64_t steps = track.steps.size(0);
    const std::int64_t inputs = track.labels.size(0);
    return steps > 0 && inputs > 0 && track.outputs.size(0) == steps && track.outputs.size(1) == inputs &&
           track.kernel.sizes() == at::IntArrayRef{steps, inputs, inputs};
  };
  if (!fits()) {
    fail_input("{} must hold steps [T], outputs [T, N, C], kernel [T, N, N] and labels [N]", path.string());
  }
  if (!track.kernel.isfinite().all().item<bool>() || !track.outputs.isfinite().all().item<bool>()) {
    fail_input("{} holds values that are not finite", path.string());
  }
  track.outputs = track.outputs.to(at::kDouble);
  track.kernel = track.kernel.to(at::kDouble);
  track.steps = track.steps.to(at::kLong);
  track.labels = track.labels.to(at::kLong);
  return track;
}

std::vector<double> numbers(const at::Tensor& values) {
  const at::Tensor flat = values.to(at::kDouble).contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

NetworkFacts facts_of(const Network& network) {
  NetworkFacts facts;
  facts.layers = layer_costs(network);
  const auto first = std::ranges::find(network.parameters(), true, [](const Parameter* p) { return p->prunable; });
  if (first == network.parameters().end()) {
    return facts;
  }
  const Parameter& weight = **first;
  const at::Tensor kept = weight.pattern ? weight.mask() : at::ones(weight.shape);
  facts.fields = receptive_fields(weight, network.graph().input_shape());
  if (kept.dim() == 2) {
    const at::Tensor pictures = as_pictures(kept, network.graph().input_shape());
    facts.pixels =
        pictures.defined() ? pictures.sum(at::IntArrayRef{0, 1}, /*keepdim=*/false, at::kDouble) : at::Tensor();
  } else {
    facts.filters = numbers(kept.flatten(1).sum(1));
    std::ranges::sort(facts.filters, std::greater());
  }
  return facts;
}

}  // namespace

void RunFiles::warn(const std::string& sentence) {
  if (std::ranges::find(warnings_, sentence) == warnings_.end()) {
    warnings_.push_back(sentence);
  }
}

/// What `read_file` makes of the file; empty where it is not there or cannot be read.
template <typename Value, typename Read>
Value RunFiles::read(const std::filesystem::path& path, Read read_file) {
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) {
    try {
      return read_file(path);
    } catch (const InputError& error) {
      warn(error.what());
    }
  }
  return {};
}

const std::vector<nlohmann::json>& RunFiles::metrics(const Run& run) {
  const std::filesystem::path path = run.folder / kMetricsFile;
  const auto [found, is_new] = metrics_.try_emplace(path);
  if (is_new) {
    found->second = read<std::vector<nlohmann::json>>(path, read_metrics);
  }
  return found->second;
}

std::optional<Track> RunFiles::track(const Run& run) {
  return read<std::optional<Track>>(run.folder / kTrackFile, read_track);
}

const NetworkFacts* RunFiles::network(const Run& run) {
  const std::filesystem::path path = run.folder / kNetworkFile;
  const auto [found, is_new] = networks_.try_emplace(path);
  if (is_new) {
    found->second = read<std::optional<NetworkFacts>>(
        path, [](const std::filesystem::path& file) { return facts_of(read_network(file).network); });
  }
  return found->second ? &*found->second : nullptr;
}

}  // namespace ntt
