#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

#include "ntt/core/convolution.h"
#include "ntt/core/gemm.h"
#include "ntt/core/parallel.h"
#include "ntt/core/patches.h"
#include "ntt/core/threads.h"

/// What the convolutions on the CPU are made of: patch matrices of some images, and their products group by group.
namespace ntt {

/// A thread's room for the matrices of some images; kept, since a training step asks for the same sizes every time.
template <typename T>
T* scratch(std::int64_t count) {
  thread_local std::vector<T> room;
  if (static_cast<std::int64_t>(room.size()) < count) {
    room.resize(static_cast<std::size_t>(count));
  }
  return room.data();
}

/// sum if there is one, else uninitialised memory.
inline at::Tensor sum_or_new(const at::Tensor& sum, at::IntArrayRef sizes, at::TensorOptions options) {
  return sum.defined() ? sum : at::empty(sizes, options);
}

/// gradient += what add(begin, end, sum) adds to sum, of gradient's entries, for the shares of 0..count-1. One sum a
/// thread, added up in the threads' order, so that the result does not depend on who finishes first.
template <typename T, typename Add>
void add_by_threads(std::int64_t count, at::Tensor& gradient, Add&& add) {
  const at::Tensor sums = at::zeros({threads(), gradient.numel()}, gradient.options());
  T* sum = sums.data_ptr<T>();
  parallel_for(count, [&](std::int64_t begin, std::int64_t end, int thread) {
    add(begin, end, sum + thread * gradient.numel());
  });
  at::Tensor flat = gradient.view({-1});
  for (std::int64_t thread = 0; thread < sums.size(0); ++thread) {
    flat.add_(sums[thread]);
  }
}

/// A batch in runs of images whose matrices are multiplied side by side: one image each, or several where one has so
/// few positions that the product would spend its time on reading the weight. The runs depend on the batch alone, so
/// that the results do not depend on the number of threads.
class Runs {
 public:
  Runs(const ConvGeometry& g, std::int64_t images) : images_(images) {
    constexpr std::int64_t kColumns = 128;
    constexpr std::int64_t kFewest = 8;  // for as many threads
    const std::int64_t fair = (images + kFewest - 1) / kFewest;
    const std::int64_t each = std::max<std::int64_t>(1, std::min(kColumns / g.positions(), fair));
    count_ = (images + each - 1) / each;
    longest_ = images == 0 ? 0 : (images + count_ - 1) / count_;
  }

  std::int64_t count() const { return count_; }
  std::int64_t longest() const { return longest_; }
  std::int64_t begin(std::int64_t run) const { return images_ * run / count_; }
  std::int64_t size(std::int64_t run) const { return begin(run + 1) - begin(run); }

 private:
  std::int64_t images_;
  std::int64_t count_;
  std::int64_t longest_;
};

/// [count, rows, columns] to [rows, count, columns]
template <typename T>
void lay_side_by_side(const T* blocks, std::int64_t count, std::int64_t rows, std::int64_t columns, T* together) {
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t i = 0; i < count; ++i) {
      const T* from = blocks + (i * rows + row) * columns;
      together = std::copy(from, from + columns, together);
    }
  }
}

/// The reverse of lay_side_by_side: writes the blocks, or adds to them.
template <typename T>
void take_apart(const T* together, std::int64_t count, std::int64_t rows, std::int64_t columns, bool adds, T* blocks) {
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t i = 0; i < count; ++i, together += columns) {
      T* to = blocks + (i * rows + row) * columns;
      for (std::int64_t column = 0; column < columns; ++column) {
        to[column] = together[column] + (adds ? to[column] : T{0});
      }
    }
  }
}

/// A batch of images, and their patch matrices a run at a time.
template <typename T>
class PatchSource {
 public:
  PatchSource(const ConvGeometry& geometry, const at::Tensor& images)
      : geometry_(geometry), images_(images.data_ptr<T>()), end_(images_ + images.numel()) {}

  /// The patch matrices of `count` images side by side: in `room`, or the image itself where they are the same.
  const T* patches(std::int64_t first, std::int64_t count, T* room) const {
    const ConvGeometry& g = geometry_;
    const T* images = images_ + first * g.image_size();
    if (!g.pointwise()) {
      unfold_images(g, count, images, end_, room, room + g.groups * g.patch() * count * g.positions());
    } else if (count == 1) {
      return images;
    } else {
      lay_side_by_side(images, count, g.channels, g.positions(), room);
    }
    return room;
  }

 private:
  const ConvGeometry& geometry_;
  const T* images_;
  const T* end_;
};

/// Calls multiply(first row, rows, group) for the rows [repeats, out] of a product: each group's rows of each repeat,
/// or all at once where there is one group.
template <typename Multiply>
void for_each_group(const ConvGeometry& g, std::int64_t repeats, std::int64_t out, Multiply&& multiply) {
  if (g.groups == 1) {
    multiply(std::int64_t{0}, repeats * out, std::int64_t{0});
    return;
  }
  const std::int64_t rows = out / g.groups;
  for (std::int64_t repeat = 0; repeat < repeats; ++repeat) {
    for (std::int64_t group = 0; group < g.groups; ++group) {
      multiply(repeat * out + group * rows, rows, group);
    }
  }
}

/// z [repeats * out, columns] = weight [repeats * out, patch] * patches (+ z)
template <typename T>
void multiply_patches(const ConvGeometry& g, std::int64_t repeats, std::int64_t out, std::int64_t columns,
                      const T* weight, const T* patches, bool adds, T* z) {
  const std::int64_t patch = g.patch();
  for_each_group(g, repeats, out, [&](std::int64_t row, std::int64_t rows, std::int64_t group) {
    gemm(Transpose::no, Transpose::no, rows, columns, patch, T{1}, weight + row * patch, patch,
         patches + group * patch * columns, columns, static_cast<T>(adds ? 1 : 0), z + row * columns, columns);
  });
}

/// patches [groups * patch, columns] = weightᵀ * delta [repeats * out, columns], summed over repeats (+ patches)
template <typename T>
void multiply_transposed(const ConvGeometry& g, std::int64_t repeats, std::int64_t out, std::int64_t columns,
                         const T* weight, const T* delta, bool adds, T* patches) {
  const std::int64_t patch = g.patch();
  for_each_group(g, repeats, out, [&](std::int64_t row, std::int64_t rows, std::int64_t group) {
    const bool first = row < out;
    gemm(Transpose::yes, Transpose::no, patch, columns, rows, T{1}, weight + row * patch, patch, delta + row * columns,
         columns, static_cast<T>(adds || !first ? 1 : 0), patches + group * patch * columns, columns);
  });
}

/// weight [repeats * out, patch] = delta [repeats * out, columns] * patchesᵀ (+ weight)
template <typename T>
void multiply_by_patches(const ConvGeometry& g, std::int64_t repeats, std::int64_t out, std::int64_t columns,
                         const T* delta, const T* patches, bool adds, T* weight) {
  const std::int64_t patch = g.patch();
  for_each_group(g, repeats, out, [&](std::int64_t row, std::int64_t rows, std::int64_t group) {
    gemm(Transpose::no, Transpose::yes, rows, patch, columns, T{1}, delta + row * columns, columns,
         patches + group * patch * columns, columns, static_cast<T>(adds ? 1 : 0), weight + row * patch, patch);
  });
}

}  // namespace ntt
