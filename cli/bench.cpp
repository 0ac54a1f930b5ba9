#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/model_options.h"
#include "cli/run_support.h"
#include "cli/transfer_options.h"
#include "ntt/core/ceiling.h"
#include "ntt/core/gemm.h"
#include "ntt/core/stopwatch.h"
#include "ntt/core/threads.h"
#include "ntt/find/find.h"
#include "ntt/nn/model.h"
#include "ntt/nn/statistics.h"
#include "ntt/report/table.h"

namespace ntt {
namespace {

struct BenchOptions {
  CommonOptions common;
  std::string model = "lenet-300-100";
  FindOptions find;
  double seconds = 5;
};

struct Timings {
  std::vector<double> ms;
  double operations = 0;  ///< of matrix products, a step
};

Timings time_steps(const BenchOptions& options, at::Device device) {
  const c10::InferenceMode inference;
  Network teacher = make_network(published_model(options.model), {}, options.common.seed);
  const TransferOptions transfer = settled_transfer(options.find, teacher.graph(), options.find.transfer.batch_size);
  const Shape shape = teacher.graph().batch_shape(transfer.batch_size);
  RandomStream stream(options.common.seed, "bench");
  const at::Tensor inputs = random_normal(stream, shape, 1.0, at::kFloat).to(device);
  teacher.to(device, at::kFloat);
  calibrate_statistics(teacher, inputs);
  Network student = initial_student(teacher, transfer, inputs);
  Stepper stepper(teacher, student, transfer.step, transfer.steps);

  constexpr int kWarmUp = 3;
  constexpr std::size_t kLeast = 10;
  Timings timings;
  const Stopwatch watch;
  std::int64_t counted_from = 0;
  for (int i = 0; timings.ms.size() < kLeast || watch.seconds() < options.seconds; ++i) {
    if (i == kWarmUp) {
      counted_from = gemm_operations();
    }
    const Stopwatch step;
    stepper.step(inputs);  // reads the distances, so that the device has finished
    if (i >= kWarmUp) {
      timings.ms.push_back(1e3 * step.seconds());
    }
  }
  timings.operations = static_cast<double>(gemm_operations() - counted_from) / static_cast<double>(timings.ms.size());
  std::sort(timings.ms.begin(), timings.ms.end());
  return timings;
}

void bench_step(const CLI::App& subcommand, BenchOptions& options) {
  apply_threads(options.common.threads);
  const at::Device device = parse_device(options.common.device);
  options.find.transfer.step.seed = options.common.seed;
  options.find.transfer.steps = std::int64_t{1} << 40;  // an end that is never reached
  const Timings timings = time_steps(options, device);
  const double median = timings.ms[timings.ms.size() / 2];
  const double gflops = timings.operations / median / 1e6;
  const double ceiling = measure_gemm_ceiling();
  nlohmann::json record = result_record(request_of(subcommand, options.common), 0, median);
  record["ms_min"] = timings.ms.front();
  record["ms_max"] = timings.ms.back();
  record["steps"] = timings.ms.size();
  record["gflop_per_step"] = timings.operations / 1e9;
  record["gflops"] = gflops;
  record["gflops_ceiling"] = ceiling;
  record["fraction_of_ceiling"] = gflops / ceiling;
  print_result(options.common, record,
               {{"model", options.model},
                {"milliseconds a step", fmt::format("{:.3f} median, {:.3f} min, {:.3f} max of {}", median,
                                                    timings.ms.front(), timings.ms.back(), timings.ms.size())},
                {"matrix products", fmt::format("{:.3f} GFLOP a step", timings.operations / 1e9)},
                {"achieved", fmt::format("{:.1f} GFLOP/s, {} of the {:.1f} measured on a large product", gflops,
                                         format_percent(gflops / ceiling, 0), ceiling)}});
}

}  // namespace

void add_bench_command(CLI::App& app) {
  CLI::App* bench = app.add_subcommand("bench", "Measure how fast this machine runs NTT and its networks");
  bench->require_subcommand(1);
  auto options = std::make_shared<BenchOptions>();
  options->find.transfer.step.density_schedule = DensitySchedule::constant;  // the density asked for, at every step
  CLI::App* step = add_run_command(*bench, "step", "Time one step of NTT: teacher, student, Adam, everything",
                                   "ntt bench step --model lenet-5-caffe --kernel sketch --probes 1 --batch-size 64");
  step->add_option("--model", options->model, model_help());
  add_step_options(*step, options->find);
  add_batch_size_option(*step, options->find.transfer);
  step->add_option("--seconds", options->seconds, "How long to measure")->check(CLI::PositiveNumber);
  add_seed_option(*step, options->common);
  add_machine_options(*step, options->common);
  step->callback([step, options] { bench_step(*step, *options); });
  add_bench_sparse_command(*bench);
}

}  // namespace ntt
