// The columns beside a table's values: parameters, cost, seeds, average.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "coordinator/results/pivot.h"
#include "coordinator/results/table.h"

namespace plateau::results {

// What to show when the user did not say: all that stands for the row alone, so parameters and
// learning rates are left out where ranks or adapters are columns.
std::vector<Show> default_shows(const Summary& summary, const Pivot& pivot);

// "Params"; of kGpuHours "GPU-hours" where every device is one, else "Device-hours".
std::string side_header(const Summary& summary, Show show);
// The entry of a row, kAverage apart; several values of one row are joined by " / ". `mixed`: the
// summary's mixed_protocols(), which look at every cell.
std::string side_text(const std::vector<std::string>& mixed, const Line& line, Show show);
// The same as a number to sort by; nullopt for texts and what is not known.
std::optional<double> side_number(const Line& line, Show show);
// What must be said of the columns that are shown.
std::vector<std::string> side_notes(const Summary& summary, const std::vector<Show>& shown);

// "a", "b", ... of a protocol among those of mixed_protocols().
std::string protocol_letter(const std::vector<std::string>& mixed, const std::string& protocol);

// Three significant digits of MiB; "–" where it is not known or nothing.
std::string mebibytes_text(const std::optional<std::int64_t>& bytes);

}  // namespace plateau::results
