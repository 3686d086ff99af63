"""The networks of examples/normalisation, trained from the same start by the same steps in PyTorch, in double.

    python3 tests/examples/normalisation_reference.py        (PyTorch 2.15.0)

prints what normalisation_test.cpp compares with and the example's README shows.
"""
import gzip
import math
import numpy
import torch
from torch import nn
from torch.nn import functional

torch.set_default_dtype(torch.float64)
CHANNELS, PLACES, STEPS, EXAMPLES = 8, 4, 40, 256
SHOWN = (1, 2, 5, 10, 20, 40)


class Random:
    """splitmix64: the numbers of class Random of example.h."""

    def __init__(self, seed):
        self.state = seed

    def uniform(self, low, high):
        mask = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return low + (high - low) * ((z ^ (z >> 31)) >> 11) * 2.0**-53


def start(seed, weight):
    """Half of He's standard deviation: uniform up to the square root of 1.5 / inputs, as f32."""
    random = Random(seed)
    limit = math.sqrt(1.5 / weight[0].numel())
    values = [random.uniform(-limit, limit) for _ in range(weight.numel())]
    weight.data = torch.tensor(values).float().double().reshape(weight.shape)


class Response(nn.Module):
    def forward(self, x):
        return functional.local_response_norm(x, 5, alpha=5 * 0.1, beta=0.75, k=1)  # PyTorch's mean is nnc's sum


class Contrast(nn.Module):
    """Jarrett et al. (2009), equations in section 2.1: 3 × 3 places weighed by a Gaussian of deviation 3/4."""

    def __init__(self):
        super().__init__()
        d = torch.tensor([-1.0, 0.0, 1.0])
        self.window = torch.exp(-(d[:, None] ** 2 + d**2) / (2 * 0.75**2))[None, None]

    def around(self, m):
        inside = functional.conv2d(torch.ones_like(m), self.window, padding=1)
        return functional.conv2d(m, self.window, padding=1) / inside

    def forward(self, x):
        v = x - self.around(x.mean(1, keepdim=True))
        deviation = torch.sqrt(self.around((v**2).mean(1, keepdim=True)) + 1e-5**2)
        return v / torch.maximum(deviation, deviation.mean((1, 2, 3), keepdim=True))


WHOLE = [CHANNELS, PLACES, PLACES]
NORMS = {
    "none": nn.Identity,
    "batch": lambda: nn.BatchNorm2d(CHANNELS),
    "whole_layer": lambda: nn.LayerNorm(WHOLE),
    "instance": lambda: nn.InstanceNorm2d(CHANNELS, affine=True),
    "group": lambda: nn.GroupNorm(4, CHANNELS),
    "rms": lambda: nn.RMSNorm(WHOLE, eps=1e-5),
    "response": Response,
    "contrast": Contrast,
}


def digits():
    with gzip.open("examples/digits/digits.csv.gz") as file:
        rows = torch.tensor(numpy.loadtxt(file, delimiter=","))
    return (rows[:, :64].reshape(-1, 1, 8, 8) - 4.9) / 6, rows[:, 64].long()


def network(norm):
    layers, channels = [], 1
    for stride in (2, 1, 1):
        # `same` with stride 2: one place of padding in all, at the end.
        layers += [nn.ZeroPad2d((0, 1, 0, 1) if stride == 2 else 1)]
        layers += [nn.Conv2d(channels, CHANNELS, 3, stride, bias=False), norm(), nn.SiLU()]
        channels = CHANNELS
    net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(CHANNELS * PLACES * PLACES, 10))
    weights = [m for m in net if isinstance(m, (nn.Conv2d, nn.Linear))]
    for seed, layer in enumerate(weights):
        start(seed + 1, layer.weight)
    net[-1].bias.data.zero_()
    return net


images, labels = digits()
for name, norm in NORMS.items():
    net = network(norm)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
    losses = []
    for _ in range(STEPS):
        loss = functional.cross_entropy(net(images[:EXAMPLES]), labels[:EXAMPLES])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    net.eval()
    with torch.no_grad():
        right = (net(images[-EXAMPLES:]).argmax(1) == labels[-EXAMPLES:]).sum().item()
    print(name, ", ".join(f"{losses[i - 1]:.6g}" for i in SHOWN), f"{right} of {EXAMPLES}")
    for layer in net:
        if name == "batch" and isinstance(layer, nn.BatchNorm2d):
            print("  mean", ", ".join(f"{value:.7g}" for value in layer.running_mean.tolist()))
            print("  var ", ", ".join(f"{value:.7g}" for value in layer.running_var.tolist()))
