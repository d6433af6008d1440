"""plateau results ... on a run that real processes made: tables from the report section and by flags."""
import json
import os

import harness

REPORT = harness.SWEEP + """
report:
  tables:
    - {name: main, aggregate: t95}
    - {name: by-rank, rows: [adapter], columns: rank, where: {adapter: lora}}
"""


class Results(harness.RunTest):
    def results(self, *arguments):
        done = self.plateau("results", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_the_report_section_lays_out_several_tables_in_one_call(self):
        self.write_sweep(REPORT)
        self.assertEqual(self.run_sweep().returncode, 0)
        for name in ("main.md", "main.tex", "by-rank.md", "by-rank.tex", "table.csv"):
            self.assertTrue(os.path.exists(os.path.join(self.run_folder, "results", name)), name)
        both = self.results("table", "small", "--format", "tex")
        self.assertEqual(both.count("\\begin{table}"), 2)
        self.assertEqual(both.count("\\documentclass{"), 1)
        self.assertEqual(both, self.results("table", "small", "--format", "tex"))
        one = self.results("table", "small", "--table", "by-rank", "--format", "md")
        self.assertIn("r=4", one)
        self.assertNotIn("DoRA", one)

    def test_flags_lay_out_a_table_and_every_number_is_traced(self):
        self.assertEqual(self.run_sweep().returncode, 0)
        table = self.results("table", "small", "--rows", "adapter", "--columns", "rank",
                             "--aggregate", "bootstrap95", "--format", "md")
        self.assertIn("| Adapter | r=1: ", table)
        self.assertNotIn("LoRA", self.results("table", "small", "--where", "adapter=dora",
                                              "--sort=-rank", "--show", "params,seeds"))
        cells = json.loads(self.results("table", "small", "--format", "json"))["cells"]
        traced = json.loads(self.results("trace", "small", "--format", "json"))["trials"]
        for cell in cells:
            values = [trial["value"] for trial in traced if trial["cell"] == cell["cell"]]
            self.assertEqual(len(values), cell["seeds_planned"])
            self.assertAlmostEqual(sum(values) / len(values), cell["mean"], places=12)
        compared = json.loads(self.results("compare", "small", "--over", "items", "--format", "json"))
        self.assertEqual(compared["over"], "items")
        self.assertIn("points", self.results("efficiency", "small", "--format", "json"))

    def test_parquet_is_written_or_the_way_to_it_is_said(self):
        self.assertEqual(self.run_sweep().returncode, 0)
        there = os.path.exists(os.path.join(harness.BIN, "plateau-parquet.so"))
        for command in (["table"], ["export"], ["export", "--what", "predictions"]):
            path = os.path.join(self.folder, "rows.parquet")
            done = self.plateau("results", *command, "small", "--format", "parquet", "--out", path)
            if there:
                self.assertEqual(done.returncode, 0, done.stderr)
                with open(path, "rb") as file:
                    text = file.read()
                self.assertEqual((text[:4], text[-4:]), (b"PAR1", b"PAR1"))
            else:
                self.assertEqual(done.returncode, 3)
                self.assertIn("./plateau build --with-parquet", done.stderr)
                self.assertFalse(os.path.exists(path))

    def test_mistakes_are_named_and_cost_no_training(self):
        self.write_sweep(REPORT.replace("aggregate: t95", "agregate: t95"))
        for command in (["plan", self.sweep], self.run_arguments()):
            done = self.plateau(*command)
            self.assertEqual(done.returncode, 2)
            self.assertIn("report.tables[0]: 'agregate' is no key of a table", done.stderr)
        self.assertFalse(os.path.exists(self.run_folder))
        self.write_sweep(harness.SWEEP)
        self.assertEqual(self.run_sweep().returncode, 0)
        for arguments, said in ((["--rows", "adapter"], "they differ in rank"),
                                (["--where", "rank=5"], "there are 1, 4"),
                                (["--where", "rank"], "is no filter"),
                                (["--metric", "bleu"], "'bleu' on the test split")):
            done = self.plateau("results", "table", "small", *arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn(said, done.stderr)
        for command in ("plateau", "report"):
            done = self.plateau("results", command, "small", "--margin", "0")
            self.assertEqual(done.returncode, 2, command)
            self.assertIn("a margin above zero", done.stderr)


if __name__ == "__main__":
    harness.main()
