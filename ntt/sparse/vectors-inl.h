// What the kernels share, compiled once for each instruction set: included inside foreach_target's passes, hence the
// guard that toggles (Highway's pattern for such headers).
#if defined(NTT_SPARSE_VECTORS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NTT_SPARSE_VECTORS_INL_H_
#undef NTT_SPARSE_VECTORS_INL_H_
#else
#define NTT_SPARSE_VECTORS_INL_H_
#endif

#include <hwy/highway.h>

#include "ntt/sparse/block_layout.h"

HWY_BEFORE_NAMESPACE();
namespace ntt::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Lanes = hn::CappedTag<float, kLanes>;
using Vector = hn::Vec<Lanes>;
constexpr int kWidth = static_cast<int>(hn::MaxLanes(Lanes()));  ///< floats of one register
constexpr int kVectors = static_cast<int>(kLanes) / kWidth;      ///< registers of one block

/// Keeps values where gate is above 0, zero elsewhere.
HWY_INLINE Vector gated(Vector values, const float* gate) {
  const Lanes lanes;
  return hn::IfThenElseZero(hn::Gt(hn::Load(lanes, gate), hn::Zero(lanes)), values);
}

/// The larger, NaN if either is.
HWY_INLINE Vector larger(Vector a, Vector b) {
  return hn::IfThenElse(hn::Or(hn::Gt(a, b), hn::IsNaN(a)), a, b);
}

/// Writes a sum as the task says.
template <typename Task>
HWY_INLINE void finish(const Task& task, Vector sum, float* output, const float* gate) {
  const Lanes lanes;
  if (task.rectify) {
    sum = hn::IfThenElseZero(hn::Not(hn::Lt(sum, hn::Zero(lanes))), sum);  // NaN stays
  }
  if (task.gate != nullptr) {
    sum = gated(sum, gate);
  }
  if (task.accumulate) {
    sum = hn::Add(sum, hn::Load(lanes, output));
  }
  hn::Store(sum, lanes, output);
}

}  // namespace
}  // namespace ntt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
