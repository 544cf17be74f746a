"""The unmodified wsk against the daemon: the rows of OpenWhisk's visible behaviour for info, namespaces, actions, activations.

Names of the methods carry the rows' numbers. Rows about packages, triggers, rules, sequences and web actions are absent: the
daemon has none. INSTAINFER_BINARY_DIR holds instainferd, INSTAINFER_BUILD_DIR is the build folder (see wsk_build.py).
"""

import json
import os
import re
import subprocess
import zipfile

import peer_test
import wsk_build

NOWHERE = "http://127.0.0.1:1"
UNKNOWN_ID = "0123456789abcdef0123456789abcdef"
CODE = r" \(code [A-Za-z0-9]+\)"


class WskTest(peer_test.PeerTest):
    WSK = ""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.properties = cls.path("wskprops")

    def wsk(self, *arguments):
        environment = {**os.environ, "WSK_CONFIG_FILE": self.properties, "HOME": self.folder.name}
        return subprocess.run([self.WSK, *arguments], cwd=self.folder.name, env=environment, capture_output=True, text=True,
                              timeout=120, check=False)

    def expect(self, *arguments, code=0, out="", err=""):
        """Runs wsk and holds exit code, and what is found in its output, against the row. Answers the standard output."""
        done = self.wsk(*arguments)
        said = f"wsk {' '.join(arguments)}: exit {done.returncode}\nstdout: {done.stdout}\nstderr: {done.stderr}"
        self.assertEqual(done.returncode, code, said)
        self.assertTrue(re.search(out, done.stdout), f"{said}\nexpected on stdout: {out}")
        self.assertTrue(re.search(err, done.stderr), f"{said}\nexpected on stderr: {err}")
        self.assertNotIn("Application exited unexpectedly", done.stdout + done.stderr, said)
        return done.stdout

    def fields(self, *arguments, **expected):
        """The JSON that follows the first line of what wsk printed."""
        return json.loads(self.expect(*arguments, **expected).split("\n", 1)[1])

    def set_properties(self):
        self.expect("property", "set", "--apihost", self.daemon.api, "--auth", peer_test.GUEST,
                    out="ok: whisk auth set(.|\n)*ok: whisk API host set to " + re.escape(self.daemon.api))


class Rows(WskTest):
    CONFIG = {"limits": {"blocking_wait": "3 s"}}

    def test_01_property_set(self):
        self.set_properties()

    def test_02_property_get(self):
        out = self.expect("property", "get", out=r"whisk namespace\s+guest\n")
        self.assertEqual(len(out.strip().splitlines()), 9, out)
        self.assertRegex(out, r"whisk API build\s+\S+")
        self.assertRegex(out, r"whisk API build number\s+\S+")

    def test_03_property_get_namespace(self):
        self.expect("property", "get", "--namespace", "-o", "raw", out="^guest$")

    def test_04_namespace_list(self):
        self.expect("namespace", "list", out="^namespaces\nguest\n$")

    def test_05_namespace_get(self):
        for command in (("namespace", "get"), ("list",)):
            self.expect(*command, out=r"Entities in namespace: default\npackages(.|\n)*actions(.|\n)*triggers(.|\n)*rules")

    def test_06_bad_key(self):
        self.expect("namespace", "list", "--auth", "bad:key", code=145,
                    err="Unable to obtain the list of available namespaces: The supplied authentication is invalid" + CODE)

    def test_07_empty_list(self):
        self.expect("action", "list", out="^actions\n$")

    def test_08_create(self):
        self.expect("action", "create", "hello", "hello.py", out="ok: created action hello")

    def test_09_create_again(self):
        self.expect("action", "create", "hello", "hello.py", code=153,
                    err="error: Unable to create action 'hello': resource already exists" + CODE)

    def test_10_get(self):
        action = self.fields("action", "get", "hello", out="ok: got action hello")
        self.assertEqual(action["exec"]["kind"], "python:3")
        self.assertEqual(action["version"], "0.0.1")
        self.assertEqual(action["limits"], {"timeout": 60000, "memory": 256, "logs": 10, "concurrency": 1})
        annotations = {pair["key"]: pair["value"] for pair in action["annotations"]}
        self.assertEqual(annotations, {"exec": "python:3", "provide-api-key": False})

    def test_11_get_field(self):
        limits = self.fields("action", "get", "hello", "limits", out="ok: got action hello, displaying field limits")
        self.assertEqual(limits["memory"], 256)

    def test_12_get_url(self):
        self.expect("action", "get", "hello", "--url",
                    out=re.escape(self.daemon.api + "/api/v1/namespaces/guest/actions/hello"))

    def test_13_save(self):
        os.rename(self.path("hello.py"), self.path("original.py"))
        self.expect("action", "get", "hello", "--save", out="ok: saved action code to .*hello.py")
        with open(self.path("hello.py"), encoding="utf-8") as file:
            self.assertEqual(file.read(), peer_test.HELLO)

    def test_14_get_missing(self):
        self.expect("action", "get", "nothere", code=148,
                    err="error: Unable to get action 'nothere': The requested resource does not exist." + CODE)

    def test_15_update_parameters(self):
        self.expect("action", "update", "hello", "-p", "place", "Kansas", out="ok: updated action hello")
        action = self.fields("action", "get", "hello")
        self.assertEqual(action["version"], "0.0.2")
        self.assertEqual(action["parameters"], [{"key": "place", "value": "Kansas"}])

    def test_16_update_limits(self):
        self.expect("action", "update", "hello", "-m", "512", "-t", "120000", "-l", "5", out="ok: updated action hello")
        action = self.fields("action", "get", "hello")
        self.assertEqual(action["limits"], {"timeout": 120000, "memory": 512, "logs": 5, "concurrency": 1})
        self.assertEqual(action["parameters"], [{"key": "place", "value": "Kansas"}])

    def test_17_too_much_memory(self):
        self.expect("action", "create", "big", "hello.py", "-m", "99999999", code=144,
                    err=r"requirement failed: memory size 99999999 MB exceeds allowed threshold of \d+ MB" + CODE)

    def test_18_unknown_kind(self):
        self.expect("action", "create", "bad", "hello.py", "--kind", "foo:1", code=144,
                    err="The request content was malformed:\nThe specified runtime 'foo:1' is not supported by this platform.")

    def test_19_zip_without_kind(self):
        with zipfile.ZipFile(self.path("code.zip"), "w") as archive:
            archive.writestr("__main__.py", peer_test.HELLO)
        self.expect("action", "create", "z", "code.zip", code=2, err="requires specifying the action kind explicitly")

    def test_20_zip(self):
        self.expect("action", "create", "z", "code.zip", "--kind", "python:default", out="ok: created action z")
        self.expect("action", "get", "z", "--save", out="ok: saved action code to .*z.zip")
        with open(self.path("code.zip"), "rb") as sent, open(self.path("z.zip"), "rb") as saved:
            self.assertEqual(saved.read(), sent.read())

    def test_21_docker_is_refused(self):
        self.expect("action", "create", "d", "--docker", "me/img:1", code=144,
                    err="Actions of kind 'blackbox' are not supported by this platform.")

    def test_22_java_is_refused(self):
        with open(self.path("x.jar"), "wb") as file:
            file.write(b"PK\x05\x06" + bytes(18))
        self.expect("action", "create", "j", "x.jar", code=144, err="runtime 'java:default' is not supported")

    def test_24_annotations(self):
        self.expect("action", "update", "hello", "-a", "k1", "v1")
        self.expect("action", "update", "hello", "-a", "k2", "2")
        self.expect("action", "update", "hello", "--del-annotation", "k1")
        annotations = {pair["key"]: pair["value"] for pair in self.fields("action", "get", "hello")["annotations"]}
        self.assertNotIn("k1", annotations)
        self.assertEqual(annotations["k2"], 2)

    def test_25_copy(self):
        self.expect("action", "create", "c", "hello", "--copy", out="ok: created action c")
        original, copy = self.fields("action", "get", "hello"), self.fields("action", "get", "c")
        for member in ("exec", "parameters"):
            self.assertEqual(copy[member], original[member])
        self.assertCountEqual(copy["annotations"], original["annotations"])

    def test_26_update_missing(self):
        self.expect("action", "update", "nonex", "-p", "a", "b", code=144, err="'nonex': exec undefined" + CODE)

    def test_27_bad_name(self):
        self.expect("action", "create", "bad*name", "hello.py", code=144,
                    err="The name of the entity contains illegal characters." + CODE)

    def test_28_name_with_blank(self):
        self.expect("action", "create", "sp ace", "hello.py", out="ok: created action sp ace")
        self.assertEqual(json.loads(self.expect("action", "invoke", "sp ace", "-r")), {"payload": "Hello"})

    def test_29_list(self):
        lines = self.expect("action", "list").splitlines()
        self.assertEqual(lines[0], "actions")
        self.assertRegex(lines[1], r"^/guest/sp ace\s+private python:3$")
        self.assertRegex(lines[-1], r"^/guest/z\s+private python:3$")

    def test_30_list_pages(self):
        self.assertEqual(len(self.expect("action", "list", "-l", "1", "-s", "1", out="/guest/c ").splitlines()), 2)
        names = [line.split()[0] for line in self.expect("action", "list", "-n").splitlines()[1:]]
        self.assertEqual(names, sorted(names))

    def test_31_list_too_many(self):
        self.expect("action", "list", "-l", "500", code=144,
                    err="'limit' was malformed:\nThe value '500' is not in the range of 0 to 200 for actions." + CODE)

    def test_32_list_of_others(self):
        self.expect("action", "list", "/other", code=147, err="not authorized to access 'other'." + CODE)

    def test_33_invoke(self):
        self.expect("action", "invoke", "hello", out="ok: invoked /_/hello with id [0-9a-f]{32}")

    def test_34_invoke_blocking(self):
        record = self.fields("action", "invoke", "hello", "-b", out="ok: invoked /_/hello with id")
        self.assertEqual(record["logs"], [])
        self.assertEqual(record["response"]["status"], "success")

    def test_35_invoke_result(self):
        self.assertEqual(json.loads(self.expect("action", "invoke", "hello", "-r")), {"payload": "Hello"})

    def test_36_typed_parameters(self):
        for name, code in peer_test.ACTIONS.items():
            self.assertEqual(self.daemon.create(name, code)[0], 200)
        result = json.loads(self.expect("action", "invoke", "echo", "-r", "-p", "n", "3", "-p", "o", '{"a":[1,2]}', "-p", "s", "str"))
        self.assertEqual(result, {"n": 3, "o": {"a": [1, 2]}, "s": "str"})

    def test_37_parameter_file(self):
        with open(self.path("p.json"), "w", encoding="utf-8") as file:
            json.dump({"name": "file", "other": 1}, file)
        result = json.loads(self.expect("action", "invoke", "echo", "-r", "-P", "p.json", "-p", "name", "X"))
        self.assertEqual(result, {"name": "X", "other": 1})

    def test_38_application_error(self):
        self.expect("action", "invoke", "apperr", "-b", code=246, err="ok: invoked /_/apperr with id(.|\n)*application error")

    def test_39_application_error_result(self):
        self.assertEqual(json.loads(self.wsk("action", "invoke", "apperr", "-r").stderr), {"error": "oops"})
        self.expect("action", "invoke", "apperr", "-r", code=246)

    def test_40_developer_error(self):
        self.expect("action", "invoke", "crash", "-r", code=246, err='"error": "')
        self.expect("activation", "get", "--last", out="action developer error")

    def test_41_wait_expires(self):
        done = self.wsk("action", "invoke", "slow", "-b", "-p", "sleep", "5000")
        self.assertEqual(done.returncode, 202, done.stderr)
        said = "ok: invoked /_/slow, but the request has not yet finished, with id ([0-9a-f]{32})"
        self.assertRegex(done.stderr, said)
        activation = re.search(said, done.stderr).group(1)
        self.wait_for_record(activation)
        self.expect("activation", "get", activation, out='"slept": true|"payload"')

    def test_42_time_limit(self):
        self.daemon.create("slow", peer_test.ACTIONS["slow"], limits={"timeout": 1000})
        self.expect("action", "invoke", "slow", "-r", code=246,
                    err="The action exceeded its time limits of 1000 milliseconds.")
        record = self.fields("activation", "get", "--last")
        self.assertIn({"key": "timeout", "value": True}, record["annotations"])

    def test_43_array_result(self):
        self.assertEqual(json.loads(self.expect("action", "invoke", "arr", "-r")), [1, 2, 3])

    def test_47_payload_too_large(self):
        with open(self.path("large.json"), "w", encoding="utf-8") as file:
            json.dump({"x": "y" * (1 << 20)}, file)
        self.expect("action", "invoke", "echo", "-P", "large.json", code=157,
                    err=r"Request larger than allowed: \d+ > 1048576 bytes." + CODE)

    def test_48_invoke_missing(self):
        self.expect("action", "invoke", "nothere", code=148,
                    err="error: Unable to invoke action 'nothere': The requested resource does not exist." + CODE)

    def test_49_activation_list(self):
        lines = self.expect("activation", "list", out="Datetime").splitlines()
        self.assertRegex(lines[1], r"python:3.* success .*guest/arr:0.0.1")
        hello = [line for line in lines if "guest/hello:" in line]
        self.assertIn("warm", hello[0])

    def test_50_activation_list_filtered(self):
        lines = self.expect("activation", "list", "hello", "-l", "1").splitlines()
        self.assertEqual(len(lines), 2)
        self.assertIn("guest/hello", lines[1])
        start = str(self.newest()["start"])
        self.expect("activation", "list", "--since", start, "--upto", start, out="guest/")
        self.assertNotIn("guest/", self.expect("activation", "list", "--upto", "1"))

    def test_51_activation_list_full(self):
        self.expect("activation", "list", "-f", "-l", "1", out='^activations\n(.|\n)*"activationId"(.|\n)*"result"')

    def test_52_activation_get(self):
        activation = self.newest()["activationId"]
        self.expect("activation", "get", activation, out=f"ok: got activation {activation}")
        self.expect("activation", "get", "--last", out=activation)
        self.expect("activation", "get", "-l", "duration", out=r"displaying field duration\n\d+")

    def test_53_logs(self):
        self.expect("action", "invoke", "hello", "-r")
        self.wait_for_newest("hello")
        self.expect("activation", "logs", "--last", out=r"^\d{4}-\d\d-\d\dT\S+\s+stdout: hi from hello\n$")
        self.expect("activation", "logs", "--last", "--strip", out="^hi from hello\n$")

    def test_54_result(self):
        self.assertEqual(json.loads(self.expect("activation", "result", "--last")), {"payload": "Hello"})

    def test_55_activation_id_too_short(self):
        self.expect("activation", "get", "abc", code=144,
                    err="error: Unable to get activation 'abc': Activation id length is 3 but must be 32." + CODE)

    def test_56_activation_unknown(self):
        self.expect("activation", "get", UNKNOWN_ID, code=148, err="The requested resource does not exist." + CODE)

    def test_57_poll(self):
        self.daemon.invoke("hello", blocking=False)
        since = ("--since-minutes", "1")
        self.expect("activation", "poll", "hello", "-e", "3", *since, out=r"Activation: 'hello' \([0-9a-f]{32}\)\n\[")

    def test_78_delete(self):
        self.expect("action", "delete", "hello", out="ok: deleted action hello")
        self.expect("action", "delete", "hello", code=148, err="The requested resource does not exist." + CODE)

    def test_80_no_server(self):
        self.expect("--apihost", NOWHERE, "action", "list", code=3, err="connection refused")

    def newest(self):
        return self.daemon.request("GET", "/api/v1/namespaces/_/activations?limit=1")[1][0]

    def wait_for_record(self, activation):
        """The record is written when the activation ends; wsk itself does not wait for that."""
        self.wait(lambda: self.daemon.activation(activation)[0] == 200)

    def wait_for_newest(self, name):
        self.wait(lambda: self.newest()["name"] == name and self.newest().get("end"))


class Concurrency(WskTest):
    CONFIG = {"limits": {"invocations_per_minute": -1, "concurrent_invocations": 30}, "node": {"drain_limit": "1 s"}}

    def test_46_concurrent(self):
        self.set_properties()
        self.daemon.create("slow", peer_test.ACTIONS["slow"])
        for _ in range(30):
            self.assertEqual(self.daemon.invoke("slow", {"sleep": 30000}, blocking=False)[0], 202)
        self.expect("action", "invoke", "slow", code=173,
                    err=r"Too many concurrent requests in flight \(count: 30, allowed: 30\)." + CODE)


class Rate(WskTest):
    CONFIG = {"limits": {"invocations_per_minute": 60}}

    def test_45_per_minute(self):
        self.set_properties()
        text = r"Too many requests in the last minute \(count: \d+, allowed: 60\)."
        for _ in range(2):  # a minute of the clock may end between the calls; it cannot do so twice
            accepted = 0
            while self.daemon.invoke("nothere")[0] != 429:
                accepted += 1
                self.assertLess(accepted, 200, "nothing was refused")
            done = self.wsk("action", "invoke", "nothere")
            if done.returncode == 173:
                break
        self.assertRegex(done.stderr, text + CODE)


if __name__ == "__main__":
    try:
        WskTest.WSK = wsk_build.find_wsk(peer_test.BUILD_DIRECTORY)
    except wsk_build.Unavailable as reason:
        peer_test.unavailable(f"no wsk to test with. {reason}", test="wsk_rows")
    peer_test.main()
