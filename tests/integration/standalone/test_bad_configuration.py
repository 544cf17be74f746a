"""What an operator can get wrong before the daemon serves: each ends it at once with a sentence that helps."""

import os
import socket
import subprocess
import tempfile
import unittest

BIN = os.path.join(os.environ["INSTAINFER_BIN"], "instainferd")


def refused(config, *arguments):
    """stderr of a daemon that must end by itself with an error."""
    with tempfile.TemporaryDirectory() as root:
        file = os.path.join(root, "config.toml")
        with open(file, "w", encoding="utf-8") as out:
            out.write(config)
        ended = subprocess.run(
            [BIN, "standalone", "-c", file, "-d", os.path.join(root, "data"), "--admin-port", "0", *(arguments or ("-p", "0"))],
            capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode != 0, "it started"
        return ended.stderr


class BadConfiguration(unittest.TestCase):
    def test_unknown_key_names_file_line_and_the_known_keys(self):
        text = refused('[preload]\nenabled = true\nplaner = "priority"\n')
        self.assertRegex(text, r"config\.toml:3: preload\.planer: unknown key; known here: .*planner")

    def test_wrong_type_says_what_was_expected(self):
        self.assertRegex(refused("[preload]\nenabled = 1\n"),
                         r"config\.toml:2: preload\.enabled: expected true or false, not a whole number")

    def test_impossible_size_is_refused(self):
        self.assertRegex(refused('[node]\nuser_memory = "lots"\n'),
                         r"config\.toml:2: node\.user_memory: 'lots' is no size; write a whole number and a unit")

    def test_memory_below_the_smallest_action_is_refused(self):
        self.assertRegex(refused('[node]\nuser_memory = "64 MB"\n'), r"nothing could ever run")

    def test_unknown_planner_lists_the_known_ones(self):
        self.assertRegex(refused('[preload]\nplanner = "magic"\n'), r"magic.*(knapsack|priority)")

    def test_no_toml_names_the_line(self):
        self.assertRegex(refused("[node]\nuser_memory = \n"), r"config\.toml:2")

    def test_missing_models_folder_is_named(self):
        self.assertRegex(refused("", "-p", "0", "--models", "/nonexistent/models"), r"/nonexistent/models")

    def test_taken_port_is_named(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.assertRegex(refused("", "-p", str(port)), rf"{port}.*(in use|taken)")

    def test_a_backend_that_does_not_exist_is_refused(self):
        self.assertRegex(refused('[container]\nbackend = "vm"\n'), r"vm.*(auto|oci|process)")


if __name__ == "__main__":
    unittest.main()
