"""What the end-to-end benchmarks share: a daemon to measure, models, percentiles, the printed and written result."""

import argparse
import contextlib
import json
import math
import pathlib
import signal
import sys
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))
from daemon import Daemon, annotation  # noqa: E402  pylint: disable=wrong-import-position

BIN = ROOT / "build" / "release" / "bin"
MODELS = ROOT / "out" / "models"
MODEL_NAMES = ["alexnet", "vgg19", "inception_v3", "resnet18", "resnet50", "resnet152", "googlenet", "bert"]
NO_OP = "def main(args):\n    return {}\n"
# Loads again right after a call and never takes back what it loaded: benchmarks wait for preloads, they do not judge them.
EAGER_ARRIVALS = {"p_load": 0.0001, "p_offload": 0.9999, "prior_seconds": 1.0}
PATIENCE_S = 120
POLL_S = 0.02


def options(description, runs):
    """The command line of a benchmark: how many runs, and where its JSON goes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--runs", type=int, default=runs, help=f"measured calls of each kind (default {runs})")
    parser.add_argument("--output", type=pathlib.Path, help="write the figures to this JSON file")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # stops the daemon on the way out
    return parser


def finish(figures, output):
    text = json.dumps(figures, indent=2)
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text + "\n")
    return 0


def distribution(values):
    """Median, p99 and extremes; a percentile is x[ceil(p n) - 1] of the ascending values."""
    ordered = sorted(values)

    def percentile(p):
        return round(ordered[math.ceil(p * len(ordered)) - 1], 3)

    return {"p50": percentile(0.5), "p99": percentile(0.99), "min": round(ordered[0], 3), "max": round(ordered[-1], 3),
            "runs": len(ordered)}


@contextlib.contextmanager
def node(memory_mb, stem_cells=0, idle_container="10 min", preload=None, models=True):
    """A daemon of its own with so much memory for containers; preload: the planner, None is off."""
    manifest = json.loads((ROOT / "configs" / "runtimes.json").read_text())
    torchscript = manifest["runtimes"]["torchscript"][0]
    if stem_cells:
        torchscript["stemCells"] = [{"initialCount": stem_cells, "memory": "2048 MB"}]
    arguments = ["--preload", "on" if preload else "off"]
    if preload:
        arguments += ["--planner", preload]
    if models:
        arguments += ["--models", str(MODELS)]
    daemon = Daemon(str(BIN), {"node": {"user_memory": f"{memory_mb} MB"},
                               "keep_alive": {"idle_container": idle_container, "pause_grace": "0 s"},
                               "preload": {"arrival": EAGER_ARRIVALS}}, arguments)
    manifest_file = pathlib.Path(daemon.root) / "runtimes.json"
    manifest_file.write_text(json.dumps(manifest))
    with open(daemon.config_file, encoding="utf-8") as file:
        config = file.read()
    with open(daemon.config_file, "w", encoding="utf-8") as file:
        file.write(config.replace("[node]\n", f"[node]\nruntimes = {json.dumps(str(manifest_file))}\n"))
    with daemon:
        try:
            yield daemon
        except OSError:
            print(f"the daemon's last words (exit status {daemon.process.poll()}):\n{daemon.log()[-3000:]}", file=sys.stderr)
            raise


def deploy(daemon, name, code, kind, memory_mb, annotations=None):
    status, answer = daemon.create(name, code, kind, {"memory": memory_mb, "timeout": 60000, "logs": 1}, annotations)
    if status != 200:
        raise SystemExit(f"deploying {name} was refused with status {status}: {answer}")


def deploy_models(daemon, names, memory_mb):
    for name in names:
        if not (MODELS / name / "1" / "model.pt").exists():
            raise SystemExit(f"{MODELS / name} is not there; tools/make-models writes it")
        deploy(daemon, name, json.dumps({"model": name}), "torchscript:1", memory_mb)
        (MODELS / name / "1" / "model.pt").read_bytes()  # the page cache holds it for every kind of start


def example_request(name):
    return (MODELS / name / "1" / "request.json").read_bytes()


def call(daemon, name, raw=b"{}"):
    """(end-to-end milliseconds as the client saw them, annotations) of one call that must succeed."""
    begin = time.perf_counter()
    status, record = daemon.invoke(name, raw=raw)
    took = (time.perf_counter() - begin) * 1000
    if status != 200:
        raise SystemExit(f"{name} answered status {status}: {json.dumps(record)[:500]}")
    return took, {key: annotation(record, key) for key in ("startupType", "loadTime", "runTime", "memoryWaitTime")}


def wait_until(condition, what, daemon):
    """Polls the daemon's status until condition(status) is true; ends the benchmark if it never is."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        status = daemon.status()
        if condition(status):
            return
        if time.monotonic() > deadline:
            print(json.dumps(status, indent=1), file=sys.stderr)
            raise SystemExit(f"after {PATIENCE_S} s: still waiting until {what}")
        time.sleep(POLL_S)


def ready_in(container):
    """Names of the functions that are loaded in this container, its owner included."""
    return {held["function"].rsplit("/", 1)[-1] for held in container["holds"] if held["state"] == "ready"}


def own_of(container):
    return (container["own"] or "").rsplit("/", 1)[-1]


def holds_all(status, names, wanted):
    """One idle container holds all of the functions, ready, and belongs to another one than the one wanted."""
    containers = status["containers"]
    return (len(containers) == 1 and containers[0]["state"] == "idle" and own_of(containers[0]) != wanted
            and set(names) <= ready_in(containers[0]) | {own_of(containers[0])})
