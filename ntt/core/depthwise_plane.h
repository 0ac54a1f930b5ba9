#pragma once

#include <cstdint>
#include <vector>

#include "ntt/core/convolution.h"
#include "ntt/core/windows.h"

namespace ntt::depthwise {

/// How one channel of a depthwise convolution is laid out so that each kernel offset ("tap") is one long run of memory,
/// whatever the image's width, padding, stride and dilation. The padded image is divided into phases, phase (p, q)
/// holding its rows p, p + stride, ... and columns q, q + stride, ...; with outputs in rows as long as a phase's, the
/// input of output i at a tap is entry i + offset of the tap's phase. The entries at the ends of such rows mean
/// nothing: they are zero in deltas, and left out of outputs.
struct PlaneLayout {
  /// A phase, and the part of it that shows the image rather than padding.
  struct Phase {
    Inside rows;
    Inside columns;
    std::int64_t corner;  ///< offset in the image of what entry (rows.first, columns.first) shows
    std::int64_t first_tap, last_tap;
  };
  struct Tap {
    std::int64_t place;   ///< in the kernel
    std::int64_t phase;   ///< index
    std::int64_t offset;  ///< in the phase
  };

  explicit PlaneLayout(const ConvGeometry& geometry);

  ConvGeometry geometry;
  std::int64_t width;           ///< of a phase's rows
  std::int64_t size;            ///< of a phase, in whole vectors
  std::int64_t outputs;         ///< of the outputs in rows of `width`, in whole vectors
  std::int64_t largest_offset;  ///< of a tap
  std::vector<Phase> phases;    ///< those that a tap reads
  std::vector<Tap> taps;        ///< in the order of their phases
};

/// A thread's room for one channel of a depthwise convolution. Its matrices are [out_height, out_width] for outputs and
/// deltas, [height, width] for images, [kernel_height * kernel_width] for weights, each contiguous.
template <typename T>
class Plane {
 public:
  explicit Plane(const PlaneLayout& layout);

  void read_image(const T* image);
  void read_delta(const T* delta);
  /// outputs = image * weight + bias (+ outputs)
  void write_outputs(const T* weight, T bias, bool adds, T* outputs);
  /// gradient = image * delta (+ gradient)
  void write_weight_gradient(bool adds, T* gradient);
  /// Adds deltaᵀ * weight to a sum that starts at 0 and is added to an image in the end.
  void start_image_sum();
  void add_to_image_sum(const T* weight);
  void add_image_sum(T* image) const;

 private:
  const PlaneLayout& layout_;
  std::vector<T> image_;    ///< phase after phase
  std::vector<T> sum_;      ///< likewise
  std::vector<T> delta_;    ///< behind zeros, which the last taps read
  std::vector<T> outputs_;  ///< in rows of the layout's width
  std::vector<const T*> sources_;
  std::vector<T> factors_;
};

extern template class Plane<float>;
extern template class Plane<double>;

}  // namespace ntt::depthwise
