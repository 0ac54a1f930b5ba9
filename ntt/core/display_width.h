#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ntt {

/// How many terminal columns a UTF-8 text takes, for texts of one-column characters (Latin, Greek, ±, ·, ─, …).
inline std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (const char byte : text) {
    width += (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
  }
  return width;
}

/// The longest beginning of a UTF-8 text that takes at most `width` columns; never cuts a character in two.
inline std::string cut_to_width(std::string_view text, std::size_t width) {
  std::size_t columns = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool starts_character = (static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U;
    if (starts_character && columns++ == width) {
      return std::string(text.substr(0, i));
    }
  }
  return std::string(text);
}

}  // namespace ntt
