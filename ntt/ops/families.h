#pragma once

#include <vector>

#include "ntt/ops/operator.h"

namespace ntt {

/// The types of each family, in the order in which they are listed.
std::vector<OperatorType> linear_types();
std::vector<OperatorType> convolution_types();
std::vector<OperatorType> batch_norm_types();
std::vector<OperatorType> layer_norm_types();
std::vector<OperatorType> source_types();  ///< parameters without an input
std::vector<OperatorType> activation_types();
std::vector<OperatorType> arithmetic_types();  ///< of two activations
std::vector<OperatorType> attention_types();   ///< matmul, softmax
std::vector<OperatorType> pooling_types();
std::vector<OperatorType> reduction_types();
std::vector<OperatorType> rearranging_types();

}  // namespace ntt
