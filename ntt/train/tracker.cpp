#include "ntt/train/tracker.h"

#include <ATen/ATen.h>

#include <utility>

#include "ntt/kernel/comparison.h"
#include "ntt/kernel/empirical_ntk.h"

namespace ntt {
namespace {

constexpr const char* kSteps = "track.steps";
constexpr const char* kOutputs = "track.outputs";
constexpr const char* kKernel = "track.kernel";
constexpr std::int64_t kBlockInputs = 64;

at::Tensor as_stored(const at::Tensor& values) {
  return values.to(at::kCPU, at::kFloat).contiguous();
}

}  // namespace

void save_track(TensorFile& checkpoint, const Track& track) {
  if (track.steps.empty()) {
    return;
  }
  checkpoint.tensors.emplace_back(kSteps, at::tensor(track.steps, at::kLong));
  checkpoint.tensors.emplace_back(kOutputs, at::stack(track.outputs));
  checkpoint.tensors.emplace_back(kKernel, at::stack(track.kernels));
}

Track load_track(const TensorFile& checkpoint) {
  Track track;
  if (checkpoint.contains(kSteps)) {
    const at::Tensor& steps = checkpoint.at(kSteps);
    track.steps.assign(steps.data_ptr<std::int64_t>(), steps.data_ptr<std::int64_t>() + steps.numel());
    track.outputs = checkpoint.at(kOutputs).unbind();
    track.kernels = checkpoint.at(kKernel).unbind();
  }
  return track;
}

Tracker::Tracker(at::Tensor inputs, const Network* teacher) : inputs_(std::move(inputs)) {
  if (teacher != nullptr) {
    const KernelInputs side{inputs_, {}};
    teacher_outputs_ = teacher->predict(inputs_);
    teacher_kernel_ = empirical_ntk(*teacher, side, side, ParameterSet::active, kBlockInputs);
  }
}

void Tracker::record(const Network& network, Evaluation& now, Track& track) const {
  const at::Tensor outputs = network.predict(inputs_);
  at::Tensor mean = at::empty({inputs_.size(0), inputs_.size(0)}, inputs_.options());
  KernelComparison comparison;
  const KernelInputs side{inputs_, {}};
  for_each_kernel_block(network, side, side, ParameterSet::active, kBlockInputs, [&](const KernelBlock& block) {
    const auto of_block = [&](const at::Tensor& whole) {
      return whole.narrow(0, block.first_left, block.values.size(0)).narrow(1, block.first_right, block.values.size(1));
    };
    of_block(mean).copy_(block.values.diagonal(0, 2, 3).mean(-1));
    if (teacher_kernel_.defined()) {
      comparison.add(block.values, of_block(teacher_kernel_));
    }
  });
  if (teacher_kernel_.defined()) {
    now.kernel_distance = comparison.distance();
    now.kernel_alignment = comparison.alignment();
    now.target_distance = (outputs - teacher_outputs_).to(at::kDouble).square().mean().item<double>();
  }
  track.steps.push_back(now.step);
  track.outputs.push_back(as_stored(outputs));
  track.kernels.push_back(as_stored(mean));
}

void write_track(const std::filesystem::path& path, const Track& track, const at::Tensor& indices,
                 const at::Tensor& labels, const std::string& model) {
  TensorFile file;
  file.metadata = {{"model", model}, {"kernel", "mean over outputs c of Theta(x, x')[c, c]"}, {"parameters", "active"}};
  file.tensors = {{"steps", at::tensor(track.steps, at::kLong)},
                  {"inputs", indices},
                  {"labels", labels},
                  {"outputs", at::stack(track.outputs)},
                  {"kernel", at::stack(track.kernels)}};
  write_safetensors(path, file);
}

}  // namespace ntt
