"""Builds the unmodified `wsk` from its public Go module, once, into a cache folder. Standard library only.

The module lacks `wski18n/i18n_resources.go`, which OpenWhisk's release build generates from the English table that the
module does hold; a Go build overlay supplies it. Settings, all optional:

  INSTAINFER_WSK         a wsk binary to use instead of building one
  INSTAINFER_CACHE       the cache folder (default: <build>/cache)
  INSTAINFER_GO_REPLACE  module=folder,module=folder: source checkouts to build from where the module proxy lacks a module
"""

import json
import os
import shutil
import subprocess

MODULE = "github.com/apache/openwhisk-cli"
VERSION = "v0.0.0-20220829235807-ddcce2e89684"  # the head that knows array results; 1.2.0 sends the same requests
BUILD_LIMIT_S = 1200


class Unavailable(Exception):
    """A tool or a registry is out of reach, so there is no wsk to test with."""


def find_wsk(build_directory):
    given = os.environ.get("INSTAINFER_WSK")
    if given:
        return os.path.abspath(given)
    cache = os.environ.get("INSTAINFER_CACHE") or os.path.join(build_directory, "cache")
    folder = os.path.join(cache, f"wsk-{VERSION}")
    binary = os.path.join(folder, "wsk")
    if not os.path.exists(binary):
        build(folder, binary)
    return binary


def build(folder, binary):
    if not shutil.which("go"):
        raise Unavailable("there is no `go` to build wsk with; install Debian's package golang, or name a wsk with INSTAINFER_WSK")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "go.mod"), "w", encoding="utf-8") as file:
        file.write("module instainfer.test/wsk\n\ngo 1.16\n")
    edit = ["go", "mod", "edit", f"-require={MODULE}@{VERSION}"]
    for pair in filter(None, os.environ.get("INSTAINFER_GO_REPLACE", "").split(",")):
        edit.append(f"-replace={pair}")
    run(edit, folder)
    run(["go", "mod", "download", MODULE], folder)
    source = json.loads(run(["go", "list", "-mod=mod", "-m", "-json", MODULE], folder))["Dir"]
    overlay = write_overlay(folder, source)
    run(["go", "build", "-mod=mod", f"-overlay={overlay}", "-o", binary + ".new", MODULE], folder)
    os.replace(binary + ".new", binary)


def write_overlay(folder, source):
    with open(os.path.join(source, "wski18n", "resources", "en_US.all.json"), encoding="utf-8") as file:
        table = json.dumps(file.read(), ensure_ascii=False)  # JSON's string literal is Go's as well
    generated = os.path.join(folder, "i18n_resources.go.txt")
    with open(generated, "w", encoding="utf-8") as file:
        file.write("package wski18n\n\n// Asset answers the English table: wsk asks for no other.\n"
                   f"func Asset(string) ([]byte, error) {{ return []byte({table}), nil }}\n")
    overlay = os.path.join(folder, "overlay.json")
    with open(overlay, "w", encoding="utf-8") as file:
        json.dump({"Replace": {os.path.join(source, "wski18n", "i18n_resources.go"): generated}}, file)
    return overlay


def run(command, folder):
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=BUILD_LIMIT_S, check=False)
    except subprocess.TimeoutExpired as expired:
        raise Unavailable(f"`{' '.join(command)}` did not end within {BUILD_LIMIT_S} s") from expired
    if done.returncode != 0:
        raise Unavailable(f"`{' '.join(command)}` failed:\n{done.stderr.strip()}")
    return done.stdout
