"""What the tests with foreign clients share: a daemon, an unavailable peer, one printed line per row."""

import os
import sys
import tempfile
import time
import unittest

BINARY_DIRECTORY = os.environ.get("INSTAINFER_BINARY_DIR", "")
BUILD_DIRECTORY = os.environ.get("INSTAINFER_BUILD_DIR", "")
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
# The import has to follow the search path.
from daemon import Daemon, GUEST  # noqa: E402  pylint: disable=wrong-import-position,unused-import

HELLO = 'def main(args):\n    print("hi from hello")\n    return {"payload": "Hello"}\n'
ACTIONS = {
    "echo": "def main(args):\n    return args\n",
    "apperr": 'def main(args):\n    return {"error": "oops"}\n',
    "crash": 'def main(args):\n    raise RuntimeError("no")\n',
    "slow": 'import time\ndef main(args):\n    time.sleep(args.get("sleep", 3000) / 1000)\n    return {"slept": True}\n',
    "arr": "def main(args):\n    return [1, 2, 3]\n",
}


def unavailable(reason, test=""):
    """Ends the program: a loud skip for a person (CTest's exit code for it), a failure in CI unless INSTAINFER_MAY_SKIP
    names the test: a gate whose registries refuse the peer says so there, in the open."""
    excused = test in os.environ.get("INSTAINFER_MAY_SKIP", "").split()
    failed = os.environ.get("CI") == "true" and not excused
    print(f"{'FAILED' if failed else '[  SKIPPED ]'}: {reason}", file=sys.stderr, flush=True)
    sys.exit(1 if failed else 77)


class PeerTest(unittest.TestCase):
    """Methods are rows of the compatibility table and run in the order of their names, each on what those before it left."""

    CONFIG = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="instainfer-peer-")
        cls.daemon = Daemon(BINARY_DIRECTORY, config=cls.CONFIG)
        cls.daemon.start()
        with open(cls.path("hello.py"), "w", encoding="utf-8") as file:
            file.write(HELLO)

    @classmethod
    def tearDownClass(cls):
        cls.daemon.__exit__()
        cls.folder.cleanup()

    def wait(self, condition, seconds=60):
        """Asks again until the condition holds: what it asks for is written by the server in its own time."""
        deadline = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), deadline, "the awaited state did not come")
            time.sleep(0.05)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)


def main():
    result = unittest.main(verbosity=2, exit=False).result
    sys.exit(0 if result.wasSuccessful() else 1)
