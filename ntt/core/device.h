#pragma once

#include <c10/core/Device.h>

#include <string>

namespace ntt {

/// "cpu", "cuda" or "cuda:1"; InputError where libtorch or the machine has no such device.
at::Device parse_device(const std::string& name);

}  // namespace ntt
