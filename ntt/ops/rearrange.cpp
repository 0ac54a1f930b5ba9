// Operators that only move values: each is a map of indices, and its transpose the way back.

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

#include "ntt/core/error.h"
#include "ntt/ops/attributes.h"
#include "ntt/ops/families.h"
#include "ntt/ops/linear_map.h"

namespace ntt {
namespace {

/// [R, shape...]
Shape rows_of(std::int64_t rows, const Shape& shape) {
  Shape sizes{rows};
  sizes.insert(sizes.end(), shape.begin(), shape.end());
  return sizes;
}

/// Flatten and reshape: values lie as they did.
class Reshape : public LinearMap {
 public:
  Reshape(Shape from, Shape to) : LinearMap(std::move(to)), from_(std::move(from)) {}

 protected:
  at::Tensor apply(const Tensors& inputs) const override {
    return inputs.front().reshape(rows_of(inputs.front().size(0), output_shape()));
  }
  Tensors apply_transpose(const at::Tensor& output, const std::vector<bool>& /*wanted*/) const override {
    return {output.reshape(rows_of(output.size(0), from_))};
  }

 private:
  Shape from_;
};

std::unique_ptr<Operator> make_flatten(const Declaration& declaration) {
  const Settings settings("flatten", declaration);
  settings.check_inputs(1, 1);
  return std::make_unique<Reshape>(settings.inputs().front(), Shape{entries(settings.inputs().front())});
}

std::unique_ptr<Operator> make_reshape(const Declaration& declaration) {
  const Settings settings("reshape", declaration);
  settings.check_inputs(1, 1);
  const Shape& from = settings.inputs().front();
  Shape to = settings.needed_list("shape");
  const auto open = std::ranges::find(to, -1);
  std::int64_t known = 1;
  for (const std::int64_t side : to) {
    const bool fits = side == -1 ? std::ranges::count(to, -1) == 1 : side > 0 && side <= entries(from) / known;
    if (!fits) {
      fail_input("'shape' is [{}], which does not fit the {} values of its input", to_string(to), entries(from));
    }
    known *= side == -1 ? 1 : side;
  }
  if (open != to.end()) {
    *open = entries(from) / known;
  }
  if (entries(to) != entries(from)) {
    fail_input("'shape' is {}, of {} values, but its input {} has {}", to_string(to), entries(to), to_string(from),
               entries(from));
  }
  return std::make_unique<Reshape>(from, std::move(to));
}

class TransposeAxes : public LinearMap {
 public:
  TransposeAxes(Shape to, const std::vector<std::int64_t>& axes) : LinearMap(std::move(to)) {
    forth_.push_back(0);
    for (const std::int64_t axis : axes) {
      forth_.push_back(axis + 1);
    }
    back_.resize(forth_.size());
    for (std::size_t i = 0; i < forth_.size(); ++i) {
      back_[static_cast<std::size_t>(forth_[i])] = static_cast<std::int64_t>(i);
    }
  }

 protected:
  at::Tensor apply(const Tensors& inputs) const override { return inputs.front().permute(forth_).contiguous(); }
  Tensors apply_transpose(const at::Tensor& output, const std::vector<bool>& /*wanted*/) const override {
    return {output.permute(back_).contiguous()};
  }

 private:
  std::vector<std::int64_t> forth_;
  std::vector<std::int64_t> back_;
};

std::unique_ptr<Operator> make_transpose(const Declaration& declaration) {
  const Settings settings("transpose", declaration);
  settings.check_inputs(1, 1);
  const Shape& from = settings.inputs().front();
  const std::vector<std::int64_t> axes = settings.needed_list("axes");
  std::vector<std::int64_t> sorted = axes;
  std::ranges::sort(sorted);
  std::vector<std::int64_t> all(from.size());
  std::iota(all.begin(), all.end(), 0);
  if (sorted != all) {
    fail_input("'axes' must name each of the input's {} axes once, counted from 0 without the batch", from.size());
  }
  Shape to;
  for (const std::int64_t axis : axes) {
    to.push_back(from[static_cast<std::size_t>(axis)]);
  }
  return std::make_unique<TransposeAxes>(std::move(to), axes);
}

class Slice : public LinearMap {
 public:
  Slice(Shape to, Shape from, std::int64_t axis, std::int64_t start, std::int64_t end, std::int64_t step)
      : LinearMap(std::move(to)), from_(std::move(from)), axis_(axis + 1), start_(start), end_(end), step_(step) {}

 protected:
  at::Tensor apply(const Tensors& inputs) const override {
    return inputs.front().slice(axis_, start_, end_, step_).contiguous();
  }
  Tensors apply_transpose(const at::Tensor& output, const std::vector<bool>& /*wanted*/) const override {
    at::Tensor result = at::zeros(rows_of(output.size(0), from_), output.options());
    result.slice(axis_, start_, end_, step_).copy_(output);
    return {result};
  }

 private:
  Shape from_;
  std::int64_t axis_;
  std::int64_t start_;
  std::int64_t end_;
  std::int64_t step_;
};

std::unique_ptr<Operator> make_slice(const Declaration& declaration) {
  const Settings settings("slice", declaration);
  settings.check_inputs(1, 1);
  const Shape& from = settings.inputs().front();
  const std::int64_t axis = settings.axis("axis", 0, from.size());
  const std::int64_t size = from[static_cast<std::size_t>(axis)];
  const auto bound = [&](const char* key, std::int64_t otherwise) {
    const std::vector<std::int64_t> given = settings.list(key);
    const std::int64_t value = given.empty() ? otherwise : given.front();
    return std::clamp<std::int64_t>(value < 0 ? value + size : value, 0, size);
  };
  const std::int64_t start = bound("start", 0);
  const std::int64_t end = bound("end", size);
  const std::int64_t step = settings.integer_or("step", 1, 1);
  if (start >= end) {
    fail_input("the slice from {} to {} of an axis of {} holds nothing", start, end, size);
  }
  Shape to = from;
  to[static_cast<std::size_t>(axis)] = (end - start + step - 1) / step;
  return std::make_unique<Slice>(std::move(to), from, axis, start, end, step);
}

class Pad : public LinearMap {
 public:
  Pad(Shape to, Shape from, std::vector<std::int64_t> padding, double value)
      : LinearMap(std::move(to)), from_(std::move(from)), padding_(std::move(padding)), value_(value) {}

  at::Tensor forward(const Tensors& inputs, const NodeParameters& /*parameters*/, NodeTape& /*tape*/) const override {
    return padded(inputs.front(), value_);
  }

 protected:
  at::Tensor apply(const Tensors& inputs) const override { return padded(inputs.front(), 0); }
  Tensors apply_transpose(const at::Tensor& output, const std::vector<bool>& /*wanted*/) const override {
    return {inner(output).contiguous()};
  }

 private:
  at::Tensor inner(const at::Tensor& outer) const {
    at::Tensor part = outer;
    for (std::size_t axis = 0; axis < from_.size(); ++axis) {
      part = part.narrow(static_cast<std::int64_t>(axis) + 1, padding_[axis], from_[axis]);
    }
    return part;
  }
  at::Tensor padded(const at::Tensor& input, double value) const {
    at::Tensor result = at::full(rows_of(input.size(0), output_shape()), value, input.options());
    inner(result).copy_(input);
    return result;
  }

  Shape from_;
  std::vector<std::int64_t> padding_;
  double value_;
};

std::unique_ptr<Operator> make_pad(const Declaration& declaration) {
  const Settings settings("pad", declaration);
  settings.check_inputs(1, 1);
  const Shape& from = settings.inputs().front();
  const std::vector<std::int64_t> padding = settings.padding(from.size());
  Shape to = from;
  for (std::size_t axis = 0; axis < to.size(); ++axis) {
    to[axis] += padding[axis] + padding[axis + to.size()];
  }
  return std::make_unique<Pad>(std::move(to), from, padding, settings.number_or("value", 0));
}

class Concat : public LinearMap {
 public:
  Concat(Shape to, std::vector<Shape> from, std::int64_t axis)
      : LinearMap(std::move(to)), from_(std::move(from)), axis_(axis) {}

 protected:
  at::Tensor apply(const Tensors& inputs) const override {
    const auto defined = std::ranges::find_if(inputs, [](const at::Tensor& input) { return input.defined(); });
    Tensors parts;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      parts.push_back(inputs[i].defined() ? inputs[i]
                                          : at::zeros(rows_of(defined->size(0), from_[i]), defined->options()));
    }
    return at::cat(parts, axis_ + 1);
  }
  Tensors apply_transpose(const at::Tensor& output, const std::vector<bool>& wanted) const override {
    Tensors parts(from_.size());
    std::int64_t first = 0;
    for (std::size_t i = 0; i < from_.size(); ++i) {
      const std::int64_t count = from_[i][static_cast<std::size_t>(axis_)];
      if (wanted[i]) {
        parts[i] = output.narrow(axis_ + 1, first, count).contiguous();
      }
      first += count;
    }
    return parts;
  }

 private:
  std::vector<Shape> from_;
  std::int64_t axis_;
};

std::unique_ptr<Operator> make_concat(const Declaration& declaration) {
  const Settings settings("concat", declaration);
  settings.check_inputs(1, 1 << 16);
  const std::vector<Shape>& from = settings.inputs();
  const std::int64_t axis = settings.axis("axis", 0, from.front().size());
  const auto place = static_cast<std::size_t>(axis);
  Shape to = from.front();
  to[place] = 0;
  for (const Shape& shape : from) {
    Shape others = shape;
    if (others.size() != to.size() || (others[place] = to[place], others != to)) {
      fail_input("its inputs {} and {} differ in more than axis {}", to_string(from.front()), to_string(shape), axis);
    }
    to[place] += shape[place];
  }
  return std::make_unique<Concat>(std::move(to), from, axis);
}

}  // namespace

std::vector<OperatorType> rearranging_types() {
  return {
      {"flatten", "flatten", "all values as one axis", {}, make_flatten},
      {"reshape",
       "reshape",
       "the values in their order, in another shape; -1 stands for the rest",
       {"shape"},
       make_reshape},
      {"transpose", "transpose", "the axes in another order", {"axes"}, make_transpose},
      {"concat",
       "concat",
       "the inputs one after another along an axis",
       {"axis"},
       make_concat,
       "one or more, alike but for the axis"},
      {"slice", "slice", "a part of an axis, from start to before end", {"axis", "start", "end", "step"}, make_slice},
      {"pad", "pad", "a constant around the values", {"padding", "value"}, make_pad},
  };
}

}  // namespace ntt
