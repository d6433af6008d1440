#include "coordinator/results/catalogue_notes.h"

namespace plateau::results {
namespace {

std::string about(const CatalogueEntry& entry) {
  std::string text = entry.title;
  if (!entry.source.package.empty()) {
    text += (text.empty() ? "" : ", ") + ("PyPI package " + entry.source.package) + " " +
            entry.source.version;
  }
  if (!entry.licence.empty()) text += ", licence as stated: " + entry.licence;
  return text;
}

void put_first(std::vector<std::string>& notes, const CatalogueEntry& entry) {
  if (!entry.notes.empty()) notes.insert(notes.begin(), entry.notes);
  notes.insert(notes.begin(), about(entry));
}

}  // namespace

void add_catalogue_notes(const Catalogue& catalogue, Summary& summary) {
  for (BaseSummary& base : summary.bases) {
    const CatalogueEntry* entry = catalogue.find(EntryKind::kBase, base.source);
    if (entry != nullptr && entry->base.spec.sha256 == base.sha256) put_first(base.notes, *entry);
  }
  for (TaskSummary& task : summary.tasks) {
    const CatalogueEntry* entry = catalogue.find(EntryKind::kTask, task.spec.source);
    if (entry != nullptr && entry->task.spec.sha256 == task.spec.sha256) {
      put_first(task.notes, *entry);
    }
  }
}

}  // namespace plateau::results
