// Arithmetic with constants: on shapes, where sides may be times the batch, and on what else exporters leave to
// compute.

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "ntt/core/error.h"
#include "ntt/onnx/conversions.h"

namespace ntt::onnx_import {
namespace {

enum class Operation {
  add,
  sub,
  mul,
  div,
  mod,
  pow,
  min,
  max,
  equal,
  less,
  less_equal,
  greater,
  greater_equal,
  both,
  either
};

const std::map<std::string_view, Operation> kOperations{
    {"Add", Operation::add},         {"Sub", Operation::sub},
    {"Mul", Operation::mul},         {"Div", Operation::div},
    {"Mod", Operation::mod},         {"Pow", Operation::pow},
    {"Min", Operation::min},         {"Max", Operation::max},
    {"Sum", Operation::add},         {"Equal", Operation::equal},
    {"Less", Operation::less},       {"LessOrEqual", Operation::less_equal},
    {"Greater", Operation::greater}, {"GreaterOrEqual", Operation::greater_equal},
    {"And", Operation::both},        {"Or", Operation::either},
};

bool gives_bool(Operation operation) {
  return operation >= Operation::equal;
}

/// A whole number, or times N where batch is set.
struct Entry {
  std::int64_t value = 0;
  bool batch = false;
};

std::int64_t power(std::int64_t base, std::int64_t exponent, bool& overflows) {
  std::int64_t result = 1;
  if (exponent < 0 || exponent > 64) {
    overflows = true;
    return 0;
  }
  for (std::int64_t i = 0; i < exponent; ++i) {
    overflows = overflows || __builtin_mul_overflow(result, base, &result);
  }
  return result;
}

std::int64_t divide(Operation operation, std::int64_t a, std::int64_t b, bool floors) {
  if (b == 0) {
    fail_input("it divides by zero");
  }
  if (b == -1) {  // the processor traps on the least number by -1
    return operation == Operation::mod ? 0 : static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(a));
  }
  const std::int64_t rest = a % b;
  if (operation == Operation::div) {
    return a / b;
  }
  return floors && rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

std::int64_t compute(Operation operation, std::int64_t a, std::int64_t b, bool floors) {
  bool overflows = false;
  std::int64_t result = 0;
  switch (operation) {
    case Operation::add:
      overflows = __builtin_add_overflow(a, b, &result);
      break;
    case Operation::sub:
      overflows = __builtin_sub_overflow(a, b, &result);
      break;
    case Operation::mul:
      overflows = __builtin_mul_overflow(a, b, &result);
      break;
    case Operation::pow:
      result = power(a, b, overflows);
      break;
    case Operation::div:
    case Operation::mod:
      return divide(operation, a, b, floors);
    case Operation::min:
      return std::min(a, b);
    case Operation::max:
      return std::max(a, b);
    case Operation::equal:
      return a == b ? 1 : 0;
    case Operation::less:
      return a < b ? 1 : 0;
    case Operation::less_equal:
      return a <= b ? 1 : 0;
    case Operation::greater:
      return a > b ? 1 : 0;
    case Operation::greater_equal:
      return a >= b ? 1 : 0;
    case Operation::both:
      return a != 0 && b != 0 ? 1 : 0;
    case Operation::either:
      return a != 0 || b != 0 ? 1 : 0;
  }
  if (overflows) {
    fail_input("it computes a number that is too large");
  }
  return result;
}

/// The same where at least one side is times N; none where that would have to be known.
std::optional<Entry> compute_with_batch(Operation operation, const Entry& a, const Entry& b) {
  const auto plainly = [&](bool batch) { return Entry{compute(operation, a.value, b.value, false), batch}; };
  const bool alike = a.batch && b.batch;
  switch (operation) {
    case Operation::add:
    case Operation::sub:
      if (alike || b.value == 0) {
        return plainly(true);
      }
      return operation == Operation::add && a.value == 0 ? std::optional(b) : std::nullopt;
    case Operation::mul:
      return alike ? std::nullopt : std::optional(plainly(true));
    case Operation::div:
      if (alike) {
        return plainly(false);
      }
      return a.batch && b.value != 0 && a.value % b.value == 0 ? std::optional(plainly(true)) : std::nullopt;
    case Operation::mod:
      return a.batch && !b.batch && b.value != 0 && a.value % b.value == 0 ? std::optional(Entry{0, false})
                                                                           : std::nullopt;
    case Operation::min:
    case Operation::max:
      return alike ? std::optional(plainly(true)) : std::nullopt;
    case Operation::pow:
    case Operation::both:
    case Operation::either:
      return std::nullopt;
    default:
      break;
  }
  // N is at least one: a count of inputs is equal to no number below, and larger than it.
  const bool known = alike || (a.batch ? a.value > 0 && b.value <= 0 : b.value > 0 && a.value <= 0);
  return known ? std::optional(plainly(false)) : std::nullopt;
}

at::Tensor flat_integers(const at::Tensor& value, at::IntArrayRef shape) {
  return value.to(at::kLong).expand(shape).contiguous();
}

Constant combine_integers(Step& step, Operation operation, const Constant& a, const Constant& b) {
  const std::vector<std::int64_t> shape = at::infer_size(a.value.sizes(), b.value.sizes());
  const at::Tensor values_a = flat_integers(a.value, shape);
  const at::Tensor values_b = flat_integers(b.value, shape);
  const auto batches = [&](const Constant& c) {
    return (c.batch.defined() ? c.batch : at::zeros({}, at::kBool)).expand(shape).contiguous();
  };
  const at::Tensor batches_a = batches(a);
  const at::Tensor batches_b = batches(b);
  const at::Tensor values = at::empty(shape, at::kLong);
  const at::Tensor flags = at::zeros(shape, at::kBool);
  const auto fixed = step.translation().fixed_batch();
  const bool floors = step.integer("fmod", 0) == 0;
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    Entry left{values_a.data_ptr<std::int64_t>()[i], batches_a.data_ptr<bool>()[i]};
    Entry right{values_b.data_ptr<std::int64_t>()[i], batches_b.data_ptr<bool>()[i]};
    std::optional<Entry> result;
    if (left.batch || right.batch) {
      result = compute_with_batch(operation, left, right);
      if (!result && !fixed) {
        fail_input("what it computes depends on the number of inputs in the batch");
      }
      left.value *= left.batch && !result ? *fixed : 1;
      right.value *= right.batch && !result ? *fixed : 1;
    }
    if (!result) {
      result = Entry{compute(operation, left.value, right.value, floors), false};
    }
    values.data_ptr<std::int64_t>()[i] = result->value;
    flags.data_ptr<bool>()[i] = result->batch && result->value != 0;
  }
  const bool has_batch = flags.any().item<bool>();
  return {gives_bool(operation) ? values.to(at::kBool) : values, has_batch ? flags : at::Tensor(), ""};
}

at::Tensor as_float(const at::Tensor& value) {
  return value.scalar_type() == at::kDouble ? value : value.to(at::kFloat);
}

at::Tensor combine_floats(Operation operation, const at::Tensor& a, const at::Tensor& b, bool floors) {
  switch (operation) {
    case Operation::add:
      return a + b;
    case Operation::sub:
      return a - b;
    case Operation::mul:
      return a * b;
    case Operation::div:
      return a / b;
    case Operation::mod:
      return floors ? at::remainder(a, b) : at::fmod(a, b);
    case Operation::pow:
      return at::pow(a, b);
    case Operation::min:
      return at::minimum(a, b);
    case Operation::max:
      return at::maximum(a, b);
    case Operation::equal:
      return a.eq(b);
    case Operation::less:
      return a.lt(b);
    case Operation::less_equal:
      return a.le(b);
    case Operation::greater:
      return a.gt(b);
    case Operation::greater_equal:
      return a.ge(b);
    default:
      fail_input("it compares floats as if they were bools");
  }
}

/// Floats that depend on the batch are sizes that were cast, and whole.
bool is_whole(const Constant& constant) {
  return !constant.value.is_floating_point() || constant.value.frac().eq(0).all().item<bool>();
}

Constant combine(Step& step, Operation operation, const Constant& a, const Constant& b) {
  const std::vector<std::int64_t> shape = at::infer_size(a.value.sizes(), b.value.sizes());
  double count = 1;
  for (const std::int64_t side : shape) {
    count *= static_cast<double>(side);
  }
  step.translation().reserve(count);
  const bool floats = a.value.is_floating_point() || (b.value.is_floating_point() && operation != Operation::pow);
  if (!floats && !b.value.is_floating_point()) {
    return combine_integers(step, operation, a, b);
  }
  if (!a.batch.defined() && !b.batch.defined()) {
    return {combine_floats(operation, as_float(a.value), as_float(b.value), step.integer("fmod", 0) == 0), {}, ""};
  }
  if (!is_whole(a) || !is_whole(b)) {
    fail_input("what it computes depends on the number of inputs in the batch");
  }
  Constant result = combine_integers(step, operation, a, b);
  result.value = gives_bool(operation) ? result.value : result.value.to(at::kFloat);
  return result;
}

/// Without entries that depend on the batch, where the file fixes it.
at::Tensor plain(Step& step, const Constant& constant) {
  if (!constant.batch.defined()) {
    return constant.value;
  }
  if (!step.translation().fixed_batch()) {
    fail_input("what it computes depends on the number of inputs in the batch");
  }
  return at::where(constant.batch, constant.value * *step.translation().fixed_batch(), constant.value);
}

using Unary = at::Tensor (*)(const at::Tensor&);
const std::map<std::string_view, Unary> kUnary{
    {"Sqrt", [](const at::Tensor& x) { return as_float(x).sqrt(); }},
    {"Reciprocal", [](const at::Tensor& x) { return as_float(x).reciprocal(); }},
    {"Exp", [](const at::Tensor& x) { return as_float(x).exp(); }},
    {"Log", [](const at::Tensor& x) { return as_float(x).log(); }},
    {"Erf", [](const at::Tensor& x) { return as_float(x).erf(); }},
    {"Tanh", [](const at::Tensor& x) { return as_float(x).tanh(); }},
    {"Sigmoid", [](const at::Tensor& x) { return as_float(x).sigmoid(); }},
    {"Relu", [](const at::Tensor& x) { return x.clamp_min(0); }},
    {"Abs", [](const at::Tensor& x) { return x.abs(); }},
    {"Neg", [](const at::Tensor& x) { return x.neg(); }},
    {"Sign", [](const at::Tensor& x) { return x.sign(); }},
    {"Not", [](const at::Tensor& x) { return x.logical_not(); }},
    {"Floor", [](const at::Tensor& x) { return as_float(x).floor(); }},
    {"Ceil", [](const at::Tensor& x) { return as_float(x).ceil(); }},
    {"Round", [](const at::Tensor& x) { return as_float(x).round(); }},
};

}  // namespace

void fold_binary(Step& step) {
  const Operation operation = kOperations.at(step.node().op_type());
  Constant result = step.constant(0);
  for (std::size_t i = 1; i < step.inputs(); ++i) {
    result = combine(step, operation, result, step.constant(i));
  }
  step.set(std::move(result));
}

void fold_unary(Step& step) {
  const std::string& operation = step.node().op_type();
  const Constant& given = step.constant(0);
  const bool rounds = operation == "Floor" || operation == "Ceil" || operation == "Round";
  if (given.batch.defined() && rounds && is_whole(given)) {
    step.set(given);
    return;
  }
  step.translation().reserve(static_cast<double>(given.value.numel()));
  step.set(Constant{kUnary.at(operation)(plain(step, given)), {}, ""});
}

void fold_where(Step& step) {
  const at::Tensor condition = plain(step, step.constant(0)).to(at::kBool);
  const Constant& a = step.constant(1);
  const Constant& b = step.constant(2);
  const auto shape = at::infer_size(at::infer_size(a.value.sizes(), b.value.sizes()), condition.sizes());
  step.translation().reserve(static_cast<double>(condition.expand(shape).numel()));
  const at::ScalarType type = at::promote_types(a.value.scalar_type(), b.value.scalar_type());
  Constant result{at::where(condition, a.value.to(type), b.value.to(type)), {}, ""};
  if (a.batch.defined() || b.batch.defined()) {
    const auto flags = [&](const Constant& c) { return c.batch.defined() ? c.batch : at::zeros({}, at::kBool); };
    result.batch = at::where(condition, flags(a), flags(b)).expand(shape);
  }
  step.set(std::move(result));
}

void fold_range(Step& step) {
  const double start = step.number(0);
  const Constant& end = step.known(1);
  const double delta = step.number(2);
  const bool sampled = end.batch.defined() && !step.translation().fixed_batch();
  const double limit = sampled ? end.value.item<double>() * kSampleBatch : plain(step, end).item<double>();
  const double count = std::ceil((limit - start) / delta);
  if (delta == 0 || !std::isfinite(count)) {
    fail_input("it goes from {} to {} in steps of {}", start, limit, delta);
  }
  step.translation().reserve(std::max(count, 0.0));
  const at::Tensor places = at::arange(static_cast<std::int64_t>(std::max(count, 0.0)), at::kDouble);
  Constant range{(places * delta + start).to(step.constant(0).value.scalar_type()), {}, ""};
  range.sampled = sampled;
  step.set(std::move(range));
}

void fold_reduction(Step& step) {
  const std::string& operation = step.node().op_type();
  const Constant& given = step.constant(0);
  std::vector<std::int64_t> axes =
      step.has_integers("axes", 1) ? listed_axes(step, given.value.dim()) : std::vector<std::int64_t>();
  if (axes.empty() && step.integer("noop_with_empty_axes", 0) != 0) {
    step.set(given);
    return;
  }
  for (std::int64_t axis = 0; !step.has_integers("axes", 1) && axis < given.value.dim(); ++axis) {
    axes.push_back(axis);
  }
  const bool keeps = step.integer("keepdims", 1) != 0;
  Constant result;
  if (operation == "ReduceProd") {
    result.value = given.value;
    result.batch = given.batch.defined() ? given.batch.to(at::kLong) : at::Tensor();
    std::ranges::reverse(axes);
    for (const std::int64_t axis : axes) {
      result.value = result.value.prod(axis, keeps);
      result.batch = result.batch.defined() ? result.batch.sum(axis, keeps) : at::Tensor();
    }
    if (result.batch.defined() && result.batch.gt(1).any().item<bool>()) {
      fail_input("what it computes depends on the number of inputs in the batch");
    }
    result.batch = result.batch.defined() ? result.batch.to(at::kBool) : at::Tensor();
  } else {
    const at::Tensor value = plain(step, given);
    const bool floats = value.is_floating_point();
    result.value = operation == "ReduceMean"  ? as_float(value).mean(axes, keeps)
                   : operation == "ReduceSum" ? value.sum(axes, keeps)
                   : operation == "ReduceMax" ? value.amax(axes, keeps)
                                              : value.amin(axes, keeps);
    result.value = floats ? result.value : result.value.to(value.scalar_type());
  }
  step.set(std::move(result));
}

void fold_clip(Step& step) {
  at::Tensor value = plain(step, step.constant(0));
  if (step.has_input(1) || step.has("min")) {
    value = value.clamp_min(step.has_input(1) ? step.number(1) : step.number("min", 0.0));
  }
  if (step.has_input(2) || step.has("max")) {
    value = value.clamp_max(step.has_input(2) ? step.number(2) : step.number("max", 0.0));
  }
  step.set(Constant{value, {}, ""});
}

}  // namespace ntt::onnx_import
