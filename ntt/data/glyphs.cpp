#include "ntt/data/glyphs.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string_view>
#include <vector>

#include "ntt/core/error.h"
#include "ntt/core/random.h"

namespace ntt {
namespace {

constexpr int kSide = 28;
constexpr int kClasses = 10;

struct Point {
  double x;
  double y;
};
using Stroke = std::vector<Point>;
using Glyph = std::vector<Stroke>;
using Canvas = std::array<float, static_cast<std::size_t>(kSide* kSide)>;

Stroke arc(double radius_from, double radius_to, double angle_from, double angle_to, int pieces) {
  Stroke stroke;
  for (int i = 0; i <= pieces; ++i) {
    const double t = static_cast<double>(i) / pieces;
    const double angle = angle_from + t * (angle_to - angle_from);
    const double radius = radius_from + t * (radius_to - radius_from);
    stroke.push_back({radius * std::cos(angle), radius * std::sin(angle)});
  }
  return stroke;
}

/// The figures in the square from (-1,-1), top left, to (1,1); several are one stroke apart.
const std::array<Glyph, kClasses>& figures() {
  constexpr double kTurn = 2 * std::numbers::pi;
  static const std::array<Glyph, kClasses> all{{
      {arc(0.85, 0.85, 0, kTurn, 12)},
      {arc(0.1, 0.9, 0, 1.6 * kTurn, 18)},
      {{{-0.7, -0.8}, {0.7, -0.8}, {-0.7, 0.8}, {0.7, 0.8}}},
      {{{-0.7, -0.8}, {0.7, -0.8}, {-0.7, 0.8}, {0.7, 0.8}, {-0.7, -0.8}}},
      {{{0.0, -0.85}, {0.85, 0.75}, {-0.85, 0.75}, {0.0, -0.85}}},
      {{{-0.75, -0.85}, {0.0, 0.0}, {0.75, -0.85}}, {{0.0, 0.0}, {0.0, 0.9}}},
      {{{-0.75, -0.85}, {0.75, 0.85}}, {{0.75, -0.85}, {-0.75, 0.85}}},
      {{{-0.6, 0.9}, {-0.6, -0.85}, {0.65, -0.85}, {0.65, 0.0}, {-0.6, 0.0}}},
      {{{-0.65, -0.85}, {-0.65, 0.85}}, {{0.65, -0.85}, {0.65, 0.85}}, {{-0.65, 0.0}, {0.65, 0.0}}},
      {{{-0.9, 0.5}, {-0.45, -0.6}, {0.0, 0.5}, {0.45, -0.6}, {0.9, 0.5}}},
  }};
  return all;
}

double between(RandomStream& stream, double low, double high) {
  return low + (high - low) * stream.uniform();
}

/// A random affine map followed by a slow sine warp, from the figure's square to pixels.
class Distortion {
 public:
  explicit Distortion(RandomStream& stream) {
    const double angle = between(stream, -0.3, 0.3);
    const double shear = between(stream, -0.25, 0.25);
    const double width = between(stream, 7.0, 10.5);
    const double height = between(stream, 7.0, 10.5);
    matrix_ = {width * std::cos(angle), height * (shear * std::cos(angle) - std::sin(angle)), width * std::sin(angle),
               height * (shear * std::sin(angle) + std::cos(angle))};
    centre_ = {kSide / 2.0 + between(stream, -2, 2), kSide / 2.0 + between(stream, -2, 2)};
    for (Wave& wave : waves_) {
      wave = {between(stream, 0, 1.0), between(stream, 0.2, 0.5), between(stream, 0, 2 * std::numbers::pi)};
    }
  }

  Point operator()(Point p) const {
    const double x = centre_.x + matrix_[0] * p.x + matrix_[1] * p.y;
    const double y = centre_.y + matrix_[2] * p.x + matrix_[3] * p.y;
    return {x + waves_[0].height * std::sin(waves_[0].frequency * y + waves_[0].phase),
            y + waves_[1].height * std::sin(waves_[1].frequency * x + waves_[1].phase)};
  }

 private:
  struct Wave {
    double height;
    double frequency;
    double phase;
  };
  std::array<double, 4> matrix_{};
  Point centre_{};
  std::array<Wave, 2> waves_{};
};

/// Raises each pixel to how much of it a line of the given half width covers.
void draw_segment(Canvas& canvas, Point from, Point to, double half_width) {
  const double reach = half_width + 0.5;
  const int left = std::clamp(static_cast<int>(std::min(from.x, to.x) - reach), 0, kSide);
  const int right = std::clamp(static_cast<int>(std::max(from.x, to.x) + reach) + 1, 0, kSide);
  const int top = std::clamp(static_cast<int>(std::min(from.y, to.y) - reach), 0, kSide);
  const int bottom = std::clamp(static_cast<int>(std::max(from.y, to.y) + reach) + 1, 0, kSide);
  const double dx = to.x - from.x;
  const double dy = to.y - from.y;
  const double length_squared = std::max(dx * dx + dy * dy, 1e-12);
  for (int y = top; y < bottom; ++y) {
    for (int x = left; x < right; ++x) {
      const double px = x + 0.5 - from.x;
      const double py = y + 0.5 - from.y;
      const double t = std::clamp((px * dx + py * dy) / length_squared, 0.0, 1.0);
      const double distance = std::hypot(px - t * dx, py - t * dy);
      float& pixel = canvas[static_cast<std::size_t>(y * kSide + x)];
      pixel = std::max(pixel, static_cast<float>(std::clamp(reach - distance, 0.0, 1.0)));
    }
  }
}

void draw_figure(Canvas& canvas, const Glyph& glyph, RandomStream& stream) {
  constexpr double kWobble = 0.07;
  constexpr int kPieces = 3;  // so that a straight stroke bends with the warp
  const Distortion distort(stream);
  const double half_width = between(stream, 0.6, 1.3);
  for (const Stroke& stroke : glyph) {
    Stroke wobbly = stroke;
    for (Point& point : wobbly) {
      point.x += kWobble * stream.normal();
      point.y += kWobble * stream.normal();
    }
    for (std::size_t i = 1; i < wobbly.size(); ++i) {
      const Point a = wobbly[i - 1];
      const Point b = wobbly[i];
      Point from = distort(a);
      for (int piece = 1; piece <= kPieces; ++piece) {
        const double t = static_cast<double>(piece) / kPieces;
        const Point to = distort({a.x + t * (b.x - a.x), a.y + t * (b.y - a.y)});
        draw_segment(canvas, from, to, half_width);
        from = to;
      }
    }
  }
}

void occlude(Canvas& canvas, RandomStream& stream) {
  const auto width = 3 + stream.below(5);
  const auto height = 3 + stream.below(5);
  const auto left = stream.below(kSide - width);
  const auto top = stream.below(kSide - height);
  for (auto y = top; y < top + height; ++y) {
    std::fill_n(canvas.begin() + static_cast<std::ptrdiff_t>(y * kSide + left), width, 0.0F);
  }
}

void draw_image(std::uint8_t* pixels, int label, RandomStream stream) {
  Canvas canvas{};
  draw_figure(canvas, figures()[static_cast<std::size_t>(label)], stream);
  if (stream.uniform() < 0.3) {
    occlude(canvas, stream);
  }
  const Point from{between(stream, 0, kSide), between(stream, 0, kSide)};
  const double angle = between(stream, 0, 2 * std::numbers::pi);
  const double length = between(stream, 0, 9);  // a stray line, part of no figure
  draw_segment(canvas, from, {from.x + length * std::cos(angle), from.y + length * std::sin(angle)}, 0.5);
  const double ink = between(stream, 130, 250);
  const double noise = between(stream, 5, 40) / 255.0;
  for (std::size_t i = 0; i < canvas.size(); i += 2) {
    const std::uint32_t bits = stream.bits();
    for (std::size_t j = 0; j < 2; ++j) {  // two bytes a pixel make triangular noise
      const auto first = static_cast<int>(bits >> (16 * j) & 0xffU);
      const auto second = static_cast<int>(bits >> (16 * j + 8) & 0xffU);
      const double value = ink * canvas[i + j] + noise * (first + second - 200);
      pixels[i + j] = static_cast<std::uint8_t>(std::clamp(value + 0.5, 0.0, 255.0));
    }
  }
}

LabelledImages draw_part(std::int64_t count, std::uint64_t seed, std::string_view purpose) {
  LabelledImages part{at::empty({count, 1, kSide, kSide}, at::kByte), at::arange(count, at::kLong).remainder(kClasses)};
  auto* pixels = part.images.data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < count; ++i) {
    draw_image(pixels + i * kSide * kSide, static_cast<int>(i % kClasses),
               RandomStream(seed, purpose, static_cast<std::uint64_t>(i)));
  }
  return part;
}

}  // namespace

Dataset draw_glyphs(std::int64_t train_count, std::int64_t test_count, std::uint64_t seed) {
  if (train_count < kClasses || test_count < kClasses) {
    fail_input("glyphs: {} training and {} test images were asked for; each part needs at least {}", train_count,
               test_count, kClasses);
  }
  LabelledImages train = draw_part(train_count, seed, "glyphs-train");
  LabelledImages test = draw_part(test_count, seed, "glyphs-test");
  Dataset dataset;
  dataset.name = "glyphs";
  dataset.train_images = std::move(train.images);
  dataset.train_labels = std::move(train.labels);
  dataset.test_images = std::move(test.images);
  dataset.test_labels = std::move(test.labels);
  dataset.classes = kClasses;
  dataset.class_names = {"ring", "spiral", "zed", "hourglass", "triangle", "fork", "cross", "flag", "gate", "zigzag"};
  dataset.note = "drawn, not read";
  return dataset;
}

}  // namespace ntt
