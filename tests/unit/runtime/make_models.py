"""Writes small TorchScript actions and what the framework itself answers for them: make_models.py FOLDER."""

import base64
import io
import json
import sys
import zipfile

import torch
from PIL import Image
from torchvision import transforms

folder = sys.argv[1]
torch.manual_seed(7)


class Classifier(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.head = torch.nn.Linear(8, 4)

    def forward(self, x):
        return self.head(torch.relu(self.convolution(x)).mean((2, 3)))


class Several(torch.nn.Module):
    def forward(self, a, b):
        return {"sum": a + b}, (a * 2, b > 0)


class Large(torch.nn.Module):
    """Big enough that the framework uses all its threads."""

    def forward(self, x):
        return torch.matmul(x, x).relu().sum().reshape(1)


class Words(torch.nn.Module):
    """Answers the numbers of the words it got."""

    def forward(self, ids):
        return ids * 1


class Hungry(torch.nn.Module):
    """Takes memory step by step, far beyond any limit of the tests, and keeps it."""

    def forward(self, x):
        kept = [x]
        for _ in range(2000):
            kept.append(torch.ones(1 << 18) + x.sum())
        return torch.stack([one.sum() for one in kept])


def packed(module, description=None, **files):
    model = io.BytesIO()
    torch.jit.save(torch.jit.script(module.eval()), model)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("model.pt", model.getvalue())
        if description is not None:
            out.writestr("function.json", json.dumps(description))
        for name, text in files.items():
            out.writestr(name, text)
    return archive.getvalue(), model.getvalue()


classifier = Classifier()
x = torch.rand(2, 3, 32, 32)
mean, deviation = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
shape = {"inputs": [{"name": "x", "shape": [-1, 3, 32, 32], "datatype": "FP32"}], "outputs": [{"name": "scores"}]}
picture_description = shape | {
    "preprocess": {"image": {"input": "x", "resize": 40, "crop": 32, "mean": mean, "std": deviation}},
    "labels": "labels", "top": 2}
classifier_zip, classifier_model = packed(classifier, picture_description, labels="ant\nbee\ncat\ndog\n")

pixels = (torch.rand(75, 100, 3) * 255).to(torch.uint8).numpy()
encoded = io.BytesIO()
Image.fromarray(pixels).save(encoded, "PNG")
jpeg = io.BytesIO()
Image.fromarray(pixels).save(jpeg, "JPEG", quality=90)
prepare = transforms.Compose([transforms.Resize(40), transforms.CenterCrop(32), transforms.ToTensor(), transforms.Normalize(mean, deviation)])


def scores(file):
    with torch.no_grad():
        return classifier(prepare(Image.open(io.BytesIO(file)).convert("RGB")).unsqueeze(0)).softmax(1)[0].tolist()


large = torch.rand(600, 600)
with open(f"{folder}/model.pt", "wb") as out:
    out.write(classifier_model)
with open(f"{folder}/actions.json", "w", encoding="utf-8") as out:
    text = lambda data: base64.b64encode(data).decode()
    json.dump({
        "classifier": text(classifier_zip),
        "description": json.dumps(shape),
        "input": x.tolist(),
        "input_raw": text(x.numpy().tobytes()),
        "scores": classifier(x).flatten().tolist(),
        "png": text(encoded.getvalue()), "png_scores": scores(encoded.getvalue()),
        "jpeg": text(jpeg.getvalue()), "jpeg_scores": scores(jpeg.getvalue()),
        "words": text(packed(Words(), {
            "inputs": [{"name": "ids", "shape": [1, 6], "datatype": "INT64"}], "outputs": [{"name": "seen"}],
            "preprocess": {"tokens": {"input": "ids", "vocabulary": "words.txt", "max_length": 6}}},
            **{"words.txt": "[PAD]\n[UNK]\nhello\nworld\n"})[0]),
        "hungry": text(packed(Hungry())[0]),
        "several": text(packed(Several())[0]),
        "large": text(packed(Large())[0]), "large_raw": text(large.numpy().tobytes()), "large_sum": Large()(large).item(),
        "truncated": text(classifier_zip[:len(classifier_zip) // 2]),
        "no_model": text(packed(Several())[0].replace(b"model.pt", b"nodel.pt")),
        "scores_of_first": classifier(x[:1]).flatten().tolist(),
    }, out)
