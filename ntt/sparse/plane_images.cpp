#include "ntt/sparse/plane_images.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "ntt/sparse/within.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ntt/sparse/plane_images.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ntt/sparse/vectors-inl.h"

#ifndef NTT_SPARSE_STRIDED_ROWS_
#define NTT_SPARSE_STRIDED_ROWS_
namespace ntt {
namespace {

/// Rows of every `stride`-th value; those outside of [y_begin, y_end) and [x_begin, x_end) are zeros. Whole registers
/// are read and written, beyond the values that count.
struct StridedRows {
  const float* from = nullptr;  ///< of row y_begin, column 0, which may lie outside
  std::int64_t step = 0;        ///< from one row to the next
  std::int64_t stride = 1;
  std::int64_t y_begin = 0, y_end = 0;
  std::int64_t x_begin = 0, x_end = 0;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  float* to = nullptr;
  std::int64_t pitch = 0;  ///< of `to`
};

/// Maxima of one row of windows.
struct PoolRow {
  const PoolGeometry* geometry = nullptr;
  const float* from = nullptr;  ///< the first of the rows that windows reach
  std::int64_t rows = 0;        ///< of them in the image
  std::int64_t step = 0;        ///< from one to the next
  std::int64_t width = 0;       ///< of the image
  std::int64_t results = 0;
  float* column = nullptr;  ///< minus infinity but for [pad_left, pad_left + width), with a register to spare
  float* maxima = nullptr;
};

}  // namespace
}  // namespace ntt
#endif

HWY_BEFORE_NAMESPACE();
namespace ntt::HWY_NAMESPACE {
namespace {

/// Every stride-th of the values from `from` on.
HWY_INLINE Vector load_every(const float* from, std::int64_t stride) {
  const Lanes lanes;
  if (stride == 1) {
    return hn::LoadU(lanes, from);
  }
  if (stride == 2) {
    Vector even, odd;
    hn::LoadInterleaved2(lanes, from, even, odd);
    return even;
  }
  HWY_ALIGN float values[Planes::kVector];
  for (std::int64_t i = 0; i < kWidth; ++i) {
    values[i] = from[i * stride];
  }
  return hn::Load(lanes, values);
}

auto first(std::int64_t count) {
  return hn::FirstN(Lanes(), static_cast<std::size_t>(std::clamp<std::int64_t>(count, 0, kWidth)));
}

void copy_rows(const StridedRows& r) {
  const Lanes lanes;
  const float* from = r.from;
  float* to = r.to;
  for (std::int64_t row = 0; row < r.rows; ++row, to += r.pitch) {
    const bool inside = row >= r.y_begin && row < r.y_end;
    for (std::int64_t column = 0; column < r.columns; column += kWidth) {
      Vector values = hn::Zero(lanes);
      if (inside) {
        const auto kept = hn::AndNot(first(r.x_begin - column), first(r.x_end - column));
        values = hn::IfThenElseZero(kept, load_every(from + column * r.stride, r.stride));
      }
      // What this writes beyond the row, the next row writes over.
      hn::StoreU(values, lanes, to + column);
    }
    from += inside ? r.step : 0;
  }
}

/// Over rows first, then over columns.
void pool_row(const PoolRow& r) {
  const Lanes lanes;
  const PoolGeometry& g = *r.geometry;
  float* column = r.column + g.pad_left;
  for (std::int64_t x = 0; x < r.width; x += kWidth) {
    const auto inside = first(r.width - x);
    Vector maxima = hn::Set(lanes, -std::numeric_limits<float>::infinity());
    for (std::int64_t i = 0; i < r.rows; ++i) {
      maxima = larger(hn::LoadU(lanes, r.from + i * r.step + x), maxima);
    }
    hn::BlendedStore(maxima, inside, lanes, column + x);
  }
  for (std::int64_t x = 0; x < r.results; x += kWidth) {
    Vector maxima = load_every(r.column + x * g.stride_width, g.stride_width);
    for (std::int64_t i = 1; i < g.kernel_width; ++i) {
      maxima = larger(load_every(r.column + x * g.stride_width + i * g.dilation_width, g.stride_width), maxima);
    }
    hn::BlendedStore(maxima, first(r.results - x), lanes, r.maxima + x);
  }
}

}  // namespace
}  // namespace ntt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ntt {
namespace {

HWY_EXPORT(copy_rows);
HWY_EXPORT(pool_row);

/// Zeros between a row of a plane and the next one, or to the end of the plane.
void clear_after_row(const Planes& planes, std::int64_t row, float* plane) {
  const std::int64_t end = row + 1 < planes.height ? (row + 1) * planes.pitch : planes.plane;
  std::fill(plane + row * planes.pitch + planes.width, plane + end, 0.0F);
}

StridedRows rows_of(const PhaseCopy& copy, const PhaseCopy::Phase& phase, const Planes& from) {
  const std::int64_t first_y = phase.y - copy.pad_top;
  const std::int64_t first_x = phase.x - copy.pad_left;
  const Within y = within(first_y, copy.stride_height, from.height, copy.rows);
  const Within x = within(first_x, copy.stride_width, from.width, copy.columns);
  StridedRows rows;
  rows.step = copy.stride_height * from.pitch;
  rows.stride = copy.stride_width;
  rows.y_begin = y.begin;
  rows.y_end = y.end;
  rows.x_begin = x.begin;
  rows.x_end = x.end;
  rows.rows = copy.rows;
  rows.columns = copy.columns;
  rows.pitch = copy.to.pitch;
  return rows;
}

}  // namespace

void load_planes(const Planes& planes, const float* image, std::int64_t first, std::int64_t last, float* to) {
  if (planes.features()) {
    std::copy(image + first, image + last, to + first);
    return;
  }
  for (std::int64_t c = first; c < last; ++c) {
    float* plane = to + planes.at(c, 0, 0);
    for (std::int64_t y = 0; y < planes.height; ++y) {
      const float* row = image + (c * planes.height + y) * planes.width;
      std::copy_n(row, planes.width, plane + y * planes.pitch);
      clear_after_row(planes, y, plane);
    }
  }
}

void store_planes(const Planes& planes, const float* from, std::int64_t first, std::int64_t last, float* image) {
  if (planes.features()) {
    std::copy(from + first, from + last, image + first);
    return;
  }
  for (std::int64_t c = first; c < last; ++c) {
    for (std::int64_t y = 0; y < planes.height; ++y) {
      std::copy_n(from + planes.at(c, y, 0), planes.width, image + (c * planes.height + y) * planes.width);
    }
  }
}

void copy_phases(const PhaseCopy& copy, const Planes& from, const float* planes, std::int64_t first, std::int64_t last,
                 float* to) {
  const auto phases = static_cast<std::int64_t>(copy.phases.size());
  for (std::int64_t i = 0; i < phases; ++i) {
    const PhaseCopy::Phase& phase = copy.phases[static_cast<std::size_t>(i)];
    StridedRows rows = rows_of(copy, phase, from);
    const std::int64_t corner =
        (phase.y - copy.pad_top + rows.y_begin * copy.stride_height) * from.pitch + phase.x - copy.pad_left;
    for (std::int64_t c = first; c < last; ++c) {
      rows.from = planes + from.at(c, 0, 0) + corner;
      rows.to = to + (c * phases + i) * copy.to.plane;
      HWY_DYNAMIC_DISPATCH(copy_rows)(rows);
    }
  }
}

void pool_planes(const PoolGeometry& g, const Planes& from, const float* planes, const Planes& to, std::int64_t first,
                 std::int64_t last, float* maxima) {
  const std::int64_t reach = (to.width - 1) * g.stride_width + (g.kernel_width - 1) * g.dilation_width + 1;
  thread_local std::vector<float> column;
  column.assign(
      static_cast<std::size_t>(std::max(reach, g.pad_left + from.width) + (g.stride_width + 1) * Planes::kVector),
      -std::numeric_limits<float>::infinity());
  PoolRow row;
  row.geometry = &g;
  row.step = g.dilation_height * from.pitch;
  row.width = from.width;
  row.results = to.width;
  row.column = column.data();
  for (std::int64_t y = 0; y < to.height; ++y) {
    const std::int64_t first_y = y * g.stride_height - g.pad_top;
    const Within inside = within(first_y, g.dilation_height, from.height, g.kernel_height);
    row.rows = inside.end - inside.begin;
    for (std::int64_t c = first; c < last; ++c) {
      row.from = planes + from.at(c, first_y + inside.begin * g.dilation_height, 0);
      row.maxima = maxima + to.at(c, y, 0);
      HWY_DYNAMIC_DISPATCH(pool_row)(row);
      clear_after_row(to, y, maxima + to.at(c, 0, 0));
    }
  }
}

}  // namespace ntt
#endif
