#include "ntt/onnx/translation.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

#include "ntt/core/error.h"
#include "ntt/onnx/names.h"
#include "ntt/onnx/operators.h"
#include "ntt/onnx/patterns.h"
#include "ntt/onnx/step.h"
#include "ntt/onnx/tensors.h"

namespace ntt::onnx_import {
namespace {

using ::onnx::NodeProto;
using ::onnx::TensorProto;
using ::onnx::ValueInfoProto;

constexpr std::int64_t kLargestSide = 1 << 24;
constexpr double kReservable = 1 << 23;  // entries of computed constants, beside twice what the file has itself
constexpr std::int64_t kWorthReleasing = 4096;

bool is_float(std::int64_t type) {
  return type == TensorProto::FLOAT || type == TensorProto::DOUBLE || type == TensorProto::FLOAT16 ||
         type == TensorProto::BFLOAT16;
}

std::string describe(const NodeProto& node, std::int64_t opset) {
  const std::string name = clean_name(node.name());
  return name.empty() ? fmt::format("a {} node that makes '{}' (opset {})", clean_name(node.op_type()),
                                    node.output_size() > 0 ? clean_name(node.output(0)) : "", opset)
                      : fmt::format("node '{}' ({}, opset {})", name, clean_name(node.op_type()), opset);
}

}  // namespace

Translation::Translation(::onnx::GraphProto& graph, std::int64_t opset, std::filesystem::path folder)
    : graph_(graph), opset_(opset), folder_(std::move(folder)), reservable_(kReservable) {
  read_declarations();
  find_producers();
}

void Translation::read_declarations() {
  for (TensorProto& tensor : *graph_.mutable_initializer()) {
    if (!initialisers_.emplace(tensor.name(), &tensor).second) {
      fail_input("it has two initialisers named '{}'", clean_name(tensor.name()));
    }
  }
  for (::onnx::SparseTensorProto& tensor : *graph_.mutable_sparse_initializer()) {
    const std::string& name = tensor.values().name();
    if (initialisers_.contains(name) || !sparse_initialisers_.emplace(name, &tensor).second) {
      fail_input("it has two initialisers named '{}'", clean_name(name));
    }
  }
  std::vector<const ValueInfoProto*> inputs;
  for (const ValueInfoProto& input : graph_.input()) {
    if (!initialisers_.contains(input.name()) && !sparse_initialisers_.contains(input.name())) {
      inputs.push_back(&input);
    }
  }
  const auto count = std::ranges::count_if(
      inputs, [](const ValueInfoProto* input) { return is_float(input->type().tensor_type().elem_type()); });
  if (inputs.size() != 1 || count != 1) {
    fail_input("it has {} inputs, {} of them of floats, but a network has one, of floats", inputs.size(), count);
  }
  if (graph_.output_size() != 1) {
    fail_input("it has {} outputs, but a network has one", graph_.output_size());
  }
  declare_input(*inputs.front());
}

void Translation::declare_input(const ValueInfoProto& input) {
  const auto& type = input.type().tensor_type();
  if (!type.has_shape() || type.shape().dim_size() < 2) {
    fail_input("its input '{}' has no shape of a batch and at least one more axis", clean_name(input.name()));
  }
  Shape shape;
  for (int axis = 0; axis < type.shape().dim_size(); ++axis) {
    const auto& side = type.shape().dim(axis);
    const bool known = side.has_dim_value() && side.dim_value() > 0;
    if (axis == 0) {
      fixed_batch_ = known ? std::optional(side.dim_value()) : std::nullopt;
    } else if (!known) {
      fail_input("axis {} of its input '{}' has no fixed size: only the first, of the batch, may be free", axis,
                 clean_name(input.name()));
    } else {
      shape.push_back(side.dim_value());
    }
    if (known && side.dim_value() > kLargestSide) {
      fail_input("axis {} of its input '{}' is {}, more than {}", axis, clean_name(input.name()), side.dim_value(),
                 kLargestSide);
    }
  }
  draft_.emplace(std::move(shape));
  items_.emplace(input.name(), Activation{0, {}});
}

void Translation::find_producers() {
  for (int i = 0; i < graph_.node_size(); ++i) {
    for (const std::string& output : graph_.node(i).output()) {
      const bool is_given =
          items_.contains(output) || initialisers_.contains(output) || sparse_initialisers_.contains(output);
      if (!output.empty() && (is_given || !producers_.emplace(output, i).second)) {
        fail_input("the value '{}' of {} is there already", clean_name(output), describe(graph_.node(i), opset_));
      }
    }
    for (const std::string& input : graph_.node(i).input()) {
      ++users_[input];
    }
  }
  ++users_[graph_.output(0).name()];
  users_left_ = users_;
}

std::vector<int> Translation::order_of_nodes() const {
  std::vector<std::vector<int>> followers(static_cast<std::size_t>(graph_.node_size()));
  std::vector<int> waiting(followers.size(), 0);
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (int i = 0; i < graph_.node_size(); ++i) {
    for (const std::string& input : graph_.node(i).input()) {
      const auto made = producers_.find(input);
      if (!input.empty() && made != producers_.end()) {
        followers[static_cast<std::size_t>(made->second)].push_back(i);
        ++waiting[static_cast<std::size_t>(i)];
      }
    }
    if (waiting[static_cast<std::size_t>(i)] == 0) {
      ready.push(i);
    }
  }
  std::vector<int> order;
  while (!ready.empty()) {
    order.push_back(ready.top());
    ready.pop();
    for (const int follower : followers[static_cast<std::size_t>(order.back())]) {
      if (--waiting[static_cast<std::size_t>(follower)] == 0) {
        ready.push(follower);
      }
    }
  }
  if (order.size() != followers.size()) {
    const auto cyclic = std::ranges::find_if(waiting, [](int count) { return count > 0; }) - waiting.begin();
    fail_input("{} depends on its own output, or on that of a node that does",
               describe(graph_.node(static_cast<int>(cyclic)), opset_));
  }
  return order;
}

Activation Translation::run() {
  for (const int i : order_of_nodes()) {
    translate(graph_.node(i));
  }
  const Item& output = item(graph_.output(0).name());
  if (const auto* unavailable = std::get_if<Unavailable>(&output)) {
    fail_input("{}", unavailable->reason);
  }
  const auto* activation = std::get_if<Activation>(&output);
  if (activation == nullptr) {
    fail_input("its output does not depend on its input");
  }
  if (activation->batch != BatchAxis{}) {
    fail_input("its output is {}, but its first axis must be the batch",
               to_string(sides_of(draft_->shape(activation->value), activation->batch)));
  }
  return *activation;
}

void Translation::translate(const NodeProto& node) {
  std::string fault;
  try {
    try_to_translate(node);
  } catch (const InputError& error) {
    fault = error.what();
  } catch (const c10::Error&) {
    fault = "its inputs do not fit together";
  }
  if (!fault.empty()) {
    for (const std::string& output : node.output()) {
      items_[output] = Unavailable{fmt::format("{}: {}", describe(node, opset_), fault)};
    }
  }
  release_inputs(node);
}

void Translation::try_to_translate(const NodeProto& node) {
  Step step(*this, node);
  for (const std::string& output : node.output()) {
    // What an operator does not set is something that it does beside its work, such as the mask of a dropout.
    items_[output] = Unavailable{fmt::format("{}: its output '{}' is not supported", describe(node, opset_), output)};
  }
  if (ends_pattern(step)) {
    return;
  }
  bool constant = true;
  for (const std::string& input : node.input()) {
    if (input.empty()) {
      continue;
    }
    const Item& given = item(input);
    if (const auto* unavailable = std::get_if<Unavailable>(&given)) {
      if (!producers_.contains(input)) {
        fail_input("{}", unavailable->reason);  // no other node has been named yet
      }
      for (const std::string& output : node.output()) {
        items_[output] = Unavailable{unavailable->reason};
      }
      return;
    }
    constant = constant && std::holds_alternative<Constant>(given);
  }
  find_operator(step, constant)(step);
}

/// Gives up constants that no later node reads: the draft has what it needs of them.
void Translation::release_inputs(const NodeProto& node) {
  for (const std::string& input : node.input()) {
    if (input.empty() || --users_left_[input] > 0) {
      continue;
    }
    const auto found = items_.find(input);
    const auto* constant = found == items_.end() ? nullptr : std::get_if<Constant>(&found->second);
    if (constant != nullptr && constant->value.numel() >= kWorthReleasing) {
      found->second = Unavailable{"a constant was given up too early"};
    }
  }
}

Item Translation::read_initialiser(const std::string& name) {
  try {
    const auto dense = initialisers_.find(name);
    if (dense != initialisers_.end()) {
      return Constant{take_tensor(*dense->second, folder_), {}, name, !is_exporters_own(name)};
    }
    const auto sparse = sparse_initialisers_.find(name);
    if (sparse != sparse_initialisers_.end()) {
      return Constant{take_sparse_tensor(*sparse->second, folder_), {}, name, !is_exporters_own(name)};
    }
  } catch (const InputError& error) {
    return Unavailable{error.what()};
  }
  return Unavailable{fmt::format("nothing in the file makes the value '{}'", clean_name(name))};
}

const Item& Translation::item(const std::string& name) {
  const auto found = items_.find(name);
  if (found != items_.end()) {
    return found->second;
  }
  Item read = read_initialiser(name);
  if (const auto* constant = std::get_if<Constant>(&read)) {
    reservable_ += 2 * static_cast<double>(constant->value.numel());
  }
  return items_[name] = std::move(read);
}

const NodeProto* Translation::producer(const std::string& name) const {
  const auto found = producers_.find(name);
  return found == producers_.end() ? nullptr : &graph_.node(found->second);
}

int Translation::users(const std::string& name) const {
  const auto found = users_.find(name);
  return found == users_.end() ? 0 : found->second;
}

void Translation::reserve(double entries) {
  reserved_ += entries;
  if (reserved_ > reservable_) {
    fail_input("the constants that are computed from others take too much memory");
  }
}

}  // namespace ntt::onnx_import
