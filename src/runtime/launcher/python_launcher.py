"""Runs one Python action: loads its code once, then answers requests until its manager closes the line.

Started as `python3 -I python_launcher.py` with requests on descriptor 4 and answers on descriptor 3. A request is one line of
JSON; an answer is one line: a three-digit status, a blank, JSON. What the action prints goes to stdout and stderr and never
into an answer.
"""

import base64
import binascii
import io
import json
import os
import sys
import traceback
import types
import zipfile

ANSWERS = 3
REQUESTS = 4
UNPACKED_LIMIT = 2 << 30  # bytes


class InitError(Exception):
    """What is wrong with the action itself, in a sentence for its developer."""


def take_over(descriptor, mode):
    """The channel under a number of its own, closed in programs the action starts."""
    own = os.dup(descriptor)  # not inheritable, unlike what we were started with
    os.close(descriptor)
    return os.fdopen(own, mode)


def send(answers, status, body):
    sys.stdout.flush()
    sys.stderr.flush()
    text = body if isinstance(body, str) else json.dumps(body)
    answers.write(f"{status} {text}\n".encode("utf-8", "backslashreplace"))
    answers.flush()


def open_zip(code):
    """The zip in an action's code."""
    try:
        data = base64.b64decode(code, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InitError(f"The action's code is not a base64-encoded zip file: {error}.") from error
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError) as error:
        if data[:2] == b"PK":
            raise InitError(f"The action's zip file is truncated or damaged: {error}.") from error
        raise InitError(f"The action's code is not a base64-encoded zip file: {error}.") from error


def unpack(code):
    """The files of a zip action, in the working directory; answers the source of its __main__.py."""
    with open_zip(code) as archive:
        if "__main__.py" not in archive.namelist():
            raise InitError("Zip file does not include __main__.py.")
        # No file can unpack to more than its entry declares: zipfile stops there.
        if sum(entry.file_size for entry in archive.infolist()) > UNPACKED_LIMIT:
            raise InitError(f"The action's zip file holds more than {UNPACKED_LIMIT} bytes.")
        directory = os.path.join(os.getcwd(), "action")
        try:
            archive.extractall(directory)  # zipfile drops absolute paths and leading parent folders
        except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
            raise InitError(f"The action's zip file cannot be unpacked: {error}.") from error
    os.chdir(directory)
    sys.path.insert(0, directory)
    virtualenv = os.path.join(directory, "virtualenv", "lib")
    if os.path.isdir(virtualenv):
        for version in sorted(os.listdir(virtualenv)):
            sys.path.insert(1, os.path.join(virtualenv, version, "site-packages"))
    with open(os.path.join(directory, "__main__.py"), encoding="utf-8") as source:
        return source.read()


def load(value):
    """Runs the action's module-level code and answers its entry point."""
    os.environ.update({str(key): str(text) for key, text in (value.get("env") or {}).items()})
    code = value.get("code") or ""
    if not code:
        raise InitError("Missing main/no code to execute.")
    source = unpack(code) if value.get("binary") else code
    module = types.ModuleType("__main__")
    module.__file__ = os.path.join(os.getcwd(), "__main__.py")
    sys.modules["__main__"] = module
    exec(compile(source, module.__file__, "exec"), module.__dict__)  # pylint: disable=exec-used
    name = value.get("main") or "main"
    entry = getattr(module, name, None)
    if not callable(entry):
        raise InitError(f"The action has no function named {name!r}; define `def {name}(args)`.")
    return entry


def run(entry, request):
    """(status, body) of one activation."""
    for key, text in request.items():
        if key != "value":
            os.environ["__OW_" + key.upper()] = text if isinstance(text, str) else json.dumps(text)
    try:
        result = entry(request.get("value", {}))
    except Exception:  # pylint: disable=broad-except
        traceback.print_exc()
        return 502, {"error": "An error has occurred while invoking the action (see logs for details): "
                     + traceback.format_exc(limit=0).strip()}
    if not isinstance(result, (dict, list)):
        return 502, {"error": "The action did not return a dictionary or array."}
    try:
        return 200, json.dumps(result, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        return 502, {"error": f"The action's result is not JSON: {error}."}


def main():
    answers = take_over(ANSWERS, "wb")
    requests = take_over(REQUESTS, "rb")
    sys.argv[:] = ["__main__.py"]
    try:
        entry = load(json.loads(requests.readline()))
    except InitError as error:
        send(answers, 502, {"error": str(error)})
        return
    except Exception as error:  # pylint: disable=broad-except
        traceback.print_exc()
        send(answers, 502, {"error": f"The action failed during initialization: {type(error).__name__}: {error}"})
        return
    send(answers, 200, {"ok": True})
    for line in requests:
        status, body = run(entry, json.loads(line))
        send(answers, status, body)


main()
