#pragma once

#include "tests/support/operators.h"

/// What the types of nodes compute, from libtorch's operations alone: the table of operators.h takes them from here.
namespace ntt::oracle {

at::Tensor convolution(const Call& call);
at::Tensor max_pool(const Call& call);
at::Tensor average_pool(const Call& call);
at::Tensor batch_norm(const Call& call);
at::Tensor layer_norm(const Call& call);
at::Tensor gelu(const Call& call);
at::Tensor clip(const Call& call);
at::Tensor hard_sigmoid(const Call& call);
at::Tensor linear(const Call& call);
at::Tensor leaky_relu(const Call& call);
at::Tensor elu(const Call& call);
at::Tensor affine(const Call& call);
at::Tensor add(const Call& call);
at::Tensor subtract(const Call& call);
at::Tensor multiply(const Call& call);
at::Tensor divide(const Call& call);
at::Tensor matmul(const Call& call);
at::Tensor softmax(const Call& call);
at::Tensor reduce_mean(const Call& call);
at::Tensor reduce_sum(const Call& call);
at::Tensor concat(const Call& call);
at::Tensor slice(const Call& call);
at::Tensor pad(const Call& call);
at::Tensor reshape(const Call& call);
at::Tensor transpose(const Call& call);
at::Tensor parameter(const Call& call);

}  // namespace ntt::oracle
