"""OpenWhisk's official JavaScript client against the daemon; the rows are in client_rows.js. Standard library only."""

import os
import shutil
import subprocess

import peer_test

VERSION = "3.21.9"
HERE = os.path.dirname(os.path.abspath(__file__))


def find_client():
    """The node_modules folder that holds the client; installed once into the cache folder."""
    cache = os.environ.get("INSTAINFER_CACHE") or os.path.join(peer_test.BUILD_DIRECTORY, "cache")
    folder = os.path.join(cache, f"openwhisk-js-{VERSION}")
    modules = os.path.join(folder, "node_modules")
    if os.path.exists(os.path.join(folder, "complete")):
        return modules
    if not shutil.which("npm") or not shutil.which("node"):
        peer_test.unavailable("there is no npm and node for the JavaScript client; install Debian's packages nodejs and npm")
    os.makedirs(folder, exist_ok=True)
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder, f"openwhisk@{VERSION}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        peer_test.unavailable(f"`{' '.join(command)}` failed:\n{done.stderr.strip()}")
    with open(os.path.join(folder, "complete"), "w", encoding="utf-8"):
        return modules


class JavaScriptClient(peer_test.PeerTest):
    MODULES = ""

    def test_rows(self):
        environment = {**os.environ, "NODE_PATH": self.MODULES, "APIHOST": self.daemon.api, "AUTH": peer_test.GUEST}
        done = subprocess.run(["node", "--test-reporter=spec", os.path.join(HERE, "client_rows.js")], env=environment,
                              capture_output=True, text=True, timeout=600, check=False)
        print(done.stdout, flush=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    JavaScriptClient.MODULES = find_client()
    peer_test.main()
