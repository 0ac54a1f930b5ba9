#include "ntt/core/random.h"

#include <ATen/ATen.h>

#include <cmath>
#include <numbers>
#include <utility>

namespace ntt {
namespace {

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  return hash;
}

std::uint64_t mix(std::uint64_t x) {  // splitmix64's finaliser
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53U} * counter[0];
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57U} * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32U) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32U) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(product0)};
    key[0] += 0x9E3779B9U;
    key[1] += 0xBB67AE85U;
  }
  return counter;
}

}  // namespace

RandomStream::RandomStream(std::uint64_t seed, std::string_view purpose, std::uint64_t index) : index_(index) {
  const std::uint64_t key = mix(seed + 0x9e3779b97f4a7c15U) ^ mix(fnv1a(purpose));
  key_ = {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32U)};
}

std::uint32_t RandomStream::bits() {
  if (used_ == 4) {
    block_ = philox({static_cast<std::uint32_t>(counter_), static_cast<std::uint32_t>(counter_ >> 32U),
                     static_cast<std::uint32_t>(index_), static_cast<std::uint32_t>(index_ >> 32U)},
                    key_);
    ++counter_;
    used_ = 0;
  }
  return block_[used_++];
}

double RandomStream::uniform() {
  const std::uint64_t high = bits() >> 5U;
  const std::uint64_t low = bits() >> 6U;
  return static_cast<double>((high << 26U) | low) * 0x1p-53;
}

std::uint64_t RandomStream::below(std::uint64_t bound) {
  const std::uint64_t reject_from = UINT64_MAX - UINT64_MAX % bound;
  for (;;) {
    const std::uint64_t high = bits();
    const std::uint64_t draw = (high << 32U) | bits();
    if (draw < reject_from) {
      return draw % bound;
    }
  }
}

double RandomStream::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  const double angle = 2.0 * std::numbers::pi * uniform();
  spare_ = radius * std::sin(angle);
  has_spare_ = true;
  return radius * std::cos(angle);
}

at::Tensor random_normal(RandomStream& stream, at::IntArrayRef shape, double standard_deviation, at::ScalarType dtype) {
  const at::Tensor draws = at::empty(shape, at::kDouble);
  auto* data = draws.data_ptr<double>();
  for (std::int64_t i = 0; i < draws.numel(); ++i) {
    data[i] = standard_deviation * stream.normal();
  }
  return draws.to(dtype);
}

at::Tensor random_permutation(RandomStream& stream, std::int64_t count) {
  const at::Tensor order = at::arange(count, at::kLong);
  auto* data = order.data_ptr<std::int64_t>();
  for (std::int64_t i = count - 1; i > 0; --i) {
    std::swap(data[i], data[stream.below(static_cast<std::uint64_t>(i) + 1)]);
  }
  return order;
}

}  // namespace ntt
