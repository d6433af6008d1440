"""plateau export RUN TRIAL: what it asks of the trainer, and when it asks nothing."""
import os
import unittest

import harness


class Export(harness.RunTest):
    def export(self, trial, *arguments):
        return self.plateau("export", "small", trial, "--out", "out", "--trainer", "/bin/echo",
                            *arguments)

    def test_a_finished_trial_goes_to_the_trainer_with_its_base_and_classes(self):
        self.assertEqual(self.run_sweep().returncode, 0)
        done = self.export("1", "--format", "merged")
        self.assertEqual(done.returncode, 0, done.stderr)
        words = done.stdout.split()
        self.assertEqual(words[0], "export")
        self.assertTrue(os.path.exists(os.path.join(self.folder, words[1], "adapter_config.json")))
        given = dict(zip(words[2:12:2], words[3:12:2]))
        self.assertEqual(given, {"--base": os.path.join(self.folder, "base"), "--pooling": "mean",
                                 "--format": "merged", "--out": "out", "--label": "no"})
        self.assertEqual(words[12:], ["--label", "yes"])

    def test_what_cannot_be_exported_is_said(self):
        self.assertEqual(self.run_sweep().returncode, 0)
        done = self.export("99")
        self.assertEqual(done.returncode, 3)
        self.assertIn("no trial '99'", done.stderr)
        folders = os.path.join(self.run_folder, "trials")
        for name in os.listdir(folders):
            os.rename(os.path.join(folders, name), os.path.join(folders, name + ".gone"))
        done = self.export("1")
        self.assertEqual(done.returncode, 3)
        self.assertIn("is gone", done.stderr)


if __name__ == "__main__":
    unittest.main()
