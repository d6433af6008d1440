// plateau-trainer: trains resolved trials. Links LibTorch; knows no network and no database.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "worker/kernels/cuda_library.h"
#include "worker/trainer/check/check_command.h"
#include "worker/trainer/exchange/commands.h"
#include "worker/trainer/failure.h"
#include "worker/trainer/memory.h"
#include "worker/trainer/outcome.h"
#include "worker/trainer/serve.h"
#include "worker/trainer/train.h"
#ifdef PLATEAU_WITH_ICU
#include "worker/trainer/tokenizer/tokenize_command.h"
#endif

namespace plateau::trainer {
namespace {

constexpr char kHelp[] = R"(plateau-trainer - trains resolved trials of a Plateau sweep

Usage:
  plateau-trainer train TRIAL.json [--folder DIR] [--resume FILE] [--device DEVICE]
      Trains one trial (from `plateau plan FILE --trial N --json`), shows its progress on standard
      error and prints the result as JSON. base.path and task.path must be filled in. Artifacts
      and checkpoints go to DIR (default: plateau-trial). FILE is a checkpoint to go on from.
  plateau-trainer serve [--device DEVICE]
      Framed messages on standard input and output; started by plateau-worker.
  plateau-trainer check CASE_DIR... [--base NAME=FOLDER] [--device DEVICE] [--precision P]
      Runs recorded cases of the reference libraries and prints the largest differences beside
      their tolerances. FOLDER is the base NAME of the cases when it is neither beside them nor in
      the cache.
  plateau-trainer export ADAPTER --base FOLDER --format peft|merged|pyreft|adapters
      --out FOLDER [--pooling cls|mean|tokens] [--quantization nf4] [--label NAME]...
      [--positions f1+l1]
      Writes a trained adapter, whether this trainer, PEFT, pyreft or adapters saved it, as one of
      those libraries reads it, or with its base as one model that transformers reads. --label names
      the classes in their order;
      --positions says where a folder of pyreft's acts, which it does not store itself;
      --quantization nf4 that the adapter was trained on a base in four bits.
  plateau-trainer predict ADAPTER --base FOLDER [--pooling cls|mean|tokens] [--quantization nf4]
      [--precision float32]
      Reads a text, a pair of texts or a list of token ids as JSON a line and prints the logits of
      each as a JSON list a line. Pooling "tokens" is language modelling: it prints the sum of
      -log p over the text's tokens behind the first, and their number; of a line
      {"prompt": "...", "completion": "..."} those of the completion.
  plateau-trainer tokenize DIR [--max-length N] [--no-special-tokens]
      Reads one JSON string a line, prints the token ids of DIR/tokenizer.json, or of the only
      GGUF file in DIR, as a JSON list a line. Only in builds with ICU.
  plateau-trainer --help | --version

DEVICE is cpu (default) or cuda:N. OMP_NUM_THREADS sets the number of CPU threads.

Exit codes: 0 done, 1 the trial failed (diverged, out of memory, crashed) or a case differs, 2 bad
input, 3 not found, 4 corrupt or of another version, 5 system (disk), 70 internal.
)";

struct Arguments {
  std::vector<std::string> positional;
  std::string folder = "plateau-trial";
  std::string resume;
  std::string device = "cpu";
};

Result<Arguments> parse(const std::vector<std::string>& words) {
  Arguments arguments;
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string* value = words[i] == "--folder"   ? &arguments.folder
                         : words[i] == "--resume" ? &arguments.resume
                         : words[i] == "--device" ? &arguments.device
                                                  : nullptr;
    if (value == nullptr && words[i].starts_with("-")) {
      return invalid_argument("unknown option " + words[i] + "; see plateau-trainer --help");
    }
    if (value == nullptr) {
      arguments.positional.push_back(words[i]);
    } else if (++i == words.size()) {
      return invalid_argument(words[i - 1] + " needs a value; see plateau-trainer --help");
    } else {
      *value = words[i];
    }
  }
  return arguments;
}

int report(const Error& error) {
  std::cerr << "plateau-trainer: " << error.message << std::endl;
  return exit_code(error.kind);
}

Result<Trial> read_trial(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return text.error();
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  if (json.is_discarded()) return invalid_argument(path + " is no JSON");
  auto trial = trial_from_json(json);
  if (!trial) return Error{trial.error().kind, path + ": " + trial.error().message};
  return trial;
}

// What a person sees of a message, on standard error.
void show(const nlohmann::json& message) {
  const std::string type = message.at("type");
  if (type == "progress") {
    std::cerr << "step " << message["step"] << "/" << message["steps_total"] << "  loss "
              << message["loss"] << "  " << static_cast<int>(message["tokens_per_s"].get<double>())
              << " tokens/s" << std::endl;
  } else if (type == "metric" && message["split"] != "train") {
    std::cerr << "step " << message["step"] << "  " << message["split"].get<std::string>() << " "
              << message["name"].get<std::string>() << " " << message["value"] << std::endl;
  } else if (type == "checkpoint") {
    std::cerr << "checkpoint " << message["path"].get<std::string>() << std::endl;
  }
}

int train(const Arguments& arguments, const std::string& version) {
  if (arguments.positional.size() != 1) {
    return report(invalid_argument("train needs one file; see plateau-trainer --help"));
  }
  auto trial = read_trial(arguments.positional.front());
  if (!trial) return report(trial.error());
  if (Status status = make_folder(arguments.folder); !status) return report(status.error());
  int code = 70;
  const Sink sink = [&](const nlohmann::json& message) {
    show(message);
    if (message["type"] == "finished") {
      std::cout << message["result"].dump(2) << std::endl;
      code = 0;
    } else if (message["type"] == "failed") {
      std::cerr << "plateau-trainer: " << message["kind"].get<std::string>() << ": "
                << message["message"].get<std::string>() << std::endl;
      code = message["kind"] == "bad_configuration" ? 2 : message["kind"] == "node_fault" ? 5 : 1;
    }
  };
  Trainer trainer(
      {system_clock(), sink, arguments.device, name_of_device(arguments.device), version});
  Assignment assignment;
  assignment.trial_id = 1;
  assignment.attempt = 1;
  assignment.alone = true;
  assignment.trial = *trial;
  assignment.folder = arguments.folder;
  assignment.resume = arguments.resume;
  trainer.assign(std::move(assignment));
  while (trainer.has_work())
    trainer.step();
  return code;
}

int tokenize(const std::vector<std::string>& arguments) {
#ifdef PLATEAU_WITH_ICU
  return tokenize_command(arguments, std::cin, std::cout, std::cerr);
#else
  static_cast<void>(arguments);
  return report(invalid_argument(
      "this build has no tokenizer: ICU was missing. Install libicu-dev and build again"));
#endif
}

int run(const std::vector<std::string>& words) {
  const std::string version = PLATEAU_VERSION;
  const std::string command = words.empty() ? "--help" : words.front();
  if (command == "--help" || command == "-h" || command == "help") {
    std::cout << kHelp;
    return words.empty() ? 2 : 0;
  }
  if (command == "--version") {
    std::cout << "plateau-trainer " << version << "\n";
    return 0;
  }
  if (command == "tokenize") return tokenize({words.begin() + 1, words.end()});
  if (command == "check") {
    return check_command({words.begin() + 1, words.end()}, std::cout, std::cerr);
  }
  if (command == "export") return export_command({words.begin() + 1, words.end()}, std::cerr);
  if (command == "predict") {
    return predict_command({words.begin() + 1, words.end()}, std::cin, std::cout, std::cerr);
  }
  const auto arguments = parse({words.begin() + 1, words.end()});
  if (!arguments) return report(arguments.error());
  if (command == "train") return train(*arguments, version);
  if (command == "serve" && arguments->positional.empty()) return serve(arguments->device, version);
  return report(invalid_argument("unknown command '" + command + "'; see plateau-trainer --help"));
}

// Whether some command is asked to use a GPU.
bool asks_for_gpu(const std::vector<std::string>& words) {
  const auto device = std::find(words.begin(), words.end(), "--device");
  return words.end() - device > 1 && device[1].starts_with("cuda");
}

int load_and_run(const std::vector<std::string>& words) {
  if (asks_for_gpu(words)) {
    if (Status status = kernels::load_cuda_library(); !status) return report(status.error());
  }
  return run(words);
}

}  // namespace
}  // namespace plateau::trainer

int main(int argc, char** argv) {
  plateau::trainer::keep_memory_between_steps();
  return plateau::trainer::load_and_run({argv + 1, argv + argc});
}
