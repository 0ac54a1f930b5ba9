#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ntt/find/find.h"
#include "ntt/io/open_run.h"

namespace ntt {

/// What a run found, and its result.json.
struct FindRun {
  FoundNetwork found;
  nlohmann::json record;
};

/// Says how weights are drawn where that was not asked for.
void fill_in_initialisation(std::vector<TomlOption>& options, const Graph& graph);

/// find_sparse_network() as a run, which writes the folder that the request names, if it does, or goes on there.
///
/// @param options  seed, folder and resumption are the request's
/// @param request  options whose default depends on the network get their values
/// @param metadata of both networks (ntt/nn/network_file.h), to which model and method are added
/// @param format   of the inputs and classes that both were made for
///
/// Errors are those of find_sparse_network() and OpenRun.
FindRun run_find(Network teacher, const at::Tensor& inputs, const at::Tensor& labels, FindOptions options,
                 RunRequest request, const std::map<std::string, std::string>& metadata, const DataFormat& format);

}  // namespace ntt
