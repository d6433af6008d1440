// How the process keeps memory between steps.
#pragma once

namespace plateau::trainer {

// Every step allocates and frees the same tensors. After this call, once at a program's begin, what
// is freed stays with the process (fresh pages would have to be zeroed at each step), and glibc's
// malloc can give a tensor's place to the next one of its size: LibTorch asks it for aligned
// memory, for which before version 2.38 a place must be larger than what was freed in it. A tensor
// that cannot be had throws c10::OutOfMemoryError.
void keep_memory_between_steps();

}  // namespace plateau::trainer
