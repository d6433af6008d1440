"""trials.csv from the run folders of sweeps/search-trials.yaml: learning curves on validation, a line a trial.

    record.py RUN_FOLDER... > tests/bench/search/trials.csv

A diverged trial has no values after its last evaluation.
"""
import json
import os
import sqlite3
import sys

STATES = ("finished", "diverged")


def curve(database, trial, name):
    """{step: value}; a later attempt repeats the steps of an earlier one."""
    rows = database.execute("SELECT step, value FROM metrics WHERE trial = ? AND split = 'validation' AND name = ? "
                            "ORDER BY step, attempt", (trial, name))
    return {step: value for step, value in rows if value is not None}


def rows_of(folder):
    database = sqlite3.connect(f"file:{os.path.join(folder, 'plateau.db')}?mode=ro", uri=True)
    left = database.execute("SELECT count(*) FROM trials WHERE state NOT IN (?, ?)", STATES).fetchone()[0]
    if left:
        print(f"record.py: {folder}: {left} trials have not ended and are left out; the same command goes on with them",
              file=sys.stderr)
    for number, text in database.execute("SELECT id, json FROM trials JOIN trial_json ON trial = id "
                                         "WHERE is_baseline = 0 AND state IN (?, ?)",
                                         STATES).fetchall():
        trial = json.loads(text)
        key = (trial["adapter"]["method"], trial["adapter"]["parameters"]["rank"],
               trial["optimizer"]["learning_rate"], trial["seed"])
        yield key, curve(database, number, "accuracy"), curve(database, number, "loss")


def main():
    rows = sorted((row for folder in sys.argv[1:] for row in rows_of(folder)), key=lambda row: row[0])
    steps = sorted({step for _, accuracy, _ in rows for step in accuracy})
    print(",".join(["adapter", "rank", "learning_rate", "seed", *(f"accuracy{step}" for step in steps),
                    *(f"loss{step}" for step in steps)]))
    for key, accuracy, loss in rows:
        values = [f"{curve[step]:.5g}" if step in curve else "" for curve in (accuracy, loss) for step in steps]
        print(",".join([key[0], str(key[1]), f"{key[2]:g}", str(key[3]), *values]))


if __name__ == "__main__":
    main()
