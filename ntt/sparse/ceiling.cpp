#include "ntt/sparse/ceiling.h"

#include <ATen/ATen.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "ntt/core/parallel.h"
#include "ntt/core/stopwatch.h"
#include "ntt/core/threads.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ntt/sparse/ceiling.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ntt/sparse/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ntt::HWY_NAMESPACE {
namespace {

constexpr int kSums = 8;  ///< under way at once, as each waits for the one before

/// Adds up `floats` inputs, a multiple of kSums * kLanes, each register of them as `read(i)` gives it.
template <typename Read>
HWY_INLINE float add_up(std::int64_t floats, Read&& read) {
  const Lanes lanes;
  const Vector value = hn::Set(lanes, 0.5F);
  Vector sums[kSums];
  for (Vector& sum : sums) {
    sum = hn::Zero(lanes);
  }
  for (std::int64_t i = 0; i < floats; i += kSums * kWidth) {
    for (int s = 0; s < kSums; ++s) {
      sums[s] = hn::MulAdd(value, read(i + s * kWidth), sums[s]);
    }
  }
  for (int s = 1; s < kSums; ++s) {
    sums[0] = hn::Add(sums[0], sums[s]);
  }
  return hn::GetLane(hn::SumOfLanes(lanes, sums[0]));
}

float add_registers(const float* inputs, const std::int32_t*, std::int64_t floats) {
  const Lanes lanes;
  const Vector input = hn::Load(lanes, inputs);
  return add_up(floats, [&](std::int64_t) { return input; });
}

float add_loads(const float* inputs, const std::int32_t*, std::int64_t floats) {
  const Lanes lanes;
  return add_up(floats, [&](std::int64_t i) { return hn::Load(lanes, inputs + i); });
}

float add_gathers(const float* inputs, const std::int32_t* places, std::int64_t floats) {
  const Lanes lanes;
  const hn::RebindToSigned<Lanes> indices;
  return add_up(floats, [&](std::int64_t i) { return hn::GatherIndex(lanes, inputs, hn::LoadU(indices, places + i)); });
}

}  // namespace
}  // namespace ntt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ntt {
namespace {

HWY_EXPORT(add_registers);
HWY_EXPORT(add_loads);
HWY_EXPORT(add_gathers);

using Loop = std::function<float(const float*, const std::int32_t*, std::int64_t)>;

double best_rate(std::int64_t floats, const Loop& loop) {
  constexpr int kTries = 10;
  const std::int64_t passes = std::max<std::int64_t>(1, (std::int64_t{1} << 24) / floats);
  // Each thread has inputs of its own, and places spread over them.
  const at::Tensor inputs = at::ones({threads(), floats}, at::kFloat);
  const at::Tensor places = at::arange(floats, at::kLong).mul(37).remainder(floats).to(at::kInt);
  std::vector<float> sums(static_cast<std::size_t>(threads()));
  double best = 0;
  for (int i = 0; i < kTries; ++i) {
    const Stopwatch watch;
    parallel_for(threads(), [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t t = begin; t < end; ++t) {
        float sum = 0;
        for (std::int64_t pass = 0; pass < passes; ++pass) {
          sum += loop(inputs.data_ptr<float>() + t * floats, places.data_ptr<std::int32_t>(), floats);
        }
        sums[static_cast<std::size_t>(t)] = sum;
      }
    });
    best = std::max(best, static_cast<double>(threads() * passes * floats) / watch.seconds() / 1e9);
  }
  return best;
}

/// Floats that fill the share of a cache, in whole runs of the loops.
std::int64_t floats_in(std::int64_t bytes) {
  constexpr std::int64_t kRun = 8 * kLanes;
  return std::max<std::int64_t>(1, bytes / 4 / kRun) * kRun;
}

std::int64_t size_or(long size, std::int64_t otherwise) {
  return size > 0 ? size : otherwise;
}

}  // namespace

SparseCeilings measure_sparse_ceilings() {
  const CacheSizes caches = cache_sizes();
  const std::int64_t few = floats_in(caches.first / 4);
  const auto registers = [](auto... rest) { return HWY_DYNAMIC_DISPATCH(add_registers)(rest...); };
  const auto loads = [](auto... rest) { return HWY_DYNAMIC_DISPATCH(add_loads)(rest...); };
  const auto gathers = [](auto... rest) { return HWY_DYNAMIC_DISPATCH(add_gathers)(rest...); };
  SparseCeilings ceilings;
  ceilings.arithmetic = best_rate(few, registers);
  ceilings.first_cache = best_rate(floats_in(caches.first / 2), loads);
  ceilings.second_cache = best_rate(floats_in(caches.second / 2), loads);
  ceilings.gather = best_rate(few, gathers);
  return ceilings;
}

CacheSizes cache_sizes() {
  constexpr std::int64_t kFirst = 32 << 10;
  constexpr std::int64_t kSecond = 512 << 10;
  return {size_or(sysconf(_SC_LEVEL1_DCACHE_SIZE), kFirst), size_or(sysconf(_SC_LEVEL2_CACHE_SIZE), kSecond)};
}

LayerBound bound_of(const LayerOperations& layer, const SparseCeilings& ceilings, const CacheSizes& caches) {
  constexpr double kClearly = 0.95;  // many processors load as many registers as they multiply
  std::string name = layer.input_bytes <= caches.first ? "L1 loads" : "L2 loads";
  double rate = layer.input_bytes <= caches.first ? ceilings.first_cache : ceilings.second_cache;
  if (layer.gathers) {
    name = "gathers";
    rate = ceilings.gather;
  } else if (ceilings.arithmetic < kClearly * rate) {
    name = "FMA";
    rate = ceilings.arithmetic;
  }
  return {name, static_cast<double>(layer.register_adds * kLanes) / rate / 1e6};
}

}  // namespace ntt
#endif
