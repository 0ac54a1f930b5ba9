#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <mutex>
#include <vector>

namespace ntt {

/// Memory for blocks under way, of one plan. It begins as zeros, which halos and gradients that nobody writes stay.
class WorkspacePool {
 public:
  /// A workspace for as long as one thread needs it.
  class Lease {
   public:
    Lease(WorkspacePool& pool, std::int64_t floats);
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    float* memory() const { return memory_.data_ptr<float>(); }
    /// Whether nobody had it before.
    bool fresh() const { return fresh_; }

   private:
    WorkspacePool& pool_;
    at::Tensor memory_;
    bool fresh_ = false;
  };

 private:
  std::mutex mutex_;
  std::vector<at::Tensor> idle_;
};

}  // namespace ntt
