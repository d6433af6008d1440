// plateau keys new|add|remove|list: who may work for a coordinator that listens on the network.
#include <memory>
#include <string>

#include "coordinator/cli/commands.h"
#include "coordinator/cli/key_folder.h"

namespace plateau::cli {
namespace fs = std::filesystem;
namespace {

struct KeyOptions {
  fs::path folder = kDefaultKeyFolder;
  std::string name;
};

void new_keys(const KeyOptions& options, CommandContext& context) {
  if (Status made = make_keys(options.folder); !made) return context.fail(made.error());
  const std::string file = (options.folder / (std::string(kFirstWorker) + ".key")).string();
  context.print("Made a coordinator's and a worker's keys in " + options.folder.string() +
                ".\nHere:            plateau coordinator FILE --bind 'tcp://*:7077' --keys " +
                options.folder.string() + "\nOn each worker:  copy " + file +
                " there (mode 0600), then\n                 plateau worker --connect "
                "tcp://HOST:7077 --key worker.key\n");
}

void add_key(const KeyOptions& options, CommandContext& context) {
  const Result<fs::path> file = add_worker(options.folder, options.name);
  if (!file) return context.fail(file.error());
  context.print("Made " + file->string() +
                ". Copy it to the worker; a running coordinator accepts it within a second.\n");
}

void remove_key(const KeyOptions& options, CommandContext& context) {
  if (Status removed = remove_worker(options.folder, options.name); !removed) {
    return context.fail(removed.error());
  }
  context.print("Took '" + options.name +
                "' off the list. A running coordinator refuses its key within a second.\n");
}

void list_keys(const KeyOptions& options, CommandContext& context) {
  const Result<WorkerList> workers = read_worker_list(options.folder / "workers");
  if (!workers) return context.fail(workers.error());
  for (const auto& [key, name] : *workers)
    context.print(key + "  " + name + "\n");
}

}  // namespace

void add_keys_command(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "keys", "Keys for a coordinator that others can reach, and for its workers");
  command->require_subcommand(1);
  auto options = std::make_shared<KeyOptions>();
  const auto add = [&](const std::string& name, const std::string& what, bool named) {
    CLI::App* sub = command->add_subcommand(name, what);
    sub->add_option("--keys", options->folder, "The folder of the sweep's keys")
        ->capture_default_str();
    if (named) sub->add_option("NAME", options->name, "The worker's name in the list")->required();
    return sub;
  };
  add("new", "Make a coordinator's keys and a worker's", false)->callback([options, &context] {
    new_keys(*options, context);
  });
  add("add", "Make the keys of one more worker", true)->callback([options, &context] {
    add_key(*options, context);
  });
  add("remove", "Revoke a worker's key", true)->callback([options, &context] {
    remove_key(*options, context);
  });
  add("list", "Whose keys are accepted", false)->callback([options, &context] {
    list_keys(*options, context);
  });
}

}  // namespace plateau::cli
