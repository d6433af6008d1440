#include "common/spec/grid.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "common/base/text.h"
#include "common/spec/fields.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

// Names in the order in which they get their values: what a name depends on comes before it.
class NameOrder {
 public:
  explicit NameOrder(const Sweep& sweep) : sweep_(sweep) {
    for (const char* name : {"base", "task", "adapter"})
      visit(name);
    for (const SweepParameter& parameter : sweep.parameters)
      visit(parameter.name);
  }
  std::vector<std::string> names;
  std::vector<Circle> circles;

 private:
  void visit(const std::string& name) {
    if (name == "seed" || done_.count(name) != 0) return;
    if (!open_.insert(name).second) return note_circle(name);
    path_.push_back(name);
    for (const SweepParameter& parameter : sweep_.parameters) {
      if (parameter.name != name) continue;
      if (!parameter.scope_kind.empty()) visit(parameter.scope_kind);
      for (const auto* expression : {&parameter.expression, &parameter.when}) {
        if (!*expression) continue;
        for (const std::string& other : (*expression)->names())
          visit(other);
      }
    }
    path_.pop_back();
    open_.erase(name);
    done_.insert(name);
    names.push_back(name);
  }

  void note_circle(const std::string& name) {
    const auto parameter = std::find_if(sweep_.parameters.begin(), sweep_.parameters.end(),
                                        [&](const auto& other) { return other.name == name; });
    if (parameter == sweep_.parameters.end()) return;
    const std::vector<std::string> circle(std::find(path_.begin(), path_.end(), name), path_.end());
    circles.push_back({{parameter->place, "'" + name + "' depends on itself: " +
                                              join(circle, " -> ") + " -> " + name},
                       circle});
  }

  const Sweep& sweep_;
  std::set<std::string> open_, done_;
  std::vector<std::string> path_;
};

class Grid {
 public:
  Grid(const Sweep& sweep, const std::vector<std::string>& names, std::vector<Problem>& problems,
       const std::function<void(const Cell&)>& take)
      : sweep_(sweep), problems_(problems), take_(take) {
    for (const std::string& name : names)
      names_.push_back(describe(name));
    seed_ = describe("seed");
  }

  void run() { visit(0); }

  // Which `when` did not hold, and in how many of the cells.
  std::vector<std::string> exclusions() const {
    std::vector<std::string> texts;
    for (const SweepParameter& parameter : sweep_.parameters) {
      const auto found = excluded_.find(&parameter);
      if (found == excluded_.end()) continue;
      texts.push_back(parameter.place.text() + ": '" + parameter.name + "' is left out of " +
                      std::to_string(found->second) + " of " + std::to_string(cells_) +
                      " cells, where its `when` (" + parameter.when->text() + ") does not hold");
    }
    return texts;
  }

 private:
  static int specificity(const SweepParameter& parameter) {
    if (parameter.scope_kind == "adapter") return 3;
    if (parameter.scope_kind == "task") return 2;
    return parameter.scope_kind == "base" ? 1 : 0;
  }

  bool in_scope(const SweepParameter& parameter) const {
    if (parameter.scope_kind.empty()) return true;
    const auto found = values_.find(parameter.scope_kind);
    return found != values_.end() && found->second->value == parameter.scope;
  }

  // One of a name's, with its values as the cells get them.
  struct Definition {
    const SweepParameter* parameter;
    std::vector<Assigned> values;
  };

  // What is the same of a name in every cell.
  struct Name {
    std::string name;
    const TrialField* field = nullptr;
    bool is_source = false;
    int zip_group = -1;
    std::vector<Definition> definitions;  // the most specific first
  };
  Name describe(const std::string& name) const {
    Name described{
        name, find_field(name), name == "base" || name == "task" || name == "adapter", -1, {}};
    for (std::size_t i = 0; i < sweep_.zips.size(); ++i) {
      const auto& zip = sweep_.zips[i];
      if (std::find(zip.begin(), zip.end(), name) != zip.end() && described.zip_group < 0) {
        described.zip_group = static_cast<int>(i);
      }
    }
    for (const SweepParameter& parameter : sweep_.parameters) {
      if (parameter.name != name) continue;
      Definition definition{&parameter, {}};
      for (const SweepValue& value : parameter.values)
        definition.values.push_back(assigned(described, value.value, value.place));
      described.definitions.push_back(std::move(definition));
    }
    std::stable_sort(described.definitions.begin(), described.definitions.end(),
                     [](const Definition& a, const Definition& b) {
                       return specificity(*a.parameter) > specificity(*b.parameter);
                     });
    return described;
  }

  static Assigned assigned(const Name& name, const Json& value, const Place& place) {
    return {value, name.field, std::make_shared<const Origin>(Origin{name.name, place})};
  }

  // The definition that holds in the cell so far; nullptr when there is none.
  const Definition* definition_of(const Name& name) const {
    for (const Definition& definition : name.definitions) {
      if (in_scope(*definition.parameter)) return &definition;
    }
    return nullptr;
  }

  const ParameterSchema* schema(const Name& name) const {
    if (name.field != nullptr) return &name.field->schema;
    const auto adapter = values_.find("adapter");
    if (adapter == values_.end()) return nullptr;
    const MethodSchema* method = find_method(adapter->second->value.get_ref<const std::string&>());
    return method == nullptr ? nullptr : method->find(name.name);
  }

  bool exists(const Name& name, const SweepParameter& parameter) {
    if (!name.is_source && schema(name) == nullptr) return false;  // The adapter does not have it.
    if (!parameter.when) return true;
    Result<Json> holds = parameter.when->evaluate(lookup());
    if (holds && holds->is_boolean()) return holds->get<bool>();
    problems_.push_back(
        {parameter.place, name.name + ".when ('" + parameter.when->text() + "') " +
                              (holds ? "gives " + holds->dump() + "; true or false is needed"
                                     : "fails: " + holds.error().message)});
    return false;
  }

  Expression::Lookup lookup() const {
    return [this](const std::string& name) -> const Json* {
      const auto found = values_.find(name);
      return found == values_.end() ? nullptr : &found->second->value;
    };
  }

  void visit(std::size_t index) {
    if (problems_.size() > 100) return;  // Enough to read; each cell could bring its own.
    if (index == names_.size()) return emit();
    const Name& name = names_[index];
    const Definition* definition = definition_of(name);
    if (definition == nullptr) return visit(index + 1);
    const SweepParameter& parameter = *definition->parameter;
    if (!exists(name, parameter)) {
      const bool by_when = parameter.when && (name.is_source || schema(name) != nullptr);
      if (by_when) left_out_.push_back(&parameter);
      visit(index + 1);
      if (by_when) left_out_.pop_back();
      return;
    }
    if (parameter.expression) {
      visit_expression(index, parameter);
    } else {
      visit_values(index, *definition);
    }
    values_.erase(name.name);
  }

  void visit_with(const Assigned& assigned, std::size_t index) {
    const Origins before = origins_;
    values_[names_[index].name] = &assigned;
    origins_ = before.with(assigned.origin);
    visit(index + 1);
    origins_ = before;
  }

  void visit_expression(std::size_t index, const SweepParameter& parameter) {
    Result<Json> value = parameter.expression->evaluate(lookup());
    const std::string what = parameter.name + " = " + parameter.expression->text();
    if (!value) {
      problems_.push_back({parameter.place, what + " fails: " + value.error().message});
      return;
    }
    const ParameterSchema* wanted = schema(names_[index]);
    if (wanted == nullptr) return;
    if (wanted->type == ParameterType::kInteger && value->is_number_float() &&
        value->get<double>() == std::floor(value->get<double>())) {
      *value = static_cast<std::int64_t>(value->get<double>());
    }
    if (!wanted->accepts(*value)) {
      problems_.push_back({parameter.place, what + " gives " + value->dump() + "; allowed is " +
                                                wanted->allowed() + " (" + wanted->meaning + ")"});
      return;
    }
    visit_with({*value, names_[index].field,
                std::make_shared<const Origin>(
                    Origin{parameter.name, parameter.place, /*is_computed=*/true})},
               index);
  }

  void visit_values(std::size_t index, const Definition& definition) {
    const int group = names_[index].zip_group;
    const auto chosen = zip_index_.find(group);
    const bool follows = group >= 0 && chosen != zip_index_.end();
    const bool leads = group >= 0 && !follows;
    for (std::size_t i = 0; i < definition.values.size(); ++i) {
      if (follows && i != chosen->second) continue;
      if (leads) zip_index_[group] = i;
      visit_with(definition.values[i], index);
    }
    if (leads) zip_index_.erase(group);
  }

  void emit() {
    static const std::vector<Assigned> one_seed = {{0, nullptr, nullptr}};
    const Definition* seed = definition_of(seed_);
    const bool listed = seed != nullptr && !seed->values.empty();
    take_({values_, origins_, listed ? seed->values : one_seed});
    ++cells_;
    for (const SweepParameter* parameter : left_out_)
      ++excluded_[parameter];
  }

  const Sweep& sweep_;
  std::vector<Name> names_;
  Name seed_;
  std::vector<Problem>& problems_;
  const std::function<void(const Cell&)>& take_;
  std::map<std::string, const Assigned*> values_;
  Origins origins_;
  std::map<int, std::size_t> zip_index_;
  std::size_t cells_ = 0;
  std::vector<const SweepParameter*> left_out_;            // of the cell so far
  std::map<const SweepParameter*, std::size_t> excluded_;  // cells without it, by its `when`
};

// The most values that a name can have in one cell of this adapter.
std::size_t most_values(const Sweep& sweep, const std::string& name, const std::string& adapter) {
  std::size_t general = 1, own = 0;
  for (const SweepParameter& parameter : sweep.parameters) {
    if (parameter.name != name || parameter.expression) continue;
    const std::size_t count = std::max<std::size_t>(parameter.values.size(), 1);
    if (parameter.scope_kind == "adapter") {
      if (parameter.scope == adapter) own = count;
    } else {
      general = std::max(general, count);
    }
  }
  return own != 0 ? own : general;
}

// An upper bound, without expanding: `when` only ever takes cells away.
struct TrialBound {
  double trials = 0;
  std::string factors;  // "rank 4 x seed 5", of the adapter with the most
};

TrialBound bound_of(const Sweep& sweep, std::vector<std::string> names) {
  TrialBound bound;
  double largest = 0;
  names.push_back("seed");
  for (const SweepParameter& adapters : sweep.parameters) {
    if (adapters.name != "adapter") continue;
    for (const SweepValue& value : adapters.values) {
      double product = 1;
      std::set<std::string> zipped;
      std::string text;
      for (const std::string& name : names) {
        if (name == "adapter" || zipped.count(name) != 0) continue;
        for (const auto& zip : sweep.zips) {
          if (std::find(zip.begin(), zip.end(), name) != zip.end()) {
            zipped.insert(zip.begin(), zip.end());
          }
        }
        const std::size_t count = most_values(sweep, name, value.value.get<std::string>());
        product *= static_cast<double>(count);
        if (count > 1) text += (text.empty() ? "" : " x ") + name + " " + std::to_string(count);
      }
      bound.trials += product;
      if (product > largest) bound.factors = text;
      largest = std::max(largest, product);
    }
  }
  return bound;
}

bool is_too_large(const Sweep& sweep, const std::vector<std::string>& names,
                  std::vector<Problem>& problems) {
  const TrialBound bound = bound_of(sweep, names);
  if (bound.trials <= static_cast<double>(kMaxTrials)) return false;
  const Place place = sweep.parameters.front().place;
  problems.push_back({place, "the sweep asks for up to " + format_number(bound.trials) +
                                 " trials (" + bound.factors + "); more than " +
                                 std::to_string(kMaxTrials) +
                                 " are taken for an accident. Give fewer values, or zip those that "
                                 "belong together"});
  return true;
}

}  // namespace

std::vector<Circle> find_circles(const Sweep& sweep) {
  return NameOrder(sweep).circles;
}

double most_trials(const Sweep& sweep) {
  return bound_of(sweep, NameOrder(sweep).names).trials;
}

void grid_cells(const Sweep& sweep, std::vector<Problem>& problems,
                std::vector<std::string>& notices, const std::function<void(const Cell&)>& take) {
  const NameOrder order(sweep);
  for (const Circle& circle : order.circles)
    problems.push_back(circle.problem);
  if (!problems.empty() || is_too_large(sweep, order.names, problems)) return;
  Grid grid(sweep, order.names, problems, take);
  grid.run();
  for (std::string& text : grid.exclusions())
    notices.push_back(std::move(text));
}

}  // namespace plateau
