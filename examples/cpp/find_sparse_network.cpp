// Finds a sparse network without labels, trains it and writes it.
// usage: find_sparse_network [FOLDER]

#include <ATen/core/Tensor.h>
#include <ntt/ntt.h>

#include <exception>
#include <filesystem>
#include <iostream>
#include <utility>

namespace {

/// Prints every twentieth step. stop_requested() could end a job early.
class PrintedProgress : public ntt::Observer {
 public:
  void progress(const ntt::JobProgress& progress) override {
    if (progress.done % 20 == 0 && !progress.finished) {
      std::cout << progress.job << ": " << progress.unit << ' ' << progress.done << " of " << progress.total << ", "
                << progress.figures << '\n';
    }
  }
};

void run(const std::filesystem::path& folder) {
  const ntt::LoadedData data = ntt::load_data("glyphs", at::kCPU);  // images of letters, built in
  ntt::Network dense = ntt::make_network(ntt::find_model("lenet-300-100", data.input, data.classes), {}, /*seed=*/1);
  PrintedProgress observer;

  ntt::FindOptions options;
  options.transfer.step.density = 0.05;
  options.transfer.steps = 100;
  options.transfer.observer = &observer;
  ntt::FoundNetwork found = ntt::find_sparse_network(std::move(dense), data.train_inputs, {}, options);
  std::cout << "density " << found.network.density() << ", kernel distance " << found.transfer->before.kernel << " -> "
            << found.transfer->after.kernel << '\n';

  ntt::TrainingOptions training;
  training.steps = 200;
  training.observer = &observer;
  const ntt::TrainingResult trained =
      ntt::train(found.network, {data.train_inputs, data.train_labels, data.test_inputs, data.test_labels}, training);
  std::cout << "test accuracy " << trained.last.test_accuracy << '\n';

  const std::filesystem::path file = folder / "sparse.safetensors";
  ntt::write_network(file, found.network, {{"model", "lenet-300-100"}, {"method", found.method}});
  std::cout << "written to " << file.string() << " at density " << ntt::read_network(file).network.density() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc > 1 ? argv[1] : ".");
  } catch (const std::exception& error) {  // ntt::InputError, ntt::RunError, or what the system throws
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
