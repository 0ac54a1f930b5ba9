#pragma once

#include <nlohmann/json_fwd.hpp>

#include "ntt/train/trainer.h"

namespace ntt {

/// The evaluation at the weights that were kept.
const Evaluation& kept_evaluation(const TrainingResult& result, Select select);

/// The figures of a training that result.json holds: test_accuracy, test_top5_accuracy (of more than five
/// classes), test_loss, validation_accuracy and train_accuracy of the weights kept, kept_step, the evaluations last and
/// best_validation, mean_test_accuracy_of_last_ten, steps and evaluation_seconds.
nlohmann::json training_figures(const TrainingResult& result, Select select);

}  // namespace ntt
