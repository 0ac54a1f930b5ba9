#include "ntt/core/parallel.h"

namespace ntt {

void FirstFailure::keep() noexcept {
  if (!taken_.test_and_set()) {
    failure_ = std::current_exception();
  }
}

void FirstFailure::rethrow() const {
  if (failure_) {
    std::rethrow_exception(failure_);
  }
}

}  // namespace ntt
