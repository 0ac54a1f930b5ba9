#include <algorithm>

#include "ntt/core/error.h"
#include "ntt/onnx/conversions.h"

namespace ntt::onnx_import {
namespace {

constexpr std::int64_t kLargestSize = 1 << 24;

std::vector<std::int64_t> checked(Step& step, std::string_view name, std::vector<std::int64_t> otherwise,
                                  std::int64_t least) {
  const std::vector<std::int64_t> sizes = step.has(name) ? step.integers(name) : std::move(otherwise);
  for (const std::int64_t size : sizes) {
    if (size < least || size > kLargestSize) {
      fail_input("its {} {} must lie between {} and {}", name, size, least, kLargestSize);
    }
  }
  return sizes;
}

/// The padding with which as many windows fit as there are strides, the odd one at the end or at the begin.
std::vector<std::int64_t> same_padding(const Window& window, const Shape& sizes, bool upper) {
  const std::size_t axes = sizes.size();
  std::vector<std::int64_t> padding(2 * axes);
  for (std::size_t i = 0; i < axes; ++i) {
    const std::int64_t extent = (window.kernel[i] - 1) * window.dilation[i] + 1;
    const std::int64_t count = (sizes[i] + window.stride[i] - 1) / window.stride[i];
    const std::int64_t total = std::max<std::int64_t>((count - 1) * window.stride[i] + extent - sizes[i], 0);
    padding[i] = upper ? total / 2 : total - total / 2;
    padding[axes + i] = total - padding[i];
  }
  return padding;
}

}  // namespace

Attribute sizes_attribute(const std::vector<std::int64_t>& sizes) {
  if (!sizes.empty() && std::ranges::count(sizes, sizes.front()) == static_cast<std::ptrdiff_t>(sizes.size())) {
    return sizes.front();
  }
  return sizes;
}

Window read_window(Step& step, const Shape& sizes, std::vector<std::int64_t> kernel) {
  const std::size_t axes = sizes.size();
  Window window;
  window.kernel = checked(step, "kernel_shape", std::move(kernel), 1);
  window.stride = checked(step, "strides", std::vector<std::int64_t>(axes, 1), 1);
  window.dilation = checked(step, "dilations", std::vector<std::int64_t>(axes, 1), 1);
  window.padding = checked(step, "pads", std::vector<std::int64_t>(2 * axes, 0), 0);
  if (window.kernel.size() != axes || window.stride.size() != axes || window.dilation.size() != axes ||
      window.padding.size() != 2 * axes) {
    fail_input("its kernel_shape, strides, dilations and pads must have {0}, {0}, {0} and {1} numbers", axes, 2 * axes);
  }
  const std::string automatic = step.word("auto_pad", "NOTSET");
  if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
    window.padding = same_padding(window, sizes, automatic == "SAME_UPPER");
  } else if (automatic == "VALID") {
    window.padding.assign(2 * axes, 0);
  } else if (automatic != "NOTSET" && !automatic.empty()) {
    fail_input("its auto_pad is '{}', which is none of NOTSET, SAME_UPPER, SAME_LOWER and VALID", automatic);
  }
  return window;
}

void set_window(Attributes& attributes, const Window& window, bool is_pool) {
  const auto set = [&](const char* name, const std::vector<std::int64_t>& sizes, std::int64_t otherwise) {
    if (std::ranges::any_of(sizes, [&](std::int64_t size) { return size != otherwise; })) {
      attributes[name] = sizes_attribute(sizes);
    }
  };
  attributes["kernel"] = sizes_attribute(window.kernel);
  if (!is_pool) {
    set("stride", window.stride, 1);
  } else if (window.stride != window.kernel) {
    attributes["stride"] = sizes_attribute(window.stride);
  }
  set("dilation", window.dilation, 1);
  const auto middle = window.padding.begin() + static_cast<std::ptrdiff_t>(window.padding.size() / 2);
  const std::vector<std::int64_t> begins(window.padding.begin(), middle);
  const bool alike = std::equal(begins.begin(), begins.end(), middle);
  set("padding", alike ? begins : window.padding, 0);
}

}  // namespace ntt::onnx_import
