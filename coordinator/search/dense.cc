#include "coordinator/search/dense.h"

#include <cmath>
#include <utility>

namespace plateau::search {

std::optional<Matrix> cholesky(Matrix a) {
  const std::size_t n = a.size();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = a.at(i, j);
      for (std::size_t k = 0; k < j; ++k)
        sum -= a.at(i, k) * a.at(j, k);
      if (i != j) {
        a.at(i, j) = sum / a.at(j, j);
      } else {
        if (!(sum > 0)) return std::nullopt;
        a.at(i, i) = std::sqrt(sum);
      }
    }
    for (std::size_t j = i + 1; j < n; ++j)
      a.at(i, j) = 0;
  }
  return a;
}

std::vector<double> solve_lower(const Matrix& l, std::vector<double> b) {
  for (std::size_t i = 0; i < l.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k)
      b[i] -= l.at(i, k) * b[k];
    b[i] /= l.at(i, i);
  }
  return b;
}

std::vector<double> solve_upper(const Matrix& l, std::vector<double> b) {
  for (std::size_t i = l.size(); i-- > 0;) {
    b[i] /= l.at(i, i);
    for (std::size_t k = 0; k < i; ++k)
      b[k] -= l.at(i, k) * b[i];
  }
  return b;
}

Matrix inverse_of(const Matrix& l) {
  const std::size_t n = l.size();
  Matrix lower_inverse(n);  // row j holds column j of L^-1
  for (std::size_t j = 0; j < n; ++j) {
    lower_inverse.at(j, j) = 1 / l.at(j, j);
    for (std::size_t i = j + 1; i < n; ++i) {
      double sum = 0;
      for (std::size_t k = j; k < i; ++k)
        sum -= l.at(i, k) * lower_inverse.at(j, k);
      lower_inverse.at(j, i) = sum / l.at(i, i);
    }
  }
  Matrix inverse(n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = 0;
      for (std::size_t k = i; k < n; ++k)
        sum += lower_inverse.at(i, k) * lower_inverse.at(j, k);
      inverse.at(i, j) = inverse.at(j, i) = sum;
    }
  }
  return inverse;
}

}  // namespace plateau::search
