// plateau schema: a JSON Schema of sweep files, for editors.
#include "common/spec/schema.h"

#include "coordinator/cli/commands.h"

namespace plateau::cli {

void add_schema_command(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "schema", "Print a JSON Schema of sweep files, which editors complete and check with");
  command->callback([&context] { context.print(sweep_schema().dump(2) + "\n"); });
}

}  // namespace plateau::cli
