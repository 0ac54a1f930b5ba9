#include "ntt/sparse/workspace_pool.h"

#include <ATen/ATen.h>

#include <utility>

namespace ntt {

WorkspacePool::Lease::Lease(WorkspacePool& pool, std::int64_t floats) : pool_(pool) {
  {
    const std::lock_guard lock(pool_.mutex_);
    if (!pool_.idle_.empty()) {
      memory_ = std::move(pool_.idle_.back());
      pool_.idle_.pop_back();
      return;
    }
  }
  memory_ = at::zeros({floats}, at::kFloat);
  fresh_ = true;
}

WorkspacePool::Lease::~Lease() {
  const std::lock_guard lock(pool_.mutex_);
  pool_.idle_.push_back(std::move(memory_));
}

}  // namespace ntt
