#include "ntt/export/arrays.h"

#include <ATen/ATen.h>

#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

namespace ntt {
namespace {

at::Tensor metadata_bytes(const NetworkFile& file) {
  const std::string text = nlohmann::json(file.metadata).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  at::Tensor bytes = at::empty({static_cast<std::int64_t>(text.size())}, at::kByte);
  std::memcpy(bytes.data_ptr(), text.data(), text.size());
  return bytes;
}

void add_csr(NamedArrays& arrays, const Parameter& weight) {
  const std::int64_t rows = weight.shape[0];
  const std::int64_t columns = weight.value.numel() / rows;
  const at::Tensor places = weight.kept_indices().to(at::kCPU);
  const bool wide = std::max(places.numel(), columns) > std::numeric_limits<std::int32_t>::max();
  const at::ScalarType index = wide ? at::kLong : at::kInt;
  const at::Tensor row_of_place = at::floor_divide(places, columns);
  const at::Tensor starts = at::searchsorted(row_of_place, at::arange(rows + 1, at::kLong));
  arrays.emplace_back(weight.name + ".data", weight.file_value().flatten().index_select(0, places));
  arrays.emplace_back(weight.name + ".indices", places.remainder(columns).to(index));
  arrays.emplace_back(weight.name + ".indptr", starts.to(index));
  arrays.emplace_back(weight.name + ".shape", at::tensor({rows, columns}, at::kLong));
  arrays.emplace_back(weight.name + ".dense_shape", at::tensor(weight.shape, at::kLong));
}

}  // namespace

NamedArrays dense_arrays(const NetworkFile& file) {
  NamedArrays arrays;
  for (const auto& parameter : file.network.all_parameters()) {
    arrays.emplace_back(parameter->name, parameter->file_value());
    if (parameter->pattern) {
      arrays.emplace_back(parameter->name + "_mask", parameter->mask().to(at::kCPU, at::kByte));
    }
  }
  arrays.emplace_back("metadata", metadata_bytes(file));
  return arrays;
}

NamedArrays csr_arrays(const NetworkFile& file) {
  NamedArrays arrays;
  for (const auto& parameter : file.network.all_parameters()) {
    if (parameter->role == Role::weight) {
      add_csr(arrays, *parameter);
    } else {
      arrays.emplace_back(parameter->name, parameter->file_value());
    }
  }
  arrays.emplace_back("metadata", metadata_bytes(file));
  return arrays;
}

}  // namespace ntt
