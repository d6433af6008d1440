// The fuzz target of the safetensors reader, in libFuzzer's form. fuzz_test.cc drives it with
// seeded mutations; a coverage-guided run links fuzz_entry.cc with clang's -fsanitize=fuzzer.
#pragma once

#include <cstddef>
#include <cstdint>

// Parses the bytes as a file; if that succeeds, reads every byte of every tensor. Aborts when a
// view leaves the input or does not have the size that its shape promises. Always returns 0.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
