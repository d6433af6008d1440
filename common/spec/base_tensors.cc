#include "common/spec/base_tensors.h"

namespace plateau {
namespace {

class List {
 public:
  explicit List(std::string prefix) : prefix_(std::move(prefix)) {}

  void add(const std::string& name, std::int64_t elements) {
    tensors_.push_back({prefix_ + name, elements});
  }
  void linear(const std::string& name, std::int64_t out, std::int64_t in) {
    add(name + ".weight", out * in);
    add(name + ".bias", out);
  }
  void norm(const std::string& name, std::int64_t width) {
    add(name + ".weight", width);
    add(name + ".bias", width);
  }
  std::vector<BaseTensor> take() { return std::move(tensors_); }

 private:
  std::string prefix_;
  std::vector<BaseTensor> tensors_;
};

}  // namespace

std::vector<BaseTensor> base_tensors(const BaseFacts& facts, const std::string& pooling) {
  const std::int64_t h = facts.hidden, wide = facts.intermediate;
  List list(facts.model_type + ".");
  list.add("embeddings.word_embeddings.weight", facts.vocabulary * h);
  list.add("embeddings.position_embeddings.weight", facts.max_positions * h);
  list.add("embeddings.token_type_embeddings.weight", facts.token_types * h);
  list.norm("embeddings.LayerNorm", h);
  for (std::int64_t i = 0; i < facts.layers; ++i) {
    const std::string layer = "encoder.layer." + std::to_string(i) + ".";
    for (const char* name : {"attention.self.query", "attention.self.key", "attention.self.value",
                             "attention.output.dense"})
      list.linear(layer + name, h, h);
    list.norm(layer + "attention.output.LayerNorm", h);
    list.linear(layer + "intermediate.dense", wide, h);
    list.linear(layer + "output.dense", h, wide);
    list.norm(layer + "output.LayerNorm", h);
  }
  if (pooling == "cls") list.linear("pooler.dense", h, h);
  return list.take();
}

}  // namespace plateau
