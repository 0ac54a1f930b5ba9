#pragma once

#include <fmt/format.h>

#include <utility>

#include "ntt/core/exceptions.h"

namespace ntt {

/// Throws InputError with a sentence that names the thing and what would be right.
template <typename... Args>
[[noreturn]] void fail_input(fmt::format_string<Args...> format, Args&&... args) {
  throw InputError(fmt::format(format, std::forward<Args>(args)...));
}

/// Throws RunError with a sentence that names the thing and what went wrong.
template <typename... Args>
[[noreturn]] void fail_run(fmt::format_string<Args...> format, Args&&... args) {
  throw RunError(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace ntt
