#include "coordinator/results/figure/font_data.h"

// C++20 has no #embed; both assemblers that matter (gas and clang's) take .incbin.
asm(".pushsection .rodata\n"
    ".balign 16\n"
    ".global plateau_font_regular, plateau_font_regular_end\n"
    ".global plateau_font_bold, plateau_font_bold_end\n"
    "plateau_font_regular: .incbin \"" PLATEAU_FONT_REGULAR
    "\"\n"
    "plateau_font_regular_end:\n"
    ".balign 16\n"
    "plateau_font_bold: .incbin \"" PLATEAU_FONT_BOLD
    "\"\n"
    "plateau_font_bold_end:\n"
    ".popsection\n");

extern "C" {
extern const std::byte plateau_font_regular[];
extern const std::byte plateau_font_regular_end[];
extern const std::byte plateau_font_bold[];
extern const std::byte plateau_font_bold_end[];
}

namespace plateau::results {

std::span<const std::byte> font_file(bool is_bold) {
  return is_bold ? std::span(&plateau_font_bold[0], &plateau_font_bold_end[0])
                 : std::span(&plateau_font_regular[0], &plateau_font_regular_end[0]);
}

}  // namespace plateau::results
