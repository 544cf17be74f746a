"""kill -9 of the daemon in the middle of work: what was acknowledged is there again, what ran is gone without a trace."""

import hashlib
import os
import threading
import unittest

from daemon import Daemon

BIN = os.environ["INSTAINFER_BIN"]
HELLO = "import time\ndef main(args):\n    time.sleep(args.get('s', 0))\n    return {'ok': True}\n"


def start_time(pid):
    """Tells a process from a later one with the same number; None if there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def tags(daemon):
    """What names this daemon's containers on the machine: the id in its state directory's name, the tag in cgroups' paths."""
    state = hashlib.sha256(daemon.data.encode()).hexdigest()[:12]
    return state, hashlib.sha256(f"/run/instainfer-{state}".encode()).hexdigest()[:12]


def workers_of(daemon):
    """Every process in a container of this daemon, with its start time; found by its cgroup (oci) or command line (process)."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as line, open(f"/proc/{pid}/cgroup", "rb") as cgroup:
                where = line.read() + cgroup.read()
        except OSError:
            continue
        if any(tag.encode() in where for tag in tags(daemon)) and int(pid) != daemon.process.pid:
            found[int(pid)] = start_time(pid)
    return {pid: start for pid, start in found.items() if start}  # without zombies that init has not reaped yet


def leftovers(daemon):
    """Mounts and cgroups of this daemon's containers."""
    state, tag = tags(daemon)
    found = []
    with open("/proc/mounts", encoding="utf-8") as file:
        found += [line.split()[1] for line in file if state in line]
    for directory, folders, _ in os.walk("/sys/fs/cgroup"):
        found += [os.path.join(directory, folder) for folder in folders if tag in folder]
    return found


class Crash(unittest.TestCase):
    def test_after_kill_9_everything_stored_is_there_and_nothing_of_the_old_run_is_left(self):
        with Daemon(BIN) as daemon:
            daemon.create("hello", HELLO)
            daemon.create("other", HELLO, annotations={"preload": True})
            ids = [daemon.invoke("hello")[1]["activationId"] for _ in range(5)]
            ids += [daemon.invoke("other")[1]["activationId"]]
            for activation_id in ids:
                while daemon.activation(activation_id)[0] != 200:
                    self.assertIsNone(daemon.process.poll())
            while not self.saved(daemon):
                self.assertIsNone(daemon.process.poll())
            functions = {f["function"]: f for f in daemon.status()["functions"]}
            old = workers_of(daemon)
            self.assertTrue(old)

            # In the middle of a replay: calls are running when the daemon dies, and their callers see the connection end.
            callers = [threading.Thread(target=self.call_until_cut_off, args=(daemon,)) for _ in range(3)]
            for caller in callers:
                caller.start()
            while daemon.status()["running"] == 0:
                pass
            daemon.kill()
            for caller in callers:
                caller.join()

            daemon.start()
            alive = {pid: start for pid, start in old.items() if start_time(pid) == start}
            self.assertEqual(alive, {}, "processes of the old run are left")
            for activation_id in ids:
                self.assertEqual(daemon.activation(activation_id)[0], 200)
            again = {f["function"]: f for f in daemon.status()["functions"]}
            self.assertEqual(set(again), set(functions))
            self.assertTrue(again["guest/hello"]["measured"])
            self.assertEqual(again["guest/hello"]["t_loading_ms"], functions["guest/hello"]["t_loading_ms"])
            self.assertEqual(again["guest/hello"]["bytes"], functions["guest/hello"]["bytes"])
            status, record = daemon.invoke("hello")
            self.assertEqual((status, record["response"]["result"]), (200, {"ok": True}))
            daemon.stop()
            self.assertEqual(leftovers(daemon), [])
            self.assertEqual(workers_of(daemon), {})

    def saved(self, daemon):
        """Profiles are saved every two seconds; the daemon says in /status when all of them are."""
        return daemon.status()["profiles_unsaved"] == 0

    def call_until_cut_off(self, daemon):
        try:
            while True:
                daemon.invoke("hello", {"s": 0.2})
        except OSError:
            pass


if __name__ == "__main__":
    unittest.main()
