#include "ntt/train/record.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "ntt/train/evaluation_json.h"

namespace ntt {

const Evaluation& kept_evaluation(const TrainingResult& result, Select select) {
  return select == Select::last ? result.last : result.best;
}

nlohmann::json training_figures(const TrainingResult& result, Select select) {
  const Evaluation& kept = kept_evaluation(result, select);
  nlohmann::json figures = {{"test_accuracy", kept.test_accuracy},
                            {"test_loss", kept.test_loss},
                            {"validation_accuracy", kept.validation_accuracy},
                            {"train_accuracy", kept.train_accuracy},
                            {"kept_step", kept.step},
                            {"last", result.last},
                            {"best_validation", result.best},
                            {"mean_test_accuracy_of_last_ten", result.mean_test_accuracy},
                            {"steps", result.steps},
                            {"evaluation_seconds", result.evaluation_seconds}};
  if (!std::isnan(kept.test_top5_accuracy)) {
    figures["test_top5_accuracy"] = kept.test_top5_accuracy;
  }
  return figures;
}

}  // namespace ntt
