#!/usr/bin/env python3
"""Says which tests of a CTest run were skipped and why, from the run's log.

    skipped.py build/release/Testing/Temporary/LastTest.log

A whole test that is skipped prints "skipped: WHY"; a GoogleTest case prints its reason between a line
that ends in ": Skipped" and its "[  SKIPPED ]" line, inside a test that CTest counts as passed.
"""
import re
import sys

TEST = re.compile(r"^\d+/\d+ Test: (.+)$")
WHOLE = re.compile(r"^(?:netns: |skipped: )*skipped: (?:netns: skipped: )?(.+)$")
CASE_REASON = re.compile(r"^\S+:\d+: Skipped$")
CASE = re.compile(r"^\[  SKIPPED \] (\S+) \(\d+ ms\)$")


def skipped(lines):
    """Yields (test, case or None, reason)."""
    test, reason = "", None
    for line in lines:
        line = line.rstrip("\n")
        if found := TEST.match(line):
            test, reason = found[1], None
        elif CASE_REASON.match(line):
            reason = []
        elif found := CASE.match(line):
            yield test, found[1], " ".join(reason or []) or "no reason given"
            reason = None
        elif reason is not None:
            reason.append(line.removeprefix("skipped: "))
        elif found := WHOLE.match(line):
            yield test, None, found[1]


def report(lines):
    """The text for a person: every reason once, with what it kept from running."""
    by_reason = {}
    for test, case, reason in skipped(lines):
        by_reason.setdefault(reason.strip(), {}).setdefault(test, []).append(case)
    if not by_reason:
        return "Nothing was skipped.\n"
    text = "Skipped, and why:\n"
    for reason, tests in by_reason.items():
        text += f"  {reason}\n"
        for test, cases in tests.items():
            what = "" if cases == [None] else f", {len(cases)} case" + "s" * (len(cases) > 1)
            text += f"    - {test}{what}\n"
    return text


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
        sys.stdout.write(report(log))
