#include "worker/trainer/model/gguf_source.h"

#include <array>
#include <utility>

#include <ATen/ATen.h>

#include "common/base/text.h"
#include "common/gguf/config.h"
#include "worker/kernels/dequantize.h"

namespace plateau::trainer {
namespace {

constexpr std::array<std::pair<const char*, const char*>, 3> kOutside = {
    {{"model.embed_tokens.", "token_embd."},
     {"model.norm.", "output_norm."},
     {"lm_head.", "output."}}};
constexpr std::array<std::pair<const char*, const char*>, 9> kInside = {
    {{"self_attn.q_proj.", "attn_q."},
     {"self_attn.k_proj.", "attn_k."},
     {"self_attn.v_proj.", "attn_v."},
     {"self_attn.o_proj.", "attn_output."},
     {"mlp.gate_proj.", "ffn_gate."},
     {"mlp.up_proj.", "ffn_up."},
     {"mlp.down_proj.", "ffn_down."},
     {"input_layernorm.", "attn_norm."},
     {"post_attention_layernorm.", "ffn_norm."}}};
constexpr char kLayers[] = "model.layers.";

class GgufSource : public WeightSource {
 public:
  GgufSource(GgufFile file, const nlohmann::json& config)
      : file_(std::move(file)),
        is_permuted_(config.at("model_type") == "llama"),
        heads_(config.at("num_attention_heads")),
        key_heads_(config.value("num_key_value_heads", heads_)) {}

  bool has(const std::string& name) const override { return find(name) != nullptr; }

  Result<std::vector<std::int64_t>> shape_of(const std::string& name) const override {
    const auto tensor = get(name);
    if (!tensor) return tensor.error();
    return (*tensor)->shape;
  }

  Result<at::Tensor> read(const std::string& name,
                          const at::TensorOptions& options) const override {
    const auto tensor = get(name);
    if (!tensor) return tensor.error();
    const kernels::QuantizedMatrix matrix = as_matrix(**tensor);
    at::Tensor numbers = at::empty({matrix.rows, matrix.columns}, at::kFloat);
    kernels::dequantize_rows(matrix, 0, numbers);
    numbers = numbers.view((*tensor)->shape);
    if (const auto order = order_of(name, numbers.size(0)); order.defined())
      numbers = numbers.index_select(0, order);
    return numbers.to(options);
  }

  std::optional<kernels::QuantizedMatrix> blocks(const std::string& name,
                                                 at::Device device) const override {
    const GgufTensor* tensor = find(name);
    if (tensor == nullptr || tensor->shape.size() != 2 || tensor->type == BlockType::kF32)
      return {};
    kernels::QuantizedMatrix matrix = as_matrix(*tensor);
    auto& blocks = std::get<kernels::GgufBlocks>(matrix.blocks);
    if (const auto order = order_of(name, matrix.rows); order.defined())
      blocks.bytes = blocks.bytes.index_select(0, order);
    blocks.bytes = blocks.bytes.to(device);
    return matrix;
  }

 private:
  const GgufTensor* find(const std::string& name) const {
    const auto found = file_.tensors().find(gguf_tensor_name(name));
    return found == file_.tensors().end() ? nullptr : &found->second;
  }

  Result<const GgufTensor*> get(const std::string& name) const {
    if (const GgufTensor* tensor = find(name)) return tensor;
    std::vector<std::string> names;
    for (const auto& [known, tensor] : file_.tensors())
      names.push_back(known);
    std::string wanted = gguf_tensor_name(name);
    if (wanted.empty()) wanted = gguf_tensor_name("model." + name);
    const auto close = nearest(wanted, names);
    return not_found(file_.name() + " has no tensor " + (wanted.empty() ? name : wanted) +
                     (close ? " (nearest: " + *close + ")" : "") + ". Fetch the file again.");
  }

  // A view of the mapped file, which it keeps; a vector is one row.
  kernels::QuantizedMatrix as_matrix(const GgufTensor& tensor) const {
    const std::int64_t columns = tensor.shape.empty() ? 1 : tensor.shape.back();
    std::int64_t rows = 1;
    for (std::size_t i = 0; i + 1 < tensor.shape.size(); ++i)
      rows *= tensor.shape[i];
    const auto size = static_cast<std::int64_t>(tensor.bytes.size());
    const at::Tensor bytes = at::from_blob(
        const_cast<std::byte*>(tensor.bytes.data()), {rows, size / rows},  // NOLINT
        [owner = file_.keep_alive()](void*) {}, at::kByte);
    return {rows, columns, kernels::GgufBlocks{tensor.type, bytes}};
  }

  at::Tensor order_of(const std::string& name, std::int64_t rows) const {
    if (!is_permuted_) return {};
    const bool queries = name.find(".q_proj.") != std::string::npos;
    const bool keys = name.find(".k_proj.") != std::string::npos;
    if (!queries && !keys) return {};
    return at::tensor(unpermuted_rows(rows, queries ? heads_ : key_heads_), at::kLong);
  }

  GgufFile file_;
  bool is_permuted_;
  std::int64_t heads_, key_heads_;
};

}  // namespace

std::string gguf_tensor_name(const std::string& name) {
  for (const auto& [theirs, ggufs] : kOutside) {
    if (name.starts_with(theirs)) return ggufs + name.substr(std::string_view(theirs).size());
  }
  if (!name.starts_with(kLayers)) return "";
  const std::size_t begin = std::string_view(kLayers).size();
  const std::size_t dot = name.find('.', begin);
  if (dot == std::string::npos) return "";
  for (const auto& [theirs, ggufs] : kInside) {
    if (!std::string_view(name).substr(dot + 1).starts_with(theirs)) continue;
    return "blk." + name.substr(begin, dot - begin) + "." + ggufs +
           name.substr(dot + 1 + std::string_view(theirs).size());
  }
  return "";
}

std::vector<std::int64_t> unpermuted_rows(std::int64_t rows, std::int64_t heads) {
  const std::int64_t width = rows / heads, half = width / 2;
  std::vector<std::int64_t> order;
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t head = row / width, in_head = row % width;
    order.push_back(head * width + in_head % half * 2 + in_head / half);
  }
  return order;
}

Result<BaseFiles> open_gguf_base(const std::filesystem::path& path) {
  auto file = GgufFile::open(path);
  if (!file) return file.error();
  auto config = config_of_gguf(*file);
  if (!config) return config.error();
  const std::string where = path.string();
  auto source = std::make_shared<GgufSource>(std::move(*file), *config);
  return BaseFiles{std::move(*config), where, std::move(source)};
}

}  // namespace plateau::trainer
