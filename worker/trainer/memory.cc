#include "worker/trainer/memory.h"

#include <cstdint>
#include <cstdlib>

#include <c10/core/CPUAllocator.h>
#include <malloc.h>

namespace plateau::trainer {
namespace {

constexpr std::size_t kAlignment =
    64;  // as LibTorch's own: a cache line, and AVX-512's widest load

// Aligns by itself within what malloc gives.
class AlignedInMalloc final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    const c10::Device cpu(c10::DeviceType::CPU);
    if (bytes == 0) return {nullptr, nullptr, &std::free, cpu};
    void* whole = std::malloc(bytes + kAlignment);
    TORCH_CHECK_WITH(OutOfMemoryError, whole != nullptr, "out of memory: a tensor of ", bytes,
                     " bytes does not fit");
    const std::uintptr_t place = reinterpret_cast<std::uintptr_t>(whole) + kAlignment - 1;
    return {reinterpret_cast<void*>(place - place % kAlignment), whole, &std::free, cpu};
  }

  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }
};

}  // namespace

void keep_memory_between_steps() {
  ::mallopt(M_MMAP_THRESHOLD, 1 << 30);
  ::mallopt(M_TRIM_THRESHOLD, -1);
  c10::SetCPUAllocator(new AlignedInMalloc);  // for as long as the process lives
}

}  // namespace plateau::trainer
