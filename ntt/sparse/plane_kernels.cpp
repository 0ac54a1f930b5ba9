#include "ntt/sparse/plane_kernels.h"

#include <algorithm>
#include <array>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ntt/sparse/plane_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <hwy/contrib/math/math-inl.h>  // compiled for each target, so behind the above

#include "ntt/sparse/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ntt::HWY_NAMESPACE {
namespace {

/// Registers of sums that are kept over a row's entries: as many multiply-adds as are under way at once.
constexpr int kMost = 8;

/// max(low, min(high, x)), NaN where x is: where an operand of x86's maximum is NaN, it gives the second.
HWY_INLINE Vector clamp(Vector x, Vector low, Vector high) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
  return hn::Min(high, hn::Max(low, x));
#else
  x = hn::IfThenElse(hn::Gt(low, x), low, x);
  return hn::IfThenElse(hn::Lt(high, x), high, x);
#endif
}

HWY_INLINE Vector sigmoid(Vector x) {
  const Lanes lanes;
  const Vector one = hn::Set(lanes, 1.0F);
  return hn::Div(one, hn::Add(one, hn::Exp(lanes, hn::Neg(x))));
}

/// x ↦ the activation, as a function for each of its kinds.
template <typename Use>
HWY_INLINE void with_activation(const Activation& activation, Use&& use) {
  const Lanes lanes;
  const Vector zero = hn::Zero(lanes);
  const Vector one = hn::Set(lanes, 1.0F);
  const Vector slope = hn::Set(lanes, activation.slope);
  const Vector offset = hn::Set(lanes, activation.offset);
  switch (activation.kind) {
    case Activation::Kind::clamp: {
      const Vector low = hn::Set(lanes, activation.low);
      const Vector high = hn::Set(lanes, activation.high);
      use([=](Vector x) HWY_ATTR { return clamp(x, low, high); });
      break;
    }
    case Activation::Kind::leaky_relu:
      use([=](Vector x) HWY_ATTR { return hn::IfThenElse(hn::Lt(x, zero), hn::Mul(slope, x), x); });
      break;
    case Activation::Kind::sigmoid:
      use([=](Vector x) HWY_ATTR { return sigmoid(x); });
      break;
    case Activation::Kind::silu:
      use([=](Vector x) HWY_ATTR { return hn::Mul(x, sigmoid(x)); });
      break;
    case Activation::Kind::tanh:
      use([=](Vector x) HWY_ATTR { return hn::Tanh(Lanes(), x); });
      break;
    case Activation::Kind::hard_sigmoid:
      use([=](Vector x) HWY_ATTR { return clamp(hn::MulAdd(slope, x, offset), zero, one); });
      break;
    case Activation::Kind::hard_swish: {
      const Vector sixth = hn::Set(lanes, 1.0F / 6);
      const Vector half = hn::Set(lanes, 0.5F);
      use([=](Vector x) HWY_ATTR { return hn::Mul(x, clamp(hn::MulAdd(sixth, x, half), zero, one)); });
      break;
    }
  }
}

HWY_INLINE Vector kept(Vector values, const std::int32_t* keep) {
  const Lanes lanes;
  return hn::And(values, hn::BitCast(lanes, hn::LoadU(hn::RebindToSigned<Lanes>(), keep)));
}

/// Writes function(i) of each register of `count` floats.
template <typename Function>
HWY_INLINE void for_each_register(std::int64_t count, const std::int32_t* keep, const Activation& activation, float* to,
                                  const Function& function) {
  with_activation(activation, [&](auto activate) HWY_ATTR {
    for (std::int64_t i = 0; i < count; i += kWidth) {
      const Vector result = activate(function(i));
      hn::StoreU(keep == nullptr ? result : kept(result, keep + i), Lanes(), to + i);
    }
  });
}

/// One row's sums over one block at `Registers` of neighbouring positions.
/// @param begins of the block
template <int Registers>
HWY_INLINE void sum_row(const PlaneProduct& p, const std::int32_t* begins, bool first_block, bool last_block,
                        std::int64_t row, std::int64_t q, Vector low, Vector high) {
  const Lanes lanes;
  const std::int64_t at = p.outputs[row] * p.to.plane + q;
  float* to = p.sums + at;
  Vector sums[Registers];
  const Vector start = hn::Set(lanes, p.bias[row]);
  for (int v = 0; v < Registers; ++v) {
    sums[v] = first_block ? start : hn::LoadU(lanes, to + v * kWidth);
  }
  const float* HWY_RESTRICT source = p.source + q;
  const std::int32_t* HWY_RESTRICT offsets = p.offsets;
  const float* HWY_RESTRICT values = p.values;
  const std::int32_t last = begins[row + 1];
  for (std::int32_t j = begins[row]; j < last; ++j) {
    const Vector value = hn::Set(lanes, values[j]);
    const float* from = source + offsets[j];
    for (int v = 0; v < Registers; ++v) {
      sums[v] = hn::MulAdd(value, hn::LoadU(lanes, from + v * kWidth), sums[v]);
    }
  }
  if (!last_block) {
    for (int v = 0; v < Registers; ++v) {
      hn::StoreU(sums[v], lanes, to + v * kWidth);
    }
    return;
  }
  if (p.residual != nullptr) {
    const float* residual = p.residual + at;
    for (int v = 0; v < Registers; ++v) {
      sums[v] = hn::Add(sums[v], hn::LoadU(lanes, residual + v * kWidth));
    }
  }
  for (int v = 0; v < Registers; ++v) {
    hn::StoreU(kept(clamp(sums[v], low, high), p.to.keep + q + v * kWidth), lanes, to + v * kWidth);
  }
}

template <int Registers>
void sum_rows(const PlaneProduct& p, std::int64_t first, std::int64_t last, std::int64_t q) {
  const Lanes lanes;
  const bool clamps = p.activation.kind == Activation::Kind::clamp;
  const Vector low = hn::Set(lanes, clamps ? p.activation.low : Activation::kNone);
  const Vector high = hn::Set(lanes, clamps ? p.activation.high : -Activation::kNone);
  for (std::int64_t block = 0; block + 1 < p.blocks; ++block) {
    for (std::int64_t row = first; row < last; ++row) {
      sum_row<Registers>(p, p.begins + block * (p.rows + 1), block == 0, false, row, q, low, high);
    }
  }
  for (std::int64_t row = first; row < last; ++row) {
    sum_row<Registers>(p, p.begins + (p.blocks - 1) * (p.rows + 1), p.blocks == 1, true, row, q, low, high);
    if (!clamps) {
      float* sums = p.sums + p.outputs[row] * p.to.plane + q;
      for_each_register(Registers * kWidth, p.to.keep + q, p.activation, sums,
                        [&](std::int64_t i) HWY_ATTR { return hn::LoadU(Lanes(), sums + i); });
    }
  }
}

/// Rows [first, last) at so many registers from position q on.
void sum_tile(const PlaneProduct& p, std::int64_t first, std::int64_t last, std::int64_t q, std::int64_t registers) {
  using Sum = void (*)(const PlaneProduct&, std::int64_t, std::int64_t, std::int64_t);
  static constexpr auto kSums = []<std::size_t... kCount>(std::index_sequence<kCount...>) {
    return std::array<Sum, sizeof...(kCount)>{sum_rows<kCount + 1>...};
  }
  (std::make_index_sequence<kMost>());
  kSums[static_cast<std::size_t>(registers - 1)](p, first, last, q);
}

/// Zeros behind the positions of rows [first, last).
void clear_behind(const PlaneProduct& p, std::int64_t first, std::int64_t last) {
  for (std::int64_t row = first; row < last; ++row) {
    std::fill_n(p.sums + p.outputs[row] * p.to.plane + p.to.run, p.to.plane - p.to.run, 0.0F);
  }
}

/// The work of rows before `row`: entries, and what a row without any takes.
std::int64_t work_before(const PlaneProduct& p, std::int64_t row) {
  constexpr std::int64_t kRow = 3;
  std::int64_t work = kRow * row;
  for (std::int64_t block = 0; block < p.blocks; ++block) {
    const std::int32_t* begins = p.begins + block * (p.rows + 1);
    work += begins[row] - begins[0];
  }
  return work;
}

/// The first row before which lies so much work.
std::int64_t row_at(const PlaneProduct& p, std::int64_t work) {
  std::int64_t low = 0;
  std::int64_t high = p.rows;
  while (low < high) {
    const std::int64_t middle = (low + high) / 2;
    work_before(p, middle) < work ? low = middle + 1 : high = middle;
  }
  return low;
}

/// Tiles of positions in their order, each with all rows before the next, so that what they read stays in the innermost
/// caches; a share begins and ends at any row of a tile.
void product(const PlaneProduct& p, std::int64_t share, std::int64_t shares) {
  const std::int64_t registers = p.to.run / kWidth;
  const std::int64_t tiles = (registers + kMost - 1) / kMost;
  const std::int64_t all = work_before(p, p.rows);
  const std::int64_t begin = all * registers * share / shares;
  const std::int64_t end = all * registers * (share + 1) / shares;
  for (std::int64_t tile = 0; tile < tiles; ++tile) {
    const std::int64_t from = registers * tile / tiles;
    const std::int64_t to = registers * (tile + 1) / tiles;
    const auto row_of = [&](std::int64_t work) {
      return work <= all * from ? 0 : work >= all * to ? p.rows : row_at(p, (work - all * from) / (to - from));
    };
    const std::int64_t first = row_of(begin);
    const std::int64_t last = row_of(end);
    if (first < last) {
      sum_tile(p, first, last, from * kWidth, to - from);
      if (tile + 1 == tiles) {
        clear_behind(p, first, last);
      }
    }
  }
}

HWY_INLINE float sum_entries(const PlaneProduct& p, std::int64_t row) {
  const Lanes lanes;
  const hn::RebindToSigned<Lanes> places;
  Vector sums = hn::Zero(lanes);
  std::int64_t j = p.begins[row];
  const std::int64_t last = p.begins[row + 1];
  for (; j + kWidth <= last; j += kWidth) {
    const Vector inputs = hn::GatherIndex(lanes, p.source, hn::LoadU(places, p.offsets + j));
    sums = hn::MulAdd(hn::LoadU(lanes, p.values + j), inputs, sums);
  }
  float sum = p.bias[row] + hn::GetLane(hn::SumOfLanes(lanes, sums));
  for (; j < last; ++j) {
    sum += p.values[j] * p.source[p.offsets[j]];
  }
  return sum;
}

void activate(const float* values, const Activation& activation, const std::int32_t* keep, std::int64_t count,
              float* activated) {
  for_each_register(count, keep, activation, activated,
                    [&](std::int64_t i) HWY_ATTR { return hn::LoadU(Lanes(), values + i); });
}

void features(const PlaneProduct& p, std::int64_t share, std::int64_t shares) {
  const std::int64_t all = work_before(p, p.rows);
  const std::int64_t first = row_at(p, all * share / shares);
  const std::int64_t last = share + 1 == shares ? p.rows : row_at(p, all * (share + 1) / shares);
  for (std::int64_t row = first; row < last; ++row) {
    const std::int32_t output = p.outputs[row];
    const float sum = sum_entries(p, row) + (p.residual == nullptr ? 0.0F : p.residual[output]);
    if (p.activation.kind == Activation::Kind::clamp) {
      const float least = sum < p.activation.low ? p.activation.low : sum;
      p.sums[output] = least > p.activation.high ? p.activation.high : least;
    } else {
      float block[Planes::kVector] = {sum};
      activate(block, p.activation, nullptr, kWidth, block);
      p.sums[output] = block[0];
    }
  }
}

void add(const float* a, const float* b, const Activation& activation, const std::int32_t* keep, std::int64_t count,
         float* sums) {
  for_each_register(count, keep, activation, sums, [&](std::int64_t i) HWY_ATTR {
    return hn::Add(hn::LoadU(Lanes(), a + i), hn::LoadU(Lanes(), b + i));
  });
}

void multiply(const float* a, const float* b, const Activation& activation, const std::int32_t* keep,
              std::int64_t count, float* products) {
  for_each_register(count, keep, activation, products, [&](std::int64_t i) HWY_ATTR {
    return hn::Mul(hn::LoadU(Lanes(), a + i), hn::LoadU(Lanes(), b + i));
  });
}

void scale(const float* values, float factor, const Activation& activation, const std::int32_t* keep,
           std::int64_t count, float* products) {
  const Vector by = hn::Set(Lanes(), factor);
  for_each_register(count, keep, activation, products,
                    [&](std::int64_t i) HWY_ATTR { return hn::Mul(by, hn::LoadU(Lanes(), values + i)); });
}

float sum(const float* values, std::int64_t count) {
  const Lanes lanes;
  Vector sums[4] = {hn::Zero(lanes), hn::Zero(lanes), hn::Zero(lanes), hn::Zero(lanes)};
  std::int64_t i = 0;
  for (; i + 4 * kWidth <= count; i += 4 * kWidth) {
    for (int v = 0; v < 4; ++v) {
      sums[v] = hn::Add(sums[v], hn::LoadU(lanes, values + i + v * kWidth));
    }
  }
  for (; i < count; i += kWidth) {
    sums[0] = hn::Add(sums[0], hn::LoadU(lanes, values + i));
  }
  return hn::GetLane(hn::SumOfLanes(lanes, hn::Add(hn::Add(sums[0], sums[1]), hn::Add(sums[2], sums[3]))));
}

}  // namespace
}  // namespace ntt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ntt {
namespace {
HWY_EXPORT(product);
HWY_EXPORT(features);
HWY_EXPORT(add);
HWY_EXPORT(multiply);
HWY_EXPORT(scale);
HWY_EXPORT(activate);
HWY_EXPORT(sum);
}  // namespace

void plane_product(const PlaneProduct& p, std::int64_t share, std::int64_t shares) {
  HWY_DYNAMIC_DISPATCH(product)(p, share, shares);
}

void feature_product(const PlaneProduct& p, std::int64_t share, std::int64_t shares) {
  HWY_DYNAMIC_DISPATCH(features)(p, share, shares);
}

void add_values(const float* a, const float* b, const Activation& activation, const std::int32_t* keep,
                std::int64_t count, float* sums) {
  HWY_DYNAMIC_DISPATCH(add)(a, b, activation, keep, count, sums);
}

void multiply_values(const float* a, const float* b, const Activation& activation, const std::int32_t* keep,
                     std::int64_t count, float* products) {
  HWY_DYNAMIC_DISPATCH(multiply)(a, b, activation, keep, count, products);
}

void scale_values(const float* values, float factor, const Activation& activation, const std::int32_t* keep,
                  std::int64_t count, float* products) {
  HWY_DYNAMIC_DISPATCH(scale)(values, factor, activation, keep, count, products);
}

void activate_values(const float* values, const Activation& activation, const std::int32_t* keep, std::int64_t count,
                     float* activated) {
  HWY_DYNAMIC_DISPATCH(activate)(values, activation, keep, count, activated);
}

float sum_values(const float* values, std::int64_t count) {
  return HWY_DYNAMIC_DISPATCH(sum)(values, count);
}

}  // namespace ntt
#endif
