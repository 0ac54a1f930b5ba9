#include "ntt/train/evaluation_json.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

namespace ntt {
namespace {

double number_or_none(const nlohmann::json& json, const char* key) {
  const nlohmann::json& value = json.at(key);
  return value.is_null() ? Evaluation::kNone : value.get<double>();
}

}  // namespace

void to_json(nlohmann::json& json, const Evaluation& evaluation) {
  json = {{"step", evaluation.step},
          {"epoch", evaluation.epoch},
          {"train_loss", evaluation.train_loss},
          {"train_accuracy", evaluation.train_accuracy},
          {"validation_accuracy", evaluation.validation_accuracy},
          {"validation_loss", evaluation.validation_loss},
          {"test_accuracy", evaluation.test_accuracy},
          {"test_loss", evaluation.test_loss},
          {"seconds", evaluation.seconds}};
  for (const auto& [key, value] : {std::pair("validation_top5_accuracy", evaluation.validation_top5_accuracy),
                                   std::pair("test_top5_accuracy", evaluation.test_top5_accuracy),
                                   std::pair("kernel_distance", evaluation.kernel_distance),
                                   std::pair("kernel_alignment", evaluation.kernel_alignment),
                                   std::pair("target_distance", evaluation.target_distance)}) {
    if (!std::isnan(value)) {
      json[key] = value;
    }
  }
}

void from_json(const nlohmann::json& json, Evaluation& evaluation) {
  json.at("step").get_to(evaluation.step);
  json.at("epoch").get_to(evaluation.epoch);
  evaluation.train_loss = number_or_none(json, "train_loss");
  evaluation.train_accuracy = number_or_none(json, "train_accuracy");
  evaluation.validation_accuracy = number_or_none(json, "validation_accuracy");
  evaluation.validation_loss = number_or_none(json, "validation_loss");
  evaluation.test_accuracy = number_or_none(json, "test_accuracy");
  evaluation.test_loss = number_or_none(json, "test_loss");
  json.at("seconds").get_to(evaluation.seconds);
  evaluation.validation_top5_accuracy = json.value("validation_top5_accuracy", Evaluation::kNone);
  evaluation.test_top5_accuracy = json.value("test_top5_accuracy", Evaluation::kNone);
  evaluation.kernel_distance = json.value("kernel_distance", Evaluation::kNone);
  evaluation.kernel_alignment = json.value("kernel_alignment", Evaluation::kNone);
  evaluation.target_distance = json.value("target_distance", Evaluation::kNone);
}

}  // namespace ntt
