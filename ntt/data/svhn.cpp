#include "ntt/data/svhn.h"

#include <ATen/ATen.h>
#include <matio.h>

#include <memory>
#include <vector>

#include "ntt/core/error.h"
#include "ntt/data/mat5_check.h"

namespace ntt {
namespace {

struct FileCloser {
  void operator()(mat_t* file) const { Mat_Close(file); }
};
struct VariableFreer {
  void operator()(matvar_t* variable) const { Mat_VarFree(variable); }
};
using MatFile = std::unique_ptr<mat_t, FileCloser>;
using Variable = std::unique_ptr<matvar_t, VariableFreer>;

std::string shape_of(const matvar_t& variable) {
  return fmt::format("{}", fmt::join(variable.dims, variable.dims + variable.rank, "x"));
}

/// Elements of a variable whose sizes fit in the bytes that the file really decodes to.
std::int64_t count_elements(const std::filesystem::path& path, const matvar_t& variable, std::uint64_t decoded_bytes) {
  std::uint64_t count = 1;
  for (int i = 0; i < variable.rank; ++i) {
    if (variable.dims[i] == 0 || __builtin_mul_overflow(count, variable.dims[i], &count) || count > decoded_bytes) {
      fail_input("{}: variable {} claims {} elements, which the file does not hold", path.string(), variable.name,
                 shape_of(variable));
    }
  }
  return static_cast<std::int64_t>(count);
}

Variable read_info(const std::filesystem::path& path, mat_t* file, const char* name) {
  Variable variable(Mat_VarReadInfo(file, name));
  if (!variable || variable->dims == nullptr) {
    fail_input("{}: has no variable {}; an SVHN file has X (images) and y (labels)", path.string(), name);
  }
  return variable;
}

void read_values(const std::filesystem::path& path, mat_t* file, matvar_t* variable) {
  if (Mat_VarReadDataAll(file, variable) != 0 || variable->data == nullptr) {
    fail_input("{}: the data of variable {} cannot be read; fetch it again", path.string(), variable->name);
  }
}

at::Tensor read_images(const std::filesystem::path& path, mat_t* file, std::uint64_t decoded_bytes) {
  const Variable variable = read_info(path, file, "X");
  if (variable->class_type != MAT_C_UINT8 || variable->rank != 4 || variable->isComplex != 0) {
    fail_input("{}: X is {}-dimensional or not uint8; it must be uint8 height x width x channels x images",
               path.string(), variable->rank);
  }
  count_elements(path, *variable, decoded_bytes);
  read_values(path, file, variable.get());
  const auto extent = [&](int i) { return static_cast<std::int64_t>(variable->dims[i]); };
  // MATLAB's first index runs fastest: the bytes are [N,C,W,H] in row-major words.
  const at::Tensor view = at::from_blob(variable->data, {extent(3), extent(2), extent(1), extent(0)}, at::kByte);
  return view.transpose(2, 3).clone(at::MemoryFormat::Contiguous);
}

at::Tensor read_labels(const std::filesystem::path& path, mat_t* file, std::int64_t images,
                       std::uint64_t decoded_bytes) {
  const Variable variable = read_info(path, file, "y");
  if ((variable->class_type != MAT_C_UINT8 && variable->class_type != MAT_C_DOUBLE) || variable->isComplex != 0) {
    fail_input("{}: y must be uint8 or double, one label an image", path.string());
  }
  const std::int64_t count = count_elements(path, *variable, decoded_bytes);
  if (count != images) {
    fail_input("{}: y holds {} labels for the {} images of X; they must be as many", path.string(), count, images);
  }
  read_values(path, file, variable.get());
  const bool bytes = variable->class_type == MAT_C_UINT8;
  const at::Tensor labels = at::empty({count}, at::kLong);
  auto* out = labels.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < count; ++i) {
    const double value =
        bytes ? static_cast<const std::uint8_t*>(variable->data)[i] : static_cast<const double*>(variable->data)[i];
    if (!(value >= 1 && value <= 10) || value != static_cast<double>(static_cast<int>(value))) {
      fail_input("{}: label {} is {}; SVHN's labels are 1 to 10, where 10 means digit 0", path.string(), i, value);
    }
    out[i] = static_cast<std::int64_t>(value) % 10;
  }
  return labels;
}

}  // namespace

LabelledImages read_svhn_file(const std::filesystem::path& path) {
  const std::uint64_t decoded_bytes = check_mat5(path);
  const MatFile file(Mat_Open(path.c_str(), MAT_ACC_RDONLY));
  if (!file) {
    fail_input("{}: is no MATLAB 5 file", path.string());
  }
  LabelledImages result;
  result.images = read_images(path, file.get(), decoded_bytes);
  result.labels = read_labels(path, file.get(), result.images.size(0), decoded_bytes);
  return result;
}

Dataset read_svhn(const std::filesystem::path& folder) {
  LabelledImages train = read_svhn_file(folder / "train_32x32.mat");
  LabelledImages test = read_svhn_file(folder / "test_32x32.mat");
  Dataset dataset;
  dataset.name = "svhn";
  dataset.train_images = std::move(train.images);
  dataset.train_labels = std::move(train.labels);
  dataset.test_images = std::move(test.images);
  dataset.test_labels = std::move(test.labels);
  dataset.classes = 10;
  dataset.class_names = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
  return dataset;
}

}  // namespace ntt
