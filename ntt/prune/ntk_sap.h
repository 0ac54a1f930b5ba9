#pragma once

#include <cstdint>

#include "ntt/core/api.h"
#include "ntt/prune/mask.h"

namespace ntt {

/// Where one round of NTK-SAP draws its weights, perturbations and inputs from.
struct NtkSapDraw {
  std::uint64_t seed = 0;
  std::int64_t round = 0;
  std::int64_t samples = 256;  ///< standard-normal inputs, in batches each with weights of its own
  double epsilon = 0.01;       ///< standard deviation of the perturbations
};

/// |∂/∂m Σ‖f(x; m⊙θ) - f(x; m⊙(θ + Δθ))‖²| under the network's present masks m: what a connection does to the trace,
/// and so to the spectrum, of the tangent kernel. Weights θ, drawn anew for each batch, Δθ ~ N(0, ε²) and inputs x ~
/// N(0, 1): neither the network's weights nor any data are read (Wang, Li & Sun, "NTK-SAP", ICLR 2023, eq. 9 and
/// algorithm 1).
NTT_API Scores ntk_sap_scores(const Network& network, const NtkSapDraw& draw);

}  // namespace ntt
