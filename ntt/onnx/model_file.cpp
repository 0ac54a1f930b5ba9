#include "ntt/onnx/model_file.h"

#include <fcntl.h>
#include <google/protobuf/stubs/logging.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <system_error>

#include "ntt/core/error.h"
#include "ntt/onnx/reader.h"

namespace ntt::onnx_import {
namespace {

/// A file's bytes, mapped: parsing copies each tensor once, and the pages go back when it is done.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path) : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat status {};
    if (descriptor_ < 0 || fstat(descriptor_, &status) != 0) {
      const int error = errno;
      close_file();
      fail_input("cannot read {}: {}", path.string(), std::generic_category().message(error));
    }
    if (!S_ISREG(status.st_mode)) {
      close_file();
      fail_input("cannot read {}: it is not a file", path.string());
    }
    size_ = static_cast<std::size_t>(status.st_size);
    if (size_ > 0) {
      data_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor_, 0);
    }
    close_file();
    if (data_ == MAP_FAILED) {
      fail_input("cannot read {}: {}", path.string(), std::generic_category().message(errno));
    }
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile() {
    if (data_ != nullptr) {
      munmap(data_, size_);
    }
  }

  const void* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  void close_file() {
    if (descriptor_ >= 0) {
      close(descriptor_);
    }
    descriptor_ = -1;
  }

  int descriptor_;
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace

std::int64_t opset_of(const ::onnx::ModelProto& model) {
  for (const auto& import : model.opset_import()) {
    if (import.domain().empty() || import.domain() == "ai.onnx") {
      return import.version();
    }
  }
  return 0;
}

::onnx::ModelProto parse_model(const void* data, std::size_t size, const std::string& name) {
  if (size > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    fail_input("{} has {} bytes, more than the 2 GiB that an ONNX file can have: keep its weights as external data",
               name, size);
  }
  ::onnx::ModelProto model;
  const google::protobuf::LogSilencer no_words_on_stderr;
  if (size == 0 || !model.ParseFromArray(data, static_cast<int>(size)) || !model.has_graph()) {
    fail_input("{} is not an ONNX model, or is cut short", name);
  }
  const std::int64_t opset = opset_of(model);
  if (opset < kOldestOpset || opset > kNewestOpset) {
    fail_input("{} is written in opset {} of ONNX; opsets {} to {} are supported", name, opset, kOldestOpset,
               kNewestOpset);
  }
  return model;
}

::onnx::ModelProto read_model(const std::filesystem::path& path) {
  const MappedFile file(path);
  return parse_model(file.data(), file.size(), path.string());
}

}  // namespace ntt::onnx_import
