#include "worker/trainer/memory.h"

#include <cstdint>
#include <cstring>

#include <ATen/ATen.h>
#include <c10/core/CPUAllocator.h>
#include <gtest/gtest.h>

namespace plateau::trainer {
namespace {

class KeptMemory : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { keep_memory_between_steps(); }
  static std::uintptr_t place(const at::Tensor& tensor) {
    return reinterpret_cast<std::uintptr_t>(tensor.data_ptr());
  }
};

TEST_F(KeptMemory, tensors_begin_where_vectors_can_be_loaded) {
  for (std::int64_t bytes = 1; bytes < (1 << 20); bytes += 1 + bytes / 3)
    EXPECT_EQ(place(at::empty({bytes}, at::kByte)) % 64, 0U) << bytes;
  EXPECT_EQ(at::empty({0}).numel(), 0);
}

// Between two that stay, so that the place is no larger than what was freed in it.
TEST_F(KeptMemory, a_freed_place_is_given_to_the_next_tensor_of_its_size) {
  const std::vector<std::int64_t> shape = {512, 576};
  const at::Tensor before = at::empty(shape);
  at::Tensor freed = at::empty(shape);
  const at::Tensor behind = at::empty(shape);
  const std::uintptr_t place_of_freed = place(freed);
  freed.reset();
  EXPECT_EQ(place(at::empty(shape)), place_of_freed);
}

TEST_F(KeptMemory, a_tensor_that_does_not_fit_is_out_of_memory) {
  EXPECT_THROW(at::empty({std::int64_t{1} << 46}), c10::OutOfMemoryError);
}

// LibTorch's products of bfloat16 ask for memory that no tensor owns.
TEST_F(KeptMemory, memory_without_a_tensor_is_given_and_taken_back) {
  c10::Allocator& allocator = *c10::GetCPUAllocator();
  void* place = allocator.raw_allocate(1000);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(place) % 64, 0U);
  std::memset(place, 1, 1000);
  allocator.raw_deallocate(place);
  allocator.raw_deallocate(nullptr);
  const at::Tensor ones = at::ones({96, 64}, at::kBFloat16);
  EXPECT_TRUE(at::linear(ones, ones).eq(64).all().item<bool>());
}

TEST_F(KeptMemory, tensors_grow_and_are_copied_as_ever) {
  at::Tensor tensor = at::arange(5, at::kFloat);
  tensor.resize_({2000});
  EXPECT_TRUE(tensor.narrow(0, 0, 5).equal(at::arange(5, at::kFloat)));
  EXPECT_TRUE(tensor.clone().narrow(0, 0, 5).equal(at::arange(5, at::kFloat)));
}

}  // namespace
}  // namespace plateau::trainer
