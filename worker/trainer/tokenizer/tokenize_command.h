// `plateau-trainer tokenize DIR`: shows what a model's tokenizer makes of texts.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace plateau::trainer {

// The help text of the command.
extern const char* const kTokenizeUsage;

// `arguments` are those behind "tokenize": the folder that holds tokenizer.json (or a GGUF file),
// and --max-length N or --no-special-tokens. Reads one JSON string a line from `in` and prints one
// JSON list of ids a line to `out`, special tokens as the tokenizer adds them. Blocks until the end
// of `in`. Returns the exit code of common/base/result.h; errors go to `errors` with the line's
// number.
int tokenize_command(const std::vector<std::string>& arguments, std::istream& in, std::ostream& out,
                     std::ostream& errors);

}  // namespace plateau::trainer
