"""Starts the real instainferd for a test, talks to it, stops or kills it. Standard library only."""

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request

GUEST = ("23bc46b1-71f6-4ed5-8c54-816aa4f8c502:"
         "123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP")
READY_LIMIT_S = 120

DEFAULT_CONFIG = {
    "limits": {"invocations_per_minute": -1, "concurrent_invocations": -1},
    "node": {"user_memory": "2 GB"},
    "container": {"first_uid": 220000, "uid_count": 1000},
}


def toml(tables):
    """The nested dictionary as TOML; values are strings, numbers and booleans (JSON's form is TOML's for these)."""
    lines = []

    def write(name, table):
        lines.append(f"[{name}]")
        lines.extend(f"{key} = {json.dumps(value)}" for key, value in table.items() if not isinstance(value, dict))
        for key, value in table.items():
            if isinstance(value, dict):
                write(f"{name}.{key}", value)

    for name, table in tables.items():
        write(name, table)
    return "\n".join(lines) + "\n"


def merged(base, changes):
    result = {key: dict(value) if isinstance(value, dict) else value for key, value in base.items()}
    for key, value in (changes or {}).items():
        result[key] = merged(result.get(key, {}), value) if isinstance(value, dict) else value
    return result


class Daemon:
    """One instainferd standalone with a data directory of its own; use as a context manager."""

    def __init__(self, binary_dir, config=None, arguments=(), data=None):
        self.binary = os.path.join(binary_dir, "instainferd")
        self.arguments = list(arguments)
        self.root = tempfile.mkdtemp(prefix="instainferd-test-")
        self.data = data or os.path.join(self.root, "data")
        self.config_file = os.path.join(self.root, "config.toml")
        with open(self.config_file, "w", encoding="utf-8") as file:
            file.write(toml(merged(DEFAULT_CONFIG, config)))
        self.log_file = os.path.join(self.root, "daemon.log")
        self.process = None
        self.api = self.admin = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def start(self):
        """Comes back when the ready line was read; raises with the log if the daemon ends or stays silent."""
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "standalone", "-c", self.config_file, "-d", self.data, "-p", "0", "--admin-port", "0",
                 *self.arguments],
                stdout=subprocess.PIPE, stderr=log)
        watchdog = threading.Timer(READY_LIMIT_S, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline().decode()
        watchdog.cancel()
        found = re.match(r"instainferd ready: api=(\S+) admin=(\S+)", line)
        if not found:
            self.process.wait()
            raise RuntimeError(f"instainferd did not become ready (exit {self.process.returncode}):\n{self.log()}")
        self.api, self.admin = found.groups()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        if self.process:
            self.process.stdout.close()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def log(self):
        with open(self.log_file, encoding="utf-8", errors="replace") as file:
            return file.read()

    def request(self, method, path, body=None, auth=GUEST, raw=None, timeout=120):
        """(status, parsed JSON or text) of one call of the REST API."""
        data = raw if raw is not None else (None if body is None else json.dumps(body).encode())
        request = urllib.request.Request(self.api + path, data=data, method=method)
        if auth:
            request.add_header("Authorization", "Basic " + base64.b64encode(auth.encode()).decode())
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return response.status, parsed(response.read())
        except urllib.error.HTTPError as error:
            return error.code, parsed(error.read())

    def status(self):
        with urllib.request.urlopen(self.admin + "/status", timeout=30) as response:
            return json.load(response)

    def metrics(self):
        with urllib.request.urlopen(self.admin + "/metrics", timeout=30) as response:
            return response.read().decode()

    def create(self, name, code, kind="python:3", limits=None, annotations=None, overwrite=True):
        """PUT of an action; bytes are sent as base64 (a zip), text as it is."""
        if isinstance(code, bytes):
            code = base64.b64encode(code).decode()
        body = {"exec": {"kind": kind, "code": code}, "limits": limits or {},
                "annotations": [{"key": key, "value": value} for key, value in (annotations or {}).items()]}
        return self.request("PUT", f"/api/v1/namespaces/_/actions/{name}?overwrite={str(overwrite).lower()}", body)

    def invoke(self, name, parameters=None, blocking=True, result=False, raw=None):
        query = f"?blocking={str(blocking).lower()}&result={str(result).lower()}"
        return self.request("POST", f"/api/v1/namespaces/_/actions/{name}{query}", parameters or {}, raw=raw)

    def activation(self, activation_id, part=""):
        return self.request("GET", f"/api/v1/namespaces/_/activations/{activation_id}{part}")


def annotation(record, key):
    return next((pair["value"] for pair in record["annotations"] if pair["key"] == key), None)


def parsed(body):
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
