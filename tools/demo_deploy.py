#!/usr/bin/python3
"""Deploys the functions of the demo trace as actions of kind torchscript:1 that name a model of the node's repository.

Returns when the node's stem cells are up, so that a replay does not begin while they still start.
"""

import argparse
import base64
import csv
import json
import time
import urllib.error
import urllib.request

GUEST = ("23bc46b1-71f6-4ed5-8c54-816aa4f8c502:"
         "123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP")
MEMORY_MB = 2048
STEM_CELLS = 2
PATIENCE_S = 60


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--api", required=True)
    parser.add_argument("--admin", required=True)
    parser.add_argument("--functions", required=True, help="CSV with the columns function and request")
    arguments = parser.parse_args()
    with open(arguments.functions, newline="") as file:
        functions = list(csv.DictReader(file))
    for function in functions:
        deploy(arguments.api, function["function"], function["request"].split("/")[0])
    await_stem_cells(arguments.admin)
    print(f"deployed {len(functions)} functions of {MEMORY_MB} MB: "
          + ", ".join(f"{f['function']} ({f['model']})" for f in functions))


def deploy(api, name, model):
    # Without labels the answer is all scores, which the replay compares with PyTorch's, not only the best five classes.
    code = {"model": model, "labels": []}
    action = {
        "namespace": "_",
        "name": name,
        "exec": {"kind": "torchscript:1", "code": json.dumps(code)},
        "limits": {"memory": MEMORY_MB, "timeout": 60000},
    }
    request = urllib.request.Request(
        f"{api}/api/v1/namespaces/_/actions/{name}?overwrite=true", method="PUT", data=json.dumps(action).encode(),
        headers={"Content-Type": "application/json", "Authorization": "Basic " + base64.b64encode(GUEST.encode()).decode()})
    try:
        urllib.request.urlopen(request, timeout=30).read()
    except urllib.error.HTTPError as error:
        raise SystemExit(f"demo: deploying {name} was refused with status {error.code}: {error.read().decode()}")


def await_stem_cells(admin):
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with urllib.request.urlopen(f"{admin}/status", timeout=10) as answer:
            containers = json.load(answer)["containers"]
        ready = sum(container["state"] == "prewarmed" for container in containers)
        if ready >= STEM_CELLS:
            return
        if time.monotonic() > deadline:
            raise SystemExit(f"demo: {ready} of {STEM_CELLS} stem cells are up after {PATIENCE_S} s; see the server's log")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
