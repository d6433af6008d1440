#include "worker/trainer/memory.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <c10/core/CPUAllocator.h>
#include <malloc.h>

namespace plateau::trainer {
namespace {

constexpr std::size_t kAlignment = 64;  // as LibTorch's own: the widest load of AVX-512

// What malloc gave stands in front of what is handed out, which is all that free_aligned() gets.
void free_aligned(void* place) {
  if (place != nullptr) std::free(static_cast<void**>(place)[-1]);
}

// Aligns by itself within what malloc gives.
class AlignedInMalloc final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    void* place = bytes == 0 ? nullptr : place_for(bytes);
    return {place, place, &free_aligned, c10::Device(c10::DeviceType::CPU)};
  }

  c10::DeleterFnPtr raw_deleter() const override { return &free_aligned; }

  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }

 private:
  // malloc's own alignment leaves room for a pointer in front of the next aligned place.
  static void* place_for(std::size_t bytes) {
    static_assert(alignof(std::max_align_t) >= sizeof(void*));
    void* whole = std::malloc(bytes + kAlignment);
    TORCH_CHECK_WITH(OutOfMemoryError, whole != nullptr, "out of memory: a tensor of ", bytes,
                     " bytes does not fit");
    const auto begin = reinterpret_cast<std::uintptr_t>(whole);
    void* place = reinterpret_cast<void*>(begin + kAlignment - begin % kAlignment);
    static_cast<void**>(place)[-1] = whole;
    return place;
  }
};

}  // namespace

void keep_memory_between_steps() {
  ::mallopt(M_MMAP_THRESHOLD, 1 << 30);
  ::mallopt(M_TRIM_THRESHOLD, -1);
  c10::SetCPUAllocator(new AlignedInMalloc);  // for as long as the process lives
}

}  // namespace plateau::trainer
