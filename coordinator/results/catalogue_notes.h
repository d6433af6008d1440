// How a task was made, in the words of the catalogue that the sweep took it from.
#pragma once

#include "common/catalogue/catalogue.h"
#include "coordinator/results/summary.h"

namespace plateau::results {

// Puts title, package, licence and the entry's own notes before the notes of each base and task
// that came from the catalogue. An entry whose checksum is another than the trial's says nothing.
void add_catalogue_notes(const Catalogue& catalogue, Summary& summary);

}  // namespace plateau::results
