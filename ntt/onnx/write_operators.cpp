// How each type of node is written: one ONNX operator where there is one, else the few that make it up.

#include <fmt/ranges.h>

#include <cmath>
#include <functional>
#include <map>
#include <numbers>

#include "ntt/core/error.h"
#include "ntt/onnx/graph_writer.h"
#include "ntt/onnx/operators.h"

namespace ntt::onnx_export {
namespace {

using Integers = std::vector<std::int64_t>;

/// Behind the batch.
Integers with_batch(Integers sides, std::int64_t batch) {
  sides.insert(sides.begin(), batch);
  return sides;
}

void linear(GraphWriter& w) {
  std::vector<std::string> inputs{w.input(), w.parameter(0)};
  const bool has_bias = w.node().parameters.size() > 1;
  if (w.input_shape().size() == 1) {
    if (has_bias) {
      inputs.push_back(w.parameter(1));
    }
    set(w.result("Gemm", inputs), "transB", std::int64_t{1});
    return;
  }
  const std::string transposed = w.step("Transpose", {w.parameter(0)});
  if (has_bias) {
    const std::string product = w.step("MatMul", {w.input(), transposed});
    w.last().set_name(w.node().name);  // read again, the product is the layer, to which the bias is added
    w.result("Add", {product, w.parameter(1)}).set_name(w.node().name + ".Add");
  } else {
    w.result("MatMul", {w.input(), transposed});
  }
}

void convolution(GraphWriter& w) {
  const std::size_t dimensions = w.input_shape().size() - 1;
  std::vector<std::string> inputs{w.input(), w.parameter(0)};
  if (w.node().parameters.size() > 1) {
    inputs.push_back(w.parameter(1));
  }
  onnx::NodeProto& node = w.result("Conv", inputs);
  set(node, "kernel_shape", w.sizes("kernel", dimensions, 1));
  set(node, "strides", w.sizes("stride", dimensions, 1));
  set(node, "dilations", w.sizes("dilation", dimensions, 1));
  set(node, "pads", w.sizes("padding", 2 * dimensions, 0));
  set(node, "group", w.sizes("groups", 1, 1).front());
}

void pooling(GraphWriter& w, const char* operation) {
  const std::size_t dimensions = w.input_shape().size() - 1;
  const Integers kernel = w.sizes("kernel", dimensions, 1);
  onnx::NodeProto& node = w.result(operation, {w.input()});
  set(node, "kernel_shape", kernel);
  set(node, "strides", w.has("stride") ? w.sizes("stride", dimensions, 1) : kernel);
  set(node, "pads", w.sizes("padding", 2 * dimensions, 0));
  set(node, "ceil_mode", std::int64_t{w.flag("ceil_mode", false)});
  if (w.node().type == "max-pool") {
    set(node, "dilations", w.sizes("dilation", dimensions, 1));
  } else {
    set(node, "count_include_pad", std::int64_t{w.flag("count_include_pad", true)});
  }
}

void batch_norm(GraphWriter& w) {
  onnx::NodeProto& node =
      w.result("BatchNormalization", {w.input(), w.parameter(0), w.parameter(1), w.parameter(2), w.parameter(3)});
  set(node, "epsilon", w.number("epsilon", 1e-5));
  set(node, "momentum", 1 - w.number("momentum", 0.1));
}

void layer_norm(GraphWriter& w) {
  onnx::NodeProto& node = w.result("LayerNormalization", {w.input(), w.parameter(0), w.parameter(1)});
  set(node, "axis", -w.sizes("axes", 1, 1).front());
  set(node, "epsilon", w.number("epsilon", 1e-5));
}

/// A parameter is broadcast where it is read, or else to the batch.
void source(GraphWriter& w) {
  if (w.is_broadcast()) {
    w.take_parameter_as_value();
    return;
  }
  const std::string sizes = w.step("Concat", {w.batch_size(), w.constant(w.shape())});
  set(w.last(), "axis", std::int64_t{0});
  w.result("Expand", {w.parameter(0), sizes});
}

void affine(GraphWriter& w) {
  const double factor = w.number("factor", 1);
  const double offset = w.number("offset", 0);
  if (offset == 0) {
    w.result("Mul", {w.input(), w.constant(factor)});
  } else if (factor == 1) {
    w.result("Add", {w.input(), w.constant(offset)});
  } else {
    w.result("Add", {w.step("Mul", {w.input(), w.constant(factor)}), w.constant(offset)});
  }
}

void clip(GraphWriter& w) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double low = w.number("min", -infinity);
  const double high = w.number("max", infinity);
  std::vector<std::string> inputs{w.input(), std::isfinite(low) ? w.constant(low) : ""};
  if (std::isfinite(high)) {
    inputs.push_back(w.constant(high));
  }
  w.result("Clip", inputs);
}

/// x/2 (1 + erf(x / √2)) or x/2 (1 + tanh u), u = √(2/π) (x + 0.044715 x³): the operator Gelu is of a later opset.
void gelu(GraphWriter& w) {
  const auto found = w.node().attributes.find("approximation");
  const bool by_tanh = found != w.node().attributes.end() && std::get<std::string>(found->second) == "tanh";
  std::string inner;
  if (by_tanh) {
    const std::string cubic = w.step("Mul", {w.step("Pow", {w.input(), w.constant(3.0)}), w.constant(0.044715)});
    const std::string sum = w.step("Add", {w.input(), cubic});
    inner = w.step("Tanh", {w.step("Mul", {sum, w.constant(std::sqrt(2 / std::numbers::pi))})});
  } else {
    inner = w.step("Erf", {w.step("Mul", {w.input(), w.constant(std::numbers::sqrt2 / 2)})});
  }
  w.result("Mul", {w.step("Mul", {w.input(), w.constant(0.5)}), w.step("Add", {inner, w.constant(1.0)})});
}

void softmax(GraphWriter& w) {
  set(w.result("Softmax", {w.input()}), "axis", w.axis("axis", -1));
}

void concat(GraphWriter& w) {
  std::vector<std::string> inputs;
  for (std::size_t i = 0; i < w.node().inputs.size(); ++i) {
    inputs.push_back(w.input(i));
  }
  set(w.result("Concat", inputs), "axis", w.axis("axis", 0));
}

void slice(GraphWriter& w) {
  const std::int64_t axis = w.axis("axis", 0);
  const std::int64_t size = w.input_shape()[static_cast<std::size_t>(
      axis < 0 ? axis + static_cast<std::int64_t>(w.input_shape().size()) : axis - 1)];
  w.result("Slice", {w.input(), w.constant(w.sizes("start", 1, 0)), w.constant(w.sizes("end", 1, size)),
                     w.constant(Integers{axis}), w.constant(w.sizes("step", 1, 1))});
}

void pad(GraphWriter& w) {
  const std::size_t axes = w.input_shape().size();
  Integers padding = with_batch(w.sizes("padding", 2 * axes, 0), 0);
  padding.insert(padding.begin() + static_cast<std::ptrdiff_t>(axes) + 1, 0);
  w.result("Pad", {w.input(), w.constant(padding), w.constant(w.number("value", 0))});
}

void transpose(GraphWriter& w) {
  Integers axes = with_batch(w.sizes("axes", w.shape().size(), 0), -1);
  for (std::int64_t& axis : axes) {
    ++axis;
  }
  set(w.result("Transpose", {w.input()}), "perm", axes);
}

/// 0 keeps the batch as it is.
void reshape(GraphWriter& w) {
  w.result("Reshape", {w.input(), w.constant(with_batch(w.shape(), 0))});
}

void flatten(GraphWriter& w) {
  set(w.result("Flatten", {w.input()}), "axis", std::int64_t{1});
}

void reduction(GraphWriter& w) {
  Integers axes = w.sizes("axes", 1, 0);
  for (std::int64_t& axis : axes) {
    axis += axis < 0 ? 0 : 1;
  }
  if (w.node().type == "reduce-mean") {
    onnx::NodeProto& node = w.result("ReduceMean", {w.input()});
    set(node, "axes", axes);
    set(node, "keepdims", std::int64_t{w.flag("keep_axes", false)});
  } else {
    set(w.result("ReduceSum", {w.input(), w.constant(axes)}), "keepdims", std::int64_t{w.flag("keep_axes", false)});
  }
}

void of_two(GraphWriter& w, const char* operation) {
  w.result(operation, {w.input(0), w.input(1)});
}

using Write = std::function<void(GraphWriter&)>;

const std::map<std::string_view, Write>& writers() {
  const auto binary = [](const char* operation) { return [operation](GraphWriter& w) { of_two(w, operation); }; };
  static const std::map<std::string_view, Write> all{
      {"linear", linear},
      {"conv1d", convolution},
      {"conv2d", convolution},
      {"batch-norm", batch_norm},
      {"layer-norm", layer_norm},
      {"parameter", source},
      {"affine", affine},
      {"clip", clip},
      {"gelu", gelu},
      {"add", binary("Add")},
      {"sub", binary("Sub")},
      {"mul", binary("Mul")},
      {"div", binary("Div")},
      {"matmul", binary("MatMul")},
      {"softmax", softmax},
      {"max-pool", [](GraphWriter& w) { pooling(w, "MaxPool"); }},
      {"average-pool", [](GraphWriter& w) { pooling(w, "AveragePool"); }},
      {"reduce-mean", reduction},
      {"reduce-sum", reduction},
      {"concat", concat},
      {"slice", slice},
      {"pad", pad},
      {"transpose", transpose},
      {"reshape", reshape},
      {"flatten", flatten},
  };
  return all;
}

std::string simple(GraphWriter& w, const onnx_import::SimpleOperator& row, bool is_step) {
  onnx::NodeProto* node = nullptr;
  std::string value;
  if (is_step) {
    value = w.step(std::string(row.onnx), {w.input()});
    node = &w.last();
  } else {
    node = &w.result(std::string(row.onnx), {w.input()});
  }
  for (const onnx_import::AttributePair& pair : row.attributes) {
    set(*node, std::string(pair.onnx).c_str(),
        is_step ? pair.our_default : w.number(std::string(pair.ours).c_str(), pair.our_default));
  }
  return value;
}

/// One operator or, for those that come after our opset, x times its gate.
void write_simple(GraphWriter& w, const onnx_import::SimpleOperator& row) {
  if (row.since <= kOpset) {
    simple(w, row, false);
  } else {
    w.result("Mul", {w.input(), simple(w, *onnx_import::find_simple_operator_by_type(row.gate), true)});
  }
}

}  // namespace

void write_node(GraphWriter& writer) {
  const std::string& type = writer.node().type;
  if (const onnx_import::SimpleOperator* row = onnx_import::find_simple_operator_by_type(type)) {
    write_simple(writer, *row);
    return;
  }
  const auto found = writers().find(type);
  if (found == writers().end()) {
    fail_input("layer '{}' of type '{}' cannot be written as ONNX", writer.node().name, type);
  }
  found->second(writer);
}

}  // namespace ntt::onnx_export
