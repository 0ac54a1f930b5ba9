// Read by clang-tidy ahead of each source. Clang before 17 takes GCC 12's constexpr std::vector too eagerly and then
// rejects ATen's vector of a not yet complete type; for linting, a vector without constexpr does.
#pragma once
#include <memory>
#include <string>
#pragma push_macro("_GLIBCXX20_CONSTEXPR")
#undef _GLIBCXX20_CONSTEXPR
#define _GLIBCXX20_CONSTEXPR
#define __fill_a1 ntt_lint_fill_a1  // already declared constexpr above
#include <vector>
#undef __fill_a1
#pragma pop_macro("_GLIBCXX20_CONSTEXPR")

#include <ATen/ATen.h>
#include <fmt/format.h>
