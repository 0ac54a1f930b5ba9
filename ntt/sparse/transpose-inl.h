// Included once for each target that Highway compiles for, by files that include foreach_target.h first.
#if defined(NTT_SPARSE_TRANSPOSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NTT_SPARSE_TRANSPOSE_INL_H_
#undef NTT_SPARSE_TRANSPOSE_INL_H_
#else
#define NTT_SPARSE_TRANSPOSE_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ntt::HWY_NAMESPACE {

#if HWY_TARGET != HWY_SCALAR

using Four = hwy::HWY_NAMESPACE::FixedTag<float, 4>;
using FourValues = hwy::HWY_NAMESPACE::Vec<Four>;

/// Turns four rows of a 4 x 4 matrix into its columns.
HWY_INLINE void transpose(FourValues& a, FourValues& b, FourValues& c, FourValues& e) {
  namespace hn = hwy::HWY_NAMESPACE;
  const Four four;
  const hn::FixedTag<std::uint64_t, 2> pairs;
  const auto ab_lower = hn::BitCast(pairs, hn::InterleaveLower(four, a, b));
  const auto ab_upper = hn::BitCast(pairs, hn::InterleaveUpper(four, a, b));
  const auto ce_lower = hn::BitCast(pairs, hn::InterleaveLower(four, c, e));
  const auto ce_upper = hn::BitCast(pairs, hn::InterleaveUpper(four, c, e));
  a = hn::BitCast(four, hn::InterleaveLower(pairs, ab_lower, ce_lower));
  b = hn::BitCast(four, hn::InterleaveUpper(pairs, ab_lower, ce_lower));
  c = hn::BitCast(four, hn::InterleaveLower(pairs, ab_upper, ce_upper));
  e = hn::BitCast(four, hn::InterleaveUpper(pairs, ab_upper, ce_upper));
}

#endif

}  // namespace ntt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
