#include "worker/trainer/adapters/targets.h"

#include <algorithm>
#include <cctype>
#include <regex>
#include <set>

#include "common/base/text.h"

namespace plateau::trainer {
namespace {

bool is_named(const std::string& site, const std::string& target) {
  return site == target || site.ends_with("." + target);
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

Error no_match(const std::vector<LinearSite>& sites, const std::string& target) {
  std::set<std::string> names;
  for (const LinearSite& site : sites) {
    names.insert(site.name);
    names.insert(site.name.substr(site.name.rfind('.') + 1));
  }
  const auto near = nearest(target, {names.begin(), names.end()});
  return invalid_argument("target_modules: '" + target + "' matches no linear layer of the base" +
                          (near ? "; the nearest name is '" + *near + "'" : ""));
}

Result<std::vector<std::size_t>> match_expression(const std::vector<LinearSite>& sites,
                                                  const std::string& expression) {
  std::vector<std::size_t> matched;
  try {
    const std::regex pattern(expression);
    for (std::size_t i = 0; i < sites.size(); ++i) {
      if (std::regex_match(sites[i].name, pattern)) matched.push_back(i);
    }
  } catch (const std::regex_error&) {
    return invalid_argument("target_modules: '" + expression +
                            "' is no regular expression; give all-linear or a list of names");
  }
  if (matched.empty()) return no_match(sites, expression);
  return matched;
}

}  // namespace

Result<std::vector<std::size_t>> match_targets(const std::vector<LinearSite>& sites,
                                               const nlohmann::json& target_modules) {
  std::vector<std::size_t> matched;
  if (target_modules.is_string()) {
    const std::string text = target_modules;
    if (lower(text) != "all-linear") return match_expression(sites, text);
    for (std::size_t i = 0; i < sites.size(); ++i)
      matched.push_back(i);
    return matched;
  }
  const auto targets = target_modules.get<std::vector<std::string>>();
  for (const std::string& target : targets) {
    if (std::none_of(sites.begin(), sites.end(),
                     [&](const LinearSite& site) { return is_named(site.name, target); })) {
      return no_match(sites, target);
    }
  }
  for (std::size_t i = 0; i < sites.size(); ++i) {
    if (std::any_of(targets.begin(), targets.end(),
                    [&](const std::string& target) { return is_named(sites[i].name, target); })) {
      matched.push_back(i);
    }
  }
  return matched;
}

}  // namespace plateau::trainer
