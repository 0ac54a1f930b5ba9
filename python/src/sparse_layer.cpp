#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <nanobind/nanobind.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/pair.h>

#include <array>
#include <memory>
#include <tuple>
#include <utility>

#include "ntt/sparse/execution.h"
#include "ntt/sparse/sparse_products.h"
#include "python/src/arrays.h"
#include "python/src/bindings.h"
#include "python/src/observer.h"

namespace ntt::python {
namespace nb = nanobind;
namespace {

/// The products of one masked layer for inputs of one size, on memory that PyTorch's tensors own.
class SparseLayer {
 public:
  /// @param sides height, width, kernel, stride, top left bottom right padding, dilation, two each (padding: four)
  SparseLayer(std::int64_t channels, std::int64_t out, const std::array<std::int64_t, 12>& sides, std::int64_t groups,
              const Array& kept) {
    ConvGeometry& g = geometry_;
    g.channels = channels;
    std::tie(g.height, g.width, g.kernel_height, g.kernel_width) = std::tie(sides[0], sides[1], sides[2], sides[3]);
    std::tie(g.stride_height, g.stride_width) = std::tie(sides[4], sides[5]);
    std::tie(g.pad_top, g.pad_left, g.pad_bottom, g.pad_right) = std::tie(sides[6], sides[7], sides[8], sides[9]);
    std::tie(g.dilation_height, g.dilation_width) = std::tie(sides[10], sides[11]);
    g.groups = groups;
    in_ = {channels, g.height, g.width};
    out_ = {out, g.out_height(), g.out_width()};
    products_ = std::make_unique<const SparseProducts>(g, in_, out_, out, view_of(kept).clone());
  }

  std::pair<std::int64_t, std::int64_t> output_size() const { return {geometry_.out_height(), geometry_.out_width()}; }

  void forward(std::uintptr_t values, std::uintptr_t inputs, std::uintptr_t bias, std::uintptr_t outputs,
               std::int64_t count, bool in_double, int threads) const {
    const nb::gil_scoped_release unlocked;
    const Threads scope(threads);
    const c10::InferenceMode inference;
    at::Tensor y = at_address(outputs, with(count, out_), in_double);
    products_->multiply(at_address(values, {kept()}, in_double), at_address(inputs, with(count, in_), in_double),
                        bias == 0 ? at::Tensor() : at_address(bias, {out_.front()}, in_double), false, y);
  }

  /// @param by_inputs 0: not wanted
  void backward(std::uintptr_t values, std::uintptr_t inputs, std::uintptr_t delta, std::uintptr_t by_inputs,
                std::uintptr_t by_values, std::int64_t count, bool in_double, int threads) const {
    const nb::gil_scoped_release unlocked;
    const Threads scope(threads);
    const c10::InferenceMode inference;
    at::Tensor gradient = by_inputs == 0 ? at::Tensor() : at_address(by_inputs, with(count, in_), in_double);
    at_address(by_values, {kept()}, in_double)
        .copy_(products_->differentiate(
            at_address(values, {kept()}, in_double), at_address(inputs, with(count, in_), in_double),
            at_address(delta, with(count, out_), in_double), by_inputs == 0 ? nullptr : &gradient));
  }

 private:
  static at::Tensor at_address(std::uintptr_t address, at::IntArrayRef shape, bool in_double) {
    return at::from_blob(reinterpret_cast<void*>(address), shape, in_double ? at::kDouble : at::kFloat);
  }
  static Shape with(std::int64_t count, Shape shape) {
    shape.insert(shape.begin(), count);
    return shape;
  }
  std::int64_t kept() const { return products_->kept(); }

  ConvGeometry geometry_;
  Shape in_;
  Shape out_;
  std::unique_ptr<const SparseProducts> products_;
};

}  // namespace

void bind_sparse_layer(nb::module_& module) {
  module.def("product_break_even", &product_break_even, nb::arg("convolution"),
             "The density below which a layer's products with its kept weights only are faster.");
  nb::class_<SparseLayer>(
      module, "SparseLayer",
      "Products of a masked layer with its kept weights, for inputs of one size. Tensors are given by "
      "their addresses: contiguous, on the CPU, all float32 or all float64.")
      .def(nb::init<std::int64_t, std::int64_t, const std::array<std::int64_t, 12>&, std::int64_t, const Array&>(),
           nb::arg("channels"), nb::arg("out"), nb::arg("sides"), nb::arg("groups"), nb::arg("kept"))
      .def_prop_ro("output_size", &SparseLayer::output_size)
      .def("forward", &SparseLayer::forward, nb::arg("values"), nb::arg("inputs"), nb::arg("bias"), nb::arg("outputs"),
           nb::arg("count"), nb::arg("in_double"), nb::arg("threads"))
      .def("backward", &SparseLayer::backward, nb::arg("values"), nb::arg("inputs"), nb::arg("delta"),
           nb::arg("by_inputs"), nb::arg("by_values"), nb::arg("count"), nb::arg("in_double"), nb::arg("threads"));
}

}  // namespace ntt::python
