#include "ntt/train/evaluation_json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace ntt {
namespace {

TEST(Evaluation, SurvivesJson) {
  const Evaluation evaluation{100, 2, 0.1, 0.2, 0.3, 0.4, 0.5, 1.0 / 3.0, 7};
  const auto back = nlohmann::json::parse(nlohmann::json(evaluation).dump()).get<Evaluation>();
  EXPECT_EQ(nlohmann::json(back), nlohmann::json(evaluation));
  EXPECT_EQ(back.step, 100);
  EXPECT_EQ(back.epoch, 2);
  EXPECT_EQ(back.train_loss, 0.1);
  EXPECT_EQ(back.test_loss, 1.0 / 3.0);
}

TEST(Evaluation, DistancesToATeacherAreThereOnlyIfMeasured) {
  Evaluation evaluation;
  EXPECT_FALSE(nlohmann::json(evaluation).contains("kernel_alignment"));
  EXPECT_TRUE(std::isnan(nlohmann::json(evaluation).get<Evaluation>().kernel_alignment));
  evaluation.kernel_distance = 3;
  evaluation.kernel_alignment = 0.5;
  evaluation.target_distance = 2;
  const auto back = nlohmann::json::parse(nlohmann::json(evaluation).dump()).get<Evaluation>();
  EXPECT_EQ(back.kernel_distance, 3);
  EXPECT_EQ(back.kernel_alignment, 0.5);
  EXPECT_EQ(back.target_distance, 2);
}

TEST(Evaluation, WhatDoesNotExistIsNull) {
  const std::string text = nlohmann::json(Evaluation()).dump();
  const auto back = nlohmann::json::parse(text).get<Evaluation>();
  EXPECT_TRUE(nlohmann::json::parse(text).at("validation_accuracy").is_null());
  EXPECT_TRUE(std::isnan(back.validation_accuracy));
  EXPECT_TRUE(std::isnan(back.train_loss));
}

}  // namespace
}  // namespace ntt
