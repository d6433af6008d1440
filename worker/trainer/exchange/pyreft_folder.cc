#include "worker/trainer/exchange/pyreft_folder.h"

#include <algorithm>
#include <array>
#include <map>
#include <regex>

#include <ATen/ATen.h>

#include "common/base/file.h"
#include "worker/trainer/adapters/loreft.h"
#include "worker/trainer/exchange/adapter_spec.h"
#include "worker/trainer/exchange/torch_file.h"

namespace plateau::trainer {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Where = LoreftSite::Where;

constexpr char kType[] = "<class 'pyreft.interventions.LoreftIntervention'>";
// Fields of a representation: layer, component, unit, units, rank, and nine that are null.
constexpr std::size_t kFields = 14;

// pyreft's names of an intervention's tensors, and ours behind the site's name.
constexpr std::array<std::pair<const char*, const char*>, 3> kTensors = {{
    {"weight", ".learned_source.weight"},
    {"bias", ".learned_source.bias"},
    {"rotate_layer", ".rotate_layer.weight"},
}};

// Where pyvene hooks a block in: by number where it knows the architecture, else by the module.
struct Place {
  std::int64_t layer;
  std::string component;
};

Place place_of(const Model& model, std::int64_t layer) {
  const std::string& type = model.info().model_type;
  if (type != "bert" && type != "roberta") return {layer, "block_output"};
  const std::string block = model.block_name(layer);
  return {0, block.substr(0, block.rfind('.')) + "[" + std::to_string(layer) + "].output"};
}

// pyvene's key of the `repeat`-th intervention at a place.
std::string key_of(const Place& place, int repeat) {
  std::string component = place.component;
  std::replace(component.begin(), component.end(), '.', '_');
  const bool numbered = place.component == "block_output";
  return (numbered ? "layer_" + std::to_string(place.layer) + "_" : "") + "comp_" + component +
         "_unit_pos_nunit_1#" + std::to_string(repeat);
}

fs::path file_of(const fs::path& folder, const std::string& key) {
  return folder / ("intkey_" + key + ".bin");
}

Result<Json> read_config(const fs::path& folder) {
  const auto text = read_file(folder / "config.json");
  if (!text) return text.error();
  Json config = Json::parse(*text, nullptr, false);
  if (config.is_object() && config.contains("representations") &&
      config["representations"].is_array() && !config["representations"].empty()) {
    return config;
  }
  return corrupt((folder / "config.json").string() + " names no representations of pyvene");
}

// The number of a representation's block: its own field, or the one in "bert.encoder.layer[3]….".
Result<std::int64_t> layer_of(const Json& representation) {
  const auto fail = [&] {
    return invalid_argument("the representation " + representation.dump() +
                            " is no block's output; only those can be read");
  };
  if (!representation.is_array() || representation.size() < 5 || !representation[1].is_string() ||
      !representation[0].is_number_integer() || !representation[4].is_number_integer()) {
    return fail();
  }
  const std::string component = representation[1];
  std::smatch match;
  if (component == "block_output") return representation[0].get<std::int64_t>();
  if (!std::regex_match(component, match, std::regex(R"(.*\[(\d{1,6})\](\.output)?)")))
    return fail();
  return static_cast<std::int64_t>(std::stol(match[1]));
}

// How many interventions each layer has: the same for all, one or two.
Result<std::map<std::int64_t, int>> count_layers(const Json& config) {
  std::map<std::int64_t, int> counts;
  for (const Json& representation : config["representations"]) {
    const auto layer = layer_of(representation);
    if (!layer) return layer.error();
    ++counts[*layer];
  }
  for (const auto& [layer, count] : counts) {
    if (count > 2 || count != counts.begin()->second) {
      return invalid_argument("layer " + std::to_string(layer) + " has " + std::to_string(count) +
                              " interventions; one or two in every layer can be read");
    }
  }
  return counts;
}

Result<AdapterSpec> spec_of(const Json& config, const std::map<std::int64_t, int>& counts,
                            const std::string& given) {
  for (const Json& type : config.value("intervention_types", Json::array())) {
    if (type == kType) continue;
    return invalid_argument("the intervention type " + type.dump() +
                            " is not supported; supported: LoreftIntervention");
  }
  std::string positions = given;
  if (positions.empty()) positions = config.value(Json::json_pointer("/plateau/positions"), "");
  if (positions.empty()) {
    return invalid_argument(
        "pyreft does not store the positions of its interventions; give those "
        "of the training with --positions, for example f1+l1");
  }
  std::vector<std::int64_t> layers;
  for (const auto& [layer, count] : counts)
    layers.push_back(layer);
  return adapter_spec({{"peft_type", "LOREFT"},
                       {"r", config["representations"][0][4]},
                       {"dropout", 0.0},
                       {"positions", positions},
                       {"layers", layers},
                       {"share_weights", counts.begin()->second == 1}},
                      {});
}

Result<AdapterFiles> read_folder(const fs::path& folder, const Model& model,
                                 const std::string& positions) {
  const auto config = read_config(folder);
  if (!config) return config.error();
  const auto counts = count_layers(*config);
  if (!counts) return counts.error();
  auto spec = spec_of(*config, *counts, positions);
  if (!spec) return spec.error();
  AdapterFiles files{*spec, {}};
  for (const auto& [layer, count] : *counts) {
    for (int repeat = 0; repeat < count; ++repeat) {
      const Where where = count == 1 ? Where::kBoth : repeat == 0 ? Where::kFirst : Where::kLast;
      auto tensors = read_torch_file(file_of(folder, key_of(place_of(model, layer), repeat)));
      if (!tensors) return tensors.error();
      for (const auto& [theirs, ours] : kTensors)
        files.tensors[loreft_site_name(model, layer, where) + ours] = (*tensors)[theirs];
    }
  }
  const auto head = read_torch_file(folder / "pytorch_model.bin");
  if (!head && head.error().kind != ErrorKind::kNotFound) return head.error();
  if (head) files.tensors.insert(head->begin(), head->end());
  return files;
}

Json config_of(const std::vector<std::pair<Place, std::string>>& keys, const Json& parameters,
               std::int64_t hidden) {
  Json config = {{"mode", "parallel"},
                 {"representations", Json::array()},
                 {"intervention_types", Json::array()},
                 {"intervention_dimensions", Json::array()},
                 {"intervention_constant_sources", Json::array()},
                 {"sorted_keys", Json::array()},
                 {"plateau", {{"positions", parameters.at("positions")}}}};
  for (const auto& [place, key] : keys) {
    Json fields(kFields, Json());
    fields[0] = place.layer;
    fields[1] = place.component;
    fields[2] = "pos";
    fields[3] = 1;
    fields[4] = parameters.at("rank");
    config["representations"].push_back(fields);
    config["intervention_types"].push_back(kType);
    config["intervention_dimensions"].push_back(hidden);
    config["intervention_constant_sources"].push_back(true);
    config["sorted_keys"].push_back(key);
  }
  return config;
}

}  // namespace

bool is_pyreft_folder(const fs::path& folder) {
  return read_config(folder).ok();
}

Result<AdapterFiles> read_pyreft_folder(const fs::path& folder, const Model& model,
                                        const std::string& positions) {
  return read_folder(folder, model, positions);
}

Status save_pyreft_folder(const fs::path& out, const Trained& trained, const Model& model) {
  auto* loreft = dynamic_cast<Loreft*>(trained.adapter.get());
  if (loreft == nullptr) {
    return invalid_argument("pyreft holds LoReFT alone; this adapter is " + trained.spec.method +
                            ", which --format peft or merged may export");
  }
  if (Status status = make_folder(out); !status) return status;
  const TensorMap tensors = loreft->exported();
  std::vector<std::pair<Place, std::string>> keys;
  // All that act on the first tokens come first, as pyreft lists them.
  for (const bool last : {false, true}) {
    for (const LoreftSite& site : loreft->sites()) {
      if ((site.where == Where::kLast) != last) continue;
      const Place place = place_of(model, site.layer);
      keys.emplace_back(place, key_of(place, last ? 1 : 0));
      std::vector<std::pair<std::string, at::Tensor>> file;
      for (const auto& [theirs, ours] : kTensors)
        file.emplace_back(theirs, tensors.at(site.name + ours));
      if (Status status = write_torch_file(file_of(out, keys.back().second), file); !status)
        return status;
    }
  }
  std::vector<std::pair<std::string, at::Tensor>> head;
  for (const TrainedTensor& tensor : trained.head.trained())
    head.emplace_back(tensor.name, tensor.value);
  if (Status status = write_torch_file(out / "pytorch_model.bin", head); !status) return status;
  const Json config = config_of(keys, trained.spec.parameters, model.info().hidden);
  return write_file_atomically(out / "config.json", config.dump(2) + "\n");
}

}  // namespace plateau::trainer
