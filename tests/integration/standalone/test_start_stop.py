"""The daemon's plain life: it serves, shows what it did, and leaves nothing behind."""

import os
import unittest

from daemon import Daemon, annotation

BIN = os.environ["INSTAINFER_BIN"]
HELLO = "def main(args):\n    return {'payload': 'Hello, ' + args.get('name', 'stranger')}\n"


def processes_below(directory):
    """Command lines of processes that name the directory."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                line = file.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if directory in line:
            found.append(line)
    return found


class StartStop(unittest.TestCase):
    def test_a_python_action_answers_cold_then_warm_and_its_records_say_so(self):
        with Daemon(BIN) as daemon:
            self.assertEqual(daemon.create("hello", HELLO)[0], 200)
            status, first = daemon.invoke("hello", {"name": "Ada"})
            self.assertEqual((status, first["response"]["result"]), (200, {"payload": "Hello, Ada"}), first)
            self.assertEqual(annotation(first, "startupType"), "cold")
            self.assertIsNotNone(annotation(first, "initTime"))
            status, second = daemon.invoke("hello", {"name": "Bob"})
            self.assertEqual((status, second["response"]["result"]), (200, {"payload": "Hello, Bob"}))
            self.assertEqual(annotation(second, "startupType"), "warm")
            self.assertIsNone(annotation(second, "initTime"))
            self.assertLess(annotation(second, "loadTime"), annotation(first, "loadTime"))

    def test_logs_of_an_activation_are_in_its_record(self):
        with Daemon(BIN) as daemon:
            daemon.create("chatty", "import sys\ndef main(args):\n    print('out')\n"
                                    "    print('err', file=sys.stderr)\n    return {}\n")
            _, record = daemon.invoke("chatty")
            for _ in range(200):  # the record is written after the answer; asking is the event to wait for
                status, logs = daemon.activation(record["activationId"], "/logs")
                if status == 200:
                    break
            texts = sorted(line[31:] for line in logs["logs"])
            self.assertEqual(texts, ["stderr: err", "stdout: out"])

    def test_a_function_that_asks_for_it_is_preloaded_before_its_first_call(self):
        preloaded = "import time\nloaded_at = time.time()\ndef main(args):\n    return {'loaded_at': loaded_at}\n"
        with Daemon(BIN) as daemon:
            if not daemon.status()["backend"]["isolates_functions"]:
                self.skipTest("an ordinary user has one function in a container, so nothing is preloaded beside it")
            daemon.create("first", HELLO)
            daemon.create("second", preloaded, annotations={"preload": True})
            daemon.invoke("first")
            while daemon.status()["counters"]["preloads_ready"] < 1:
                self.assertIsNone(daemon.process.poll())
            status, record = daemon.invoke("second")
            self.assertEqual(status, 200, record)
            self.assertEqual(annotation(record, "startupType"), "preloaded")
            self.assertLess(record["response"]["result"]["loaded_at"] * 1000, record["start"] + 1)

    def test_with_the_switch_off_nothing_is_preloaded(self):
        with Daemon(BIN, arguments=["--preload", "off"]) as daemon:
            daemon.create("first", HELLO)
            daemon.create("second", HELLO, annotations={"preload": True})
            daemon.invoke("first")
            _, record = daemon.invoke("second")
            self.assertEqual(annotation(record, "startupType"), "cold")
            self.assertEqual(daemon.status()["counters"]["preloads_started"], 0)

    def test_after_sigterm_no_process_of_it_is_left(self):
        with Daemon(BIN) as daemon:
            daemon.create("hello", HELLO)
            daemon.invoke("hello")
            root = os.path.basename(daemon.root)
            self.assertTrue(processes_below(root))
            daemon.stop()
            self.assertEqual(daemon.process.returncode, 0, daemon.log())
            self.assertEqual(processes_below(root), [])

    def test_sigterm_ends_it_even_while_calls_wait_for_memory(self):
        sleeper = "import time\ndef main(args):\n    time.sleep(60)\n    return {}\n"
        with Daemon(BIN, {"node": {"user_memory": "512 MB", "drain_limit": "1 s"}}) as daemon:
            daemon.create("sleeper", sleeper, limits={"timeout": 120000})
            ids = [daemon.invoke("sleeper", blocking=False)[1]["activationId"] for _ in range(8)]
            while daemon.status()["running"] < len(ids):
                self.assertIsNone(daemon.process.poll())
            daemon.stop()
            self.assertEqual(daemon.process.returncode, 0, daemon.log())
            self.assertEqual(processes_below(os.path.basename(daemon.root)), [])

    def test_metrics_count_starts_by_type(self):
        with Daemon(BIN) as daemon:
            daemon.create("hello", HELLO)
            daemon.invoke("hello")
            daemon.invoke("hello")
            metrics = daemon.metrics()
            self.assertIn('instainfer_starts_total{start="cold"} 1', metrics)
            self.assertIn('instainfer_starts_total{start="warm"} 1', metrics)


if __name__ == "__main__":
    unittest.main()
