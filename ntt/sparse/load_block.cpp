#include "ntt/sparse/load_block.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ntt/sparse/load_block.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ntt/sparse/transpose-inl.h"
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

inline void store_one(const FeaturePlaces& p, std::size_t i, const float* block, std::int64_t count,
                      float* const* rows) {
  for (std::int64_t lane = 0; lane < count; ++lane) {
    rows[lane][p.features[i]] = block[p.places[i] + lane];
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

void store_four(const float* block, std::int64_t feature, float* const* rows) {
  for (std::int64_t lane = 0; lane < kLanes; ++lane) {
    for (std::size_t f = 0; f < kTogether; ++f) {
      rows[lane][feature + f] = block[f * kLanes + lane];
    }
  }
}

#else

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

HWY_INLINE void store_four(const float* block, std::int64_t feature, float* const* rows) {
  const Four four;
  for (std::int64_t lane = 0; lane < kLanes; lane += 4) {
    FourValues a = hn::Load(four, block + lane);
    FourValues b = hn::Load(four, block + kLanes + lane);
    FourValues c = hn::Load(four, block + 2 * kLanes + lane);
    FourValues e = hn::Load(four, block + 3 * kLanes + lane);
    transpose(a, b, c, e);
    hn::StoreU(a, four, rows[lane] + feature);
    hn::StoreU(b, four, rows[lane + 1] + feature);
    hn::StoreU(c, four, rows[lane + 2] + feature);
    hn::StoreU(e, four, rows[lane + 3] + feature);
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

void store(const FeaturePlaces& p, const float* block, float* const* rows) {
  for (std::size_t i = 0; i < p.features.size();) {
    if (neighbours(p, i)) {
      store_four(block + p.places[i], p.features[i], rows);
      i += kTogether;
    } else {
      store_one(p, i++, block, kLanes, rows);
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

void load_block(const FeaturePlaces& places, const float* const* rows, std::int64_t count, float* block) {
  if (count == kLanes) {
    HWY_DYNAMIC_DISPATCH(load)(places, rows, block);
    return;
  }
  for (std::size_t i = 0; i < places.features.size(); ++i) {
    load_one(places, i, rows, count, block);
    std::fill(block + places.places[i] + count, block + places.places[i] + kLanes, 0.0F);
  }
}

void store_block(const FeaturePlaces& places, const float* block, std::int64_t count, float* const* rows) {
  if (count == kLanes) {
    HWY_DYNAMIC_DISPATCH(store)(places, block, rows);
    return;
  }
  for (std::size_t i = 0; i < places.features.size(); ++i) {
    store_one(places, i, block, count, rows);
  }
}

}  // namespace ntt
#endif
