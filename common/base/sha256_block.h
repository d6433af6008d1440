// Inside of Sha256: one block of 64 bytes at a time, in two ways that give the same.
#pragma once

#include <array>
#include <cstdint>

namespace plateau {

using Sha256State = std::array<std::uint32_t, 8>;
using Sha256Block = void (*)(Sha256State& state, const std::uint8_t* bytes);

void sha256_block_portable(Sha256State& state, const std::uint8_t* bytes);
// With the processor's own instructions (SHA-NI); nullptr: it has none.
Sha256Block sha256_block_of_processor();

}  // namespace plateau
