// The metrics of classification and regression tasks. Pure: no tensors.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace plateau::trainer {

// Share of equal entries.
double accuracy(const std::vector<std::int64_t>& labels,
                const std::vector<std::int64_t>& predictions);
// Two classes: F1 of class 1. More: the mean of all classes' F1 (macro). A class that is neither
// there nor predicted counts 0, as in scikit-learn.
double f1(const std::vector<std::int64_t>& labels, const std::vector<std::int64_t>& predictions,
          std::int64_t classes);
// Matthews' correlation, for any number of classes; 0 where it is undefined.
double matthews(const std::vector<std::int64_t>& labels,
                const std::vector<std::int64_t>& predictions, std::int64_t classes);
// Pearson's correlation; 0 where one side is constant.
double pearson(const std::vector<double>& targets, const std::vector<double>& predictions);
// Pearson's correlation of the ranks; ties share their mean rank.
double spearman(const std::vector<double>& targets, const std::vector<double>& predictions);

// By their names in trial.task.metric: accuracy, f1, matthews.
std::map<std::string, double> classification_metrics(const std::vector<std::int64_t>& labels,
                                                     const std::vector<std::int64_t>& predictions,
                                                     std::int64_t classes);
// pearson, spearman.
std::map<std::string, double> regression_metrics(const std::vector<double>& targets,
                                                 const std::vector<double>& predictions);
// loss (the mean a token) and perplexity, its exponential, which stays finite.
std::map<std::string, double> language_metrics(double mean_loss);

}  // namespace plateau::trainer
