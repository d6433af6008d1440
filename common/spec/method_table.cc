#include "common/spec/method_table.h"

namespace plateau {
namespace {

using Json = nlohmann::json;
using Type = ParameterType;

ParameterSchema integer(std::string name, Json fallback, double from, double to,
                        std::string meaning) {
  return {std::move(name), Type::kInteger, std::move(fallback), from, to, {}, std::move(meaning)};
}

ParameterSchema number(std::string name, Json fallback, double from, double to,
                       std::string meaning) {
  return {std::move(name), Type::kNumber, std::move(fallback), from, to, {}, std::move(meaning)};
}

ParameterSchema other(std::string name, Type type, Json fallback, std::string meaning,
                      std::vector<std::string> choices = {}) {
  return {std::move(name),   type, std::move(fallback), {}, {}, std::move(choices),
          std::move(meaning)};
}

ParameterSchema optional(ParameterSchema parameter) {
  parameter.is_optional = true;
  return parameter;
}

ParameterSchema pattern(std::string name, double from, double to, std::string meaning) {
  return optional(
      {std::move(name), Type::kPattern, Json::object(), from, to, {}, std::move(meaning)});
}

ParameterSchema rank(std::string meaning = "rank of the update") {
  return integer("rank", nullptr, 1, 65536, std::move(meaning));
}

ParameterSchema dropout(std::string meaning) {
  return number("dropout", 0.0, 0.0, 0.99, std::move(meaning));
}

std::vector<ParameterSchema> lora() {
  return {
      rank(),
      number("alpha", nullptr, 1e-9, 1e9,
             "the update is scaled by alpha/rank (alpha/sqrt(rank) with "
             "rslora); 2 * rank when "
             "left out"),
      dropout("on the input of the adapter branch"),
      other("target_modules", Type::kModules, "all-linear",
            "all-linear, or a list of module names or suffixes"),
      other("rslora", Type::kBoolean, false, "scale by alpha/sqrt(rank)"),
      optional(other("layers", Type::kLayers, "all",
                     "all, or a list of the layer numbers from 0 that are adapted")),
      pattern("rank_pattern", 1, 65536,
              "ranks of modules whose name ends in an expression, instead of rank"),
      pattern("alpha_pattern", 1e-9, 1e9, "the same for alpha"),
      optional(
          number("b_rate_ratio", 1.0, 1e-9, 1e9, "B's learning rate is this times A's (LoRA+)")),
  };
}

std::vector<ParameterSchema> loreft() {
  return {
      rank(),
      dropout("on the whole intervened hidden state"),
      other("positions", Type::kString, "f1+l1",
            "fN+lM: the first N and the last M tokens of the prompt"),
      other("layers", Type::kLayers, "all", "all, or a list of layer numbers from 0"),
      other("share_weights", Type::kBoolean, false,
            "one intervention a layer for both position sets"),
      optional(other("pad_first", Type::kBoolean, false,
                     "positions start behind one padding token, as in pyreft's own data")),
  };
}

std::vector<ParameterSchema> ia3() {
  return {
      other("target_modules", Type::kModules, "default",
            "default (keys, values and the second feed-forward layer), "
            "all-linear, or a list of "
            "module names or suffixes"),
      other("feedforward_modules", Type::kModules, "default",
            "those of the targets whose input is rescaled instead of their "
            "output, by the end of "
            "their names"),
  };
}

std::vector<ParameterSchema> bottleneck(const char* activation) {
  return {
      rank("width of the bottleneck"),
      other("activation", Type::kChoice, activation, "between the two layers",
            {"swish", "relu", "gelu", "tanh", "sigmoid"}),
      number("scaling", 1.0, 1e-9, 1e9, "what the bottleneck's output is multiplied with"),
      dropout("on the bottleneck's output"),
      other("bottleneck_init", Type::kChoice, "bert",
            "bert: normal with deviation 0.02; houlsby: normal with deviation "
            "0.01, cut at two; "
            "identity: the upper layer starts at zero",
            {"bert", "houlsby", "identity"}),
  };
}

std::vector<ParameterSchema> prompt() {
  return {
      integer("tokens", nullptr, 1, 65536, "virtual tokens in front of every text"),
      other("prompt_init", Type::kChoice, "random",
            "random: standard normal; vocabulary: the embeddings of tokens "
            "drawn at random",
            {"random", "vocabulary"}),
  };
}

std::vector<ParameterSchema> prefix() {
  return {
      integer("tokens", nullptr, 1, 65536, "keys and values in front of every text, a layer"),
      other("prefix_init", Type::kChoice, "random", "random: standard normal; zero: all zero",
            {"random", "zero"}),
  };
}

std::vector<ParameterSchema> none() {
  return {
      optional(
          other("template", Type::kString, "",
                "a prompt with {text} (and {text_pair}) behind which a decoder's likelihood of "
                "each class's name decides; nothing is trained then, not even a head")),
      optional(integer("shots", 0, 0, 1000, "solved training items in front of the template")),
  };
}

MethodSchema adapter(std::string name, std::string title, std::string source,
                     std::vector<ParameterSchema> parameters) {
  return {std::move(name), std::move(title), std::move(source), false, std::move(parameters)};
}

}  // namespace

std::vector<MethodSchema> make_method_table() {
  return {
      adapter("lora", "LoRA", "Hu et al. 2021, arXiv 2106.09685", lora()),
      adapter("qlora", "QLoRA", "Dettmers et al. 2023, arXiv 2305.14314", lora()),
      adapter("dora", "DoRA", "Liu et al. 2024, arXiv 2402.09353", lora()),
      adapter("loreft", "LoReFT", "Wu et al. 2024, arXiv 2404.03592", loreft()),
      adapter("noreft", "NoReFT", "Wu et al. 2024, arXiv 2404.03592", loreft()),
      adapter("direft", "DiReFT", "Wu et al. 2024, arXiv 2404.03592", loreft()),
      adapter("ia3", "IA3", "Liu et al. 2022, arXiv 2205.05638", ia3()),
      adapter("houlsby", "Houlsby adapter", "Houlsby et al. 2019, arXiv 1902.00751",
              bottleneck("swish")),
      adapter("pfeiffer", "Pfeiffer adapter", "Pfeiffer et al. 2020, arXiv 2005.00052",
              bottleneck("relu")),
      adapter("prompt", "Prompt tuning", "Lester et al. 2021, arXiv 2104.08691", prompt()),
      adapter("prefix", "Prefix tuning", "Li and Liang 2021, arXiv 2101.00190", prefix()),
      adapter("bitfit", "BitFit", "Ben Zaken et al. 2021, arXiv 2106.10199", {}),
      adapter("layer_norm", "LayerNorm only", "Zhao et al. 2023, arXiv 2312.11420", {}),
      adapter("last_layers", "Last layers", "Lee et al. 2019, arXiv 1911.03090",
              {integer("trained_layers", nullptr, 1, 65536, "how many of the last blocks train")}),
      adapter("full", "Full fine-tuning", "every parameter of the base", {}),
      adapter("none", "Frozen base", "the head alone", none()),
      {"majority", "Majority class", "the most frequent class of the training split", true, {}},
      {"probe",
       "Linear probe",
       "frozen base, logistic regression on its pooled features",
       true,
       {number("l2", 1e-3, 0.0, 1e6, "weight of the L2 penalty")}},
  };
}

}  // namespace plateau
