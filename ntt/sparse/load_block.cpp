#include "ntt/sparse/load_block.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ntt/sparse/load_block.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ntt/sparse/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ntt::HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_SCALAR

void load(const float* const* inputs, std::int64_t first, float* lanes) {
  for (std::int64_t lane = 0; lane < kLanes; ++lane) {
    for (std::int64_t f = 0; f < kLoadedTogether; ++f) {
      lanes[f * kLanes + lane] = inputs[lane][first + f];
    }
  }
}

#else

/// Transposes four features of four inputs at a time.
void load(const float* const* inputs, std::int64_t first, float* lanes) {
  const hn::FixedTag<float, 4> four;
  const hn::FixedTag<std::uint64_t, 2> pairs;
  for (std::int64_t lane = 0; lane < kLanes; lane += 4) {
    const auto a = hn::LoadU(four, inputs[lane] + first);
    const auto b = hn::LoadU(four, inputs[lane + 1] + first);
    const auto c = hn::LoadU(four, inputs[lane + 2] + first);
    const auto e = hn::LoadU(four, inputs[lane + 3] + first);
    const auto ab_lower = hn::BitCast(pairs, hn::InterleaveLower(four, a, b));
    const auto ab_upper = hn::BitCast(pairs, hn::InterleaveUpper(four, a, b));
    const auto ce_lower = hn::BitCast(pairs, hn::InterleaveLower(four, c, e));
    const auto ce_upper = hn::BitCast(pairs, hn::InterleaveUpper(four, c, e));
    hn::Store(hn::BitCast(four, hn::InterleaveLower(pairs, ab_lower, ce_lower)), four, lanes + lane);
    hn::Store(hn::BitCast(four, hn::InterleaveUpper(pairs, ab_lower, ce_lower)), four, lanes + kLanes + lane);
    hn::Store(hn::BitCast(four, hn::InterleaveLower(pairs, ab_upper, ce_upper)), four, lanes + 2 * kLanes + lane);
    hn::Store(hn::BitCast(four, hn::InterleaveUpper(pairs, ab_upper, ce_upper)), four, lanes + 3 * kLanes + lane);
  }
}

#endif

}  // namespace
}  // namespace ntt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ntt {
namespace {
HWY_EXPORT(load);
}

void load_features(const float* const* inputs, std::int64_t first, float* lanes) {
  HWY_DYNAMIC_DISPATCH(load)(inputs, first, lanes);
}

}  // namespace ntt
#endif
