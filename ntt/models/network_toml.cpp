#include "ntt/models/network_toml.h"

#include <fmt/ranges.h>

#include <toml++/toml.h>
#include <fstream>
#include <map>
#include <sstream>

#include "ntt/core/error.h"
#include "ntt/models/graph_builder.h"
#include "ntt/ops/registry.h"

namespace ntt {
namespace {

/// Keys of a layer that are no attributes.
constexpr std::array<std::string_view, 5> kStructure{"type", "name", "inputs", "body", "shortcut"};

std::string line_of(const toml::node& node) {
  return fmt::format("line {}", node.source().begin.line);
}

/// Turns tables into nodes: layers one after another, each reading the one before unless it names its inputs.
class Reader {
 public:
  Reader(std::string name, Shape input, const std::string& origin)
      : builder_(std::move(name), std::move(input)), origin_(origin) {
    values_["input"] = GraphBuilder::kInput;
  }

  ValueId sequence(const toml::node& node, const std::string& key, ValueId value, const std::string& prefix) {
    const toml::array* array = node.as_array();
    if (array == nullptr || (!array->empty() && !array->is_array_of_tables())) {
      fail_input("{}, {}: '{}' must be a list of layers, written as {}", origin_, line_of(node), key,
                 key == "layer" ? "[[layer]] tables" : key + " = [{type = \"relu\"}]");
    }
    std::map<std::string, int, std::less<>> counts;
    for (std::size_t i = 0; i < array->size(); ++i) {
      const toml::table& table = *(*array)[i].as_table();
      const std::string type = word(table, "type");
      if (type.empty()) {
        fail_input("{}, {}: a layer needs a type, such as type = \"linear\"", origin_, line_of(table));
      }
      std::string name = prefix + word(table, "name");
      try {
        if (name.size() == prefix.size()) {
          const std::string stem(type == "residual" ? "block" : find_operator_type(type).stem);
          name += fmt::format("{}{}", stem, ++counts[stem]);
        }
        value = layer(table, type, name, value);
      } catch (const LayerError&) {
        throw;
      } catch (const InputError& error) {
        throw LayerError(fmt::format("{}: network '{}', layer {} ({} '{}'): {}", origin_, builder_.name(), i + 1, type,
                                     name, error.what()));
      }
      values_[name] = value;
    }
    return value;
  }

  Graph finish(ValueId output) { return builder_.finish(output); }

 private:
  /// An InputError that already names its layer: enclosing blocks pass it on as it is.
  class LayerError : public InputError {
    using InputError::InputError;
  };

  std::string word(const toml::table& table, const char* key) const {
    const toml::node* node = table.get(key);
    if (node != nullptr && !node->is_string()) {
      fail_input("{}, {}: '{}' must be a string", origin_, line_of(*node), key);
    }
    return node == nullptr ? "" : node->value<std::string>().value();
  }

  ValueId layer(const toml::table& table, const std::string& type, const std::string& name, ValueId before) {
    if (type == "residual") {
      return residual(table, name, before);
    }
    if (table.contains("body") || table.contains("shortcut")) {
      fail_input("only a residual layer has a body and a shortcut");
    }
    NodeSpec spec{type, name, {}, inputs(table, type, before)};
    for (const auto& [key, value] : table) {
      if (std::ranges::find(kStructure, key.str()) == kStructure.end()) {
        setting(std::string(key.str()), value, find_operator_type(type), spec);
      }
    }
    return builder_.add(spec);
  }

  /// body(x) + shortcut(x); a shortcut of no layers is the identity (He et al., CVPR 2016).
  ValueId residual(const toml::table& table, const std::string& name, ValueId before) {
    for (const auto& [key, value] : table) {
      if (std::ranges::find(kStructure, key.str()) == kStructure.end()) {
        fail_input("a residual layer has no setting '{}'; it knows: body, shortcut", key.str());
      }
    }
    const toml::node* body = table.get("body");
    if (body == nullptr || (body->is_array() && body->as_array()->empty())) {
      fail_input("a residual layer needs a body, such as body = [{{type = \"relu\"}}]");
    }
    const ValueId input = inputs(table, "residual", before).front();
    const ValueId sum = sequence(*body, "body", input, name + ".body.");
    const toml::node* shortcut = table.get("shortcut");
    const ValueId other = shortcut == nullptr ? input : sequence(*shortcut, "shortcut", input, name + ".shortcut.");
    if (builder_.shape(sum) != builder_.shape(other)) {
      fail_input("a residual block adds its body's output, {}, to its shortcut's, {}: they must have one shape",
                 to_string(builder_.shape(sum)), to_string(builder_.shape(other)));
    }
    return builder_.add({"add", name, {}, {sum, other}});
  }

  std::vector<ValueId> inputs(const toml::table& table, const std::string& type, ValueId before) const {
    const toml::node* node = table.get("inputs");
    if (node == nullptr) {
      return type == "parameter" ? std::vector<ValueId>() : std::vector<ValueId>{before};
    }
    std::vector<ValueId> found;
    if (const toml::array* names = node->as_array()) {
      for (const toml::node& element : *names) {
        const auto value = values_.find(element.value<std::string>().value_or(""));
        if (value == values_.end()) {
          fail_input("'inputs' names '{}', but no layer before it has that name",
                     element.value<std::string>().value_or("(no string)"));
        }
        found.push_back(value->second);
      }
    } else {
      fail_input("'inputs' must be a list of names of layers, such as inputs = [\"conv1\", \"input\"]");
    }
    return found;
  }

  /// An attribute or, where the type has none of that key, the name of a parameter.
  void setting(const std::string& key, const toml::node& node, const OperatorType& type, NodeSpec& spec) const {
    const bool is_attribute = std::ranges::find(type.attributes, key) != type.attributes.end();
    if (node.is_string() && (!is_attribute || key == "bias")) {
      spec.parameter_names[key] = node.value<std::string>().value();
    } else if (node.is_string()) {
      spec.attributes[key] = node.value<std::string>().value();
    } else if (node.is_boolean()) {
      spec.attributes[key] = node.value<bool>().value();
    } else if (node.is_integer()) {
      spec.attributes[key] = node.value<std::int64_t>().value();
    } else if (node.is_floating_point()) {
      spec.attributes[key] = node.value<double>().value();
    } else {
      spec.attributes[key] = numbers(key, node);
    }
  }

  std::vector<std::int64_t> numbers(const std::string& key, const toml::node& node) const {
    std::vector<std::int64_t> values;
    const toml::array* array = node.as_array();
    for (std::size_t i = 0; array != nullptr && i < array->size(); ++i) {
      if (!(*array)[i].is_integer()) {
        array = nullptr;
        break;
      }
      values.push_back((*array)[i].value<std::int64_t>().value());
    }
    if (array == nullptr) {
      fail_input("'{}' in {} must be a whole number, a list of them, a number, true, false or a string", key,
                 line_of(node));
    }
    return values;
  }

  GraphBuilder builder_;
  const std::string& origin_;
  std::map<std::string, ValueId, std::less<>> values_;
};

Shape parse_input(const toml::table& table, const std::string& origin) {
  const toml::array* array = table["input"].as_array();
  Shape shape;
  bool valid = array != nullptr;
  for (std::size_t i = 0; valid && i < array->size(); ++i) {
    const auto side = (*array)[i].value_exact<std::int64_t>();
    valid = side.has_value() && *side > 0 && *side < (1 << 20);
    shape.push_back(side.value_or(0));
  }
  if (!valid || shape.empty() || shape.size() > 3) {
    fail_input(
        "{}: 'input' must be [features], [channels, length] or [channels, height, width], such as "
        "input = [1, 28, 28]",
        origin);
  }
  return shape;
}

void insert(toml::table& table, const std::string& key, const Attribute& attribute) {
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&attribute)) {
    toml::array array;
    for (const std::int64_t value : *list) {
      array.push_back(value);
    }
    table.insert(key, array);
  } else {
    std::visit(
        [&](const auto& value) {
          if constexpr (!std::is_same_v<std::decay_t<decltype(value)>, std::vector<std::int64_t>>) {
            table.insert(key, value);
          }
        },
        attribute);
  }
}

toml::table node_to_toml(const Graph& graph, const Node& node, ValueId before) {
  toml::table table;
  table.insert("type", node.type);
  table.insert("name", node.name);
  for (const auto& [key, attribute] : node.attributes) {
    insert(table, key, attribute);
  }
  if (!node.inputs.empty() && node.inputs != std::vector<ValueId>{before}) {
    toml::array inputs;
    for (const ValueId input : node.inputs) {
      inputs.push_back(graph.values[input].name);
    }
    table.insert("inputs", inputs);
  }
  const std::vector<ParameterRule> rules = make_operator(graph, node)->parameters();
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const std::string& name = graph.parameters[node.parameters[i]].name;
    if (name != fmt::format("{}.{}", node.name, rules[i].suffix)) {
      table.insert(rules[i].suffix, name);
    }
  }
  return table;
}

}  // namespace

Graph parse_network_toml(std::string_view text, const std::string& origin) {
  toml::table table;
  try {
    table = toml::parse(text, origin);
  } catch (const toml::parse_error& error) {
    fail_input("{}, line {}: {}", origin, error.source().begin.line, error.description());
  }
  for (const auto& [key, value] : table) {
    if (key != "name" && key != "input" && key != "layer") {
      fail_input("{}, {}: there is no setting '{}'; a network file has name, input and [[layer]] tables", origin,
                 line_of(value), key.str());
    }
  }
  if (table.contains("name") && !table["name"].is_string()) {
    fail_input("{}, {}: 'name' must be a string", origin, line_of(*table.get("name")));
  }
  Reader reader(table["name"].value_or(std::filesystem::path(origin).stem().string()), parse_input(table, origin),
                origin);
  const toml::node* layers = table.get("layer");
  if (layers == nullptr || (layers->is_array() && layers->as_array()->empty())) {
    fail_input("{}{}: it has no [[layer]] tables", origin, layers == nullptr ? "" : ", " + line_of(*layers));
  }
  return reader.finish(reader.sequence(*layers, "layer", GraphBuilder::kInput, ""));
}

Graph read_network_toml(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::stringstream text;
  text << stream.rdbuf();
  if (!stream || std::filesystem::is_directory(path)) {
    fail_input("cannot read the network file '{}'", path.string());
  }
  return parse_network_toml(text.str(), path.string());
}

std::string to_toml(const Graph& graph) {
  toml::table table;
  table.insert("name", graph.name);
  toml::array input;
  for (const std::int64_t side : graph.input_shape()) {
    input.push_back(side);
  }
  table.insert("input", input);
  toml::array layers;
  ValueId before = graph.input;
  for (const Node& node : graph.nodes) {
    layers.push_back(node_to_toml(graph, node, before));
    before = node.output;
  }
  table.insert("layer", layers);
  std::stringstream text;
  text << table;
  return text.str();
}

}  // namespace ntt
