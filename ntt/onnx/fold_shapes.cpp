// Constants taken apart and put together.

#include <ATen/ATen.h>

#include <algorithm>

#include "ntt/core/error.h"
#include "ntt/onnx/conversions.h"
#include "ntt/onnx/layout.h"
#include "ntt/onnx/tensors.h"

namespace ntt::onnx_import {
namespace {

using ::onnx::AttributeProto;

/// The same done to the entries and to what says which of them are times the batch.
template <typename Function>
Constant rearranged(const Constant& constant, Function function) {
  Constant result{function(constant.value), {}, constant.origin, constant.trained};
  if (constant.batch.defined()) {
    result.batch = function(constant.batch);
  }
  return result;
}

template <typename Function>
void set_rearranged(Step& step, Function function) {
  step.set(rearranged(step.constant(0), function));
}

void reserve(Step& step, at::IntArrayRef shape) {
  double count = 1;
  for (const std::int64_t side : shape) {
    if (side < 0) {
      fail_input("its output has a side of {}", side);
    }
    count *= static_cast<double>(side);
  }
  step.translation().reserve(count);
}

at::Tensor attribute_tensor(Step& step, const AttributeProto& attribute) {
  ::onnx::TensorProto copy = attribute.t();
  return take_tensor(copy, step.translation().folder());
}

/// A shape with 0 and -1 put right for a constant of `there`.
std::vector<std::int64_t> resolved(std::vector<std::int64_t> shape, const at::Tensor& there, bool copies_zeros) {
  std::int64_t others = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && copies_zeros && static_cast<std::int64_t>(i) < there.dim()) {
      shape[i] = there.size(static_cast<std::int64_t>(i));
    }
    if (shape[i] < -1 || shape[i] > there.numel()) {
      fail_input("it makes {} of a constant of {}", to_string(shape), to_string(there.sizes().vec()));
    }
    others = shape[i] == -1 ? others : std::min(others * shape[i], there.numel() + 1);
  }
  const auto left = std::ranges::find(shape, -1);
  if (left != shape.end() && others > 0) {
    *left = there.numel() / others;
    others *= *left;
  }
  if (others != there.numel() || std::ranges::count(shape, -1) > 0) {
    fail_input("it makes {} of a constant of {}", to_string(shape), to_string(there.sizes().vec()));
  }
  return shape;
}

/// Repeats a constant; along the batch it becomes a value like those that depend on the input.
void set_expanded(Step& step, const Constant& constant, const Constant& list) {
  const at::Tensor sides = list.value.to(at::kLong).flatten().contiguous();
  std::vector<std::int64_t> shape(sides.data_ptr<std::int64_t>(), sides.data_ptr<std::int64_t>() + sides.numel());
  std::optional<std::int64_t> batch_axis;
  for (std::int64_t i = 0; list.batch.defined() && i < sides.numel(); ++i) {
    if (list.batch.flatten()[i].item<bool>()) {
      if (batch_axis || shape[static_cast<std::size_t>(i)] != 1) {
        fail_input("it repeats a constant to a shape that names the batch twice or several times");
      }
      batch_axis = i;
    }
  }
  // ONNX broadcasts both ways: a side of 1 keeps what is there.
  for (std::int64_t i = 1; i <= std::min<std::int64_t>(constant.value.dim(), sides.numel()); ++i) {
    std::int64_t& side = shape[shape.size() - static_cast<std::size_t>(i)];
    side = side == 1 ? constant.value.size(constant.value.dim() - i) : side;
  }
  for (std::int64_t i = sides.numel(); i < constant.value.dim(); ++i) {
    shape.insert(shape.begin(), constant.value.size(constant.value.dim() - 1 - i));
  }
  reserve(step, shape);
  if (!batch_axis) {
    Constant result = rearranged(constant, [&](const at::Tensor& tensor) { return tensor.expand(shape); });
    return step.set(std::move(result));
  }
  const auto rank = static_cast<std::int64_t>(shape.size());
  const BatchAxis batch{*batch_axis + rank - sides.numel(), 1, 1};
  if (constant.sampled) {
    fail_input("it repeats what depends on the number of inputs in the batch");
  }
  const Constant whole{constant.value.expand(shape), {}, constant.origin, constant.trained};
  step.set(Activation{constant_node(step, whole, batch, rank, "shift"), batch});
}

}  // namespace

void fold_constant(Step& step) {
  if (step.node().attribute_size() != 1) {
    fail_input("it has {} attributes, but must have one, its value", step.node().attribute_size());
  }
  const AttributeProto& attribute = step.node().attribute(0);
  const std::string& name = attribute.name();
  Constant result{{}, {}, step.node().output_size() > 0 ? step.node().output(0) : ""};
  if (name == "value" && attribute.type() == AttributeProto::TENSOR) {
    result.value = attribute_tensor(step, attribute);
  } else if (name == "sparse_value" && attribute.type() == AttributeProto::SPARSE_TENSOR) {
    ::onnx::SparseTensorProto copy = attribute.sparse_tensor();
    result.value = take_sparse_tensor(copy, step.translation().folder());
  } else if (name == "value_float" && attribute.type() == AttributeProto::FLOAT) {
    result.value = at::scalar_tensor(attribute.f(), at::kFloat);
  } else if (name == "value_int" && attribute.type() == AttributeProto::INT) {
    result.value = at::scalar_tensor(attribute.i(), at::kLong);
  } else if (name == "value_floats" && attribute.type() == AttributeProto::FLOATS) {
    result.value = at::empty({attribute.floats_size()}, at::kFloat);
    std::copy(attribute.floats().begin(), attribute.floats().end(), result.value.data_ptr<float>());
  } else if (name == "value_ints" && attribute.type() == AttributeProto::INTS) {
    result.value = at::empty({attribute.ints_size()}, at::kLong);
    std::copy(attribute.ints().begin(), attribute.ints().end(), result.value.data_ptr<std::int64_t>());
  } else {
    fail_input("its value is in the attribute '{}', which is not supported", name);
  }
  step.set(std::move(result));
}

void fold_constant_of_shape(Step& step) {
  at::Tensor value = at::zeros({1}, at::kFloat);
  if (const AttributeProto* given = step.attribute("value", AttributeProto::TENSOR)) {
    value = attribute_tensor(step, *given);
  }
  if (value.numel() != 1) {
    fail_input("its value has {} entries, but must have one", value.numel());
  }
  set_expanded(step, {value.reshape({}), {}, ""}, step.known(0));
}

/// PyTorch's older exporter writes parameters that are equal once, and the others as Identity of that one under their
/// own names; where all entries are equal it is chance that they are (ParameterNames::is_tied).
void fold_identity(Step& step) {
  Constant constant = step.constant(0);
  const at::Tensor& value = constant.value;
  if (constant.trained && value.numel() > 1 && value.eq(value.flatten()[0]).all().item<bool>()) {
    constant.origin = step.node().output(0);
  }
  step.set(std::move(constant));
}

void fold_cast(Step& step) {
  const bool like = step.node().op_type() == "CastLike";
  const at::ScalarType type = like ? step.constant(1).value.scalar_type() : scalar_type(step.integer("to", 0));
  const Constant& given = step.constant(0);
  if (type == at::kBool && given.batch.defined()) {
    fail_input("it makes bools of sizes");
  }
  if (type != given.value.scalar_type()) {
    step.translation().reserve(static_cast<double>(given.value.numel()));
  }
  step.set(Constant{given.value.to(type), given.batch, given.origin, given.trained});
}

void fold_shape(Step& step) {
  const at::Tensor& value = step.constant(0).value;
  const std::int64_t start = step.integer("start", 0);
  const std::int64_t end = step.integer("end", value.dim());
  const at::Tensor shape = at::empty({value.dim()}, at::kLong);
  std::copy(value.sizes().begin(), value.sizes().end(), shape.data_ptr<std::int64_t>());
  step.set(Constant{shape.slice(0, start, end), {}, ""});
}

void fold_size(Step& step) {
  step.set(Constant{at::scalar_tensor(step.constant(0).value.numel(), at::kLong), {}, ""});
}

void fold_reshape(Step& step) {
  const std::vector<std::int64_t> shape =
      resolved(step.integers(1), step.constant(0).value, step.integer("allowzero", 0) == 0);
  set_rearranged(step, [&](const at::Tensor& tensor) { return tensor.reshape(shape); });
}

void fold_flatten(Step& step) {
  const at::Tensor& value = step.constant(0).value;
  const std::int64_t given = step.integer("axis", 1);
  const std::int64_t axis = given == value.dim() ? given : Step::axis(given, value.dim());
  std::int64_t before = 1;
  for (std::int64_t i = 0; i < axis; ++i) {
    before *= value.size(i);
  }
  const std::int64_t behind = before == 0 ? 0 : value.numel() / before;
  set_rearranged(step, [&](const at::Tensor& tensor) { return tensor.reshape({before, behind}); });
}

void fold_squeeze(Step& step) {
  const at::Tensor& value = step.constant(0).value;
  std::vector<std::int64_t> shape = value.sizes().vec();
  if (!step.has_integers("axes", 1)) {
    std::erase(shape, 1);
  } else {
    std::vector<std::int64_t> axes = listed_axes(step, value.dim());
    std::ranges::reverse(axes);
    for (const std::int64_t axis : axes) {
      if (value.size(axis) != 1) {
        fail_input("it takes away axis {} of {}, which is not of one entry", axis, to_string(value.sizes().vec()));
      }
      shape.erase(shape.begin() + axis);
    }
  }
  set_rearranged(step, [&](const at::Tensor& tensor) { return tensor.reshape(shape); });
}

void fold_unsqueeze(Step& step) {
  const at::Tensor& value = step.constant(0).value;
  const auto more = static_cast<std::int64_t>(step.integers("axes", 1).size());
  const std::vector<std::int64_t> axes = listed_axes(step, value.dim() + more);
  set_rearranged(step, [&](at::Tensor tensor) {
    for (const std::int64_t axis : axes) {
      tensor = tensor.unsqueeze(axis);
    }
    return tensor;
  });
}

void fold_transpose(Step& step) {
  const std::vector<std::int64_t> order = permutation(step, step.constant(0).value.dim());
  set_rearranged(step, [&](const at::Tensor& tensor) { return tensor.permute(order); });
}

void fold_expand(Step& step) {
  set_expanded(step, step.constant(0), step.known(1));
}

void fold_concat(Step& step) {
  std::vector<at::Tensor> values;
  std::vector<at::Tensor> batches;
  bool has_batch = false;
  for (std::size_t i = 0; i < step.inputs(); ++i) {
    const Constant& part = step.constant(i);
    values.push_back(part.value);
    batches.push_back(part.batch.defined() ? part.batch : at::zeros({}, at::kBool).expand(part.value.sizes()));
    has_batch = has_batch || part.batch.defined();
    step.translation().reserve(static_cast<double>(part.value.numel()));
  }
  const std::int64_t axis = step.integer("axis", 1);
  step.set(Constant{at::cat(values, axis), has_batch ? at::cat(batches, axis) : at::Tensor(), ""});
}

void fold_split(Step& step) {
  const Constant& given = step.constant(0);
  const std::int64_t axis = Step::axis(step.integer("axis", 0), given.value.dim());
  std::int64_t start = 0;
  int output = 0;
  for (const std::int64_t size : split_sizes(step, given.value.size(axis))) {
    step.set(rearranged(given, [&](const at::Tensor& tensor) { return tensor.narrow(axis, start, size); }), output++);
    start += size;
  }
}

void fold_slice(Step& step) {
  const std::vector<Cut> cuts = cuts_of(step, step.constant(0).value.sizes().vec());
  set_rearranged(step, [&](at::Tensor tensor) {
    for (const Cut& cut : cuts) {
      if (cut.step > 0) {
        const std::int64_t end = cut.count == 0 ? cut.start : cut.start + (cut.count - 1) * cut.step + 1;
        tensor = tensor.slice(cut.axis, cut.start, end, cut.step);
      } else {
        const at::Tensor places = at::arange(cut.count, at::kLong) * cut.step + cut.start;
        tensor = tensor.index_select(cut.axis, places);
      }
    }
    return tensor;
  });
}

void fold_gather(Step& step) {
  const Constant& given = step.constant(0);
  const std::int64_t axis = Step::axis(step.integer("axis", 0), given.value.dim());
  const at::Tensor& indices = step.constant(1).value;
  const std::int64_t side = given.value.size(axis);
  if (!at::isIntegralType(indices.scalar_type(), false) || step.constant(1).batch.defined()) {
    fail_input("its indices are not whole numbers of the file");
  }
  const at::Tensor flat = indices.to(at::kLong).flatten();
  const at::Tensor places = at::where(flat.lt(0), flat + side, flat);
  if (places.lt(0).logical_or(places.ge(side)).any().item<bool>()) {
    fail_input("it picks an index outside of an axis of {}", side);
  }
  std::vector<std::int64_t> shape = given.value.sizes().vec();
  shape.erase(shape.begin() + axis);
  shape.insert(shape.begin() + axis, indices.sizes().begin(), indices.sizes().end());
  reserve(step, shape);
  set_rearranged(step, [&](const at::Tensor& tensor) { return tensor.index_select(axis, places).reshape(shape); });
}

}  // namespace ntt::onnx_import
