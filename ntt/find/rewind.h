#pragma once

#include "ntt/core/api.h"
#include "ntt/find/find.h"

namespace ntt {

inline constexpr std::string_view kLateMagnitude = "late-magnitude";

/// Late magnitude pruning, the upper reference of pruning before training: keeps the weights that are largest once the
/// dense network is trained, with the values that they had before (Frankle et al., "Linear mode connectivity and the
/// lottery ticket hypothesis", ICML 2020). Magnitudes are compared as they are, across layers too.
///
/// @param trained the dense network after training
/// @param earlier the same network at its start or after a few steps, of which weights that are not `prunable` stay
/// @param inputs_read how many inputs the training went through
///
/// InputError where the two are not of one graph, or the trained one is not dense.
NTT_API FoundNetwork rewind_to(Network earlier, const Network& trained, double density, Scope scope,
                               std::int64_t inputs_read);

}  // namespace ntt
