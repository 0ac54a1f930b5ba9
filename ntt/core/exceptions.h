#pragma once

#include <stdexcept>

#include "ntt/core/api.h"

namespace ntt {

/// Something that was given is wrong: an option, a file, a shape.
class NTT_API InputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Something failed while running: a full disk, a lost connection, a NaN.
class NTT_API RunError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A job was stopped through its Observer, and what was worth saving is saved.
class NTT_API Interrupted : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace ntt
