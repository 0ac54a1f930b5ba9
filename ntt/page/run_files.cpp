#include "ntt/page/run_files.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "ntt/core/error.h"
#include "ntt/io/run_folder.h"
#include "ntt/io/safetensors.h"
#include "ntt/nn/network_file.h"

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

/// Kept weights that read each pixel of a square image, all channels and outputs together.
std::vector<std::vector<double>> pixel_counts(const at::Tensor& kept, const Shape& input) {
  const std::int64_t channels = input.size() == 3 ? input[0] : 1;
  const std::int64_t pixels = kept.size(1) / channels;
  const auto side = static_cast<std::int64_t>(std::lround(std::sqrt(static_cast<double>(pixels))));
  const bool square = side * side == pixels && (input.size() != 3 || (input[1] == side && input[2] == side));
  std::vector<std::vector<double>> rows;
  if (square && side > 1) {
    const at::Tensor counts = kept.sum(0).reshape({channels, side, side}).sum(0);
    for (std::int64_t row = 0; row < side; ++row) {
      rows.push_back(numbers(counts[row]));
    }
  }
  return rows;
}

NetworkFacts facts_of(const Network& network) {
  NetworkFacts facts;
  facts.layers = layer_costs(network);
  const auto first = std::ranges::find(network.parameters(), true, [](const Parameter* p) { return p->prunable; });
  if (first == network.parameters().end()) {
    return facts;
  }
  const Parameter& weight = **first;
  const at::Tensor kept = weight.mask.defined() ? weight.mask : at::ones(weight.shape);
  if (kept.dim() == 2) {
    facts.pixels = pixel_counts(kept, network.spec().input);
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
