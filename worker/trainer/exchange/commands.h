// `plateau-trainer export` and `plateau-trainer predict`: trained adapters, out to other libraries
// and in from them.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace plateau::trainer {

// `words` are those behind "export". Reads an adapter of this trainer or of PEFT and writes it as
// `--format` says. Errors go to `err`; returns the exit code of common/base/result.h.
int export_command(const std::vector<std::string>& words, std::ostream& err);

// `words` are those behind "predict". Reads predict_input.h's lines from `in` and prints the logits
// of each as one JSON list a line, in their order. Blocks until the end of `in`.
int predict_command(const std::vector<std::string>& words, std::istream& in, std::ostream& out,
                    std::ostream& err);

}  // namespace plateau::trainer
