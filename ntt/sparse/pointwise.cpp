#include "ntt/sparse/pointwise.h"

#include <cmath>
#include <numbers>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ntt/sparse/pointwise.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ntt/sparse/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ntt::HWY_NAMESPACE {
namespace {

/// How a value or gradient is written, as finish() takes it.
struct Writing {
  bool rectify = false;
  const float* gate = nullptr;
  bool accumulate = false;
};

Writing writing(const GradientBlock& gradient) {
  return {false, gradient.gate.data, gradient.accumulate};
}

/// Writes one register of a gradient.
HWY_INLINE void put(const GradientBlock& gradient, Vector value, std::int64_t c, std::int64_t y, std::int64_t x,
                    std::int64_t lane) {
  const float* gate =
      gradient.gate.data == nullptr ? nullptr : gradient.gate.data + gradient.gate.layout->at(c, y, x) + lane;
  finish(writing(gradient), value, gradient.data + gradient.layout->at(c, y, x) + lane, gate);
}

HWY_INLINE Vector load(const ConstBlock& block, std::int64_t c, std::int64_t y, std::int64_t x, std::int64_t lane) {
  return hn::Load(Lanes(), block.data + block.layout->at(c, y, x) + lane);
}

HWY_INLINE Vector maximum(const PoolWindows& windows, const ConstBlock& input, std::int64_t c, std::int64_t y,
                          std::int64_t x, std::int64_t lane) {
  Vector most = load(input, c, y, x, lane);
  for (std::int64_t i = 0; i < windows.kernel; ++i) {
    for (std::int64_t j = 0; j < windows.kernel; ++j) {
      most = larger(load(input, c, y + i, x + j, lane), most);
    }
  }
  return most;
}

HWY_INLINE Vector mean(const PoolWindows& windows, const ConstBlock& input, std::int64_t c, std::int64_t y,
                       std::int64_t x, std::int64_t lane) {
  Vector sum = hn::Zero(Lanes());
  for (std::int64_t i = 0; i < windows.kernel; ++i) {
    for (std::int64_t j = 0; j < windows.kernel; ++j) {
      sum = hn::Add(sum, load(input, c, y + i, x + j, lane));
    }
  }
  return hn::Mul(sum, hn::Set(Lanes(), 1.0F / static_cast<float>(windows.kernel * windows.kernel)));
}

template <bool Maxima>
HWY_INLINE void pool(const PoolWindows& windows, const ConstBlock& input, const BlockLayout& layout, float* output,
                     bool rectify) {
  const Writing as{rectify, nullptr, false};
  for (std::int64_t c = 0; c < layout.channels; ++c) {
    for (std::int64_t y = 0; y < layout.height; ++y) {
      for (std::int64_t x = 0; x < layout.width; ++x) {
        for (std::int64_t lane = 0; lane < kLanes; lane += kWidth) {
          const std::int64_t top = y * windows.stride;
          const std::int64_t left = x * windows.stride;
          const Vector value =
              Maxima ? maximum(windows, input, c, top, left, lane) : mean(windows, input, c, top, left, lane);
          finish(as, value, output + layout.at(c, y, x) + lane, nullptr);
        }
      }
    }
  }
}

void max_pool(const PoolWindows& windows, const ConstBlock& input, const BlockLayout& layout, float* output,
              bool rectify) {
  pool<true>(windows, input, layout, output, rectify);
}

void average_pool(const PoolWindows& windows, const ConstBlock& input, const BlockLayout& layout, float* output,
                  bool rectify) {
  pool<false>(windows, input, layout, output, rectify);
}

/// The gradient of one window of max-pooling, one register of lanes.
HWY_INLINE void send_to_winner(const PoolWindows& windows, const ConstBlock& input, Vector cotangent,
                               const GradientBlock& gradient, std::int64_t c, std::int64_t top, std::int64_t left,
                               std::int64_t lane) {
  const Lanes lanes;
  const Vector most = maximum(windows, input, c, top, left, lane);
  Vector unsent = cotangent;
  for (std::int64_t i = 0; i < windows.kernel; ++i) {
    for (std::int64_t j = 0; j < windows.kernel; ++j) {
      const auto wins = hn::Eq(load(input, c, top + i, left + j, lane), most);
      put(gradient, hn::IfThenElseZero(wins, unsent), c, top + i, left + j, lane);
      unsent = hn::IfThenElse(wins, hn::Zero(lanes), unsent);
    }
  }
}

HWY_INLINE void send_to_all(const PoolWindows& windows, Vector cotangent, const GradientBlock& gradient, std::int64_t c,
                            std::int64_t top, std::int64_t left, std::int64_t lane) {
  const Vector share = hn::Mul(cotangent, hn::Set(Lanes(), 1.0F / static_cast<float>(windows.kernel * windows.kernel)));
  for (std::int64_t i = 0; i < windows.kernel; ++i) {
    for (std::int64_t j = 0; j < windows.kernel; ++j) {
      put(gradient, share, c, top + i, left + j, lane);
    }
  }
}

template <bool Maxima>
HWY_INLINE void pool_gradient(const PoolWindows& windows, const ConstBlock& input, const ConstBlock& cotangent,
                              const GradientBlock& gradient) {
  const BlockLayout& layout = *cotangent.layout;
  for (std::int64_t c = 0; c < layout.channels; ++c) {
    for (std::int64_t y = 0; y < layout.height; ++y) {
      for (std::int64_t x = 0; x < layout.width; ++x) {
        for (std::int64_t lane = 0; lane < kLanes; lane += kWidth) {
          const Vector by_output = load(cotangent, c, y, x, lane);
          if constexpr (Maxima) {
            send_to_winner(windows, input, by_output, gradient, c, y * windows.stride, x * windows.stride, lane);
          } else {
            send_to_all(windows, by_output, gradient, c, y * windows.stride, x * windows.stride, lane);
          }
        }
      }
    }
  }
}

void max_pool_gradient(const PoolWindows& windows, const ConstBlock& input, const ConstBlock& cotangent,
                       const GradientBlock& gradient) {
  pool_gradient<true>(windows, input, cotangent, gradient);
}

void average_pool_gradient(const PoolWindows& windows, const ConstBlock& cotangent, const GradientBlock& gradient) {
  pool_gradient<false>(windows, {}, cotangent, gradient);
}

void add(const ConstBlock& a, const ConstBlock& b, const BlockLayout& layout, float* output, bool rectify) {
  const Writing as{rectify, nullptr, false};
  for (std::int64_t c = 0; c < layout.channels; ++c) {
    for (std::int64_t y = 0; y < layout.height; ++y) {
      for (std::int64_t x = 0; x < layout.width; ++x) {
        for (std::int64_t lane = 0; lane < kLanes; lane += kWidth) {
          const Vector sum = hn::Add(load(a, c, y, x, lane), load(b, c, y, x, lane));
          finish(as, sum, output + layout.at(c, y, x) + lane, nullptr);
        }
      }
    }
  }
}

void add_gradient(const ConstBlock& cotangent, const GradientBlock& gradient) {
  const BlockLayout& layout = *cotangent.layout;
  for (std::int64_t c = 0; c < layout.channels; ++c) {
    for (std::int64_t y = 0; y < layout.height; ++y) {
      for (std::int64_t x = 0; x < layout.width; ++x) {
        for (std::int64_t lane = 0; lane < kLanes; lane += kWidth) {
          put(gradient, load(cotangent, c, y, x, lane), c, y, x, lane);
        }
      }
    }
  }
}

}  // namespace
}  // namespace ntt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ntt {
namespace {

HWY_EXPORT(max_pool);
HWY_EXPORT(average_pool);
HWY_EXPORT(add);
HWY_EXPORT(max_pool_gradient);
HWY_EXPORT(average_pool_gradient);
HWY_EXPORT(add_gradient);

float evaluate(Pointwise function, float z) {
  switch (function) {
    case Pointwise::relu:
      return z < 0 ? 0 : z;
    case Pointwise::tanh:
      return std::tanh(z);
    default:
      return 0.5F * z * (1 + std::erf(z / std::numbers::sqrt2_v<float>));
  }
}

float slope(Pointwise function, float z) {
  switch (function) {
    case Pointwise::relu:
      return z > 0 ? 1.0F : 0.0F;
    case Pointwise::tanh: {
      const float output = std::tanh(z);
      return 1 - output * output;
    }
    default: {
      const float normaliser = std::numbers::inv_sqrtpi_v<float> / std::numbers::sqrt2_v<float>;
      return 0.5F * (1 + std::erf(z / std::numbers::sqrt2_v<float>)) + z * normaliser * std::exp(-0.5F * z * z);
    }
  }
}

}  // namespace

void block_max_pool(const PoolWindows& windows, const ConstBlock& input, const BlockLayout& layout, float* output,
                    bool rectify) {
  HWY_DYNAMIC_DISPATCH(max_pool)(windows, input, layout, output, rectify);
}

void block_average_pool(const PoolWindows& windows, const ConstBlock& input, const BlockLayout& layout, float* output,
                        bool rectify) {
  HWY_DYNAMIC_DISPATCH(average_pool)(windows, input, layout, output, rectify);
}

void block_pointwise(Pointwise function, const ConstBlock& input, const BlockLayout& layout, float* output) {
  for_each_place(layout, [&](std::int64_t c, std::int64_t y, std::int64_t x) {
    const float* from = input.data + input.layout->at(c, y, x);
    float* to = output + layout.at(c, y, x);
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      to[lane] = evaluate(function, from[lane]);
    }
  });
}

void block_add(const ConstBlock& a, const ConstBlock& b, const BlockLayout& layout, float* output, bool rectify) {
  HWY_DYNAMIC_DISPATCH(add)(a, b, layout, output, rectify);
}

void block_max_pool_gradient(const PoolWindows& windows, const ConstBlock& input, const ConstBlock& cotangent,
                             const GradientBlock& gradient) {
  HWY_DYNAMIC_DISPATCH(max_pool_gradient)(windows, input, cotangent, gradient);
}

void block_average_pool_gradient(const PoolWindows& windows, const ConstBlock& cotangent,
                                 const GradientBlock& gradient) {
  HWY_DYNAMIC_DISPATCH(average_pool_gradient)(windows, cotangent, gradient);
}

void block_pointwise_gradient(Pointwise function, const ConstBlock& input, const ConstBlock& cotangent,
                              const GradientBlock& gradient) {
  for_each_place(*cotangent.layout, [&](std::int64_t c, std::int64_t y, std::int64_t x) {
    const float* z = input.data + input.layout->at(c, y, x);
    const float* by_output = cotangent.data + cotangent.layout->at(c, y, x);
    const float* gate =
        gradient.gate.data == nullptr ? nullptr : gradient.gate.data + gradient.gate.layout->at(c, y, x);
    float* to = gradient.data + gradient.layout->at(c, y, x);
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      const bool counts = gate == nullptr || gate[lane] > 0;
      const float value = counts ? by_output[lane] * slope(function, z[lane]) : 0;
      to[lane] = gradient.accumulate ? to[lane] + value : value;
    }
  });
}

void block_add_gradient(const ConstBlock& cotangent, const GradientBlock& gradient) {
  HWY_DYNAMIC_DISPATCH(add_gradient)(cotangent, gradient);
}

void block_dilate(const ConstBlock& gradient, std::int64_t stride, const BlockLayout& layout, float* output) {
  for_each_place(*gradient.layout, [&](std::int64_t c, std::int64_t y, std::int64_t x) {
    const float* from = gradient.data + gradient.layout->at(c, y, x);
    std::copy(from, from + kLanes, output + layout.at(c, y * stride, x * stride));
  });
}

}  // namespace ntt
#endif
