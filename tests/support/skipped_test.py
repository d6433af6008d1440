"""skipped.py on a log as CTest writes it."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import skipped  # noqa: E402

LOG = """\
1/3 Testing: tidy_format
1/3 Test: tidy_format
Output:
skipped: clang-format is not installed
2/3 Testing: latex_test
2/3 Test: latex_test
[ RUN      ] Latex.alone
/somewhere/latex_test.cc:24: Skipped
no pdflatex
here
[  SKIPPED ] Latex.alone (8 ms)
[ RUN      ] Latex.other
[       OK ] Latex.other (0 ms)
[  SKIPPED ] 1 test, listed below:
[  SKIPPED ] Latex.alone
3/3 Testing: hosts_test
3/3 Test: hosts_test
skipped: netns: skipped: no root
"""


class Skipped(unittest.TestCase):
    def test_whole_tests_and_cases_with_their_reasons(self):
        self.assertEqual(list(skipped.skipped(LOG.splitlines(keepends=True))),
                         [("tidy_format", None, "clang-format is not installed"),
                          ("latex_test", "Latex.alone", "no pdflatex here"),
                          ("hosts_test", None, "no root")])

    def test_every_reason_is_said_once(self):
        text = skipped.report((LOG + LOG.replace("latex_test", "figure_test")).splitlines())
        self.assertEqual(text.count("no pdflatex here"), 1)
        self.assertIn("    - latex_test, 1 case\n    - figure_test, 1 case\n", text)

    def test_nothing_skipped_is_said_too(self):
        self.assertEqual(skipped.report(["1/1 Test: a", "all well"]), "Nothing was skipped.\n")


if __name__ == "__main__":
    unittest.main()
