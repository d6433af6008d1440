// `plateau-trainer check CASE_DIR...`: is this build exact?
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace plateau::trainer {

// Runs each case and prints a table of its largest differences beside their tolerances; says of
// cases that the reference library itself could not do that they are passed over. A folder without
// a result.json is searched for cases below it. Returns the exit code: 0 only if everything
// compared holds, 1 if something does not, else that of the first error (an unreadable case does
// not keep the others from running).
int check_command(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err);

}  // namespace plateau::trainer
