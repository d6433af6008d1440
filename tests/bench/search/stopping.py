"""What early stopping saves on the table of real trials, and what it costs.

    stopping.py build/release/bin/search-bench [--repeats 30] [--plots FOLDER]

All 300 cells are trained in an order of chance, eight side by side; each rule stops some. "by chance" is the control: the
same lengths, dealt to the cells by chance. Regret: the best accuracy of the table less that of the best cell that was trained
to its end. p: exact two-sided Wilcoxon test of the rule's regret against its control's, paired by repeat, with
Holm's correction. --plots needs matplotlib.
"""
import argparse
import os
import statistics
import subprocess

from compare import HERE, holm, paired


def runs(program, table, repeats):
    """(deviation over seeds, {rule: [(share, finished, regret)]})"""
    lines = subprocess.run([program, "stopping", table, str(repeats)], check=True, capture_output=True,
                           text=True).stdout.splitlines()
    found = {}
    for line in lines[1:]:
        rule, _, share, finished, regret = line.split(",")
        found.setdefault(rule, []).append((float(share), int(finished), float(regret)))
    return float(lines[0].split(",")[1]), found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--table", default=os.path.join(HERE, "trials.csv"))
    parser.add_argument("--plots")
    options = parser.parse_args()
    deviation, by_rule = runs(options.program, options.table, options.repeats)
    rules = [rule for rule in by_rule if not rule.endswith("by chance")]
    regrets = {rule: [run[2] for run in found] for rule, found in by_rule.items()}
    ps = holm([paired(regrets[rule], regrets[rule + " by chance"]) for rule in rules])
    print(f"{options.repeats} repeats; one standard deviation over seeds is {100 * deviation:.2f} points of accuracy\n")
    print("| rule | steps saved | finished | mean regret | below one deviation | by chance: mean regret | "
          "below one deviation | p (Holm) |")
    print("| --- |" + " ---: |" * 7)
    for rule, p in zip(rules, ps):
        shares, finished, _ = zip(*by_rule[rule])
        cells = [f"{1 / statistics.mean(shares):.1f} ×", f"{statistics.mean(finished):.0f}"]
        for name in (rule, rule + " by chance"):
            below = sum(regret < deviation for regret in regrets[name])
            cells += [f"{100 * statistics.mean(regrets[name]):.2f}", f"{below}/{options.repeats}"]
        print(f"| {rule} | " + " | ".join(cells) + f" | {p:.2g} |")
    if options.plots:
        import plots
        plots.draw_stopping(by_rule, deviation, options.plots)


if __name__ == "__main__":
    main()
