#include "ntt/onnx/look.h"

#include <ATen/ATen.h>

#include "ntt/onnx/step.h"

namespace ntt::onnx_import {
namespace {

using ::onnx::NodeProto;

constexpr int kMostIdentities = 8;  // in a row

int least_inputs(std::string_view operation) {
  return operation == "Add" || operation == "Sub" || operation == "Mul" || operation == "Div" || operation == "Pow" ? 2
                                                                                                                    : 1;
}

}  // namespace

const std::string& Look::source(const std::string& name) const {
  const std::string* found = &name;
  for (int i = 0; i < kMostIdentities; ++i) {
    const NodeProto* node = translation_.producer(*found);
    if (node == nullptr || node->input_size() == 0 ||
        (node->op_type() != "Identity" && node->op_type() != "Cast" && node->op_type() != "Dropout")) {
      break;
    }
    found = &node->input(0);
  }
  return *found;
}

const NodeProto* Look::made_by(const std::string& name, std::string_view operation) const {
  const NodeProto* node = translation_.producer(source(name));
  const bool is_it = node != nullptr && node->op_type() == operation && node->input_size() >= least_inputs(operation);
  return is_it ? node : nullptr;
}

std::optional<double> Look::scalar(const std::string& name) const {
  const auto* constant = name.empty() ? nullptr : std::get_if<Constant>(&translation_.item(name));
  if (constant == nullptr || constant->value.numel() != 1 || constant->batch.defined() || constant->sampled) {
    return std::nullopt;
  }
  return constant->value.scalar_type() == at::kFloat ? meant(constant->value.item<float>())
                                                     : constant->value.item<double>();
}

std::optional<Activation> Look::activation(const std::string& name) const {
  const auto* found = name.empty() ? nullptr : std::get_if<Activation>(&translation_.item(name));
  return found == nullptr ? std::nullopt : std::optional(*found);
}

bool Look::same(const std::string& a, const std::string& b) const {
  if (source(a) == source(b)) {
    return true;
  }
  const auto first = activation(a);
  const auto second = activation(b);
  return first && second && first->value == second->value && first->batch == second->batch;
}

std::optional<std::pair<std::string, double>> Look::with_scalar(const NodeProto& node) const {
  for (const int i : {0, 1}) {
    if (const auto number = scalar(node.input(1 - i))) {
      return std::pair(node.input(i), *number);
    }
  }
  return std::nullopt;
}

}  // namespace ntt::onnx_import
