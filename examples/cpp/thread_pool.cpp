// Runs inference with the kept weights only, on several threads that share one network.

#include <ATen/ATen.h>
#include <ntt/ntt.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <iostream>
#include <thread>
#include <utility>
#include <vector>

namespace {

constexpr int kWorkers = 4;
constexpr std::int64_t kBatch = 64;

void run() {
  const at::Tensor images = ntt::standardise(ntt::draw_glyphs(2000, 10)).train_images.flatten(1).contiguous();
  ntt::Network network = ntt::make_network(ntt::find_model("lenet-300-100", {1, 28, 28}, 10), {}, /*seed=*/1);
  ntt::PruneOptions options;
  options.density = 0.03;
  ntt::prune(network, ntt::find_prune_method("magnitude"), {}, options);
  const ntt::Predictor predictor(std::move(network), ntt::Execution::sparse);

  const std::int64_t count = images.size(0);
  std::vector<float> outputs(static_cast<std::size_t>(count * predictor.outputs()));
  std::atomic<std::int64_t> next = 0;
  const auto work = [&] {
    ntt::set_threads(1);  // of this worker: it is itself one of several
    for (std::int64_t first = next.fetch_add(kBatch); first < count; first = next.fetch_add(kBatch)) {
      predictor.predict(images.data_ptr<float>() + first * predictor.features(), std::min(kBatch, count - first),
                        outputs.data() + first * predictor.outputs());
    }
  };
  std::vector<std::thread> workers;
  for (int i = 0; i < kWorkers; ++i) {
    workers.emplace_back(work);
  }
  for (std::thread& worker : workers) {
    worker.join();
  }

  const at::Tensor expected = predictor.predict(images);
  const at::Tensor found = at::from_blob(outputs.data(), expected.sizes(), at::kFloat);
  std::cout << count << " inputs on " << kWorkers << " threads, " << predictor.weight_bytes(kBatch)
            << " bytes of weights; as on one thread: " << (at::allclose(found, expected) ? "yes" : "no") << '\n';
}

}  // namespace

int main() {
  try {
    run();
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
