#include <ATen/ATen.h>
#include <fmt/format.h>

#include <functional>
#include <string>

#include "benchmarks/support.h"
#include "ntt/core/adam_update.h"
#include "ntt/core/convolution.h"
#include "ntt/core/fused.h"
#include "ntt/core/pooling.h"

namespace ntt {
namespace {

/// Times `work` under a name; the products in it count as GFLOP/s.
void add(const std::string& name, const std::function<std::function<void()>()>& prepare) {
  const auto run = [prepare](benchmark::State& state) {
    const std::function<void()> work = prepare();
    work();  // oneDNN makes its code on the first call
    const CountProducts products(state);
    for (auto _ : state) {
      work();
    }
  };
  benchmark::RegisterBenchmark(name.c_str(), run)
      ->Unit(benchmark::kMicrosecond)
      ->MeasureProcessCPUTime()
      ->UseRealTime();
}

/// One product [m, k] x [k, n] where the library meets it.
struct ProductCase {
  const char* where;
  std::int64_t m, n, k;
  Transpose transpose_a, transpose_b;
};

at::Tensor random_matrix(std::int64_t rows, std::int64_t columns, Transpose stored, const char* purpose) {
  return stored == Transpose::no ? random_tensor({rows, columns}, purpose) : random_tensor({columns, rows}, purpose);
}

void add_product(const ProductCase& product) {
  add(fmt::format("gemm/{}/{}x{}x{}", product.where, product.m, product.n, product.k), [=] {
    return [=, a = random_matrix(product.m, product.k, product.transpose_a, "a"),
            b = random_matrix(product.k, product.n, product.transpose_b, "b"),
            out = at::empty({product.m, product.n})]() mutable {
      matmul_into(out, a, product.transpose_a, b, product.transpose_b, 0.0);
    };
  });
}

void add_products() {
  constexpr auto kNo = Transpose::no;
  constexpr auto kYes = Transpose::yes;
  for (const ProductCase& product : {
           ProductCase{"ceiling", 1024, 1024, 1024, kNo, kNo},
           ProductCase{"lenet-300-100 forward", 64, 300, 784, kNo, kYes},
           ProductCase{"lenet-300-100 exact pullback", 640, 300, 100, kNo, kNo},
           ProductCase{"lenet-300-100 exact delta Gram", 320, 320, 300, kNo, kYes},
           ProductCase{"lenet-300-100 weight gradient", 300, 784, 64, kYes, kNo},
           ProductCase{"lenet-5-caffe exact conv2 Gram", 320, 320, 25000, kNo, kYes},
           ProductCase{"lenet-5-caffe sketch conv2 Gram", 32, 32, 25000, kNo, kYes},
           ProductCase{"lenet-5-caffe exact conv2 Gram adjoint", 320, 25000, 320, kNo, kNo},
           ProductCase{"lenet-5-caffe one image's conv2", 50, 64, 500, kNo, kNo},
           ProductCase{"conv-4 linear1 forward", 64, 512, 3200, kNo, kYes},
           ProductCase{"conv-4 one image's conv2", 64, 784, 576, kNo, kNo},
           ProductCase{"conv-4 sketch conv4 Gram", 32, 32, 147456, kNo, kYes},
       }) {
    add_product(product);
  }
}

/// A convolution of the zoo, [channels, side, side] to `out` channels, on one batch.
struct ConvolutionCase {
  const char* where;
  std::int64_t channels, side, kernel, out;
  std::int64_t padding = 0;
  std::int64_t groups = 1;

  ConvGeometry geometry() const {
    return {.channels = channels,
            .height = side,
            .width = side,
            .kernel_height = kernel,
            .kernel_width = kernel,
            .pad_top = padding,
            .pad_left = padding,
            .pad_bottom = padding,
            .pad_right = padding,
            .groups = groups};
  }
  at::Tensor images() const { return random_tensor({kBatch, channels, side, side}, "images"); }
  at::Tensor weight() const { return random_tensor({out, channels / groups, kernel, kernel}, "weight"); }
  at::Tensor delta(std::int64_t rows) const {
    return random_tensor({rows, out, geometry().out_height(), geometry().out_width()}, "delta");
  }
};

void add_convolution(const ConvolutionCase& convolution) {
  const ConvGeometry geometry = convolution.geometry();
  const auto name = [&](const char* function) { return fmt::format("{}/{}", function, convolution.where); };
  add(name("conv_patches"),
      [=] { return [=, images = convolution.images()] { benchmark::DoNotOptimize(conv_patches(geometry, images)); }; });
  add(name("conv_fold"), [=] {
    return [=, patches = random_tensor({kBatch, geometry.groups * geometry.patch(), geometry.positions()})] {
      benchmark::DoNotOptimize(conv_fold(geometry, patches));
    };
  });
  add(name("conv_forward"), [=] {
    return [=, images = convolution.images(), weight = convolution.weight()] {
      benchmark::DoNotOptimize(conv_forward(geometry, images, weight, {}));
    };
  });
  add(name("conv_backward_images"), [=] {
    return [=, delta = convolution.delta(kBatch), weight = convolution.weight()] {
      benchmark::DoNotOptimize(conv_backward_images(geometry, delta, weight));
    };
  });
  add(name("conv_add_weight_gradient"), [=] {
    return [=, images = convolution.images(), delta = convolution.delta(kBatch),
            gradient = convolution.weight()]() mutable { conv_add_weight_gradient(geometry, images, delta, gradient); };
  });
  for (const std::int64_t probes : {std::int64_t{1}, kClasses}) {
    add(fmt::format("{}/probes:{}", name("conv_jacobian"), probes), [=] {
      return [=, images = convolution.images(),
              delta = convolution.delta(kBatch * probes).unflatten(0, {kBatch, probes})] {
        benchmark::DoNotOptimize(conv_jacobian(geometry, images, delta));
      };
    });
  }
}

void add_convolutions() {
  for (const ConvolutionCase& convolution :
       {ConvolutionCase{"lenet-5-caffe conv1", 1, 28, 5, 20}, ConvolutionCase{"lenet-5-caffe conv2", 20, 12, 5, 50},
        ConvolutionCase{"conv-4 conv1", 3, 32, 3, 64}, ConvolutionCase{"conv-4 conv2", 64, 30, 3, 64},
        ConvolutionCase{"conv-4 conv4", 128, 12, 3, 128}, ConvolutionCase{"resnet-20 layer1", 16, 32, 3, 16, 1},
        ConvolutionCase{"resnet-20 layer2", 32, 16, 3, 32, 1}, ConvolutionCase{"resnet-20 layer3", 64, 8, 3, 64, 1},
        ConvolutionCase{"resnet-18 layer1", 64, 32, 3, 64, 1}, ConvolutionCase{"resnet-18 layer4", 512, 4, 3, 512, 1},
        ConvolutionCase{"grouped", 128, 28, 3, 256, 1, 32}, ConvolutionCase{"depthwise", 144, 28, 3, 144, 1, 144}}) {
    add_convolution(convolution);
  }
}

void add_pool(const std::string& where, std::int64_t channels, std::int64_t side) {
  const PoolGeometry geometry;
  const auto images = [=] { return random_tensor({kBatch, channels, side, side}, "images"); };
  add("max_pool/" + where,
      [=] { return [=, batch = images()] { benchmark::DoNotOptimize(max_pool(geometry, batch)); }; });
  add("pool_gather/" + where, [=] {
    return [=, values = images().unsqueeze(1), winners = max_pool(geometry, images()).second] {
      benchmark::DoNotOptimize(pool_gather(values, winners));
    };
  });
  add("pool_scatter/" + where, [=] {
    const auto pooled = max_pool(geometry, images());
    return [=, cotangents = pooled.first.unsqueeze(1), winners = pooled.second] {
      benchmark::DoNotOptimize(pool_scatter(cotangents, winners, side, side));
    };
  });
}

void add_average_pool(const std::string& where, std::int64_t channels, std::int64_t side) {
  const PoolGeometry geometry;
  const auto images = [=] { return random_tensor({kBatch, channels, side, side}, "images"); };
  add("average_pool/" + where,
      [=] { return [=, batch = images()] { benchmark::DoNotOptimize(average_pool(geometry, false, batch)); }; });
  add("average_pool_spread/" + where, [=] {
    return [=, cotangents = average_pool(geometry, false, images())] {
      benchmark::DoNotOptimize(average_pool_spread(geometry, false, cotangents, side, side));
    };
  });
}

void add_adam(const std::string& where, std::int64_t out, std::int64_t in) {
  add("adam_update/" + where, [=] {
    const auto tensor = [=](const char* purpose) { return random_tensor({out, in}, purpose); };
    return [=, value = tensor("value"), effective = tensor("value"), gradient = tensor("gradient"),
            mask = tensor("mask").gt(1.9).to(at::kFloat), first = tensor("first"),
            second = tensor("second").square()]() mutable {
      adam_update(AdamStep{}, value, effective, gradient, mask, first, second);
    };
  });
}

/// The kernel of half a batch against the other half, exact: 32 inputs of 10 rows each.
void add_fused() {
  constexpr std::int64_t kHalf = kBatch / 2;
  constexpr std::int64_t kRows = kHalf * kClasses;
  const auto inputs = [] { return random_tensor({kHalf, kHalf}, "inputs"); };
  const auto rows = [](const char* purpose) { return random_tensor({kRows, kRows}, purpose); };
  add("add_blockwise_product/exact", [=] {
    return [=, kernel = rows("kernel"), inputs = inputs(), deltas = rows("deltas")]() mutable {
      add_blockwise_product(kernel, inputs, deltas);
    };
  });
  add("blockwise_product/exact", [=] {
    return [=, inputs = inputs(), values = rows("values")] {
      benchmark::DoNotOptimize(blockwise_product(inputs, values));
    };
  });
  add("blockwise_dot/exact", [=] {
    return [=, a = rows("a"), b = rows("b")] { benchmark::DoNotOptimize(blockwise_dot(a, b, kHalf, kHalf)); };
  });
  add("subtract_and_square/exact", [=] {
    // Against zeros, so that the entries stay as they are from one call to the next.
    return [=, a = rows("a"), b = at::zeros({kRows, kRows})]() mutable {
      benchmark::DoNotOptimize(subtract_and_square(a, b));
    };
  });
}

const bool kRegistered = [] {
  add_products();
  add_convolutions();
  add_pool("lenet-5-caffe pool1", 20, 24);
  add_pool("conv-4 pool1", 64, 28);
  add_average_pool("conv-4 pool1", 64, 28);
  add_fused();
  add_adam("lenet-300-100 linear1", 300, 784);
  add_adam("conv-4 linear1", 512, 3200);
  return true;
}();

}  // namespace
}  // namespace ntt
