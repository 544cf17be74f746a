"""Functions and requests that misbehave: each gets its own error, and the daemon goes on serving others."""

import os
import subprocess
import tempfile
import unittest

from daemon import Daemon

BIN = os.environ["INSTAINFER_BIN"]
HELLO = "def main(args):\n    return {'ok': True}\n"


class BadFunctions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(BIN, {"limits": {"max_result": "1 MB", "truncation": "1 KB"}})
        cls.daemon.start()
        cls.daemon.create("bystander", HELLO)

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def tearDown(self):
        status, record = self.daemon.invoke("bystander")
        self.assertEqual((status, record["response"]["result"]), (200, {"ok": True}), "a bystander was disturbed")

    def outcome(self, code, limits=None, parameters=None):
        self.assertEqual(self.daemon.create("bad", code, limits=limits)[0], 200)
        status, record = self.daemon.invoke("bad", parameters)
        return status, record["response"]["status"], record["response"]["result"].get("error")

    def record_logs(self, activation_id):
        while True:
            status, logs = self.daemon.activation(activation_id, "/logs")
            if status == 200:
                return logs["logs"]
            self.assertIsNone(self.daemon.process.poll())

    def test_a_function_that_never_returns_is_stopped_at_its_time_limit(self):
        self.assertEqual(self.outcome("def main(args):\n    while True: pass\n", {"timeout": 1500}),
                         (502, "action developer error", "The action exceeded its time limits of 1500 milliseconds."))

    def test_an_init_that_never_returns_is_stopped_at_its_time_limit(self):
        self.assertEqual(self.outcome("while True: pass\ndef main(args): return {}\n", {"timeout": 1500}),
                         (502, "action developer error",
                          "The action exceeded its time limits of 1500 milliseconds during initialization."))

    def test_a_function_that_exits_is_a_developer_error(self):
        status, kind, error = self.outcome("import os\ndef main(args):\n    os._exit(3)\n")
        self.assertEqual((status, kind), (502, "action developer error"))
        self.assertRegex(error, "exited")

    def test_a_function_that_kills_itself_is_a_developer_error(self):
        status, kind, error = self.outcome("import os, signal\ndef main(args):\n    os.kill(os.getpid(), signal.SIGKILL)\n")
        self.assertEqual((status, kind), (502, "action developer error"))
        self.assertRegex(error, "exited|killed")

    def test_a_function_that_raises_shows_its_error(self):
        status, kind, error = self.outcome("def main(args):\n    raise ValueError('no such thing')\n")
        self.assertEqual((status, kind), (502, "action developer error"))
        self.assertTrue(error)

    def test_a_function_that_allocates_past_its_limit_is_told_so(self):
        self.assertEqual(self.outcome("def main(args):\n    x = bytearray(1 << 30)\n    return {'n': len(x)}\n",
                                      {"memory": 256}),
                         (502, "action developer error", "The action exhausted its memory and was aborted."))

    def test_a_result_over_the_limit_is_truncated_into_an_application_error(self):
        status, kind, error = self.outcome("def main(args):\n    return {'x': 'y' * (2 << 20)}\n")
        self.assertEqual((status, kind), (502, "application error"))
        self.assertRegex(error, r"^The action produced a response that exceeded the allowed length: \d+ > 1048576 bytes\.")

    def test_a_result_that_is_no_object_is_a_developer_error(self):
        status, kind, error = self.outcome("def main(args):\n    return 7\n")
        self.assertEqual((status, kind), (502, "action developer error"))
        self.assertRegex(error, "did not return a dictionary")

    def test_code_that_does_not_compile_is_an_init_error(self):
        status, kind, error = self.outcome("def main(args)\n    return {}\n")
        self.assertEqual((status, kind), (502, "action developer error"))
        self.assertTrue(error)

    def test_a_function_that_prints_a_gigabyte_keeps_its_answer_and_loses_log_lines_only(self):
        code = ("import os\ndef main(args):\n    line = b'x' * 1023 + b'\\n'\n    block = line * 1024\n"
                "    for _ in range(1024): os.write(1, block)\n    return {'done': True}\n")
        self.assertEqual(self.daemon.create("printer", code, limits={"logs": 1, "timeout": 120000})[0], 200)
        status, record = self.daemon.invoke("printer")
        self.assertEqual((status, record["response"]["result"]), (200, {"done": True}), record)
        logs = self.record_logs(record["activationId"])
        self.assertRegex(logs[-1], "Logs were truncated because the total bytes size exceeds the limit of 1048576 bytes.")
        with open(f"/proc/{self.daemon.process.pid}/status", encoding="utf-8") as file:
            peak_kib = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
        self.assertLess(peak_kib, 256 * 1024, "the daemon's memory grew with a function's output")

    def test_parameters_that_are_no_json_are_refused(self):
        status, answer = self.daemon.invoke("bystander", raw=b"{not json")
        self.assertEqual(status, 400)
        self.assertRegex(answer["error"], r"^The request content was malformed:")

    def test_an_unknown_kind_is_refused_with_the_known_ones(self):
        status, answer = self.daemon.create("unknown", HELLO, kind="cobol:85")
        self.assertEqual(status, 400)
        self.assertRegex(answer["error"], r"The specified runtime 'cobol:85' is not supported by this platform\. Valid values are: .*'python:3'")

    def test_code_over_the_limit_is_refused(self):
        status, answer = self.daemon.create("huge", "#" * (49 << 20))
        self.assertEqual(status, 413)
        self.assertRegex(str(answer), r"larger than allowed: \d+ > 50331648 bytes")


@unittest.skipIf(os.geteuid() != 0, "needs root to mount a small file system")
class FullDisk(unittest.TestCase):
    def test_a_record_that_does_not_fit_on_the_disk_is_retried_and_the_answer_is_not_disturbed(self):
        with tempfile.TemporaryDirectory() as mount:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", mount], check=True)
            try:
                with Daemon(BIN, data=os.path.join(mount, "data")) as daemon:
                    daemon.create("hello", HELLO)
                    daemon.invoke("hello")
                    filler = os.path.join(mount, "filler")
                    with self.assertRaises(OSError), open(filler, "wb", buffering=0) as file:
                        while True:
                            file.write(b"\0" * 4096)
                    ids = []
                    while "is not recorded yet, will retry" not in daemon.log():
                        status, record = daemon.invoke("hello", {"x": "y" * 200000})
                        self.assertEqual(status, 200, record)
                        ids.append(record["activationId"])
                        self.assertLess(len(ids), 100, daemon.log())
                    self.assertRegex(daemon.log(), "(full|space)")
                    os.unlink(filler)
                    while daemon.activation(ids[-1])[0] != 200:
                        self.assertNotIn("failed to record activation " + ids[-1], daemon.log())
            finally:
                subprocess.run(["umount", "-l", mount], check=True)


if __name__ == "__main__":
    unittest.main()
