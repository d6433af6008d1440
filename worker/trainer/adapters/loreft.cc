#include "worker/trainer/adapters/loreft.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "common/base/random.h"
#include "worker/trainer/adapters/dropout.h"
#include "worker/trainer/adapters/init.h"

namespace plateau::trainer {
namespace {

using Where = LoreftSite::Where;

const char* where_name(Where where) {
  switch (where) {
    case Where::kFirst:
      return "loreft_first";
    case Where::kLast:
      return "loreft_last";
    case Where::kBoth:
      return "loreft";
  }
  return "loreft";
}

const char* form_name(LoreftForm form) {
  switch (form) {
    case LoreftForm::kLoreft:
      return "loreft";
    case LoreftForm::kNoreft:
      return "noreft";
    case LoreftForm::kDireft:
      return "direft";
  }
  return "loreft";
}

// Positions count in a text's prompt: behind it nothing is known when a completion is asked for.
std::int64_t prompt_rows(const BlockInput& input, std::size_t text) {
  return input.prompts.empty() ? input.lengths[text] : input.prompts[text];
}

// Positions of one site in a prompt of `length` tokens.
std::vector<std::int64_t> site_positions(Where where, const Positions& positions,
                                         std::int64_t length) {
  std::vector<std::int64_t> result;
  if (where != Where::kLast) result = first_positions(positions, length);
  if (where != Where::kFirst) {
    const auto last = last_positions(positions, length);
    result.insert(result.end(), last.begin(), last.end());
  }
  return result;
}

Result<std::vector<std::int64_t>> read_layers(const nlohmann::json& given, std::int64_t count) {
  std::set<std::int64_t> layers;
  if (given.is_string()) {
    for (std::int64_t i = 0; i < count; ++i)
      layers.insert(i);
  } else {
    for (const std::int64_t layer : given.get<std::vector<std::int64_t>>()) {
      if (layer < 0 || layer >= count) {
        return invalid_argument("loreft.layers has " + std::to_string(layer) +
                                ", but the base has the layers 0 to " + std::to_string(count - 1));
      }
      layers.insert(layer);
    }
  }
  return std::vector<std::int64_t>(layers.begin(), layers.end());
}

LoreftSite make_site(const AdapterRequest& request, std::int64_t layer, Where where,
                     const Loreft::Settings& settings) {
  const std::int64_t rank = settings.rank;
  const at::TensorOptions options = trained_options(request.model);
  const std::int64_t n = request.model.info().hidden;
  const double bound = 1.0 / std::sqrt(static_cast<double>(n));
  LoreftSite site{layer, where, loreft_site_name(request.model, layer, where), {}, {}, {}, {}};
  const auto seed = [&](const char* what) {
    return derive_seed(request.seed, "adapter." + site.name + "." + what);
  };
  if (settings.form == LoreftForm::kLoreft) {
    site.rotation = as_leaf(initial_rotation_parameter(n, rank, options));
    site.base = random_base(n, rank, seed("rotation"), options);
  } else {
    site.rotation = as_leaf(uniform_tensor({rank, n}, bound, seed("projection"), options));
  }
  site.weight = as_leaf(uniform_tensor({rank, n}, bound, seed("weight"), options));
  site.bias = as_leaf(uniform_tensor({rank}, bound, seed("bias"), options));
  return site;
}

}  // namespace

std::string loreft_site_name(const Model& model, std::int64_t layer, LoreftSite::Where where) {
  return model.block_name(layer) + "." + where_name(where);
}

Loreft::Loreft(const Model& model, Settings settings, std::vector<LoreftSite> sites)
    : model_(model), settings_(std::move(settings)), sites_(std::move(sites)) {}

void Loreft::begin_pass() {
  rotations_.clear();
  if (is_free()) {
    for (const LoreftSite& site : sites_)
      rotations_.push_back(site.rotation.t());
    return;
  }
  std::vector<at::Tensor> parameters;
  std::vector<RotationBase> bases;
  for (const LoreftSite& site : sites_) {
    parameters.push_back(site.rotation);
    bases.push_back(site.base);
  }
  rotations_ = rotations(parameters, bases);
}

std::vector<at::Tensor> Loreft::current_rotations() const {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> result;
  for (const LoreftSite& site : sites_)
    result.push_back(rotations({site.rotation}, {site.base}).front());
  return result;
}

std::vector<std::int64_t> Loreft::edited_rows(const BlockInput& input) const {
  if (!input.texts.empty()) return padded_rows(input);
  std::vector<std::int64_t> rows;
  for (const LoreftSite& site : sites_) {
    if (site.layer != input.layer) continue;
    std::int64_t start = 0;
    for (std::size_t i = 0; i < input.lengths.size(); ++i) {
      for (const std::int64_t place :
           site_positions(site.where, settings_.positions, prompt_rows(input, i)))
        rows.push_back(start + place);
      start += input.lengths[i];
    }
  }
  return rows;
}

at::Tensor Loreft::edit_block(const BlockInput& input, const at::Tensor& rows) const {
  if (!input.texts.empty()) return edit_padded(input, rows);
  std::vector<at::Tensor> edited;
  std::int64_t first = 0;
  for (std::size_t i = 0; i < sites_.size(); ++i) {
    if (sites_[i].layer != input.layer) continue;
    std::vector<std::int64_t> counts;
    std::int64_t total = 0;
    for (std::size_t text = 0; text < input.lengths.size(); ++text) {
      const auto places =
          site_positions(sites_[i].where, settings_.positions, prompt_rows(input, text));
      counts.push_back(static_cast<std::int64_t>(places.size()));
      total += counts.back();
    }
    if (total == 0) continue;
    edited.push_back(edit(i, input, rows.narrow(0, first, total), counts));
    first += total;
  }
  return at::cat(edited);
}

at::Tensor Loreft::edit(std::size_t index, const BlockInput& input, const at::Tensor& rows,
                        const std::vector<std::int64_t>& counts) const {
  PLATEAU_CHECK(rotations_.size() == sites_.size(), "begin_pass() must precede a forward pass");
  const LoreftSite& site = sites_[index];
  const at::Tensor& rotation = rotations_[index];
  const at::Tensor h = rows.to(site.weight.dtype());
  at::Tensor change = at::linear(h, site.weight, site.bias);
  if (settings_.form != LoreftForm::kDireft) change = change - at::mm(h, rotation);
  at::Tensor edited = h + at::mm(change, rotation.t());
  const at::Tensor mask = dropout_mask(settings_.dropout, input.key, site.name, counts,
                                       edited.size(1), edited.options().requires_grad(false));
  if (mask.defined()) edited = edited * mask;
  return edited.to(rows.dtype());
}

std::vector<TrainedTensor> Loreft::trained() const {
  std::vector<TrainedTensor> tensors;
  for (const LoreftSite& site : sites_) {
    // Weight decay would pull X's diagonal from -1 and its other entries
    // towards the start.
    tensors.push_back({site.name + (is_free() ? ".proj_layer.weight" : ".rotate_layer.parameter"),
                       site.rotation, is_free()});
    tensors.push_back({site.name + ".learned_source.weight", site.weight, true});
    tensors.push_back({site.name + ".learned_source.bias", site.bias, true});
  }
  return tensors;
}

std::vector<TrainedTensor> Loreft::fixed() const {
  std::vector<TrainedTensor> tensors;
  if (is_free()) return tensors;
  for (const LoreftSite& site : sites_) {
    const std::string name = site.name + ".rotate_layer.base_";
    if (site.base.dense.defined()) {
      tensors.push_back({name + "dense", site.base.dense, false});
    } else {
      tensors.push_back({name + "vectors", site.base.vectors, false});
      tensors.push_back({name + "inner", site.base.inner, false});
      tensors.push_back({name + "signs", site.base.signs, false});
    }
  }
  return tensors;
}

TensorMap Loreft::exported() const {
  if (is_free()) return Adapter::exported();
  TensorMap tensors;
  const std::vector<at::Tensor> now = current_rotations();
  for (std::size_t i = 0; i < sites_.size(); ++i) {
    tensors[sites_[i].name + ".rotate_layer.weight"] = now[i];
    tensors[sites_[i].name + ".learned_source.weight"] = sites_[i].weight.detach();
    tensors[sites_[i].name + ".learned_source.bias"] = sites_[i].bias.detach();
  }
  return tensors;
}

Status Loreft::import(const TensorMap& tensors) {
  if (is_free()) return Adapter::import(tensors);
  const at::NoGradGuard no_grad;
  for (LoreftSite& site : sites_) {
    at::Tensor rotation = at::empty_like(site.rotation);
    for (const auto& [suffix, target] : {std::pair{".rotate_layer.weight", rotation},
                                         std::pair{".learned_source.weight", site.weight.detach()},
                                         std::pair{".learned_source.bias", site.bias.detach()}}) {
      if (Status status = copy_into(tensors, site.name + suffix, target); !status) return status;
    }
    site.base = base_from_columns(rotation, rotation.options());
    site.rotation.copy_(
        initial_rotation_parameter(rotation.size(0), rotation.size(1), rotation.options()));
  }
  rotations_.clear();
  return {};
}

nlohmann::json Loreft::config() const {
  return {{"peft_type", "LOREFT"},
          {"method", form_name(settings_.form)},
          {"pad_first", settings_.pad_first},
          {"r", settings_.rank},
          {"dropout", settings_.dropout},
          {"positions", settings_.positions_text},
          {"layers", settings_.layers},
          {"share_weights", settings_.share_weights},
          {"component", "block_output"},
          {"hidden_size", model_.info().hidden}};
}

namespace {

Result<Loreft::Settings> read_settings(const AdapterRequest& request, LoreftForm form) {
  const nlohmann::json& given = request.parameters;
  const ModelInfo& info = request.model.info();
  Loreft::Settings settings;
  settings.form = form;
  settings.pad_first = given.value("pad_first", false);
  settings.rank = given.at("rank");
  settings.dropout = given.at("dropout");
  settings.share_weights = given.at("share_weights");
  settings.positions_text = given.at("positions");
  const auto positions = parse_positions(settings.positions_text);
  if (!positions) return positions.error();
  settings.positions = *positions;
  auto layers = read_layers(given.at("layers"), info.layers);
  if (!layers) return layers.error();
  settings.layers = *layers;
  if (settings.rank > info.hidden) {
    return invalid_argument("rank " + std::to_string(settings.rank) +
                            " is larger than the base's hidden size " +
                            std::to_string(info.hidden) + "; use at most that");
  }
  const bool is_encoder = info.model_type == "bert" || info.model_type == "roberta";
  if (settings.pad_first && is_encoder && info.pooling == Pooling::kCls) {
    return invalid_argument("pad_first puts a padding token where the pooler of " +
                            info.model_type +
                            " reads the text, which is not supported; use the pooling mean, or "
                            "leave pad_first out");
  }
  return settings;
}

Result<std::unique_ptr<Adapter>> make_form(const AdapterRequest& request, LoreftForm form) {
  auto settings = read_settings(request, form);
  if (!settings) return settings.error();
  const bool both = settings->positions.first > 0 && settings->positions.last > 0;
  std::vector<LoreftSite> sites;
  for (const std::int64_t layer : settings->layers) {
    if (both && !settings->share_weights) {
      sites.push_back(make_site(request, layer, Where::kFirst, *settings));
      sites.push_back(make_site(request, layer, Where::kLast, *settings));
    } else {
      sites.push_back(make_site(request, layer, Where::kBoth, *settings));
    }
  }
  return std::unique_ptr<Adapter>(
      std::make_unique<Loreft>(request.model, std::move(*settings), std::move(sites)));
}

}  // namespace

Result<std::unique_ptr<Adapter>> make_loreft(const AdapterRequest& request) {
  return make_form(request, LoreftForm::kLoreft);
}

Result<std::unique_ptr<Adapter>> make_noreft(const AdapterRequest& request) {
  return make_form(request, LoreftForm::kNoreft);
}

Result<std::unique_ptr<Adapter>> make_direft(const AdapterRequest& request) {
  return make_form(request, LoreftForm::kDireft);
}

}  // namespace plateau::trainer
