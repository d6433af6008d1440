#include "worker/agent/worker_options.h"

#include <cctype>

#include <CLI/CLI.hpp>

namespace plateau::agent {
namespace {

constexpr char kAbout[] =
    "Works for a Plateau coordinator: starts a trainer on each device, hands it the trials that "
    "the coordinator assigns, and reports. Goes on training when the coordinator is away, and "
    "connects again by itself.";

constexpr char kFooter[] =
    "Signals: SIGTERM, SIGINT, SIGUSR1 and SIGHUP write checkpoints, hand the trials back and end "
    "within the grace time; a second SIGTERM or SIGINT ends at once.\n"
    "Exit codes: 0 ended as asked; 1 the grace time was over first; 2 bad options; 3 no trainer "
    "program; 4 the coordinator is of another version; 5 system (disk, network); 6 folder or "
    "device in use; 7 no coordinator for the --give-up time; 8 the "
    "coordinator refuses this worker's key; 70 internal; 130 interrupted twice.";

// CLI11 shows what this throws as the option's error.
std::function<void(const std::string&)> duration_into(DurationMs& target) {
  return [&target](const std::string& text) {
    const Result<DurationMs> duration = parse_duration(text);
    if (!duration) throw CLI::ValidationError(duration.error().message);
    target = *duration;
  };
}

void add_options(CLI::App& app, WorkerOptions& options) {
  app.add_option("--connect", options.connect, "The coordinator: tcp://HOST:PORT or ipc:///PATH")
      ->required();
  app.add_option("--key", options.key,
                 "The key file that `plateau keys new` or `add` made for this worker; needed for a "
                 "coordinator on another host")
      ->envname("PLATEAU_KEY_FILE");
  app.add_flag("--insecure", options.insecure,
               "Work without a key: nothing is encrypted, and the coordinator could be anybody");
  app.add_option("--name", options.name, "Name of this worker; the host's by default");
  app.add_option("--devices", options.devices,
                 "auto (every GPU, else the CPU), cpu, cuda, or a list like cuda:0,cuda:1")
      ->capture_default_str();
  app.add_option("--pack", options.pack, "Most trials side by side on one device")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--threads", options.threads, "Threads of a trainer on the CPU; 0: all")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
  app.add_option("--trainer", options.trainer,
                 "The trainer program; plateau-trainer beside this one by default");
  app.add_option("--catalogue", options.catalogue,
                 "A catalogue file on top of the built-in one, for bases and tasks of your own");
  app.add_option("--folder", options.folder,
                 "Folder for reports not yet acknowledged, trials at work and logs; by default "
                 "${XDG_STATE_HOME:-~/.local/state}/plateau/worker-NAME");
  app.add_option("--heartbeat-ms", options.heartbeat_ms, "Between two heartbeats, milliseconds")
      ->check(CLI::Range(10, 60'000))
      ->capture_default_str();
  app.add_option_function<std::string>("--grace", duration_into(options.grace_ms),
                                       "Time to hand everything back on a signal [30s]");
  app.add_option_function<std::string>(
      "--give-up", duration_into(options.give_up_ms),
      "End after so long without a coordinator, once nothing is left to train [10m]");
  app.add_option_function<std::string>("--hang-after", duration_into(options.hang_after_ms),
                                       "A trainer that says nothing for so long is killed [5m]");
  app.add_option_function<std::string>(
      "--until", duration_into(options.until_ms),
      "End after so long (walltime), handing everything back before: 2h, 45m");
}

}  // namespace

Result<DurationMs> parse_duration(const std::string& text) {
  const Error wrong =
      invalid_argument("'" + text + "' is no duration; write it like 90s, 15m, 2h, 1h30m or 1d");
  DurationMs total_ms = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    std::int64_t number = 0;
    const std::size_t digits = at;
    while (at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) != 0) {
      number = number * 10 + (text[at++] - '0');
      if (number > 1'000'000'000) return wrong;
    }
    if (at == digits) return wrong;
    const char unit = at < text.size() ? text[at++] : 's';
    switch (unit) {
      case 's':
        total_ms += number * 1000;
        break;
      case 'm':
        total_ms += number * 60'000;
        break;
      case 'h':
        total_ms += number * 3'600'000;
        break;
      case 'd':
        total_ms += number * 86'400'000;
        break;
      default:
        return wrong;
    }
  }
  if (total_ms == 0) return wrong;
  return total_ms;
}

std::variant<WorkerOptions, PrintAndEnd> parse_options(int argc, const char* const* argv) {
  WorkerOptions options;
  CLI::App app(kAbout, "plateau-worker");
  app.footer(kFooter);
  app.set_version_flag("--version", PLATEAU_VERSION);
  add_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return PrintAndEnd{app.help(), 0};
  } catch (const CLI::CallForVersion&) {
    return PrintAndEnd{std::string(PLATEAU_VERSION) + "\n", 0};
  } catch (const CLI::ParseError& error) {
    return PrintAndEnd{std::string("plateau-worker: ") + error.what() +
                           "\nRun plateau-worker --help for the options.\n",
                       2};
  }
  return options;
}

}  // namespace plateau::agent
