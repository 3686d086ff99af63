"""The network of examples/perceptrons with each activation in PyTorch.

    python3 tests/examples/perceptrons_reference.py          (PyTorch 2.15.0)

prints, for each activation, the losses of some steps of Adam on all 1,797 digits at once, from one start, in double; and
the accuracy on 359 digits held out, mean (lowest … highest) of ten starts and splits. perceptrons_test.cpp compares with
both, the example's README shows the second.
"""
import gzip
import math
import numpy
import torch
from torch import nn
from torch.nn import functional

SHOWN = (1, 2, 5, 10, 20, 50, 100)
torch.set_num_threads(1)


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


class Maxout(nn.Module):
    def forward(self, x):
        return x.reshape(len(x), -1, 3).amax(2)


ACTIVATIONS = {
    "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "prelu": lambda: nn.PReLU(48),
    "elu": nn.ELU, "selu": nn.SELU, "gelu": nn.GELU, "silu": nn.SiLU, "softplus": nn.Softplus,
    "hard_sigmoid": nn.Hardsigmoid, "hard_swish": nn.Hardswish, "maxout_of_3": Maxout,
    "softmax": lambda: nn.Softmax(dim=1),
}


def network(activation):
    made = ACTIVATIONS[activation]
    width = 16 if activation == "maxout_of_3" else 48
    return nn.Sequential(nn.Linear(64, 48), made(), nn.Linear(width, 48), made(), nn.Linear(width, 10))


def dense(net):
    return [layer for layer in net if isinstance(layer, nn.Linear)]


def course(activation, images, labels):
    net = network(activation).double()
    for k, layer in enumerate(dense(net)):
        random, inputs = Random(k + 1), layer.weight.shape[1]
        values = [random.uniform(-1, 1) * math.sqrt(6 / inputs) for _ in range(layer.weight.numel())]
        layer.weight.data = torch.tensor(values, dtype=torch.float32).double().reshape(layer.weight.shape)
        layer.bias.data.zero_()
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    losses = []
    for _ in range(SHOWN[-1]):
        optimiser.zero_grad()
        loss = functional.cross_entropy(net(images.double()), labels)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return [losses[step - 1] for step in SHOWN]


def accuracy(activation, images, labels, seed):
    torch.manual_seed(seed)
    net = network(activation)
    for layer in dense(net):
        nn.init.normal_(layer.weight, std=math.sqrt(2 / layer.weight.shape[1]))
        nn.init.zeros_(layer.bias)
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    order = torch.randperm(len(images))
    held_out, others = order[:359], order[359:]
    for _ in range(10):
        others = others[torch.randperm(len(others))]
        for batch in others[: len(others) // 32 * 32].reshape(-1, 32):
            optimiser.zero_grad()
            functional.cross_entropy(net(images[batch]), labels[batch]).backward()
            optimiser.step()
    with torch.no_grad():
        return (net(images[held_out]).argmax(1) == labels[held_out]).float().mean().item()


with gzip.open("examples/digits/digits.csv.gz", "rt") as file:
    table = torch.tensor(numpy.loadtxt(file, delimiter=","), dtype=torch.float32)
images, labels = table[:, :64] / 16, table[:, 64].long()
for activation in ACTIVATIONS:
    print(activation, " ".join("%.7g" % loss for loss in course(activation, images, labels)), end="   ")
    found = [accuracy(activation, images, labels, seed) for seed in range(10)]
    print("%.1f (%.1f … %.1f)" % tuple(100 * f(found) for f in (numpy.mean, min, max)), flush=True)
