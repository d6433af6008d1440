// The bytes of the font that figures are set in, compiled into the program: the same figure on a
// machine without fonts.
#pragma once

#include <cstddef>
#include <span>

namespace plateau::results {

// A TrueType file: DejaVu Sans (Bitstream Vera's licence: free to embed). Lives as long as the
// program.
std::span<const std::byte> font_file(bool is_bold);

}  // namespace plateau::results
