#include "ntt/train/training_state.h"

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>

#include "ntt/core/error.h"
#include "ntt/io/safetensors.h"
#include "ntt/train/evaluation_json.h"

namespace ntt {
namespace {

constexpr const char* kIdentity = "training";
constexpr const char* kState = "state";

std::string best_name(const Parameter& parameter) {
  return parameter.name + ".best";
}

nlohmann::json figures(const TrainingState& state) {
  return {{"step", state.step},
          {"loss_sum", state.loss_sum},
          {"loss_count", state.loss_count},
          {"metrics_lines", state.metrics_lines},
          {"seconds", state.seconds},
          {"step_seconds", state.step_seconds},
          {"evaluation_seconds", state.evaluation_seconds},
          {"last", state.last},
          {"best", state.best},
          {"test_accuracies", state.test_accuracies},
          {"has_best_values", !state.best_values.empty()}};
}

TrainingState parse_figures(const nlohmann::json& json) {
  TrainingState state;
  json.at("step").get_to(state.step);
  json.at("loss_sum").get_to(state.loss_sum);
  json.at("loss_count").get_to(state.loss_count);
  json.at("metrics_lines").get_to(state.metrics_lines);
  json.at("seconds").get_to(state.seconds);
  json.at("step_seconds").get_to(state.step_seconds);
  json.at("evaluation_seconds").get_to(state.evaluation_seconds);
  json.at("last").get_to(state.last);
  json.at("best").get_to(state.best);
  json.at("test_accuracies").get_to(state.test_accuracies);
  return state;
}

const std::string& metadata_of(const TensorFile& file, const char* key) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end()) {
    fail_input("{} is no checkpoint of a training run; remove it to begin again", file.origin);
  }
  return found->second;
}

}  // namespace

void save_checkpoint(const std::filesystem::path& path, const Network& network, Optimiser& optimiser,
                     const TrainingState& state, const std::string& identity) {
  for (const Parameter* parameter : network.parameters()) {
    if (!at::isfinite(parameter->value).all().item<bool>()) {
      fail_run(
          "'{}' holds a NaN or an infinity after step {}, so no checkpoint was written; try a smaller learning rate",
          parameter->name, state.step);
    }
  }
  TensorFile file;
  file.metadata[kIdentity] = identity;
  file.metadata[kState] = figures(state).dump();
  optimiser.save(file);
  for (std::size_t i = 0; i < state.best_values.size(); ++i) {
    const Parameter& parameter = *network.all_parameters()[i];
    file.tensors.emplace_back(best_name(parameter), parameter.with_kept_entries(state.best_values[i]));
  }
  save_track(file, state.track);
  write_safetensors(path, file);
}

TrainingState load_checkpoint(const std::filesystem::path& path, const Network& network, Optimiser& optimiser,
                              const std::string& identity) {
  const TensorFile file = read_safetensors(path);
  if (const std::string& stored = metadata_of(file, kIdentity); stored != identity) {
    fail_input("{} belongs to a run with other options ({}) than these ({})", file.origin, stored, identity);
  }
  const nlohmann::json json = nlohmann::json::parse(metadata_of(file, kState), nullptr, false);
  TrainingState state;
  bool has_best_values = false;
  try {
    state = parse_figures(json);
    json.at("has_best_values").get_to(has_best_values);
  } catch (const nlohmann::json::exception& error) {
    fail_input("{}: its '{}' cannot be read ({}); remove it to begin again", file.origin, kState, error.what());
  }
  state.track = load_track(file);
  optimiser.load(file);  // with the masks, which say what is kept
  if (has_best_values) {
    for (const auto& parameter : network.all_parameters()) {
      const at::Tensor best = file.at(best_name(*parameter)).to(parameter->value.options());
      state.best_values.push_back(parameter->kept_entries(best));
    }
  }
  return state;
}

}  // namespace ntt
