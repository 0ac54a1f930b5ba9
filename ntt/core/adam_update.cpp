#include "ntt/core/adam_update.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "ntt/core/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ntt/core/adam_update.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef NTT_CORE_ADAM_TYPES_
#define NTT_CORE_ADAM_TYPES_
namespace ntt {
namespace {

template <typename T>
struct AdamArrays {
  T* value;
  T* effective;       ///< null: value itself
  const T* gradient;  ///< null: zeros
  const T* mask;      ///< null: ones
  T* first;
  T* second;
};

template <typename T>
struct AdamConstants {
  T beta1, beta2, decay, step_size, inverse_root_correction, epsilon;
};

}  // namespace
}  // namespace ntt
#endif

HWY_BEFORE_NAMESPACE();
namespace ntt::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

/// A moment that no gradient feeds decays into denormal numbers, on which each operation takes a hundred cycles; zero
/// moves the weight no less. A NaN stays one.
template <class D>
HWY_INLINE hn::Vec<D> flushed(D d, hn::Vec<D> moment) {
  return hn::IfThenZeroElse(hn::Lt(hn::Abs(moment), hn::Set(d, static_cast<hn::TFromD<D>>(1e-30))), moment);
}

/// One vector of entries, from i on. Without fused multiply-adds: the same bits on every instruction set.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE void update_vector(D d, const AdamConstants<T>& c, const AdamArrays<T>& p, std::int64_t i) {
  const auto value = hn::LoadU(d, p.value + i);
  const auto mask = p.mask != nullptr ? hn::LoadU(d, p.mask + i) : hn::Set(d, T{1});
  auto gradient = hn::Zero(d);
  if (p.gradient != nullptr) {
    const auto effective = p.effective != nullptr ? hn::LoadU(d, p.effective + i) : value;
    gradient = hn::Mul(hn::Add(hn::LoadU(d, p.gradient + i), hn::Mul(hn::Set(d, c.decay), effective)), mask);
  }
  const auto fed_first = hn::Mul(hn::Set(d, 1 - c.beta1), gradient);
  const auto first = flushed(d, hn::Add(hn::Mul(hn::Set(d, c.beta1), hn::LoadU(d, p.first + i)), fed_first));
  const auto fed_second = hn::Mul(hn::Mul(hn::Set(d, 1 - c.beta2), gradient), gradient);
  const auto second = flushed(d, hn::Add(hn::Mul(hn::Set(d, c.beta2), hn::LoadU(d, p.second + i)), fed_second));
  const auto root = hn::Add(hn::Mul(hn::Sqrt(second), hn::Set(d, c.inverse_root_correction)), hn::Set(d, c.epsilon));
  const auto moved = hn::Sub(value, hn::Div(hn::Mul(hn::Set(d, c.step_size), first), root));
  hn::StoreU(first, d, p.first + i);
  hn::StoreU(second, d, p.second + i);
  hn::StoreU(moved, d, p.value + i);
  if (p.effective != nullptr) {
    hn::StoreU(hn::Mul(moved, mask), d, p.effective + i);
  }
}

template <typename T>
void update(const AdamConstants<T>& c, const AdamArrays<T>& p, std::int64_t begin, std::int64_t end) {
  const hn::ScalableTag<T> vector;
  const hn::CappedTag<T, 1> one;
  const auto width = static_cast<std::int64_t>(hn::Lanes(vector));
  std::int64_t i = begin;
  for (; i + width <= end; i += width) {
    update_vector(vector, c, p, i);
  }
  for (; i < end; ++i) {
    update_vector(one, c, p, i);
  }
}

void update_floats(const AdamConstants<float>& c, const AdamArrays<float>& p, std::int64_t begin, std::int64_t end) {
  update(c, p, begin, end);
}

void update_doubles(const AdamConstants<double>& c, const AdamArrays<double>& p, std::int64_t begin, std::int64_t end) {
  update(c, p, begin, end);
}

}  // namespace
}  // namespace ntt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ntt {
namespace {

HWY_EXPORT(update_floats);
HWY_EXPORT(update_doubles);

void update_range(const AdamConstants<float>& c, const AdamArrays<float>& p, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(update_floats)(c, p, begin, end);
}

void update_range(const AdamConstants<double>& c, const AdamArrays<double>& p, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(update_doubles)(c, p, begin, end);
}

template <typename T>
AdamConstants<T> adam_constants(const AdamStep& step) {
  const double correction1 = 1 - std::pow(step.beta1, static_cast<double>(step.step));
  const double correction2 = 1 - std::pow(step.beta2, static_cast<double>(step.step));
  return {static_cast<T>(step.beta1),
          static_cast<T>(step.beta2),
          static_cast<T>(step.decay),
          static_cast<T>(step.learning_rate / correction1),
          static_cast<T>(1 / std::sqrt(correction2)),
          static_cast<T>(step.epsilon)};
}

constexpr std::int64_t kWorkEach = 8;  ///< of an entry, in the units of parallel_for_work
constexpr std::int64_t kChunk = 256;   ///< entries that are worked on in the innermost cache

/// Some entries of a parameter, side by side.
template <typename T>
struct Chunk {
  std::array<T, kChunk> value, gradient, first, second;

  AdamArrays<T> arrays() { return {value.data(), nullptr, gradient.data(), nullptr, first.data(), second.data()}; }
};

template <typename T>
void update_kept_range(const AdamConstants<T>& c, const AdamArrays<T>& p, const std::int64_t* places,
                       std::int64_t begin, std::int64_t end) {
  Chunk<T> chunk;
  for (std::int64_t first = begin; first < end; first += kChunk) {
    const std::int64_t count = std::min(kChunk, end - first);
    for (std::int64_t j = 0; j < count; ++j) {
      const std::int64_t place = places[first + j];
      const auto to = static_cast<std::size_t>(j);
      chunk.value[to] = p.value[place];
      chunk.gradient[to] = p.gradient[place];
      chunk.first[to] = p.first[place];
      chunk.second[to] = p.second[place];
    }
    update_range(c, chunk.arrays(), 0, count);
    for (std::int64_t j = 0; j < count; ++j) {
      const std::int64_t place = places[first + j];
      const auto from = static_cast<std::size_t>(j);
      p.value[place] = p.effective[place] = chunk.value[from];
      p.first[place] = chunk.first[from];
      p.second[place] = chunk.second[from];
    }
  }
}

template <typename T>
void catch_up_range(const std::vector<AdamConstants<T>>& steps, const AdamArrays<T>& p, std::int64_t begin,
                    std::int64_t end) {
  Chunk<T> chunk;
  for (std::int64_t first = begin; first < end; first += kChunk) {
    const std::int64_t count = std::min(kChunk, end - first);
    const auto still = [&](const T* moments) {
      return std::all_of(moments + first, moments + first + count, [](T moment) { return moment == 0; });
    };
    if (still(p.first) && still(p.second)) {
      continue;  // as where the mask never changed
    }
    std::copy_n(p.value + first, count, chunk.value.begin());
    std::copy_n(p.first + first, count, chunk.first.begin());
    std::copy_n(p.second + first, count, chunk.second.begin());
    AdamArrays<T> arrays = chunk.arrays();
    arrays.gradient = nullptr;
    for (const AdamConstants<T>& step : steps) {
      update_range(step, arrays, 0, count);
    }
    for (std::int64_t j = 0; j < count; ++j) {
      if (p.mask[first + j] == 0) {
        p.value[first + j] = chunk.value[static_cast<std::size_t>(j)];
        p.first[first + j] = chunk.first[static_cast<std::size_t>(j)];
        p.second[first + j] = chunk.second[static_cast<std::size_t>(j)];
      }
    }
  }
}

}  // namespace

void adam_update(const AdamStep& step, at::Tensor& value, at::Tensor& effective, const at::Tensor& gradient,
                 const at::Tensor& mask, at::Tensor& first_moment, at::Tensor& second_moment) {
  if (!value.is_cpu()) {
    aten::adam_update(step, value, effective, gradient, mask, first_moment, second_moment);
    return;
  }
  AT_DISPATCH_FLOATING_TYPES(value.scalar_type(), "adam_update", [&] {
    const bool masked = mask.defined();
    const AdamArrays<scalar_t> arrays{
        value.data_ptr<scalar_t>(),        masked ? effective.data_ptr<scalar_t>() : nullptr,
        gradient.data_ptr<scalar_t>(),     masked ? mask.data_ptr<scalar_t>() : nullptr,
        first_moment.data_ptr<scalar_t>(), second_moment.data_ptr<scalar_t>()};
    const auto constants = adam_constants<scalar_t>(step);
    parallel_for_work(value.numel(), kWorkEach,
                      [&](std::int64_t begin, std::int64_t end, int) { update_range(constants, arrays, begin, end); });
  });
}

void adam_update_kept(const AdamStep& step, const at::Tensor& places, at::Tensor& value, at::Tensor& effective,
                      const at::Tensor& gradient, at::Tensor& first_moment, at::Tensor& second_moment) {
  AT_DISPATCH_FLOATING_TYPES(value.scalar_type(), "adam_update_kept", [&] {
    const AdamArrays<scalar_t> arrays{value.data_ptr<scalar_t>(),        effective.data_ptr<scalar_t>(),
                                      gradient.data_ptr<scalar_t>(),     nullptr,
                                      first_moment.data_ptr<scalar_t>(), second_moment.data_ptr<scalar_t>()};
    const auto constants = adam_constants<scalar_t>(step);
    const auto* where = places.data_ptr<std::int64_t>();
    parallel_for_work(places.numel(), kWorkEach, [&](std::int64_t begin, std::int64_t end, int) {
      update_kept_range(constants, arrays, where, begin, end);
    });
  });
}

void adam_catch_up(std::span<const AdamStep> steps, const at::Tensor& mask, at::Tensor& value, at::Tensor& first_moment,
                   at::Tensor& second_moment) {
  AT_DISPATCH_FLOATING_TYPES(value.scalar_type(), "adam_catch_up", [&] {
    std::vector<AdamConstants<scalar_t>> constants;
    for (const AdamStep& step : steps) {
      constants.push_back(adam_constants<scalar_t>(step));
    }
    const AdamArrays<scalar_t> arrays{value.data_ptr<scalar_t>(),
                                      nullptr,
                                      nullptr,
                                      mask.data_ptr<scalar_t>(),
                                      first_moment.data_ptr<scalar_t>(),
                                      second_moment.data_ptr<scalar_t>()};
    const auto work = kWorkEach * static_cast<std::int64_t>(constants.size());
    parallel_for_work(value.numel(), work, [&](std::int64_t begin, std::int64_t end, int) {
      catch_up_range(constants, arrays, begin, end);
    });
  });
}

namespace aten {

void adam_update(const AdamStep& step, at::Tensor& value, at::Tensor& effective, const at::Tensor& gradient,
                 const at::Tensor& mask, at::Tensor& first_moment, at::Tensor& second_moment) {
  const auto constants = adam_constants<double>(step);
  at::Tensor g = gradient + step.decay * effective;
  if (mask.defined()) {
    g.mul_(mask);
  }
  first_moment.mul_(step.beta1).add_(g, 1 - step.beta1);
  second_moment.mul_(step.beta2).addcmul_(g, g, 1 - step.beta2);
  value.addcdiv_(first_moment, second_moment.sqrt().mul_(constants.inverse_root_correction).add_(step.epsilon),
                 -constants.step_size);
  if (mask.defined()) {
    effective.copy_(value * mask);
  }
}

}  // namespace aten
}  // namespace ntt
#endif
