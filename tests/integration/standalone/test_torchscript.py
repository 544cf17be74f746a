"""TorchScript actions through the REST API: right answers, and for every wrong input a sentence that says what is right."""

import base64
import io
import json
import os
import shutil
import tempfile
import unittest
import zipfile

import torch

from daemon import Daemon, annotation

BIN = os.environ["INSTAINFER_BIN"]
KIND = "torchscript:1"
FUNCTION = {"inputs": [{"name": "x", "shape": [-1, 4], "datatype": "FP32"}], "outputs": [{"name": "y"}]}


class Affine(torch.nn.Module):
    """y = W x + b with fixed weights: what it answers is known by heart."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(4, 3)
        with torch.no_grad():
            self.linear.weight.copy_(torch.arange(12.0).reshape(3, 4) / 10)
            self.linear.bias.copy_(torch.tensor([1.0, 2.0, 3.0]))

    def forward(self, x):
        return self.linear(x)


def model_bytes():
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(Affine().eval()), buffer)
    return buffer.getvalue()


def zipped(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_pt", ".pt").replace("_json", ".json"), content)
    return buffer.getvalue()


def with_format_version(model, version):
    """The same model claiming another file format."""
    source = zipfile.ZipFile(io.BytesIO(model))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for info in source.infolist():
            content = source.read(info)
            archive.writestr(info.filename, version if info.filename.endswith("/version") else content)
    return buffer.getvalue()


def tensor(data, shape, name="x", datatype="FP32"):
    return {"inputs": [{"name": name, "shape": shape, "datatype": datatype, "data": data}]}


class TorchScript(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.models = tempfile.mkdtemp(prefix="models-")
        version = os.path.join(cls.models, "affine", "1")
        os.makedirs(version)
        with open(os.path.join(version, "model.pt"), "wb") as file:
            file.write(model_bytes())
        with open(os.path.join(version, "function.json"), "w", encoding="utf-8") as file:
            json.dump(FUNCTION, file)
        with open(os.path.join(cls.models, "affine", "model.json"), "w", encoding="utf-8") as file:
            json.dump({"public": True}, file)
        cls.daemon = Daemon(BIN, {"node": {"user_memory": "2 GB"}}, ["--models", cls.models])
        cls.daemon.start()
        cls.daemon.create("affine", zipped(model_pt=model_bytes(), function_json=json.dumps(FUNCTION)), KIND)

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()
        shutil.rmtree(cls.models)

    def answer(self, parameters, name="affine"):
        status, record = self.daemon.invoke(name, parameters)
        return status, record["response"]["status"], record["response"]["result"]

    def refused_init(self, code):
        self.assertEqual(self.daemon.create("broken", code, KIND)[0], 200)
        status, kind, result = self.answer(tensor([0, 0, 0, 0], [1, 4]), "broken")
        self.assertEqual((status, kind), (502, "action developer error"), result)
        return result["error"]

    def refused_input(self, parameters):
        status, kind, result = self.answer(parameters)
        self.assertEqual((status, kind), (502, "application error"), result)
        return result["error"]

    def assert_affine(self, result):
        output = result["outputs"][0]
        self.assertEqual((output["name"], output["shape"], output["datatype"]), ("y", [1, 3], "FP32"))
        expected = Affine()(torch.tensor([[1.0, 2.0, 3.0, 4.0]]))[0].tolist()
        for got, wanted in zip(output["data"], expected):
            self.assertAlmostEqual(got, wanted, places=5)

    def test_a_zip_with_a_model_answers_as_the_framework_does(self):
        status, _, result = self.answer(tensor([1, 2, 3, 4], [1, 4]))
        self.assertEqual(status, 200, result)
        self.assert_affine(result)

    def test_a_model_of_the_repository_answers_as_the_framework_does(self):
        self.assertEqual(self.daemon.create("from-repository", json.dumps({"model": "affine"}), KIND)[0], 200)
        status, _, result = self.answer(tensor([1, 2, 3, 4], [1, 4]), "from-repository")
        self.assertEqual(status, 200, result)
        self.assert_affine(result)

    def test_raw_base64_data_is_a_tensor_too(self):
        raw = base64.b64encode(torch.tensor([1.0, 2.0, 3.0, 4.0]).numpy().tobytes()).decode()
        parameters = tensor(raw, [1, 4])
        parameters["inputs"][0]["parameters"] = {"binary": True}
        status, _, result = self.answer(parameters)
        self.assertEqual(status, 200, result)
        self.assert_affine(result)

    def test_two_functions_of_a_namespace_share_a_container_ahead_of_their_calls(self):
        if not self.daemon.status()["backend"]["isolates_functions"]:
            self.skipTest("an ordinary user has one function in a container, so nothing is preloaded beside it")
        self.daemon.create("ahead", zipped(model_pt=model_bytes(), function_json=json.dumps({**FUNCTION, "n": 1})), KIND)
        self.answer(tensor([1, 2, 3, 4], [1, 4]))
        while not any(held["function"] == "guest/ahead" and held["state"] == "ready"
                      for container in self.daemon.status()["containers"] for held in container["holds"]):
            self.assertIsNone(self.daemon.process.poll())
        _, record = self.daemon.invoke("ahead", tensor([1, 2, 3, 4], [1, 4]))
        self.assertIn(annotation(record, "startupType"), ("preloaded", "warm"))
        self.assert_affine(record["response"]["result"])

    def test_a_truncated_zip_is_refused(self):
        whole = zipped(model_pt=model_bytes())
        self.assertRegex(self.refused_init(whole[:len(whole) // 2]), r"(?i)zip.*(truncated|damaged|complete)")

    def test_a_zip_without_a_model_is_refused(self):
        self.assertRegex(self.refused_init(zipped(readme_json="{}")), r"model\.pt")

    def test_a_model_of_a_format_this_libtorch_cannot_read_is_refused(self):
        self.assertRegex(self.refused_init(zipped(model_pt=with_format_version(model_bytes(), b"99\n"))), r"(?i)version")

    def test_an_unknown_model_of_the_repository_is_named(self):
        self.assertRegex(self.refused_init(json.dumps({"model": "nothere"})), r"nothere")

    def test_a_model_name_that_leads_out_of_the_repository_is_refused(self):
        self.assertRegex(self.refused_init(json.dumps({"model": "../affine"})), r"\.\./affine")

    def test_a_wrong_shape_says_the_right_one(self):
        self.assertRegex(self.refused_input(tensor([1, 2, 3], [1, 3])), r"x.*\[-1, ?4\]")

    def test_a_wrong_datatype_says_the_right_one(self):
        self.assertRegex(self.refused_input(tensor([1, 2, 3, 4], [1, 4], datatype="INT64")), r"FP32")

    def test_a_wrong_number_of_values_is_counted(self):
        self.assertRegex(self.refused_input(tensor([1, 2, 3], [1, 4])), r"4.*3|3.*4")

    def test_an_unknown_input_names_the_known_ones(self):
        self.assertRegex(self.refused_input(tensor([1, 2, 3, 4], [1, 4], name="z")), r"x")

    def test_a_request_without_inputs_says_what_is_expected(self):
        self.assertRegex(self.refused_input({}), r"inputs")


if __name__ == "__main__":
    unittest.main()
