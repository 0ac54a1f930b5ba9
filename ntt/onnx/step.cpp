#include "ntt/onnx/step.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdlib>

#include "ntt/core/error.h"

namespace ntt::onnx_import {

using ::onnx::AttributeProto;

double meant(float number) {
  return std::strtod(fmt::format("{}", number).c_str(), nullptr);
}

const std::string& Step::input_name(std::size_t i) const {
  if (!has_input(i)) {
    fail_input("its input {} is missing", i + 1);
  }
  return node_.input(static_cast<int>(i));
}

const Item& Step::input(std::size_t i) {
  const Item& item = translation_.item(input_name(i));
  if (const auto* unavailable = std::get_if<Unavailable>(&item)) {
    fail_input("{}", unavailable->reason);
  }
  return item;
}

Activation Step::activation(std::size_t i) {
  const auto* activation = std::get_if<Activation>(&input(i));
  if (activation == nullptr) {
    fail_input("its input '{}' is a constant, which is not supported", input_name(i));
  }
  return *activation;
}

const Constant& Step::constant(std::size_t i) {
  const auto* constant = std::get_if<Constant>(&input(i));
  if (constant == nullptr) {
    fail_input("its input '{}' must be a constant of the file, but depends on the network's input", input_name(i));
  }
  return *constant;
}

const Constant& Step::known(std::size_t i) {
  const Constant& given = constant(i);
  if (given.sampled) {
    fail_input("its input '{}' depends on the number of inputs in the batch", input_name(i));
  }
  return given;
}

at::Tensor Step::numbers(std::size_t i) {
  const Constant& given = known(i);
  if (!given.value.is_floating_point()) {
    fail_input("its input '{}' is not of floats", input_name(i));
  }
  return given.value;
}

double Step::number(std::size_t i) {
  const Constant& given = known(i);
  if (given.value.numel() != 1 || given.batch.defined()) {
    fail_input("its input '{}' must be one number", input_name(i));
  }
  return given.value.scalar_type() == at::kFloat ? meant(given.value.item<float>()) : given.value.item<double>();
}

std::vector<std::int64_t> Step::integers(std::size_t i) {
  const Constant& given = known(i);
  if (!at::isIntegralType(given.value.scalar_type(), false)) {
    fail_input("its input '{}' must be whole numbers", input_name(i));
  }
  at::Tensor value = given.value.to(at::kLong).flatten().contiguous();
  if (given.batch.defined()) {
    if (!translation_.fixed_batch()) {
      fail_input("its input '{}' depends on the number of inputs in the batch", input_name(i));
    }
    value = at::where(given.batch.flatten(), value * *translation_.fixed_batch(), value);
  }
  const auto* first = value.data_ptr<std::int64_t>();
  return {first, first + value.numel()};
}

const AttributeProto* Step::attribute(std::string_view name, AttributeProto::AttributeType type) const {
  for (const AttributeProto& attribute : node_.attribute()) {
    if (attribute.name() == name) {
      if (attribute.type() != type) {
        fail_input("its attribute '{}' is of the wrong type", name);
      }
      return &attribute;
    }
  }
  return nullptr;
}

bool Step::has(std::string_view name) const {
  return std::ranges::any_of(node_.attribute(),
                             [&](const AttributeProto& attribute) { return attribute.name() == name; });
}

std::int64_t Step::integer(std::string_view name, std::int64_t otherwise) const {
  const AttributeProto* found = attribute(name, AttributeProto::INT);
  return found == nullptr ? otherwise : found->i();
}

double Step::number(std::string_view name, double otherwise) const {
  const AttributeProto* found = attribute(name, AttributeProto::FLOAT);
  return found == nullptr ? otherwise : meant(found->f());
}

std::string Step::word(std::string_view name, const std::string& otherwise) const {
  const AttributeProto* found = attribute(name, AttributeProto::STRING);
  return found == nullptr ? otherwise : found->s();
}

std::vector<std::int64_t> Step::integers(std::string_view name) const {
  const AttributeProto* found = attribute(name, AttributeProto::INTS);
  return found == nullptr ? std::vector<std::int64_t>() : std::vector(found->ints().begin(), found->ints().end());
}

std::vector<std::int64_t> Step::integers(std::string_view name, std::size_t input) {
  return has_input(input) ? integers(input) : integers(name);
}

bool Step::is_used(int output) const {
  return output < node_.output_size() && !node_.output(output).empty() && translation_.users(node_.output(output)) > 0;
}

void Step::set(Item item, int output) {
  if (output >= node_.output_size() || node_.output(output).empty()) {
    return;
  }
  if (auto* constant = std::get_if<Constant>(&item)) {
    if (constant->batch.defined() && !constant->batch.any().item<bool>()) {
      constant->batch.reset();
    }
    for (const std::string& input : node_.input()) {
      const auto* from = input.empty() ? nullptr : std::get_if<Constant>(&translation_.item(input));
      constant->sampled = constant->sampled || (from != nullptr && from->sampled);
    }
  }
  const auto* activation = std::get_if<Activation>(&item);
  if (activation != nullptr && activation->value >= first_) {
    draft().rename(activation->value, node_.name());
  }
  translation_.set(node_.output(output), std::move(item));
}

DraftId Step::add_helper(DraftNode node) {
  if (!node_.name().empty()) {
    node.name = fmt::format("{}.{}", node_.name(), node.type);
  }
  return draft().add(std::move(node));
}

std::int64_t Step::axis(std::int64_t axis, std::int64_t rank) {
  if (axis < -rank || axis >= rank) {
    fail_input("its axis {} does not lie within the {} axes of its input", axis, rank);
  }
  return axis < 0 ? axis + rank : axis;
}

}  // namespace ntt::onnx_import
