#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ntt/core/api.h"
#include "ntt/nn/data_format.h"
#include "ntt/nn/network.h"
#include "ntt/transfer/transfer.h"

namespace ntt {

/// Neural Tangent Transfer with the kernel that `transfer.step.kernel` says.
inline constexpr std::string_view kNtt = "ntt";

/// How a sparse network is found.
struct FindOptions {
  std::string method{kNtt};  ///< kNtt or one of find_methods()
  /// Density, scope and seed (in `step`) and the observer are every method's; the rest is of those that fit a student
  /// to its teacher.
  TransferOptions transfer;
  // Of those, too, in the place of what `transfer.step` says; nothing: as fill_in_defaults() has it for the network.
  std::optional<double> weight_decay;  ///< λ_2
  std::optional<double> learning_rate;
  std::optional<double> kernel_weight;  ///< λ_K
  std::optional<std::int64_t> mask_interval;
  std::int64_t samples = 1000;  ///< training inputs that scores are taken on, drawn from the seed
  std::int64_t rounds = 0;      ///< of scoring; 0: the method's own number
  bool invert = false;          ///< keep the weights that the method would prune first
};

/// A sparse network, what it was made of, and how it was found.
struct FoundNetwork {
  Network teacher;
  Network network;
  std::string method;
  std::string reads;                       ///< "inputs and labels", "inputs" or "no data"
  std::int64_t inputs_read = 0;            ///< how many inputs it went through, each as often as it did
  double seconds = 0;                      ///< over all the processes that it took
  double ms_per_step = 0;                  ///< 0 for methods without steps
  std::optional<TransferResult> transfer;  ///< of methods that fit a student
  std::vector<std::string> warnings;       ///< a sentence for each layer of which nothing is left
};

/// What a method may be called, kNtt aside: those that score weights, then those that fit a student to its teacher, as
/// NTT does with either kernel (docs/methods.md).
NTT_API std::vector<std::string> find_methods();

/// Whether the method fits a student to its teacher in steps: it then takes a weight decay and what TransferOptions
/// says.
NTT_API bool fits_student(std::string_view method);

/// What a method is, for lists of them.
struct MethodNote {
  std::string name;
  std::string reads;    ///< "inputs and labels", "inputs" or "no data"
  std::int64_t passes;  ///< over the inputs that it reads, by default; 0: as many as its epochs
  std::string formula;  ///< in words, with its source
};

/// Of find_methods(), in their order.
NTT_API std::vector<MethodNote> method_notes();

/// Whether the method needs labels; InputError where there is no such method.
NTT_API bool reads_labels(std::string_view method);

/// Fills in what was not given of the settings whose best value depends on the network. The weight decay is the
/// published one: 1e-4, for networks with convolutions 1e-5 (Liu & Zenke 2020). Learning rate and kernel weight are
/// StepOptions', 1e-3 each, or 3e-3 and 1e-4 for networks with batch norm; masks are made every 100 steps, or 25 times
/// in a run of fewer than 2500 (docs/method.md, 3.6).
/// @param inputs training inputs of the run
NTT_API void fill_in_defaults(FindOptions& options, const Graph& graph, std::int64_t inputs);

/// What a method that fits a student runs, with all of that filled in.
NTT_API TransferOptions settled_transfer(FindOptions options, const Graph& graph, std::int64_t inputs);

/// InputError for an unknown method, a density outside (0, 1], and options that are not at their defaults though the
/// method takes none such; with a network also where they do not fit it (more probes than outputs).
NTT_API void check_find_options(const FindOptions& options);
NTT_API void check_find_options(const FindOptions& options, const Graph& graph);

/// Finds a sparse network by any method.
///
/// @param teacher the dense network; weights that are not `prunable` stay. The networks found are on its device
/// @param inputs  training inputs [N, ...], standardised, on the teacher's device
/// @param labels  int64 [N], of methods that read labels only; else undefined, or not looked at
///
/// Methods that fit a student write metrics and checkpoints to `options.transfer.out`, and go on from there where
/// `options.transfer.resume` says so (ntt/transfer/transfer.h). Every method reports to `options.transfer.observer`.
/// InputError where options, network and data do not fit; RunError where scores or the loss are not finite;
/// Interrupted.
NTT_API FoundNetwork find_sparse_network(Network teacher, const at::Tensor& inputs, const at::Tensor& labels,
                                         const FindOptions& options);

/// Writes a dense network as teacher.safetensors and the sparse one made of it as network.safetensors.
///
/// @param metadata of both (ntt/nn/network_file.h), to which model and method are added; the teacher's is "dense"
/// @param format   of the inputs and classes that both were made for
NTT_API void write_found(const std::filesystem::path& folder, const Network& teacher, const Network& network,
                         const std::string& method, std::map<std::string, std::string> metadata,
                         const DataFormat& format);

/// A sentence for each layer of which nothing is left.
NTT_API std::vector<std::string> empty_layer_warnings(const Network& network);

}  // namespace ntt
