#include <ATen/ATen.h>
#include <fmt/format.h>

#include <string>

#include "benchmarks/support.h"
#include "ntt/nn/model.h"
#include "ntt/transfer/transfer.h"

namespace ntt {
namespace {

/// A kernel of one of the zoo's models; 0 probes: exact.
struct StepCase {
  std::string model;
  std::int64_t probes;
};

/// Whole steps of NTT at the published density, 0.03 from the start: teacher, student, Adam, and a new mask every 100
/// steps.
void time_steps(benchmark::State& state, const StepCase& step_case) {
  const Network teacher = Network::random(published_model(step_case.model).graph, 0);
  const at::Tensor inputs = random_tensor(teacher.graph().batch_shape(kBatch));
  TransferOptions options;
  options.step.density_schedule = DensitySchedule::constant;
  options.step.kernel = step_case.probes == 0 ? KernelMode::exact : KernelMode::sketch;
  options.step.probes = step_case.probes;
  Network student = initial_student(teacher, options, inputs);
  Stepper stepper(teacher, student, options.step, std::int64_t{1} << 40);
  stepper.step(inputs);  // the first one sets up Adam and oneDNN
  const CountProducts products(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(stepper.step(inputs));
  }
}

const bool kRegistered = [] {
  for (const StepCase& step_case :
       {StepCase{"lenet-300-100", 0}, StepCase{"lenet-300-100", 1}, StepCase{"lenet-300-100", 2},
        StepCase{"lenet-5-caffe", 0}, StepCase{"lenet-5-caffe", 1}, StepCase{"conv-4", 0}, StepCase{"conv-4", 1}}) {
    const std::string kernel = step_case.probes == 0 ? "exact" : fmt::format("sketch:{}", step_case.probes);
    benchmark::RegisterBenchmark(fmt::format("step/{}/{}", step_case.model, kernel).c_str(), time_steps, step_case)
        ->Unit(benchmark::kMillisecond)
        ->MeasureProcessCPUTime()
        ->UseRealTime();
  }
  return true;
}();

}  // namespace
}  // namespace ntt
