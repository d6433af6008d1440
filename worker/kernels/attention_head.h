// One head of attention over one sequence, forward and backward, as plain loops over vectors. It is
// compiled once for each instruction set: see vectors.h.
//
// Scores of a block of queries with all keys at once fit the second-level cache, so the softmax
// needs no running maximum (as FlashAttention's does): a row is read, and done.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>

#include "worker/kernels/attention_task.h"
#include "worker/kernels/vectors.h"

namespace plateau::kernels {
namespace {

// Vectors of sums that stay in registers.
constexpr int kSums = kVectorBytes == 64 ? 16 : 8;
constexpr int kTileRows = 8;  // of a product's left side at most: its rows are a multiple
constexpr int kQueries = 32;  // in a block
constexpr int kKeys = 16;     // keys are padded to a multiple: of a vector, and of a tile's rows

// ---- Products
// ------------------------------------------------------------------------------------

// A [rows, inner] with any strides; B [inner, columns] and C [rows, columns] have whole rows.
template <typename T>
struct Left {
  const T* at;
  std::int64_t row, column;  // elements from one to the next
};

template <typename T, int kRows, int kVectors>
PLATEAU_INLINE void tile(std::int64_t inner, Left<T> a, const T* b, std::int64_t b_row, T* c,
                         std::int64_t c_row, bool adds) {
  constexpr int kLanes = VectorOf<T>::kLanes;
  Vector<T> sums[kRows][kVectors];
  for (int i = 0; i < kRows; ++i)
    for (int j = 0; j < kVectors; ++j)
      sums[i][j] = adds ? load(c + i * c_row + j * kLanes) : Vector<T>{};
  for (std::int64_t k = 0; k < inner; ++k) {
    Vector<T> right[kVectors];
    for (int j = 0; j < kVectors; ++j)
      right[j] = load(b + k * b_row + j * kLanes);
    for (int i = 0; i < kRows; ++i) {
      const T left = a.at[i * a.row + k * a.column];
      for (int j = 0; j < kVectors; ++j)
        sums[i][j] += left * right[j];
    }
  }
  for (int i = 0; i < kRows; ++i)
    for (int j = 0; j < kVectors; ++j)
      store(c + i * c_row + j * kLanes, sums[i][j]);
}

// C = A B, or C += A B. Rows are a multiple of kTileRows, columns of a vector.
template <typename T>
void multiply(std::int64_t rows, std::int64_t columns, std::int64_t inner, Left<T> a, const T* b,
              std::int64_t b_row, T* c, std::int64_t c_row, bool adds) {
  constexpr int kLanes = VectorOf<T>::kLanes;
  std::int64_t j = 0;
  const auto strip = [&]<int kVectors>() {
    constexpr int kRows = kSums / kVectors > kTileRows ? kTileRows : kSums / kVectors;
    for (std::int64_t i = 0; i < rows; i += kRows) {
      tile<T, kRows, kVectors>(inner, {a.at + i * a.row, a.row, a.column}, b + j, b_row,
                               c + i * c_row + j, c_row, adds);
    }
    j += kVectors * kLanes;
  };
  while (columns - j >= 4 * kLanes)
    strip.template operator()<4>();
  if (columns - j >= 2 * kLanes) strip.template operator()<2>();
  if (columns - j >= kLanes) strip.template operator()<1>();
}

// ---- Buffers
// ---------------------------------------------------------------------------------------

constexpr std::int64_t round_up(std::int64_t n, std::int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

// Sides padded to whole tiles; what lies behind the real ones is zero.
template <typename T>
struct Sides {
  std::int64_t keys, width;
  explicit Sides(const HeadShape& shape)
      : keys(round_up(shape.key_end - shape.key_begin, kKeys)),
        width(round_up(shape.width, 64 / static_cast<int>(sizeof(T)))) {}
};

// [rows, width] of storage to [padded rows, padded width].
template <typename T, typename S>
void read_rows(const S* from, std::int64_t stride, std::int64_t rows, std::int64_t width,
               std::int64_t padded_rows, std::int64_t padded_width, T* __restrict to) {
  for (std::int64_t i = 0; i < padded_rows; ++i, to += padded_width) {
    const std::int64_t real = i < rows ? width : 0;
    // The next head's part of the row: rows lie too far apart for the processor to guess.
    for (std::int64_t c = 0; c < real; c += 64 / static_cast<int>(sizeof(S)))
      __builtin_prefetch(from + i * stride + width + c, 0, 2);
    for (std::int64_t c = 0; c < real; ++c)
      to[c] = widen(from[i * stride + c]);
    for (std::int64_t c = real; c < padded_width; ++c)
      to[c] = 0;
  }
}

// The same, transposed: [padded width, padded rows].
template <typename T>
void transpose(const T* __restrict from, std::int64_t rows, std::int64_t width, T* __restrict to) {
  constexpr std::int64_t kBlock = 16 / (sizeof(T) / 4);
  for (std::int64_t i = 0; i < rows; i += kBlock)
    for (std::int64_t c = 0; c < width; c += 4)
      for (std::int64_t y = 0; y < 4; ++y)
        for (std::int64_t x = 0; x < kBlock; ++x)
          to[(c + y) * rows + i + x] = from[(i + x) * width + c + y];
}

template <typename T, typename S>
void write_rows(const T* from, std::int64_t padded_width, std::int64_t rows, std::int64_t width,
                S* to, std::int64_t stride) {
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t c = 0; c < width; c += 64 / static_cast<int>(sizeof(S)))
      __builtin_prefetch(to + i * stride + width + c, 1, 2);
    for (std::int64_t c = 0; c < width; ++c)
      narrow(from[i * padded_width + c], to[i * stride + c]);
  }
}

// ---- Softmax
// -----------------------------------------------------------------------------------------

// Keys that the query at `row` sees, from the first visible one.
PLATEAU_INLINE std::int64_t seen_keys(const HeadShape& shape, std::int64_t row) {
  if (!shape.causal) return shape.key_end - shape.key_begin;
  const std::int64_t end = shape.key_rows - shape.query_rows + row + 1;
  return (end < shape.key_end ? end : shape.key_end) - shape.key_begin;
}

// Scores to probabilities in place; the logarithm of their sum is returned.
template <typename T>
T softmax_row(T* scores, std::int64_t seen, std::int64_t padded, T scale) {
  constexpr int kLanes = VectorOf<T>::kLanes;
  const T lowest = -static_cast<T>(__builtin_inff());
  for (std::int64_t j = seen; j < padded; ++j)
    scores[j] = lowest;
  Vector<T> top = load(scores);
  for (std::int64_t j = kLanes; j < padded; j += kLanes) {
    const Vector<T> next = load(scores + j);
    top = next > top ? next : top;
  }
  T highest = top[0];
  for (int i = 1; i < kLanes; ++i)
    highest = top[i] > highest ? top[i] : highest;
  Vector<T> sums{};
  for (std::int64_t j = 0; j < padded; j += kLanes) {
    const Vector<T> e = exponential((load(scores + j) - highest) * scale);
    sums += e;
    store(scores + j, e);
  }
  T sum = 0;
  for (int i = 0; i < kLanes; ++i)
    sum += sums[i];
  const T share = 1 / sum;
  for (std::int64_t j = 0; j < padded; j += kLanes)
    store(scores + j, load(scores + j) * share);
  return highest * scale + logarithm(sum);
}

// The same again, from the logarithm of the sum.
template <typename T>
void softmax_again(T* scores, std::int64_t seen, std::int64_t padded, T scale, T logarithm_of_sum) {
  constexpr int kLanes = VectorOf<T>::kLanes;
  for (std::int64_t j = 0; j < padded; j += kLanes)
    store(scores + j, exponential(load(scores + j) * scale - logarithm_of_sum));
  for (std::int64_t j = seen; j < padded; ++j)
    scores[j] = 0;
}

// grad P to grad S in place: P (grad P - sum(P grad P)) scale.
template <typename T>
void softmax_back(const T* probabilities, T* gradients, std::int64_t padded, T scale) {
  constexpr int kLanes = VectorOf<T>::kLanes;
  Vector<T> sums{};
  for (std::int64_t j = 0; j < padded; j += kLanes)
    sums += load(probabilities + j) * load(gradients + j);
  T sum = 0;
  for (int i = 0; i < kLanes; ++i)
    sum += sums[i];
  for (std::int64_t j = 0; j < padded; j += kLanes)
    store(gradients + j, load(probabilities + j) * (load(gradients + j) - sum) * scale);
}

// ---- One head
// ------------------------------------------------------------------------------------------

template <typename T>
struct Buffers {
  T *keys, *keys_turned, *values, *values_turned, *queries, *gradient, *scores, *score_gradients,
      *out, *key_gradient, *value_gradient;

  Buffers(void* workspace, const Sides<T>& sides) {
    T* next = static_cast<T*>(workspace);
    const auto take = [&](std::int64_t count) {
      T* begin = next;
      next += count;
      return begin;
    };
    for (T** whole : {&keys, &keys_turned, &values, &values_turned, &key_gradient, &value_gradient})
      *whole = take(sides.keys * sides.width);
    for (T** block : {&queries, &gradient, &out})
      *block = take(kQueries * sides.width);
    for (T** block : {&scores, &score_gradients})
      *block = take(kQueries * sides.keys);
    size = next - static_cast<T*>(workspace);
  }
  std::int64_t size = 0;
};

template <typename T>
std::int64_t workspace_bytes(const HeadShape& shape) {
  return Buffers<T>(nullptr, Sides<T>(shape)).size * static_cast<std::int64_t>(sizeof(T));
}

template <typename T, typename S>
void read_keys(const HeadTask& task, const Sides<T>& sides, const Buffers<T>& at) {
  const HeadShape& shape = task.shape;
  const std::int64_t count = shape.key_end - shape.key_begin;
  const auto read = [&](const Rows<const void>& rows, T* to) {
    read_rows<T, S>(static_cast<const S*>(rows.at) + shape.key_begin * rows.stride, rows.stride,
                    count, shape.width, sides.keys, sides.width, to);
  };
  read(task.keys, at.keys);
  read(task.values, at.values);
  transpose(at.keys, sides.keys, sides.width, at.keys_turned);
}

// Some queries of one head, and how many keys (padded) any of them sees.
struct Block {
  std::int64_t head, first, rows, seen;
};

template <typename Work>
PLATEAU_INLINE void each_block(const HeadShape& shape, const Work& work) {
  for (std::int64_t head = 0; head < shape.group; ++head) {
    for (std::int64_t first = 0; first < shape.query_rows; first += kQueries) {
      const std::int64_t rest = shape.query_rows - first;
      const std::int64_t rows = rest < kQueries ? rest : kQueries;
      work(Block{head, first, rows, round_up(seen_keys(shape, first + rows - 1), kKeys)});
    }
  }
}

// Rows of a block's queries; zero behind the last.
template <typename T, typename S>
void read_queries(const Rows<const void>& from, const Block& block, const HeadTask& task,
                  const Sides<T>& sides, T* to) {
  read_rows<T, S>(
      static_cast<const S*>(from.at) + block.first * from.stride + block.head * task.shape.width,
      from.stride, block.rows, task.shape.width, kQueries, sides.width, to);
}

template <typename T>
PLATEAU_INLINE T& logsumexp_at(const HeadTask& task, const Block& block, std::int64_t i) {
  return static_cast<T*>(task.logsumexp)[(block.first + i) * task.logsumexp_stride + block.head];
}

// Where a block's rows of one head are written.
template <typename S>
PLATEAU_INLINE S* block_rows(const Rows<void>& rows, const Block& block, const HeadShape& shape) {
  return static_cast<S*>(rows.at) + block.first * rows.stride + block.head * shape.width;
}

template <typename T, typename S>
void forward_block(const HeadTask& task, const Sides<T>& sides, const Buffers<T>& at,
                   const Block& block) {
  const HeadShape& shape = task.shape;
  const std::int64_t rows = round_up(block.rows, kTileRows);
  read_queries<T, S>(task.queries, block, task, sides, at.queries);
  multiply<T>(rows, block.seen, sides.width, {at.queries, sides.width, 1}, at.keys_turned,
              sides.keys, at.scores, sides.keys, false);
  for (std::int64_t i = 0; i < block.rows; ++i) {
    logsumexp_at<T>(task, block, i) =
        softmax_row(at.scores + i * sides.keys, seen_keys(shape, block.first + i), block.seen,
                    static_cast<T>(shape.scale));
  }
  multiply<T>(rows, sides.width, block.seen, {at.scores, sides.keys, 1}, at.values, sides.width,
              at.out, sides.width, false);
  write_rows(at.out, sides.width, block.rows, shape.width, block_rows<S>(task.out, block, shape),
             task.out.stride);
}

template <typename T, typename S>
void forward_head(const HeadTask& task) {
  const Sides<T> sides(task.shape);
  const Buffers<T> at(task.workspace, sides);
  read_keys<T, S>(task, sides, at);
  each_block(task.shape, [&](const Block& block) { forward_block<T, S>(task, sides, at, block); });
}

// Scores become probabilities again, and their gradients the scores' gradients.
template <typename T>
void softmax_block_back(const HeadTask& task, const Sides<T>& sides, const Buffers<T>& at,
                        const Block& block) {
  const auto scale = static_cast<T>(task.shape.scale);
  for (std::int64_t i = 0; i < block.rows; ++i) {
    T* scores = at.scores + i * sides.keys;
    softmax_again(scores, seen_keys(task.shape, block.first + i), block.seen, scale,
                  logsumexp_at<T>(task, block, i));
    softmax_back(scores, at.score_gradients + i * sides.keys, block.seen, scale);
  }
}

template <typename T, typename S>
void backward_block(const HeadTask& task, const Sides<T>& sides, const Buffers<T>& at,
                    const Block& block) {
  const HeadShape& shape = task.shape;
  const std::int64_t keys = sides.keys, width = sides.width, rows = round_up(block.rows, kTileRows);
  read_queries<T, S>(task.queries, block, task, sides, at.queries);
  read_queries<T, S>(task.gradient, block, task, sides, at.gradient);
  multiply<T>(rows, block.seen, width, {at.queries, width, 1}, at.keys_turned, keys, at.scores,
              keys, false);
  multiply<T>(rows, block.seen, width, {at.gradient, width, 1}, at.values_turned, keys,
              at.score_gradients, keys, false);
  softmax_block_back(task, sides, at, block);
  multiply<T>(block.seen, width, block.rows, {at.scores, 1, keys}, at.gradient, width,
              at.value_gradient, width, true);
  multiply<T>(block.seen, width, block.rows, {at.score_gradients, 1, keys}, at.queries, width,
              at.key_gradient, width, true);
  multiply<T>(rows, width, block.seen, {at.score_gradients, keys, 1}, at.keys, width, at.out, width,
              false);
  write_rows(at.out, width, block.rows, shape.width,
             block_rows<S>(task.query_gradient, block, shape), task.query_gradient.stride);
}

template <typename T, typename S>
void backward_head(const HeadTask& task) {
  const HeadShape& shape = task.shape;
  const Sides<T> sides(shape);
  const Buffers<T> at(task.workspace, sides);
  read_keys<T, S>(task, sides, at);
  transpose(at.values, sides.keys, sides.width, at.values_turned);
  const auto bytes = static_cast<std::size_t>(sides.keys * sides.width) * sizeof(T);
  std::memset(at.key_gradient, 0, bytes);
  std::memset(at.value_gradient, 0, bytes);
  each_block(shape, [&](const Block& block) { backward_block<T, S>(task, sides, at, block); });
  const auto write = [&](const T* from, const Rows<void>& to) {
    write_rows(from, sides.width, shape.key_end - shape.key_begin, shape.width,
               static_cast<S*>(to.at) + shape.key_begin * to.stride, to.stride);
  };
  write(at.key_gradient, task.key_gradient);
  write(at.value_gradient, task.value_gradient);
}

template <typename T, typename S>
constexpr HeadKernel head_kernel() {
  return {workspace_bytes<T>, forward_head<T, S>, backward_head<T, S>};
}

constexpr HeadKernels head_kernels() {
  return {head_kernel<float, float>(), head_kernel<float, std::uint16_t>(),
          head_kernel<double, double>()};
}

}  // namespace
}  // namespace plateau::kernels
