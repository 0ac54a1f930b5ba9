#include "ntt/nn/network_spec.h"

#include <fmt/ranges.h>

#include <toml++/toml.h>
#include <fstream>
#include <set>
#include <sstream>

#include "ntt/core/error.h"

namespace ntt {
namespace {

std::string line_of(const toml::node& node) {
  return fmt::format("line {}", node.source().begin.line);
}

std::vector<LayerSpec> parse_layers(const toml::node& node, const std::string& key, const std::string& origin);

LayerSpec parse_layer(const toml::table& table, const std::string& origin) {
  LayerSpec layer;
  for (const auto& [key, value] : table) {
    const std::string name(key.str());
    if (name == "type" || name == "name") {
      if (!value.is_string()) {
        fail_input("{}, {}: '{}' must be a string", origin, line_of(value), name);
      }
      (name == "type" ? layer.type : layer.name) = value.value<std::string>().value();
    } else if (name == "body" || name == "shortcut") {
      (name == "body" ? layer.body : layer.shortcut) = parse_layers(value, name, origin);
    } else if (value.is_integer()) {
      layer.numbers[name] = value.value<std::int64_t>().value();
    } else {
      fail_input("{}, {}: '{}' must be a whole number", origin, line_of(value), name);
    }
  }
  if (layer.type.empty()) {
    fail_input("{}, {}: a layer needs a type, such as type = \"linear\"", origin, line_of(table));
  }
  return layer;
}

std::vector<LayerSpec> parse_layers(const toml::node& node, const std::string& key, const std::string& origin) {
  const toml::array* array = node.as_array();
  if (array == nullptr || !array->is_array_of_tables()) {
    fail_input("{}, {}: '{}' must be a list of layers, written as {}", origin, line_of(node), key,
               key == "layer" ? "[[layer]] tables" : key + " = [{type = \"relu\"}]");
  }
  std::vector<LayerSpec> layers;
  for (const toml::node& element : *array) {
    layers.push_back(parse_layer(*element.as_table(), origin));
  }
  return layers;
}

Shape parse_input(const toml::table& table, const std::string& origin) {
  const toml::array* array = table["input"].as_array();
  Shape shape;
  bool valid = array != nullptr;
  for (std::size_t i = 0; valid && i < array->size(); ++i) {
    const auto side = (*array)[i].value_exact<std::int64_t>();
    valid = side.has_value() && *side > 0 && *side < (1 << 20);
    shape.push_back(side.value_or(0));
  }
  if (!valid || (shape.size() != 1 && shape.size() != 3)) {
    fail_input("{}: 'input' must be [features] or [channels, height, width], such as input = [1, 28, 28]", origin);
  }
  return shape;
}

toml::table layer_to_toml(const LayerSpec& layer) {
  toml::table table;
  table.insert("type", layer.type);
  if (!layer.name.empty()) {
    table.insert("name", layer.name);
  }
  for (const auto& [key, value] : layer.numbers) {
    table.insert(key, value);
  }
  const auto insert_branch = [&](const char* key, const std::vector<LayerSpec>& branch) {
    toml::array array;
    for (const LayerSpec& part : branch) {
      array.push_back(layer_to_toml(part));
    }
    if (!branch.empty()) {
      table.insert(key, array);
    }
  };
  insert_branch("body", layer.body);
  insert_branch("shortcut", layer.shortcut);
  return table;
}

}  // namespace

Shape NetworkSpec::batch_shape(std::int64_t count) const {
  Shape shape{count};
  shape.insert(shape.end(), input.begin(), input.end());
  return shape;
}

NetworkSpec parse_network_toml(std::string_view text, const std::string& origin) {
  toml::table table;
  try {
    table = toml::parse(text, origin);
  } catch (const toml::parse_error& error) {
    fail_input("{}, line {}: {}", origin, error.source().begin.line, error.description());
  }
  const std::set<std::string> known = {"name", "input", "layer"};
  for (const auto& [key, value] : table) {
    if (!known.contains(std::string(key.str()))) {
      fail_input("{}, {}: there is no setting '{}'; a network file has name, input and [[layer]] tables", origin,
                 line_of(value), key.str());
    }
  }
  NetworkSpec spec;
  if (table.contains("name") && !table["name"].is_string()) {
    fail_input("{}, {}: 'name' must be a string", origin, line_of(*table.get("name")));
  }
  spec.name = table["name"].value_or(std::filesystem::path(origin).stem().string());
  spec.input = parse_input(table, origin);
  if (!table.contains("layer")) {
    fail_input("{}: it has no [[layer]] tables", origin);
  }
  spec.layers = parse_layers(*table.get("layer"), "layer", origin);
  return spec;
}

NetworkSpec read_network_toml(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::stringstream text;
  text << stream.rdbuf();
  if (!stream || std::filesystem::is_directory(path)) {
    fail_input("cannot read the network file '{}'", path.string());
  }
  return parse_network_toml(text.str(), path.string());
}

std::string to_toml(const NetworkSpec& spec) {
  toml::table table;
  table.insert("name", spec.name);
  toml::array input;
  for (const std::int64_t side : spec.input) {
    input.push_back(side);
  }
  table.insert("input", input);
  toml::array layers;
  for (const LayerSpec& layer : spec.layers) {
    layers.push_back(layer_to_toml(layer));
  }
  table.insert("layer", layers);
  std::stringstream text;
  text << table;
  return text.str();
}

}  // namespace ntt
