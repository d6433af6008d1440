// Quasi-random points: the Sobol sequence (Sobol 1967, direction numbers of Joe and Kuo 2008), with
// Owen's nested uniform scrambling (Owen 1995) by hashes (Laine and Karras 2011; Burley 2020).
//
// Any block of 2^m points that begins at a multiple of 2^m has exactly one in each of 2^m equal
// intervals of every dimension; each scrambled point alone is uniform in the cube.
#pragma once

#include <cstdint>
#include <vector>

namespace plateau::search {

// The point `index`, from 0, of `dimensions` coordinates in [0, 1): at most 1,000 dimensions.
std::vector<double> sobol_point(std::uint64_t index, std::size_t dimensions, std::uint64_t seed);

}  // namespace plateau::search
