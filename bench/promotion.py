#!/usr/bin/python3
"""How long a promotion takes: one preloaded function is called, its co-residents are killed and wiped first.

Starts a real manager (instainfer-runtime), fills it with co-residents that each hold a model of ResNet18's size, calls one of
the functions, and reads from the manager's answer how long it was from the receipt of the request to its hand-over. Prints one
line of JSON for each kind of co-resident: microseconds, over all runs. Run it as root: only then workers have users of their
own, and are wiped.
"""

import argparse
import base64
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time

FIRST_UID = 210000
TOKEN = "0123456789abcdef"
SIDE = 32
DESCRIPTION = json.dumps({"inputs": [{"name": "x", "shape": [1, 3, SIDE, SIDE], "datatype": "FP32"}]})
# As much memory as ResNet18's weights, which a module holds that was imported ahead of the call.
PYTHON_CODE = "weights = bytearray(b'x') * (45 << 20)\ndef main(args):\n  return {'size': len(weights)}\n"


class Connection(http.client.HTTPConnection):
    """HTTP over the manager's UNIX socket."""

    def __init__(self, path):
        super().__init__("manager")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Manager:
    """A manager and the invoker's side of its socket."""

    def __init__(self, binaries, kind, models):
        self.kind, self.models = kind, models
        self.directory = tempfile.TemporaryDirectory(prefix="bench-promotion-")
        with open(os.path.join(self.directory.name, "token"), "w", encoding="utf-8") as file:
            file.write(TOKEN)
        self.process = subprocess.Popen([os.path.join(binaries, "instainfer-runtime"), "--directory", self.directory.name,
                                         "--worker", kind, "--models", models], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        self.path = os.path.join(self.directory.name, "manager.sock")
        while not os.path.exists(self.path):
            if self.process.poll() is not None:
                sys.exit("the manager does not start")
            time.sleep(0.01)
        self.connection = Connection(self.path)
        self.next_uid = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.directory.cleanup()

    def post(self, target, body):
        self.connection.request("POST", target, json.dumps(body), {"Authorization": "Bearer " + TOKEN})
        response = self.connection.getresponse()
        answer = response.read()
        if response.status != 200:
            sys.exit(f"{target} answered {response.status}: {answer.decode()}")
        return response.headers

    def preload(self, function):
        self.next_uid = (self.next_uid + 1) % 16
        worker = {"function": function, "type": self.kind, "uid": FIRST_UID + self.next_uid, "memory_limit": 1 << 30,
                  "threads": 1, "model_path": ""}
        code = PYTHON_CODE
        if self.kind == "torchscript":
            worker["model_path"] = os.path.join(self.models, "model.pt")
            code = DESCRIPTION
        self.post("/preload", {"worker": worker, "init": {"name": function, "main": "main", "binary": False, "code": code}})

    def run(self, function):
        """Microseconds from receipt to hand-over, as the manager measured them."""
        data = base64.b64encode(bytes(4 * 3 * SIDE * SIDE)).decode()
        value = {"inputs": [{"name": "x", "shape": [1, 3, SIDE, SIDE], "datatype": "FP32", "data": data,
                             "parameters": {"binary": True}}]}
        return int(self.post("/run", {"value": value, "function": function})["X-InstaInfer-Handoff-Micros"])


def make_model(folder):
    """ResNet18 with random weights of a fixed seed."""
    import torch
    import torchvision
    torch.manual_seed(1)
    model = torchvision.models.resnet18(weights=None).eval()
    torch.jit.save(torch.jit.trace(model, torch.zeros(1, 3, SIDE, SIDE)), os.path.join(folder, "model.pt"))


def measure(binaries, kind, models, co_residents, runs):
    """Hand-over times; every run kills the function that was called before and those beside it."""
    promoted, warm = [], []
    with Manager(binaries, kind, models) as manager:
        manager.preload("first")
        manager.run("first")
        for run in range(runs):
            names = [f"f{run}-{index}" for index in range(co_residents)]
            for name in names:
                manager.preload(name)
            promoted.append(manager.run(names[0]))
            warm.append(manager.run(names[0]))
    return promoted, warm


def summary(values):
    """Median, 99th percentile and largest."""
    ranked = sorted(values)
    return {"median": round(statistics.median(ranked)), "p99": ranked[min(len(ranked) - 1, int(len(ranked) * 0.99))],
            "max": ranked[-1]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", default="build/release/bin", help="folder of instainfer-runtime")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--co-residents", type=int, default=3)
    parser.add_argument("--kinds", nargs="+", default=["torchscript", "python"], choices=["torchscript", "python"])
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("run this as root: only then workers have users of their own, which have to be wiped")
    with tempfile.TemporaryDirectory(prefix="bench-models-") as models:
        if "torchscript" in options.kinds:
            make_model(models)
        for kind in options.kinds:
            promoted, warm = measure(options.binaries, kind, models, options.co_residents, options.runs)
            print(json.dumps({"bench": "promotion", "co_residents": options.co_residents, "kind": kind, "runs": options.runs,
                              "handoff_us": summary(promoted), "warm_handoff_us": summary(warm)}), flush=True)


if __name__ == "__main__":
    main()
