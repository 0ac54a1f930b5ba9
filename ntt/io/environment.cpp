#include <ATen/Parallel.h>
#include <fmt/chrono.h>
#include <oneapi/dnnl/dnnl.h>
#include <torch/version.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "ntt/io/run_folder.h"
#include "ntt/version.h"

namespace ntt {
namespace {

std::string processor_name() {
  std::ifstream stream("/proc/cpuinfo");
  for (std::string line; std::getline(stream, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return "unknown";
}

}  // namespace

nlohmann::json environment_record() {
  const dnnl_version_t* onednn = dnnl_version();
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  return {{"versions",
           {{"ntt", NTT_VERSION},
            {"libtorch", TORCH_VERSION},
            {"onednn", fmt::format("{}.{}.{}", onednn->major, onednn->minor, onednn->patch)}}},
          {"processor", processor_name()},
          {"threads", at::get_num_threads()},
          {"time", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(now)))}};
}

}  // namespace ntt
