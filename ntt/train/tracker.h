#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "ntt/io/safetensors.h"
#include "ntt/nn/network.h"
#include "ntt/train/evaluation.h"

namespace ntt {

/// What a tracked training remembers of its evaluations, in their order.
struct Track {
  std::vector<std::int64_t> steps;
  std::vector<at::Tensor> outputs;  ///< f(x) [N, C] each, float32 on the CPU
  std::vector<at::Tensor> kernels;  ///< mean over c of Θ(x, x')[c, c], [N, N] each, float32 on the CPU
};

/// Puts the track into a checkpoint (nothing, where it is empty) and takes it back.
void save_track(TensorFile& checkpoint, const Track& track);
Track load_track(const TensorFile& checkpoint);

/// Follows a network's outputs and tangent kernel on N fixed inputs while it is trained. The kernel counts active
/// parameters, those that training moves. One evaluation costs the exact kernel of N inputs: C pullbacks an input and
/// about N²·C² dot products of the layers' sizes; the track grows by N·C + N² floats.
class Tracker {
 public:
  /// @param inputs [N, ...]
  /// @param teacher an untrained dense network to measure distances to; null: none are measured. Only read here.
  Tracker(at::Tensor inputs, const Network* teacher);

  /// Adds the network as it stands to the track and, with a teacher, its distances to the evaluation. The network is
  /// only read.
  void record(const Network& network, Evaluation& now, Track& track) const;

 private:
  at::Tensor inputs_;
  at::Tensor teacher_outputs_;  ///< [N, C]; undefined without a teacher
  at::Tensor teacher_kernel_;   ///< [N, N, C, C]
};

/// Writes track.safetensors: `steps` [T], `inputs` [N], `labels` [N] (int64), `outputs` [T, N, C], `kernel` [T, N, N].
/// @param indices which training inputs were tracked
void write_track(const std::filesystem::path& path, const Track& track, const at::Tensor& indices,
                 const at::Tensor& labels, const std::string& model);

}  // namespace ntt
