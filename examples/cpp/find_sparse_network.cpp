// Finds a sparse network without labels, trains it and writes it.
// usage: find_sparse_network [FOLDER]

#include <ATen/core/Tensor.h>
#include <ntt/ntt.h>

#include <exception>
#include <filesystem>
#include <iostream>

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
  const ntt::Dataset glyphs = ntt::draw_glyphs(2000, 500);  // images of letters, built in
  const ntt::Standardised inputs = ntt::standardise(glyphs);
  const ntt::Network dense = ntt::make_network(ntt::find_model("lenet-300-100", {1, 28, 28}, 10), {}, /*seed=*/1);
  PrintedProgress observer;

  ntt::TransferOptions transfer;
  transfer.step.density = 0.05;
  transfer.steps = 100;
  transfer.held_out = 0.02;
  transfer.observer = &observer;
  ntt::Network sparse = ntt::initial_student(dense, transfer, inputs.train_images);
  const ntt::TransferResult found = ntt::transfer(dense, sparse, inputs.train_images, transfer);
  std::cout << "density " << sparse.density() << ", kernel distance " << found.before.kernel << " -> "
            << found.after.kernel << '\n';

  ntt::TrainingOptions training;
  training.epochs = 3;
  training.observer = &observer;
  const ntt::TrainingResult trained =
      ntt::train(sparse, {inputs.train_images, glyphs.train_labels, inputs.test_images, glyphs.test_labels}, training);
  std::cout << "test accuracy " << trained.last.test_accuracy << '\n';

  ntt::write_network(folder / "sparse.safetensors", sparse, {{"model", "lenet-300-100"}, {"method", "ntt"}});
  const ntt::NetworkFile again = ntt::read_network(folder / "sparse.safetensors");
  std::cout << "written to " << folder.string() << " at density " << again.network.density() << '\n';
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
