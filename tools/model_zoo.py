"""The eight models of the InstaInfer paper as PyTorch modules with reproducible random weights.

Random weights keep the demo free of downloads; loading, memory and run time are those of the trained models. What
trained weights would give by themselves, namely activations that neither vanish nor explode, comes from `calibrate`.
"""

import base64
import dataclasses
import io
import math
import zlib

import numpy
import torch
import torchvision
from PIL import Image, ImageDraw

MEAN = [0.485, 0.456, 0.406]
STD = [0.229, 0.224, 0.225]
VOCABULARY_SIZE = 30522
TOKENS = 128


class BertEncoder(torch.nn.Module):
    """BERT-base's encoder: embeddings, 12 layers of width 768 with 12 heads, and the pooler on the first token."""

    def __init__(self, layers=12, width=768, heads=12, vocabulary=VOCABULARY_SIZE, positions=512):
        super().__init__()
        self.words = torch.nn.Embedding(vocabulary, width)
        self.positions = torch.nn.Embedding(positions, width)
        self.norm = torch.nn.LayerNorm(width)
        self.layers = torch.nn.ModuleList(EncoderLayer(width, heads) for _ in range(layers))
        self.pooler = torch.nn.Linear(width, width)

    def forward(self, ids):
        places = torch.arange(ids.size(1), device=ids.device).unsqueeze(0)
        x = self.norm(self.words(ids) + self.positions(places))
        for layer in self.layers:
            x = layer(x)
        return torch.tanh(self.pooler(x[:, 0]))


class EncoderLayer(torch.nn.Module):
    """Self-attention and a feed-forward block of four times the width, normalised after each (as BERT does)."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.scale = 1 / math.sqrt(width // heads)
        self.query = torch.nn.Linear(width, width)
        self.key = torch.nn.Linear(width, width)
        self.value = torch.nn.Linear(width, width)
        self.join = torch.nn.Linear(width, width)
        self.norm_attention = torch.nn.LayerNorm(width)
        self.expand = torch.nn.Linear(width, 4 * width)
        self.shrink = torch.nn.Linear(4 * width, width)
        self.norm_feed = torch.nn.LayerNorm(width)

    def split(self, x):
        return x.view(x.size(0), x.size(1), self.heads, -1).transpose(1, 2)

    def forward(self, x):
        query, key, value = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
        weights = torch.softmax(query @ key.transpose(-2, -1) * self.scale, dim=-1)
        attended = (weights @ value).transpose(1, 2).flatten(2)
        x = self.norm_attention(x + self.join(attended))
        return self.norm_feed(x + self.shrink(torch.nn.functional.gelu(self.expand(x))))


def alexnet():
    """torchvision's default initialisation shrinks the signal until only the biases are left; He's keeps it."""
    model = torchvision.models.alexnet(weights=None)
    for module in model.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            torch.nn.init.zeros_(module.bias)
    return model


@dataclasses.dataclass(frozen=True)
class Model:
    """One model of the zoo: its name in the repository, how to build it, and its input."""

    name: str
    title: str
    build: callable
    side: int = 224  # height and width of the image; 0: takes token ids


ZOO = [
    Model("alexnet", "AlexNet", alexnet),
    Model("vgg19", "VGG19", lambda: torchvision.models.vgg19(weights=None)),
    Model("inception_v3", "Inception_v3",
          lambda: torchvision.models.inception_v3(weights=None, aux_logits=False, init_weights=True), side=299),
    Model("resnet18", "ResNet18", lambda: torchvision.models.resnet18(weights=None)),
    Model("resnet50", "ResNet50", lambda: torchvision.models.resnet50(weights=None)),
    Model("resnet152", "ResNet152", lambda: torchvision.models.resnet152(weights=None)),
    Model("googlenet", "GoogLeNet",
          lambda: torchvision.models.googlenet(weights=None, aux_logits=False, init_weights=True)),
    Model("bert", "BERT-base", BertEncoder, side=0),
]


def seed_of(model):
    """Every model has a seed of its own, so making one alone gives the same weights as making all."""
    return zlib.crc32(model.name.encode())


def make(model):
    """The model with its random weights, calibrated, in eval mode."""
    torch.manual_seed(seed_of(model))
    module = model.build()
    damp_residuals(module)
    calibrate(module, model)
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    return module.eval()


RESIDUAL_GAIN = 0.25


def damp_residuals(module):
    """Starts every residual branch small, as training recipes do (torchvision's zero_init_residual): a deep network of random
    weights at full gain is chaotic, and turns the last bit of rounding into the fourth digit of its answer."""
    for block in module.modules():
        last = getattr(block, "bn3", None) or getattr(block, "bn2", None)
        if isinstance(block, (torchvision.models.resnet.BasicBlock, torchvision.models.resnet.Bottleneck)):
            torch.nn.init.constant_(last.weight, RESIDUAL_GAIN)


def calibrate(module, model):
    """Sets BatchNorm's running statistics from a few pictures: with mean 0 and variance 1, as built, the residual
    branches of a deep network double the variance in every block."""
    norms = [m for m in module.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    if not norms:
        return
    for norm in norms:
        norm.momentum = None  # a plain average over all that it sees
    module.train()
    with torch.no_grad():
        module(torch.cat([tensor_of(picture(model.side, seed)) for seed in range(100, 108)]))


def picture(side, seed):
    """A picture of coloured shapes on a gradient: small as a PNG, the same on every machine."""
    random = numpy.random.RandomState(seed)
    ramp = numpy.arange(side) * 255 // (side - 1)
    corner = random.randint(0, 256, 3)
    planes = [(ramp[:, None] * (c % 2) + ramp[None, :] * (1 - c % 2) + corner[c]) % 256 for c in range(3)]
    image = Image.fromarray(numpy.stack(planes, axis=-1).astype(numpy.uint8) // 16 * 16, "RGB")
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y = (int(v) for v in random.randint(0, side - 8, 2))
        width, height = (int(v) for v in random.randint(8, side // 2, 2))
        draw.rectangle([x, y, x + width, y + height], fill=tuple(int(v) for v in random.randint(0, 256, 3)))
    return image


def tensor_of(image):
    """What `preprocess.image` in function.json declares, for a picture that already has the right size."""
    pixels = torch.from_numpy(numpy.array(image)).permute(2, 0, 1).to(torch.float32) / 255
    return ((pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)).unsqueeze(0)


def png_of(image):
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def token_ids(seed):
    return torch.from_numpy(numpy.random.RandomState(seed).randint(0, VOCABULARY_SIZE, (1, TOKENS))).to(torch.int64)


def example(model, seed):
    """An input tensor, and the request parameters that lead to exactly this tensor in a worker."""
    if model.side:
        image = picture(model.side, seed)
        return tensor_of(image), {"image": base64.b64encode(png_of(image)).decode()}
    ids = token_ids(seed)
    return ids, {"inputs": [{"name": "input_ids", "shape": list(ids.shape), "datatype": "INT64",
                             "data": ids.flatten().tolist()}]}


def function_json(model, outputs):
    """The action's description in the Open Inference Protocol's terms."""
    if not model.side:
        return {
            "inputs": [{"name": "input_ids", "shape": [1, TOKENS], "datatype": "INT64"}],
            "outputs": [{"name": "pooled", "shape": list(outputs.shape), "datatype": "FP32"}],
        }
    return {
        "inputs": [{"name": "input", "shape": [1, 3, model.side, model.side], "datatype": "FP32"}],
        "outputs": [{"name": "scores", "shape": list(outputs.shape), "datatype": "FP32"}],
        "preprocess": {"image": {"input": "input", "parameter": "image", "resize": model.side, "crop": model.side,
                                 "mean": MEAN, "std": STD}},
        "labels": [f"class_{i}" for i in range(outputs.shape[1])],
        "top": 5,
    }
