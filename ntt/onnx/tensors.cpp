#include "ntt/onnx/tensors.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "ntt/core/error.h"
#include "ntt/graph/graph.h"
#include "ntt/onnx/external_data.h"

namespace ntt::onnx_import {
namespace {

using ::onnx::TensorProto;

constexpr std::int64_t kMostEntries = std::int64_t{1} << 40;  // of any tensor: far from overflow
/// The least share of a sparse tensor that is stored. A few bytes could ask for any amount of memory otherwise.
constexpr std::int64_t kMostEntriesForOneStored = 4096;
constexpr std::int64_t kSmallSparseTensor = 1 << 20;

std::vector<std::int64_t> shape_of(const std::string& name, const google::protobuf::RepeatedField<std::int64_t>& dims) {
  std::int64_t count = 1;
  for (const std::int64_t side : dims) {
    if (side < 0 || (side > 0 && count > kMostEntries / side)) {
      fail_input("the tensor '{}' has the shape {}, which no tensor can have", name,
                 to_string({dims.begin(), dims.end()}));
    }
    count *= std::max<std::int64_t>(side, 1);
  }
  return {dims.begin(), dims.end()};
}

[[noreturn]] void fail_count(const std::string& name, const std::vector<std::int64_t>& shape, std::size_t there,
                             std::string_view unit) {
  fail_input("the tensor '{}' of {} needs {} entries, but the file has {} {} for it", name, to_string(shape),
             entries(shape), there, unit);
}

/// The raw bytes become the tensor's memory.
at::Tensor from_raw_data(TensorProto& tensor, const std::vector<std::int64_t>& shape, at::ScalarType type) {
  const std::size_t there = tensor.raw_data().size();
  if (there != static_cast<std::size_t>(entries(shape)) * c10::elementSize(type)) {
    fail_count(tensor.name(), shape, there, "bytes");
  }
  if (there == 0) {
    return at::empty(shape, type);
  }
  const std::shared_ptr<std::string> bytes(tensor.release_raw_data());
  return at::from_blob(
      bytes->data(), shape, [bytes](void*) {}, at::TensorOptions(type));
}

/// From one of the fields that are typed: as they are, or, for 16-bit floats, by their bits.
template <typename Entry, typename Field>
at::Tensor from_field(const TensorProto& tensor, const Field& field, const std::vector<std::int64_t>& shape,
                      at::ScalarType type) {
  if (field.size() != entries(shape)) {
    fail_count(tensor.name(), shape, static_cast<std::size_t>(field.size()), "values");
  }
  const at::Tensor values = at::empty(shape, type);
  std::transform(field.begin(), field.end(), static_cast<Entry*>(values.data_ptr()),
                 [](auto entry) { return static_cast<Entry>(entry); });
  return values;
}

at::Tensor from_typed_fields(const TensorProto& tensor, const std::vector<std::int64_t>& shape, at::ScalarType type) {
  switch (tensor.data_type()) {
    case TensorProto::FLOAT:
      return from_field<float>(tensor, tensor.float_data(), shape, type);
    case TensorProto::DOUBLE:
      return from_field<double>(tensor, tensor.double_data(), shape, type);
    case TensorProto::INT64:
      return from_field<std::int64_t>(tensor, tensor.int64_data(), shape, type);
    case TensorProto::FLOAT16:
    case TensorProto::BFLOAT16:
      return from_field<std::uint16_t>(tensor, tensor.int32_data(), shape, type);
    case TensorProto::INT32:
      return from_field<std::int32_t>(tensor, tensor.int32_data(), shape, type);
    case TensorProto::INT16:
      return from_field<std::int16_t>(tensor, tensor.int32_data(), shape, type);
    case TensorProto::INT8:
      return from_field<std::int8_t>(tensor, tensor.int32_data(), shape, type);
    case TensorProto::UINT8:
      return from_field<std::uint8_t>(tensor, tensor.int32_data(), shape, type);
    default:
      return from_field<bool>(tensor, tensor.int32_data(), shape, type);
  }
}

/// Indices [entries] into the flattened tensor from those of a sparse one, which may have a column for each axis.
at::Tensor flat_indices(const at::Tensor& indices, const std::vector<std::int64_t>& shape, const std::string& name) {
  const at::Tensor columns = indices.dim() == 2 ? indices : indices.unsqueeze(1);
  const std::vector<std::int64_t> sides = indices.dim() == 2 ? shape : std::vector{entries(shape)};
  at::Tensor flat = at::zeros({indices.size(0)}, at::kLong);
  for (std::size_t axis = 0; axis < sides.size(); ++axis) {
    const at::Tensor column = columns.select(1, static_cast<std::int64_t>(axis));
    if (column.lt(0).logical_or(column.ge(sides[axis])).any().item<bool>()) {
      fail_input("the sparse tensor '{}' of {} has an index outside of it", name, to_string(shape));
    }
    flat = flat * sides[axis] + column;
  }
  return flat;
}

}  // namespace

at::ScalarType scalar_type(std::int64_t onnx_type) {
  switch (onnx_type) {
    case TensorProto::FLOAT:
      return at::kFloat;
    case TensorProto::DOUBLE:
      return at::kDouble;
    case TensorProto::FLOAT16:
      return at::kHalf;
    case TensorProto::BFLOAT16:
      return at::kBFloat16;
    case TensorProto::INT64:
      return at::kLong;
    case TensorProto::INT32:
      return at::kInt;
    case TensorProto::INT16:
      return at::kShort;
    case TensorProto::INT8:
      return at::kChar;
    case TensorProto::UINT8:
      return at::kByte;
    case TensorProto::BOOL:
      return at::kBool;
    default:
      fail_input(
          "a tensor has ONNX's type {}; supported are float32, float16, bfloat16, float64, int8, int16, int32, "
          "int64, uint8 and bool",
          onnx_type);
  }
}

at::Tensor take_tensor(TensorProto& tensor, const std::filesystem::path& folder) {
  const at::ScalarType type = scalar_type(tensor.data_type());
  const std::vector<std::int64_t> shape = shape_of(tensor.name(), tensor.dims());
  if (tensor.has_segment()) {
    fail_input("the tensor '{}' is stored in segments, which are not supported", tensor.name());
  }
  if (tensor.data_location() == TensorProto::EXTERNAL) {
    return read_external_data(tensor, shape, type, folder);
  }
  if (tensor.has_raw_data()) {
    at::Tensor values = from_raw_data(tensor, shape, type);
    // A byte that is neither 0 nor 1 is no bool to the compiler.
    return type == at::kBool ? values.view(at::kByte).ne(0) : values;
  }
  at::Tensor values = from_typed_fields(tensor, shape, type);
  TensorProto().Swap(&tensor);  // clearing it would keep its memory
  return values;
}

at::Tensor take_sparse_tensor(::onnx::SparseTensorProto& tensor, const std::filesystem::path& folder) {
  const std::string name = tensor.values().name();
  const std::vector<std::int64_t> shape = shape_of(name, tensor.dims());
  const at::Tensor values = take_tensor(*tensor.mutable_values(), folder);
  at::Tensor indices = take_tensor(*tensor.mutable_indices(), folder);
  const std::int64_t count = entries(shape);
  if (values.dim() != 1 || count == 0 ||
      count > std::max(kSmallSparseTensor, kMostEntriesForOneStored * values.numel())) {
    fail_input("the sparse tensor '{}' of {} stores {} entries, which is too few", name, to_string(shape),
               values.numel());
  }
  const auto rank = static_cast<std::int64_t>(shape.size());
  if (indices.scalar_type() != at::kLong || indices.dim() < 1 || indices.dim() > 2 ||
      indices.size(0) != values.numel() || (indices.dim() == 2 && indices.size(1) != rank)) {
    fail_input("the sparse tensor '{}' has {} entries, but its indices are not int64 [entries] or [entries, {}]", name,
               values.numel(), rank);
  }
  indices = flat_indices(indices, shape, name);
  at::Tensor dense = at::zeros({count}, values.scalar_type());
  dense.index_put_({indices}, values);
  return dense.view(shape);
}

}  // namespace ntt::onnx_import
