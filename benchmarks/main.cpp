#include <benchmark/benchmark.h>
#include <c10/core/InferenceMode.h>

#include <exception>
#include <iostream>
#include <string>

#include "cli/process/memory.h"
#include "ntt/core/threads.h"
#include "ntt/version.h"

/// Google Benchmark's main, in the surroundings that the command line gives the library. OMP_NUM_THREADS chooses the
/// number of threads; every processor's worth otherwise.
int main(int argc, char** argv) {
  ntt::keep_freed_memory();
  ntt::set_threads(ntt::threads());  // ATen would start with one
  const c10::InferenceMode inference;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 2;
  }
  benchmark::AddCustomContext("ntt", NTT_VERSION);
  benchmark::AddCustomContext("threads", std::to_string(ntt::threads()));
  try {
    benchmark::RunSpecifiedBenchmarks();
  } catch (const std::exception& error) {
    std::cerr << "bench: " << error.what() << '\n';
    return 1;
  }
  benchmark::Shutdown();
  return 0;
}
