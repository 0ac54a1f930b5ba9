#include <cmath>

#include "ntt/io/safetensors.h"
#include "tests/cli/cli_test.h"

namespace ntt {
namespace {

using ::testing::HasSubstr;

class KernelCommandTest : public CliTest {
 protected:
  void SetUp() override {
    run_well(transfer("run", {"--learning-rate", "0.01"}));  // so that biases and masks are at work
  }

  /// The images of a part, standardised as in training: float64 [N, 16].
  at::Tensor inputs(const std::string& part) const {
    const at::Tensor train = read_npy(folder_ / "small" / "train-images.npy").to(at::kDouble).div(255);
    const at::Tensor images = read_npy(folder_ / "small" / (part + "-images.npy")).to(at::kDouble).div(255);
    return images.sub(train.mean()).div(train.std(false)).flatten(1);
  }

  /// The kernel of flatten, linear, relu, linear, written down: with a = relu(h), h = W x + b and masks m,
  /// Θ[c,c'] = δ[c,c'] (Σ_u m2[c,u] a_u a'_u + 1) + Σ_u W2[c,u] W2[c',u] [h_u>0] [h'_u>0] (Σ_p m1[u,p] x_p x'_p + 1).
  at::Tensor expected(const std::string& file, const at::Tensor& left, const at::Tensor& right, bool active) const {
    const TensorFile network = read_safetensors(folder_ / "run" / file);
    const auto tensor = [&](const std::string& name) { return network.at(name).to(at::kDouble); };
    const auto mask = [&](const std::string& name) {
      return active ? tensor(name + "_mask") : at::ones_like(tensor(name));
    };
    const at::Tensor first = mask("fc1.weight");
    const at::Tensor second = mask("fc2.weight");
    const at::Tensor out = tensor("fc2.weight");
    const auto hidden = [&](const at::Tensor& x) { return x.matmul(tensor("fc1.weight").t()) + tensor("fc1.bias"); };
    const at::Tensor h = hidden(left);
    const at::Tensor g = hidden(right);
    const at::Tensor on = h.gt(0).to(at::kDouble);
    const at::Tensor also = g.gt(0).to(at::kDouble);
    const at::Tensor inner = at::einsum("up,ip,jp->iju", {first, left, right}) + 1;
    const at::Tensor below = at::einsum("cu,du,iu,ju,iju->ijcd", {out, out, on, also, inner});
    const at::Tensor top = at::einsum("cu,iu,ju->ijc", {second, at::relu(h), at::relu(g)}) + 1;
    return below + at::diag_embed(top);
  }

  at::Tensor kernel(const Words& more) const {
    run_well(with({"kernel", "--network", "run", "--data", "small", "--samples", "7", "--block", "3", "--out", "K.npy"},
                  more));
    return read_npy(folder_ / "K.npy");
  }
  static void expect_close(const at::Tensor& found, const at::Tensor& wanted) {
    ASSERT_EQ(found.sizes(), wanted.sizes());
    const double scale = wanted.abs().max().item<double>();
    const double tolerance = found.scalar_type() == at::kFloat ? 1e-5 : 1e-6;  // the inputs are float32 in both
    EXPECT_LT((found.to(at::kDouble) - wanted).abs().max().item<double>(), tolerance * scale);
  }
};

TEST_F(KernelCommandTest, IsTheKernelOfTheFirstInputs) {
  const at::Tensor left = inputs("train").narrow(0, 0, 7);
  const at::Tensor whole = expected("network.safetensors", left, left, false);
  const at::Tensor found = kernel({});
  EXPECT_EQ(found.scalar_type(), at::kFloat);
  EXPECT_EQ(found.sizes(), at::IntArrayRef({7, 7, 2, 2}));
  expect_close(found, whole);
  const at::Tensor active = expected("network.safetensors", left, left, true);
  expect_close(kernel({"--parameters", "active"}), active);
  EXPECT_FALSE(at::allclose(active, whole, 1e-2));
}

TEST_F(KernelCommandTest, AgainstAnotherNetworkGivesDistanceAndAlignment) {
  const at::Tensor left = inputs("train").narrow(0, 0, 7);
  const at::Tensor student = expected("network.safetensors", left, left, false);
  const at::Tensor teacher = expected("teacher.safetensors", left, left, false);
  const nlohmann::json record = run_json({"kernel", "--network", "run", "--against", "run/teacher.safetensors",
                                          "--data", "small", "--samples", "7", "--block", "4", "--out", "K.npy"});
  const double distance = (student - teacher).square().mean().item<double>();
  const double alignment = ((student * teacher).sum() / (student.norm() * teacher.norm())).item<double>();
  EXPECT_NEAR(record.at("kernel_distance").get<double>(), distance, 1e-4 * distance);
  EXPECT_NEAR(record.at("alignment").get<double>(), alignment, 1e-5);
}

TEST_F(KernelCommandTest, ASketchIsTheKernelSeenThroughItsProbes) {
  const at::Tensor left = inputs("train").narrow(0, 0, 7);
  const at::Tensor found = kernel({"--kernel", "sketch", "--probes", "1"});
  const at::Tensor probes = read_npy(folder_ / "K.probes.npy").to(at::kDouble);
  ASSERT_EQ(probes.sizes(), at::IntArrayRef({7, 1, 2}));
  const at::Tensor whole = expected("network.safetensors", left, left, false);
  expect_close(found, at::einsum("iac,ijcd,jbd->ijab", {probes, whole, probes}));
}

TEST_F(KernelCommandTest, ANumberOfTestInputsMakesTheColumns) {
  const at::Tensor left = inputs("train").narrow(0, 0, 7);
  const at::Tensor right = inputs("test").narrow(0, 0, 4);
  const at::Tensor found = kernel({"--test-samples", "4", "--dtype", "float64"});
  EXPECT_EQ(found.scalar_type(), at::kDouble);
  expect_close(found, expected("network.safetensors", left, right, false));
}

}  // namespace
}  // namespace ntt
