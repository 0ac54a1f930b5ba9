#include "ntt/onnx/names.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>

#include "ntt/ops/registry.h"

namespace ntt::onnx_import {
std::string clean_name(std::string name) {
  std::ranges::replace_if(
      name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '_');
  return name;
}

bool is_exporters_own(const std::string& name) {
  constexpr std::string_view kNewer = "val_";
  return name.starts_with("onnx::") ||
         (name.starts_with(kNewer) && name.find_first_not_of("0123456789", kNewer.size()) == std::string::npos);
}

NodeNames::NodeNames(const std::vector<DraftNode*>& nodes) {
  for (const DraftNode* node : nodes) {
    given_.insert(clean_name(node->name));
  }
}

std::string NodeNames::next(const DraftNode& node) {
  const std::string given = clean_name(node.name);
  if (!given.empty() && used_.insert(given).second) {
    return given;
  }
  const std::string stem = given.empty() ? std::string(find_operator_type(node.type).stem) : given + "_";
  int& count = counts_.try_emplace(stem, given.empty() ? 0 : 1).first->second;
  std::string name;
  do {
    name = fmt::format("{}{}", stem, ++count);
  } while (given_.contains(name) || !used_.insert(name).second);
  return name;
}

ParameterNames::ParameterNames(const std::vector<DraftNode*>& nodes) {
  std::set<Key> seen;
  for (const DraftNode* node : nodes) {
    for (const auto& [suffix, parameter] : node->parameters) {
      origins_.insert(clean_name(parameter.origin));
      const Key key = key_of(parameter);
      if (!seen.insert(key).second) {
        shared_.insert(key);
      }
    }
  }
}

std::string ParameterNames::next(const std::string& node_name, const DraftNode& node, const std::string& suffix) {
  const DraftParameter& parameter = node.parameters.at(suffix);
  const std::string origin = clean_name(parameter.origin);
  const Key key = key_of(parameter);
  const auto found = names_.find(key);
  if (found != names_.end() && is_tied(node, parameter)) {
    return found->second;
  }
  if (found == names_.end() || (!origin.empty() && !used_.contains(origin))) {
    const std::string name = free_name(wanted_name(node_name, node, suffix), origin);
    names_.emplace(key, name);
    return name;
  }
  const auto weight = node.parameters.find("weight");
  const std::string beside = weight == node.parameters.end() ? "" : clean_name(weight->second.origin);
  const bool says_stem = suffix != "weight" && beside.ends_with(".weight");
  return free_name(says_stem ? beside.substr(0, beside.rfind('.') + 1) + suffix : node_name + "." + suffix, "");
}

ParameterNames::Key ParameterNames::key_of(const DraftParameter& parameter) {
  const at::Tensor& value = parameter.value;
  return {value.data_ptr(), value.sizes().vec(), value.strides().vec(), parameter.role};
}

/// Whether a parameter that another node has is the same one: not if all its entries are equal, unless that node has
/// the same weight too.
bool ParameterNames::is_tied(const DraftNode& node, const DraftParameter& parameter) const {
  const auto is_uniform = [](const at::Tensor& value) {
    return value.numel() > 0 && value.eq(value.flatten()[0]).all().item<bool>();
  };
  if (!is_uniform(parameter.value)) {
    return true;
  }
  const auto weight = node.parameters.find("weight");
  return weight != node.parameters.end() && !is_uniform(weight->second.value) &&
         shared_.contains(key_of(weight->second));
}

std::vector<std::string> ParameterNames::warnings() const {
  if (several_.empty()) {
    return {};
  }
  const auto& [origin, name] = several_.front();
  return {fmt::format("'{}' is used in several forms, of which one becomes '{}', a parameter of its own{}", origin,
                      name, several_.size() == 1 ? "" : fmt::format("; and so with {} more", several_.size() - 1))};
}

std::string ParameterNames::wanted_name(const std::string& node_name, const DraftNode& node,
                                        const std::string& suffix) const {
  const std::string origin = clean_name(node.parameters.at(suffix).origin);
  if (origin.empty()) {
    return fmt::format("{}.{}", node_name, suffix);
  }
  const auto bias = node.parameters.find("bias");
  if (suffix == "weight" && is_exporters_own(origin) && bias != node.parameters.end()) {
    // Exporters transpose the weights of linear layers. The bias beside it still says what PyTorch calls the weight.
    const std::string bias_name = clean_name(bias->second.origin);
    const std::string weight_name = bias_name.substr(0, bias_name.rfind("bias")) + "weight";
    if (bias_name.ends_with("bias") && !origins_.contains(weight_name) && !used_.contains(weight_name)) {
      return weight_name;
    }
  }
  return origin;
}

std::string ParameterNames::free_name(const std::string& wanted, const std::string& origin) {
  if ((wanted == origin || !origins_.contains(wanted)) && used_.insert(wanted).second) {
    return wanted;
  }
  std::string name;
  for (int count = 2; name.empty() || origins_.contains(name) || !used_.insert(name).second; ++count) {
    name = fmt::format("{}.{}", wanted, count);
  }
  if (wanted == origin) {
    several_.emplace_back(origin, name);
  }
  return name;
}

}  // namespace ntt::onnx_import
