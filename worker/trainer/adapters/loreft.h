// LoReFT (Wu et al. 2024, arXiv 2404.03592): h' = h + R^T (W h + b - R h) after
// chosen blocks, on the first and last tokens of a text, R with orthonormal
// rows. Its relatives from the same paper: NoReFT, whose R is any matrix, and
// DiReFT, which also leaves out the difference: h' = h + R^T (W h + b)
// (pyreft's NoreftIntervention without a bias, and NodireftIntervention).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "worker/trainer/adapters/adapter.h"
#include "worker/trainer/adapters/positions.h"
#include "worker/trainer/adapters/rotation.h"

namespace plateau::trainer {

// One intervention: one layer, and which of the positions it acts on.
struct LoreftSite {
  enum class Where { kFirst, kLast, kBoth };
  std::int64_t layer = 0;
  Where where = Where::kBoth;
  std::string name;     // "bert.encoder.layer.0.loreft_first"
  at::Tensor rotation;  // X [hidden, rank], see rotation.h; R [rank, hidden]
                        // where it is free
  at::Tensor weight;    // W [rank, hidden]: uniform in +-1/sqrt(hidden)
  at::Tensor bias;      // b [rank]: the same
  RotationBase base;    // empty where R is free
};

enum class LoreftForm { kLoreft, kNoreft, kDireft };

class Loreft : public Adapter {
 public:
  struct Settings {
    LoreftForm form = LoreftForm::kLoreft;
    std::int64_t rank = 0;
    double dropout = 0.0;  // on the whole edited state, as pyreft
    std::string positions_text;
    Positions positions;
    std::vector<std::int64_t> layers;  // ascending
    bool share_weights = false;        // one intervention a layer for both ends of the text
    bool pad_first = false;            // positions start behind one padding token
  };

  Loreft(const Model& model, Settings settings, std::vector<LoreftSite> sites);

  void begin_pass() override;
  std::int64_t leading_pads() const override { return settings_.pad_first ? 1 : 0; }
  std::vector<std::int64_t> edited_rows(const BlockInput& input) const override;
  at::Tensor edit_block(const BlockInput& input, const at::Tensor& rows) const override;

  std::vector<TrainedTensor> trained() const override;
  std::vector<TrainedTensor> fixed() const override;
  // R^T as `rotate_layer.weight` [hidden, rank] (a free R as
  // `proj_layer.weight` [rank, hidden]), W and b: what the model needs, as
  // pyreft saves it.
  TensorMap exported() const override;
  // The imported R^T becomes the start of a new parametrisation: training on
  // from there keeps it orthonormal.
  Status import(const TensorMap& tensors) override;
  nlohmann::json config() const override;

  // Sites in the order of layers, first before last. For tests and reference
  // runs.
  std::vector<LoreftSite>& sites() { return sites_; }
  // R^T [hidden, rank] of each site as of now, without a graph.
  std::vector<at::Tensor> current_rotations() const;

 private:
  bool is_free() const { return settings_.form != LoreftForm::kLoreft; }
  std::vector<std::int64_t> padded_rows(const BlockInput& input) const;
  at::Tensor edit_padded(const BlockInput& input, const at::Tensor& rows) const;
  at::Tensor edit(std::size_t site, const BlockInput& input, const at::Tensor& rows,
                  const std::vector<std::int64_t>& counts) const;

  const Model& model_;
  Settings settings_;
  std::vector<LoreftSite> sites_;
  std::vector<at::Tensor> rotations_;  // of this pass, in its graph
};

// pyreft's places in one sequence with its padding [begin, begin + count): where a text is too
// short for the asked number, the row in front of it is taken once for each place that is missing.
// Ascending row -> how often.
std::map<std::int64_t, std::int64_t> padded_places(LoreftSite::Where where,
                                                   const Positions& positions,
                                                   const TextRows& text);

// What the tensors of a site are named after: "bert.encoder.layer.0.loreft_first".
std::string loreft_site_name(const Model& model, std::int64_t layer, LoreftSite::Where where);

// kInvalidArgument: a rank above the hidden size, a layer that is not there,
// unreadable positions, padding in front of a text whose first row is what the
// base's pooler reads.
Result<std::unique_ptr<Adapter>> make_loreft(const AdapterRequest& request);
Result<std::unique_ptr<Adapter>> make_noreft(const AdapterRequest& request);
Result<std::unique_ptr<Adapter>> make_direft(const AdapterRequest& request);

}  // namespace plateau::trainer
