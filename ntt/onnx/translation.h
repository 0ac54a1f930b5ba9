#pragma once

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ntt/onnx/draft.h"
#include "ntt/onnx/item.h"

namespace ntt::onnx_import {

/// Turns the nodes of an ONNX graph into those of a draft, one after the other: every value of the file becomes an
/// Item.
class Translation {
 public:
  /// @param graph gives up the bytes of its initialisers
  /// @param folder of the file, for external data
  Translation(::onnx::GraphProto& graph, std::int64_t opset, std::filesystem::path folder);

  /// Goes through all nodes and returns the output. InputError where it cannot be had.
  Activation run();

  Draft& draft() { return *draft_; }
  std::int64_t opset() const { return opset_; }
  const std::filesystem::path& folder() const { return folder_; }
  /// N, where the file fixes it.
  std::optional<std::int64_t> fixed_batch() const { return fixed_batch_; }

  /// What is known of a value; initialisers are read when they are first asked for.
  const Item& item(const std::string& name);
  void set(const std::string& name, Item item) { items_[name] = std::move(item); }
  /// The node that makes a value; null for inputs and initialisers.
  const ::onnx::NodeProto* producer(const std::string& name) const;
  /// How many nodes read a value, the network's output included.
  int users(const std::string& name) const;
  /// Counts the entries that a computed constant takes; InputError where all of them together are too many: a few bytes
  /// of a file could ask for any amount of memory otherwise.
  void reserve(double entries);

 private:
  void read_declarations();
  void declare_input(const ::onnx::ValueInfoProto& input);
  void find_producers();
  std::vector<int> order_of_nodes() const;
  void translate(const ::onnx::NodeProto& node);
  void try_to_translate(const ::onnx::NodeProto& node);
  Item read_initialiser(const std::string& name);
  void release_inputs(const ::onnx::NodeProto& node);

  ::onnx::GraphProto& graph_;
  std::int64_t opset_;
  std::filesystem::path folder_;
  std::optional<std::int64_t> fixed_batch_;
  std::optional<Draft> draft_;
  std::unordered_map<std::string, Item> items_;
  std::unordered_map<std::string, ::onnx::TensorProto*> initialisers_;
  std::unordered_map<std::string, ::onnx::SparseTensorProto*> sparse_initialisers_;
  std::unordered_map<std::string, int> producers_;  ///< places in the graph's list
  std::unordered_map<std::string, int> users_;
  std::unordered_map<std::string, int> users_left_;
  double reserved_ = 0;
  double reservable_;
};

}  // namespace ntt::onnx_import
