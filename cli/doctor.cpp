#include <ATen/ATen.h>
#include <dlfcn.h>
#include <dnnl.h>
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/run_support.h"
#include "ntt/core/ceiling.h"
#include "ntt/core/threads.h"
#include "ntt/data/dataset.h"

namespace ntt {
namespace {

/// The processor that OpenBLAS took this one for, if OpenBLAS is what libtorch multiplies matrices with.
std::string blas_core() {
  using Name = const char* (*)();
  const auto corename = reinterpret_cast<Name>(dlsym(RTLD_DEFAULT, "openblas_get_corename"));
  return corename != nullptr ? fmt::format("OpenBLAS, kernels for {}", corename()) : "not OpenBLAS";
}

std::string simd_level() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f") != 0) {
    return "AVX-512";
  }
  return __builtin_cpu_supports("avx2") != 0 ? "AVX2" : "SSE2";
#else
  return "whatever the compiler chose";
#endif
}

std::string onednn_level() {
  switch (dnnl_get_effective_cpu_isa()) {
    case dnnl_cpu_isa_sse41:
      return "SSE4.1";
    case dnnl_cpu_isa_avx:
      return "AVX";
    case dnnl_cpu_isa_avx2:
      return "AVX2";
    default:
      return dnnl_get_effective_cpu_isa() >= dnnl_cpu_isa_avx512_core ? "AVX-512" : "other";
  }
}

void run_doctor(const CommonOptions& common) {
  apply_threads(common.threads);
  const double own = measure_gemm_ceiling();
  const double aten = measure_aten_ceiling();
  nlohmann::json record = environment_record();
  record["simd"] = simd_level();
  record["onednn_isa"] = onednn_level();
  record["blas"] = blas_core();
  record["gemm_gflops"] = own;
  record["aten_gflops"] = aten;
  record["cuda"] = at::hasCUDA();
  record["data"] = data_root().string();
  const auto& versions = record["versions"];
  print_result(common, record,
               {{"ntt", versions.value("ntt", "")},
                {"libtorch", versions.value("libtorch", "")},
                {"oneDNN", fmt::format("{}, {}", versions.value("onednn", ""), onednn_level())},
                {"processor", record.value("processor", "")},
                {"threads", fmt::format("{}", threads())},
                {"SIMD of our loops", simd_level()},
                {"BLAS of libtorch", blas_core()},
                {"our matrix product", fmt::format("{:.0f} GFLOP/s", own)},
                {"libtorch's product", fmt::format("{:.0f} GFLOP/s", aten)},
                {"CUDA", at::hasCUDA() ? "yes" : "no"},
                {"data", fmt::format("{}{}", data_root().string(),
                                     std::filesystem::exists(data_root()) ? "" : " (not there yet)")}});
}

}  // namespace

void add_doctor_command(CLI::App& app) {
  auto common = std::make_shared<CommonOptions>();
  CLI::App* doctor =
      add_run_command(app, "doctor", "Say what this machine has and how fast it multiplies", "ntt doctor --threads 2");
  add_machine_options(*doctor, *common);
  doctor->callback([common] { run_doctor(*common); });
}

}  // namespace ntt
