// Loops that the compiler vectorises once for each instruction set, picking at load time. Internal
// to this folder.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define PLATEAU_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define PLATEAU_CLONES
#endif
