#include "tests/support/references.h"

#include <ATen/ATen.h>

#include <limits>

namespace ntt::oracle {
namespace {

using List = std::vector<std::int64_t>;

const Attribute* find(const Call& call, std::string_view key) {
  const auto found = call.attributes.find(key);
  return found == call.attributes.end() ? nullptr : &found->second;
}
double number(const Call& call, std::string_view key, double otherwise) {
  const Attribute* found = find(call, key);
  if (found == nullptr) {
    return otherwise;
  }
  const auto* whole = std::get_if<std::int64_t>(found);
  return whole != nullptr ? static_cast<double>(*whole) : std::get<double>(*found);
}
std::int64_t integer(const Call& call, std::string_view key, std::int64_t otherwise) {
  const Attribute* found = find(call, key);
  return found == nullptr ? otherwise : std::get<std::int64_t>(*found);
}
bool flag(const Call& call, std::string_view key, bool otherwise) {
  const Attribute* found = find(call, key);
  return found == nullptr ? otherwise : std::get<bool>(*found);
}
/// One number stands for all.
List list(const Call& call, std::string_view key, std::size_t count, const List& otherwise) {
  const Attribute* found = find(call, key);
  if (found == nullptr) {
    return otherwise;
  }
  const auto* whole = std::get_if<std::int64_t>(found);
  return whole != nullptr ? List(count, *whole) : std::get<List>(*found);
}

/// An axis with the batch in front.
std::int64_t with_batch(std::int64_t axis) {
  return axis < 0 ? axis : axis + 1;
}
List with_batch(List axes) {
  for (std::int64_t& axis : axes) {
    axis = with_batch(axis);
  }
  return axes;
}
List batch_of(std::int64_t count, List shape) {
  shape.insert(shape.begin(), count);
  return shape;
}

/// All begins, then all ends, of the last `axes` axes.
List padding_of(const Call& call, std::size_t axes) {
  List padding = list(call, "padding", 2 * axes, List(2 * axes, 0));
  if (padding.size() == axes) {
    padding.insert(padding.end(), padding.begin(), padding.begin() + static_cast<std::ptrdiff_t>(axes));
  }
  return padding;
}
at::Tensor padded(const at::Tensor& x, const List& padding, double value) {
  const std::size_t axes = padding.size() / 2;
  List from_the_end;
  for (std::size_t axis = axes; axis-- > 0;) {
    from_the_end.insert(from_the_end.end(), {padding[axis], padding[axes + axis]});
  }
  return at::constant_pad_nd(x, from_the_end, value);
}

/// Both inputs with as many axes: ones behind the batch.
std::pair<at::Tensor, at::Tensor> aligned(const Call& call) {
  const std::int64_t axes = std::max(call.inputs[0].dim(), call.inputs[1].dim());
  const auto with_ones = [axes](at::Tensor tensor) {
    while (tensor.dim() < axes) {
      tensor = tensor.unsqueeze(1);
    }
    return tensor;
  };
  return {with_ones(call.inputs[0]), with_ones(call.inputs[1])};
}

/// A pool of images, or of one dimension as images of height 1.
struct Window {
  explicit Window(const Call& call) {
    const auto axes = static_cast<std::size_t>(call.inputs[0].dim() - 2);
    kernel = list(call, "kernel", axes, {});
    stride = list(call, "stride", axes, kernel);
    dilation = list(call, "dilation", axes, List(axes, 1));
    padding = padding_of(call, axes);
    images = call.inputs[0];
    if (axes == 1) {
      kernel.insert(kernel.begin(), 1);
      stride.insert(stride.begin(), 1);
      dilation.insert(dilation.begin(), 1);
      padding = {0, padding[0], 0, padding[1]};
      images = images.unsqueeze(2);
    }
    ceil_mode = flag(call, "ceil_mode", false);
    even = padding[0] == padding[2] && padding[1] == padding[3];
  }

  List kernel, stride, dilation, padding;
  at::Tensor images;
  bool ceil_mode;
  bool even;  ///< padding, as libtorch's pools take it
};

}  // namespace

at::Tensor convolution(const Call& call) {
  const auto axes = static_cast<std::size_t>(call.inputs[0].dim() - 2);
  const at::Tensor bias = call.parameters.size() > 1 ? call.parameters[1] : at::Tensor();
  return at::convolution(padded(call.inputs[0], padding_of(call, axes), 0), call.parameters[0], bias,
                         list(call, "stride", axes, List(axes, 1)), List(axes, 0),
                         list(call, "dilation", axes, List(axes, 1)), false, List(axes, 0), integer(call, "groups", 1));
}

at::Tensor max_pool(const Call& call) {
  const Window w(call);
  const at::Tensor images = w.even ? w.images : padded(w.images, w.padding, -std::numeric_limits<double>::infinity());
  const List padding = w.even ? List{w.padding[0], w.padding[1]} : List{0, 0};
  const at::Tensor maxima = at::max_pool2d(images, w.kernel, w.stride, padding, w.dilation, w.ceil_mode);
  return call.inputs[0].dim() == 3 ? maxima.squeeze(2) : maxima;
}

at::Tensor average_pool(const Call& call) {
  const Window w(call);
  const bool counts = flag(call, "count_include_pad", true);
  const auto mean = [&](const at::Tensor& images, const List& padding) {
    return at::avg_pool2d(images, w.kernel, w.stride, padding, w.ceil_mode, counts);
  };
  at::Tensor means;
  if (w.even) {
    means = mean(w.images, {w.padding[0], w.padding[1]});
  } else {
    means = mean(padded(w.images, w.padding, 0), {0, 0});
    if (!counts) {
      means = means / mean(padded(at::ones_like(w.images), w.padding, 0), {0, 0});
    }
  }
  return call.inputs[0].dim() == 3 ? means.squeeze(2) : means;
}

at::Tensor batch_norm(const Call& call) {
  const at::Tensor& x = call.inputs[0];
  at::Tensor mean = call.parameters[2];
  at::Tensor variance = call.parameters[3];
  if (call.statistics == Statistics::batch_constant) {
    const at::Tensor channels = x.detach().transpose(0, 1).flatten(1);
    mean = channels.mean(1);
    const at::Tensor of_batch = channels.var(1, false);
    variance = at::where(of_batch > 0, of_batch, variance);
  }
  const bool training = call.statistics == Statistics::batch;
  // In training libtorch moves running statistics, which are none of its own here.
  return at::batch_norm(x, call.parameters[0], call.parameters[1], training ? at::Tensor() : mean,
                        training ? at::Tensor() : variance, training, 0.1, number(call, "epsilon", 1e-5), false);
}

at::Tensor layer_norm(const Call& call) {
  return at::layer_norm(call.inputs[0], call.parameters[0].sizes(), call.parameters[0], call.parameters[1],
                        number(call, "epsilon", 1e-5), false);
}

at::Tensor gelu(const Call& call) {
  const Attribute* approximation = find(call, "approximation");
  return at::gelu(call.inputs[0], approximation == nullptr ? "none" : std::get<std::string>(*approximation));
}

at::Tensor clip(const Call& call) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return at::clamp(call.inputs[0], number(call, "min", -kInfinity), number(call, "max", kInfinity));
}

at::Tensor hard_sigmoid(const Call& call) {
  return at::clamp(number(call, "slope", 1.0 / 6) * call.inputs[0] + number(call, "offset", 0.5), 0, 1);
}

at::Tensor linear(const Call& call) {
  return at::linear(call.inputs[0], call.parameters[0], call.parameters.size() > 1 ? call.parameters[1] : at::Tensor());
}

at::Tensor leaky_relu(const Call& call) {
  return at::leaky_relu(call.inputs[0], number(call, "slope", 0.01));
}

at::Tensor elu(const Call& call) {
  return at::elu(call.inputs[0], number(call, "alpha", 1));
}

at::Tensor affine(const Call& call) {
  return call.inputs[0] * number(call, "factor", 1) + number(call, "offset", 0);
}

at::Tensor add(const Call& call) {
  const auto [a, b] = aligned(call);
  return a + b;
}

at::Tensor subtract(const Call& call) {
  const auto [a, b] = aligned(call);
  return a - b;
}

at::Tensor multiply(const Call& call) {
  const auto [a, b] = aligned(call);
  return a * b;
}

at::Tensor divide(const Call& call) {
  const auto [a, b] = aligned(call);
  return a / b;
}

at::Tensor matmul(const Call& call) {
  const auto [a, b] = aligned(call);
  return at::matmul(a, b);
}

at::Tensor softmax(const Call& call) {
  return at::softmax(call.inputs[0], with_batch(integer(call, "axis", -1)));
}

at::Tensor reduce_mean(const Call& call) {
  return call.inputs[0].mean(with_batch(list(call, "axes", 1, {})), flag(call, "keep_axes", false));
}

at::Tensor reduce_sum(const Call& call) {
  return call.inputs[0].sum(with_batch(list(call, "axes", 1, {})), flag(call, "keep_axes", false));
}

at::Tensor concat(const Call& call) {
  return at::cat(call.inputs, with_batch(integer(call, "axis", 0)));
}

at::Tensor slice(const Call& call) {
  return at::slice(call.inputs[0], with_batch(integer(call, "axis", 0)), integer(call, "start", 0),
                   integer(call, "end", std::numeric_limits<std::int64_t>::max()), integer(call, "step", 1));
}

at::Tensor pad(const Call& call) {
  return padded(call.inputs[0], padding_of(call, static_cast<std::size_t>(call.inputs[0].dim() - 1)),
                number(call, "value", 0));
}

at::Tensor reshape(const Call& call) {
  return call.inputs[0].reshape(batch_of(call.inputs[0].size(0), list(call, "shape", 1, {})));
}

at::Tensor transpose(const Call& call) {
  return call.inputs[0].permute(batch_of(0, with_batch(list(call, "axes", 1, {}))));
}

at::Tensor parameter(const Call& call) {
  return call.parameters[0].unsqueeze(0).expand(batch_of(call.batch, call.parameters[0].sizes().vec()));
}

}  // namespace ntt::oracle
