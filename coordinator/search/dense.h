// The little linear algebra that a Gaussian process over a few hundred points needs.
#pragma once

#include <optional>
#include <vector>

namespace plateau::search {

// A square matrix, row by row.
class Matrix {
 public:
  explicit Matrix(std::size_t size) : size_(size), entries_(size * size, 0.0) {}
  std::size_t size() const { return size_; }
  double& at(std::size_t row, std::size_t column) { return entries_[row * size_ + column]; }
  double at(std::size_t row, std::size_t column) const { return entries_[row * size_ + column]; }

 private:
  std::size_t size_;
  std::vector<double> entries_;
};

// L with L L^T = A, for a symmetric A whose lower triangle is read. nullopt: not positive definite.
std::optional<Matrix> cholesky(Matrix a);

// L^-1 b, and L^-T b.
std::vector<double> solve_lower(const Matrix& l, std::vector<double> b);
std::vector<double> solve_upper(const Matrix& l, std::vector<double> b);

// (L L^T)^-1.
Matrix inverse_of(const Matrix& l);

}  // namespace plateau::search
