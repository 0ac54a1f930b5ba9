#include <cmath>
#include <numeric>

#include "ntt/core/error.h"
#include "ntt/onnx/conversions.h"
#include "ntt/onnx/layout.h"

namespace ntt::onnx_import {
namespace {

DraftId transposed(Step& step, DraftId value, std::vector<std::int64_t> order) {
  return step.add_helper({.type = "transpose", .attributes = {{"axes", std::move(order)}}, .inputs = {value}});
}

/// An input as [heads, tokens, width]: [tokens, heads * width] is split by the attribute that says how many heads.
DraftId by_heads(Step& step, std::size_t input, std::string_view heads_attribute) {
  const Activation given = step.activation(input);
  check_batch_first(step, given);
  const Shape shape = step.draft().shape(given.value);
  if (shape.size() == 3) {
    return given.value;
  }
  const std::int64_t heads = step.integer(heads_attribute, 0);
  if (shape.size() != 2 || heads < 1 || shape.back() % heads != 0) {
    fail_input("its input '{}' of {} does not split into {} heads", step.input_name(input),
               to_string(sides_of(shape, given.batch)), heads);
  }
  return transposed(step, with_shape(step, given.value, {shape[0], heads, shape[1] / heads}), {1, 0, 2});
}

}  // namespace

void read_attention(Step& step) {
  for (std::size_t input = 3; input < step.inputs(); ++input) {
    if (step.has_input(input)) {
      fail_input("it has the input '{}': masks and earlier keys and values are not supported", step.input_name(input));
    }
  }
  if (step.integer("is_causal", 0) != 0 || step.number("softcap", 0.0) != 0 ||
      step.integer("left_window_size", -1) >= 0 || step.integer("right_window_size", -1) >= 0) {
    fail_input("it is causal, windowed or capped; plain attention is supported");
  }
  const DraftId queries = by_heads(step, 0, "q_num_heads");
  const DraftId keys = by_heads(step, 1, "kv_num_heads");
  const DraftId values = by_heads(step, 2, "kv_num_heads");
  if (step.draft().shape(queries).front() != step.draft().shape(keys).front()) {
    fail_input("its queries have {} heads, its keys {}: they must be equally many", step.draft().shape(queries).front(),
               step.draft().shape(keys).front());
  }
  const double width = static_cast<double>(step.draft().shape(queries).back());
  const DraftId scaled = affine(step, queries, step.number("scale", 1 / std::sqrt(width)), 0);
  const DraftId scores = step.add_helper({.type = "matmul", .inputs = {scaled, transposed(step, keys, {0, 2, 1})}});
  const DraftId weights = step.add_helper({.type = "softmax", .inputs = {scores}});
  DraftId result = step.add_helper({.type = "matmul", .inputs = {weights, values}});
  if (step.draft().shape(step.activation(0).value).size() == 2) {
    const Shape shape = step.draft().shape(result);
    result = with_shape(step, transposed(step, result, {1, 0, 2}), {shape[1], shape[0] * shape[2]});
  }
  step.set(Activation{result, {}});
}

}  // namespace ntt::onnx_import
