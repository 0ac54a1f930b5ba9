#include "ntt/sparse/load_block.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ntt/sparse/load_block.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ntt/sparse/vectors-inl.h"

#ifndef NTT_SPARSE_LOAD_ONE_
#define NTT_SPARSE_LOAD_ONE_
namespace ntt {
namespace {

/// Feature i of so many rows.
inline void load_one(const FeaturePlaces& p, std::size_t i, const float* const* rows, std::int64_t count,
                     float* block) {
  for (std::int64_t lane = 0; lane < count; ++lane) {
    block[p.places[i] + lane] = rows[lane][p.features[i]];
  }
}

inline void store_one(const FeaturePlaces& p, std::size_t i, const float* block, std::int64_t count, bool adds,
                      float* const* rows) {
  for (std::int64_t lane = 0; lane < count; ++lane) {
    float& value = rows[lane][p.features[i]];
    value = block[p.places[i] + lane] + (adds ? value : 0.0F);
  }
}

}  // namespace
}  // namespace ntt
#endif

HWY_BEFORE_NAMESPACE();
namespace ntt::HWY_NAMESPACE {
namespace {

constexpr std::size_t kTogether = 4;  ///< neighbouring features that are moved at once

/// Whether features i to i + 3 are neighbours in rows and in the block.
HWY_INLINE bool neighbours(const FeaturePlaces& p, std::size_t i) {
  const std::size_t last = i + kTogether - 1;
  return last < p.features.size() && p.features[last] - p.features[i] == kTogether - 1 &&
         p.places[last] - p.places[i] == (kTogether - 1) * kLanes;
}

#if HWY_TARGET == HWY_SCALAR

void load_four(const float* const* rows, std::int64_t feature, float* block) {
  for (std::int64_t lane = 0; lane < kLanes; ++lane) {
    for (std::size_t f = 0; f < kTogether; ++f) {
      block[f * kLanes + lane] = rows[lane][feature + f];
    }
  }
}

void store_four(const float* block, std::int64_t feature, bool adds, float* const* rows) {
  for (std::int64_t lane = 0; lane < kLanes; ++lane) {
    for (std::size_t f = 0; f < kTogether; ++f) {
      float& value = rows[lane][feature + f];
      value = block[f * kLanes + lane] + (adds ? value : 0.0F);
    }
  }
}

#else

using Four = hn::FixedTag<float, 4>;
using FourValues = hn::Vec<Four>;

/// Turns four rows of a 4 x 4 matrix into its columns.
HWY_INLINE void transpose(FourValues& a, FourValues& b, FourValues& c, FourValues& e) {
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

/// Four features of four rows at a time.
HWY_INLINE void load_four(const float* const* rows, std::int64_t feature, float* block) {
  const Four four;
  for (std::int64_t lane = 0; lane < kLanes; lane += 4) {
    FourValues a = hn::LoadU(four, rows[lane] + feature);
    FourValues b = hn::LoadU(four, rows[lane + 1] + feature);
    FourValues c = hn::LoadU(four, rows[lane + 2] + feature);
    FourValues e = hn::LoadU(four, rows[lane + 3] + feature);
    transpose(a, b, c, e);
    hn::Store(a, four, block + lane);
    hn::Store(b, four, block + kLanes + lane);
    hn::Store(c, four, block + 2 * kLanes + lane);
    hn::Store(e, four, block + 3 * kLanes + lane);
  }
}

HWY_INLINE void put_four(FourValues values, bool adds, float* into) {
  const Four four;
  hn::StoreU(adds ? hn::Add(values, hn::LoadU(four, into)) : values, four, into);
}

HWY_INLINE void store_four(const float* block, std::int64_t feature, bool adds, float* const* rows) {
  const Four four;
  for (std::int64_t lane = 0; lane < kLanes; lane += 4) {
    FourValues a = hn::Load(four, block + lane);
    FourValues b = hn::Load(four, block + kLanes + lane);
    FourValues c = hn::Load(four, block + 2 * kLanes + lane);
    FourValues e = hn::Load(four, block + 3 * kLanes + lane);
    transpose(a, b, c, e);
    put_four(a, adds, rows[lane] + feature);
    put_four(b, adds, rows[lane + 1] + feature);
    put_four(c, adds, rows[lane + 2] + feature);
    put_four(e, adds, rows[lane + 3] + feature);
  }
}

#endif

void load(const FeaturePlaces& p, const float* const* rows, float* block) {
  for (std::size_t i = 0; i < p.features.size();) {
    if (neighbours(p, i)) {
      load_four(rows, p.features[i], block + p.places[i]);
      i += kTogether;
    } else {
      load_one(p, i++, rows, kLanes, block);
    }
  }
}

void store(const FeaturePlaces& p, const float* block, bool adds, float* const* rows) {
  for (std::size_t i = 0; i < p.features.size();) {
    if (neighbours(p, i)) {
      store_four(block + p.places[i], p.features[i], adds, rows);
      i += kTogether;
    } else {
      store_one(p, i++, block, kLanes, adds, rows);
    }
  }
}

}  // namespace
}  // namespace ntt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ntt {
namespace {
HWY_EXPORT(load);
HWY_EXPORT(store);
}  // namespace

FeaturePlaces all_features(const BlockLayout& layout) {
  FeaturePlaces places;
  for (std::int64_t f = 0; f < layout.features(); ++f) {
    places.add(f, layout);
  }
  return places;
}

void load_block(const FeaturePlaces& places, const float* const* rows, std::int64_t count, std::int64_t lanes,
                float* block) {
  if (count == kLanes) {
    HWY_DYNAMIC_DISPATCH(load)(places, rows, block);
    return;
  }
  for (std::size_t i = 0; i < places.features.size(); ++i) {
    load_one(places, i, rows, count, block);
    std::fill(block + places.places[i] + count, block + places.places[i] + lanes, 0.0F);
  }
}

void store_block(const FeaturePlaces& places, const float* block, std::int64_t count, bool adds, float* const* rows) {
  if (count == kLanes) {
    HWY_DYNAMIC_DISPATCH(store)(places, block, adds, rows);
    return;
  }
  for (std::size_t i = 0; i < places.features.size(); ++i) {
    store_one(places, i, block, count, adds, rows);
  }
}

}  // namespace ntt
#endif
