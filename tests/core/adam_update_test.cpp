#include "ntt/core/adam_update.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "tests/core/numerics.h"

namespace ntt {
namespace {

/// A parameter's tensors as adam_update takes them.
struct AdamState {
  at::Tensor value, effective, mask, first, second;

  AdamState(std::int64_t count, bool masked, at::ScalarType dtype) : value(draw({count}, 1, dtype)) {
    if (masked) {
      mask = draw({count}, 2, dtype).gt(0.3).to(dtype);
    }
    effective = masked ? value * mask : value;
    first = at::zeros_like(value);
    second = at::zeros_like(value);
  }

  /// The same in memory of its own.
  AdamState copy() const {
    AdamState result = *this;
    for (at::Tensor* tensor : {&result.value, &result.effective, &result.mask, &result.first, &result.second}) {
      *tensor = tensor->clone();
    }
    return result;
  }
};

/// Algorithm 1 of the paper on one number at a time, in double.
struct TextbookAdam {
  std::vector<double> value, mask, first, second;

  explicit TextbookAdam(const AdamState& state) {
    const auto copy = [](const at::Tensor& tensor) {
      const at::Tensor doubles = tensor.to(at::kDouble);
      return std::vector<double>(doubles.data_ptr<double>(), doubles.data_ptr<double>() + doubles.numel());
    };
    value = copy(state.value);
    mask = state.mask.defined() ? copy(state.mask) : std::vector<double>(value.size(), 1);
    first = second = std::vector<double>(value.size());
  }

  void step(const AdamStep& options, const at::Tensor& gradient) {
    const at::Tensor doubles = gradient.to(at::kDouble);
    for (std::size_t i = 0; i < value.size(); ++i) {
      const double g = mask[i] * (doubles.data_ptr<double>()[i] + options.decay * mask[i] * value[i]);
      first[i] = options.beta1 * first[i] + (1 - options.beta1) * g;
      second[i] = options.beta2 * second[i] + (1 - options.beta2) * g * g;
      const double first_hat = first[i] / (1 - std::pow(options.beta1, options.step));
      const double second_hat = second[i] / (1 - std::pow(options.beta2, options.step));
      value[i] -= options.learning_rate * first_hat / (std::sqrt(second_hat) + options.epsilon);
    }
  }

  static at::Tensor tensor(const std::vector<double>& values) { return at::tensor(values, at::kDouble); }
};

using AdamFunction = std::function<void(const AdamStep&, at::Tensor&, at::Tensor&, const at::Tensor&, const at::Tensor&,
                                        at::Tensor&, at::Tensor&)>;

void check_adam(const AdamFunction& update, std::int64_t count, bool masked, at::ScalarType dtype) {
  AdamState state(count, masked, dtype);
  TextbookAdam expected(state);
  AdamStep options;
  options.learning_rate = 0.01;
  options.decay = 0.03;
  for (options.step = 1; options.step <= 50; ++options.step) {
    const at::Tensor gradient = draw({count}, 100 + static_cast<std::uint64_t>(options.step), dtype);
    update(options, state.value, state.effective, gradient, state.mask, state.first, state.second);
    expected.step(options, gradient);
  }
  const double limit = dtype == at::kFloat ? 1e-4 : 1e-13;  // 1 - β₂ in float32 is 1e-3 to within 1e-5
  EXPECT_LT(error_of(state.value, TextbookAdam::tensor(expected.value)), limit);
  EXPECT_LT(error_of(state.first, TextbookAdam::tensor(expected.first)), limit);
  EXPECT_LT(error_of(state.second, TextbookAdam::tensor(expected.second)), limit);
  EXPECT_TRUE(at::equal(state.effective, masked ? state.value * state.mask : state.value));
}

TEST(AdamUpdate, IsTheTextbooksOverManySteps) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    for (const bool masked : {false, true}) {
      for (const std::int64_t count : {0, 1, 7, 501}) {
        SCOPED_TRACE(std::to_string(count) + (masked ? " masked" : " dense"));
        check_adam(adam_update, count, masked, dtype);
        check_adam(aten::adam_update, count, masked, dtype);
      }
    }
  }
}

TEST(AdamUpdate, APrunedWeightGetsNoGradientAndItsMomentsDecay) {
  for (const auto& update : {adam_update, aten::adam_update}) {
    AdamState state(40, true, at::kDouble);
    state.first.fill_(0.5);
    state.second.fill_(0.25);
    const at::Tensor value = state.value.clone();
    AdamStep options;
    options.step = 10;
    options.decay = 1;
    update(options, state.value, state.effective, draw({40}, 5), state.mask, state.first, state.second);
    const at::Tensor pruned = state.mask.eq(0);
    EXPECT_TRUE(at::allclose(state.first.masked_select(pruned), at::full({}, 0.45, at::kDouble)));
    EXPECT_TRUE(at::allclose(state.second.masked_select(pruned), at::full({}, 0.24975, at::kDouble)));
    EXPECT_TRUE((state.effective.masked_select(pruned) == 0).all().item<bool>());
    EXPECT_FALSE(at::equal(state.value.masked_select(pruned), value.masked_select(pruned))) << "its momentum moves it";
  }
}

TEST(AdamUpdate, MomentsTooSmallToMatterAreZeroRatherThanDenormal) {
  for (const bool masked : {false, true}) {
    AdamState state(40, masked, at::kFloat);
    state.first.fill_(1e-38);
    state.second.fill_(1e-38);
    AdamStep options;
    options.step = 10;
    adam_update(options, state.value, state.effective, at::zeros({40}), state.mask, state.first, state.second);
    EXPECT_TRUE((state.first == 0).all().item<bool>());
    EXPECT_TRUE((state.second == 0).all().item<bool>());
  }
}

TEST(AdamUpdate, DoesNotDependOnTheNumberOfThreads) {
  const auto run = [](int count) {
    const ThreadsGuard guard(count);
    AdamState state(20011, true, at::kFloat);
    AdamStep options;
    for (options.step = 1; options.step < 5; ++options.step) {
      adam_update(options, state.value, state.effective, draw({20011}, 9, at::kFloat), state.mask, state.first,
                  state.second);
    }
    return state.value;
  };
  EXPECT_TRUE(at::equal(run(1), run(2)));
}

TEST(AdamUpdate, CatchingUpLaterIsTheSameToTheBit) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    for (const std::int64_t count : {1, 300, 1001}) {
      AdamState at_once(count, true, dtype);
      at_once.first = draw({count}, 3, dtype);
      at_once.second = draw({count}, 4, dtype).square();
      AdamState later = at_once.copy();
      const at::Tensor places = later.mask.nonzero().flatten();
      std::vector<AdamStep> steps;
      AdamStep step;
      step.decay = 0.03;
      for (step.step = 7; step.step <= 46; ++step.step) {
        step.learning_rate = 1e-2 / static_cast<double>(step.step);
        steps.push_back(step);
        const at::Tensor gradient = draw({count}, 100 + static_cast<std::uint64_t>(step.step), dtype);
        adam_update(step, at_once.value, at_once.effective, gradient, at_once.mask, at_once.first, at_once.second);
        adam_update_kept(step, places, later.value, later.effective, gradient, later.first, later.second);
        ASSERT_TRUE(at::equal(at_once.effective, later.effective));
      }
      adam_catch_up(steps, later.mask, later.value, later.first, later.second);
      EXPECT_TRUE(at::equal(at_once.value, later.value));
      EXPECT_TRUE(at::equal(at_once.first, later.first));
      EXPECT_TRUE(at::equal(at_once.second, later.second));
    }
  }
}

TEST(AdamUpdate, ANaNStaysOne) {
  AdamState state(40, false, at::kFloat);
  state.first.fill_(std::nan(""));
  adam_update(AdamStep{}, state.value, state.effective, at::zeros({40}), state.mask, state.first, state.second);
  EXPECT_TRUE(at::isnan(state.value).all().item<bool>());
}

}  // namespace
}  // namespace ntt
