#include "worker/trainer/tokenizer/tokenize_command.h"

#include <charconv>
#include <istream>
#include <ostream>

#include <nlohmann/json.hpp>

#include "worker/trainer/tokenizer/tokenizer.h"

namespace plateau::trainer {

const char* const kTokenizeUsage =
    "usage: plateau-trainer tokenize DIR [--max-length N] [--no-special-tokens]\n"
    "Reads one JSON string a line from standard input and prints one JSON list of token ids a\n"
    "line, as DIR/tokenizer.json makes them, or the tokenizer inside a GGUF file (DIR may be "
    "one).\n"
    "--max-length cuts to N tokens, special ones included.\n";

namespace {

using nlohmann::json;

struct Request {
  std::string folder;
  EncodeOptions options;
};

Result<Request> parse_arguments(const std::vector<std::string>& arguments) {
  Request request;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--no-special-tokens") {
      request.options.add_special_tokens = false;
    } else if (argument == "--max-length") {
      const std::string value = i + 1 < arguments.size() ? arguments[++i] : "";
      const auto [end, error] =
          std::from_chars(value.data(), value.data() + value.size(), request.options.max_length);
      if (error != std::errc{} || end != value.data() + value.size() ||
          request.options.max_length < 1) {
        return invalid_argument("--max-length needs a number from 1, not \"" + value + "\".");
      }
    } else if (argument.starts_with("--")) {
      return invalid_argument("tokenize has no option " + argument + ".");
    } else if (!request.folder.empty()) {
      return invalid_argument("tokenize takes one folder, not \"" + request.folder + "\" and \"" +
                              argument + "\".");
    } else {
      request.folder = argument;
    }
  }
  if (request.folder.empty()) {
    return invalid_argument("tokenize needs the folder that holds tokenizer.json, or a GGUF file.");
  }
  return request;
}

int fail(const Error& error, std::ostream& errors) {
  errors << "plateau-trainer tokenize: " << error.message << '\n';
  return exit_code(error.kind);
}

}  // namespace

int tokenize_command(const std::vector<std::string>& arguments, std::istream& in, std::ostream& out,
                     std::ostream& errors) {
  for (const std::string& argument : arguments) {
    if (argument == "--help" || argument == "-h") {
      out << kTokenizeUsage;
      return 0;
    }
  }
  const Result<Request> request = parse_arguments(arguments);
  if (!request) {
    const int code = fail(request.error(), errors);
    errors << kTokenizeUsage;
    return code;
  }
  const Result<Tokenizer> tokenizer = Tokenizer::from_folder(request->folder);
  if (!tokenizer) return fail(tokenizer.error(), errors);

  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    const json text = json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!text.is_string()) {
      return fail(invalid_argument("line " + std::to_string(number) +
                                   " of standard input is no JSON string. Give one string a line, "
                                   "in double quotes."),
                  errors);
    }
    out << json(tokenizer->encode(text.get_ref<const std::string&>(), request->options).ids)
        << std::endl;  // Flushed: a program at the other end of a pipe may wait for the answer.
  }
  return 0;
}

}  // namespace plateau::trainer
