#pragma once

/// What one thread takes in nanoseconds, as measured on Zen 5 (docs/sparse.md): only their ratios matter.
namespace ntt::costs {

inline constexpr double kRegister = 0.4;           ///< a stored weight at a register of positions
inline constexpr double kRow = 6;                  ///< a row of sums at a tile of positions
inline constexpr double kGathered = 0.8;           ///< a stored weight of a single position
inline constexpr double kFloat = 0.2;              ///< a value that is pooled, added or moved
inline constexpr double kConverted = 0.3;          ///< a value that is brought from planes to a dense operator, or back
inline constexpr double kDenseMultiplyAdd = 0.01;  ///< of a dense convolution
inline constexpr double kDenseWeight = 0.07;       ///< of a dense linear layer, which reads each for one input
inline constexpr double kBlockRegister = 0.2;      ///< a stored weight at a register of inputs in the caches
inline constexpr double kFarRegister = 0.8;        ///< the same where a block's values do not fit there

}  // namespace ntt::costs
