#include "ntt/core/device.h"

#include <ATen/Context.h>

#include "ntt/core/error.h"

namespace ntt {

at::Device parse_device(const std::string& name) {
  const std::string number = name.starts_with("cuda:") ? name.substr(5) : "0";
  const bool is_number = !number.empty() && number.size() < 3 && number.find_first_not_of("0123456789") == number.npos;
  if (name == "cpu") {
    return at::kCPU;
  }
  if ((name != "cuda" && !name.starts_with("cuda:")) || !is_number) {
    fail_input("device is '{}', but must be cpu, cuda or cuda:N", name);
  }
  if (!at::hasCUDA()) {
    fail_input("device is '{}', but this libtorch has no CUDA or the machine no GPU; take cpu", name);
  }
  return {at::kCUDA, static_cast<at::DeviceIndex>(std::stoi(number))};
}

}  // namespace ntt
