#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "ntt/io/open_run.h"
#include "ntt/nn/data_format.h"
#include "ntt/train/trainer.h"

namespace ntt {

/// How a training went, and its result.json.
struct TrainingRun {
  TrainingResult result;
  nlohmann::json record;
};

/// train() as a run, which writes the folder that the request names, if it does, or goes on there.
///
/// @param options  seed, folder and resumption are the request's
/// @param request  options whose default depends on the network get their values
/// @param metadata of the trained network (ntt/nn/network_file.h), method included, to which the model is added
/// @param format   of the inputs and classes that it was trained for
///
/// Errors are those of train() and OpenRun.
TrainingRun run_training(Network& network, const TrainingData& data, TrainingOptions options, RunRequest request,
                         std::map<std::string, std::string> metadata, const DataFormat& format);

}  // namespace ntt
