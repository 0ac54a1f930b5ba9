#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace ntt {

/// What `ntt prune --method` calls the ways to fit a student to its teacher. The methods that score weights are in
/// ntt/prune/method.h.
inline constexpr std::string_view kNttExact = "ntt-exact";
inline constexpr std::string_view kNttSketch = "ntt-sketch";
inline constexpr std::string_view kLogitMimicry = "logit-mimicry";
inline constexpr std::array kTransferMethods = {kNttExact, kNttSketch, kLogitMimicry};

constexpr bool is_transfer_method(std::string_view name) {
  return std::ranges::find(kTransferMethods, name) != kTransferMethods.end();
}

}  // namespace ntt
