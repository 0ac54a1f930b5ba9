#include "ntt/nn/data_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "ntt/core/error.h"

namespace ntt {
namespace {

using Metadata = std::map<std::string, std::string>;

constexpr const char* kPreprocessing = "preprocessing";
constexpr const char* kClassNames = "class_names";

bool holds_numbers(const nlohmann::json& json, const char* key) {
  return json.contains(key) && json[key].is_array() &&
         std::ranges::all_of(json[key], [](const nlohmann::json& entry) { return entry.is_number(); });
}

Normalisation parse_normalisation(const std::string& text, const std::string& where) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  const bool divides =
      json.is_object() && json.contains("divide_by") && (json["divide_by"] == 255 || json["divide_by"] == 1);
  if (!divides || !holds_numbers(json, "mean") || !holds_numbers(json, "standard_deviation")) {
    fail_input(R"({} is not of the form {{"divide_by": 255 or 1, "mean": [numbers], "standard_deviation": [numbers]}})",
               where);
  }
  return {json["mean"].get<std::vector<double>>(), json["standard_deviation"].get<std::vector<double>>(),
          json["divide_by"] == 255};
}

std::vector<std::string> parse_class_names(const std::string& text, std::int64_t classes, const std::string& where) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  const bool names = json.is_array() && std::ranges::all_of(json, [](const auto& entry) { return entry.is_string(); });
  if (!names || json.size() != static_cast<std::size_t>(classes)) {
    fail_input("{} is not a list of {} names, one for each output", where, classes);
  }
  return json.get<std::vector<std::string>>();
}

}  // namespace

void set_data_format(Metadata& metadata, const DataFormat& format) {
  metadata.erase(kPreprocessing);
  metadata.erase(kClassNames);
  if (format.normalisation) {
    metadata[kPreprocessing] = nlohmann::json{{"divide_by", format.normalisation->bytes ? 255 : 1},
                                              {"mean", format.normalisation->mean},
                                              {"standard_deviation", format.normalisation->standard_deviation}}
                                   .dump();
  }
  if (!format.class_names.empty()) {
    metadata[kClassNames] =
        nlohmann::json(format.class_names).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
}

DataFormat parse_data_format(const Metadata& metadata, const Graph& graph, const std::string& origin) {
  const auto where = [&](const char* key) { return fmt::format("{}: its metadata's '{}'", origin, key); };
  DataFormat format;
  if (const auto found = metadata.find(kPreprocessing); found != metadata.end()) {
    format.normalisation = parse_normalisation(found->second, where(kPreprocessing));
    check_normalisation(*format.normalisation, graph.input_shape().front(), where(kPreprocessing));
  }
  if (const auto found = metadata.find(kClassNames); found != metadata.end()) {
    format.class_names = parse_class_names(found->second, graph.output_shape().front(), where(kClassNames));
  }
  return format;
}

}  // namespace ntt
