#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "ntt/onnx/draft.h"

namespace ntt::onnx_import {

/// Gives nodes names of their own: those of the file where these are unique, else with a number; from type and count
/// where there is none.
class NodeNames {
 public:
  explicit NodeNames(const std::vector<DraftNode*>& nodes);
  std::string next(const DraftNode& node);

 private:
  std::set<std::string> given_;  ///< in the file: a made-up name must not take one
  std::set<std::string> used_{"input"};
  std::map<std::string, int, std::less<>> counts_;
};

/// Names the parameters after their initialisers. One initialiser that nodes use in several forms, or in several roles,
/// becomes several parameters. So does one whose entries are all equal: exporters write the
/// scales and shifts of all norms once as long as nobody has trained them, which does not make them one.
class ParameterNames {
 public:
  explicit ParameterNames(const std::vector<DraftNode*>& nodes);
  /// The name of a parameter, by the end that its type gives it. Nodes are taken in order.
  std::string next(const std::string& node_name, const DraftNode& node, const std::string& suffix);
  /// A sentence on where one initialiser became several parameters, if one did.
  std::vector<std::string> warnings() const;

 private:
  /// Memory, sides, strides and role of a parameter.
  using Key = std::tuple<const void*, std::vector<std::int64_t>, std::vector<std::int64_t>, Role>;
  static Key key_of(const DraftParameter& parameter);
  bool is_tied(const DraftNode& node, const DraftParameter& parameter) const;

  std::string wanted_name(const std::string& node_name, const DraftNode& node, const std::string& suffix) const;
  std::string free_name(const std::string& wanted, const std::string& origin);

  std::set<std::string> origins_;  ///< a made-up name must not take one
  std::set<std::string> used_;
  std::map<Key, std::string> names_;
  std::set<Key> shared_;                                      ///< that several nodes have
  std::vector<std::pair<std::string, std::string>> several_;  ///< initialisers, and names of their other forms
};

/// Whether a name is one that PyTorch's exporters give to what they have computed themselves: "onnx::Add_12", "val_12".
bool is_exporters_own(const std::string& name);

/// A name without control characters, which not every file format that holds it can have.
std::string clean_name(std::string name);

}  // namespace ntt::onnx_import
