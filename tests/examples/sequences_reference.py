"""The first steps of training of examples/sequences, by PyTorch's own recurrent cells, in double.

    python3 tests/examples/sequences_reference.py        (PyTorch 2.15.0)

prints the losses that sequences_test.cpp compares with. Weights and data are formulas, written there again.
"""
import math
import torch

torch.set_default_dtype(torch.float64)


def weights(*shapes):
    """Parameter k, element i in row-major order: 0.3 sin(1 + 0.7 k + 1.3 i)."""
    made = []
    for k, shape in enumerate(shapes):
        count = math.prod(shape)
        values = 0.3 * torch.sin(1 + 0.7 * k + 1.3 * torch.arange(count))
        made.append(values.reshape(shape).requires_grad_())
    return made


def numbers(*shape):
    """sin(1 + 1.7 i) over all elements in row-major order."""
    return torch.sin(1 + 1.7 * torch.arange(math.prod(shape))).reshape(shape)


def signs(*shape):
    return torch.where(numbers(*shape) < 0, -1.0, 1.0)


def lstm(x, h, c, W, U, b):
    order = [1, 0, 3, 2]  # PyTorch: i f g o; nnc: f i o g
    W, U, b = (torch.cat([p.chunk(4)[k] for k in order]) for p in (W, U, b))
    return torch.lstm_cell(x, (h, c), W, U, b, torch.zeros_like(b))


def gru(x, h, W, U, b, d):
    return torch.gru_cell(x, h, W, U, b, torch.cat([torch.zeros(2 * len(d)), d]))


def steps(parameters, rate, clip, losses):
    """Adam on each loss in turn, the norm of all gradients limited; prints the losses."""
    adam = torch.optim.Adam(parameters, lr=rate)
    printed = []
    for loss in losses:
        adam.zero_grad()
        value = loss()
        value.backward()
        torch.nn.utils.clip_grad_norm_(parameters, clip)
        adam.step()
        printed.append(value.item())
    return printed


def first_symbol():
    U, W, V = parameters = weights((16, 4), (16, 16), (4, 16))
    symbols = (numbers(8, 12) * 50).floor().long() % 4

    def loss():
        h = torch.zeros(8, 16)
        for t in range(12):
            x = torch.nn.functional.one_hot(symbols[:, t], 4).double()
            h = torch.rnn_tanh_cell(x, h, U, W, torch.zeros(16), torch.zeros(16))
        return torch.nn.functional.cross_entropy(h @ V.T, symbols[:, 0])

    return steps(parameters, 5e-3, 1, [loss] * 4)


def adding():
    parameters = weights((64, 2), (64, 16), (64,), (64, 16), (64, 16), (64,), (1, 16), (1,))
    first, second, weight, bias = parameters[0:3], parameters[3:6], parameters[6], parameters[7]
    length = torch.tensor([5 + 2 * n for n in range(8)])
    pairs = torch.stack([numbers(8, 20), torch.zeros(8, 20)], 2)
    for n in range(8):
        pairs[n, 1, 1] = pairs[n, length[n] - 2, 1] = 1
    target = (pairs[:, :, 0] * pairs[:, :, 1]).sum(1)

    def loss():
        h1 = c1 = h2 = c2 = torch.zeros(8, 16)
        for t in range(20):
            runs = (t < length)[:, None]
            h, c = lstm(pairs[:, t], h1, c1, *first)
            h1, c1 = torch.where(runs, h, h1), torch.where(runs, c, c1)
            h, c = lstm(h1, h2, c2, *second)
            h2, c2 = torch.where(runs, h, h2), torch.where(runs, c, c2)
        return ((h2 @ weight.T + bias)[:, 0] - target).square().mean()

    return steps(parameters, 1e-2, 1, [loss] * 4)


def echo():
    """Four rows, each three pieces of ten steps; the state is carried over, the gradient is not."""
    parameters = weights((48, 1), (48, 16), (48,), (16,), (1, 16), (1,))
    cell, weight, bias = parameters[:4], parameters[4], parameters[5]
    signal, target = signs(4, 30), numbers(4, 30)
    state = [torch.zeros(4, 16)]

    def piece(first):
        h, total = state[0].detach(), 0
        for t in range(first, first + 10):
            h = gru(signal[:, t : t + 1], h, *cell)
            total = total + ((h @ weight.T + bias)[:, 0] - target[:, t]).square().mean()
        state[0] = h
        return total / 10

    losses = steps(parameters, 1e-2, 1, [lambda first=first: piece(first) for first in (0, 10, 20)])
    return [sum(losses) / 3]  # the log has the mean over an epoch


def both_sides():
    parameters = weights((16, 1), (16, 16), (16,), (16, 1), (16, 16), (16,), (32, 32), (32,), (1, 32), (1,))
    bits = signs(8, 12)
    target = torch.zeros(8, 12)
    target[:, 1:-1] = bits[:, :-2] * bits[:, 2:]

    def read(order, W, U, b):
        h, states = torch.zeros(8, 16), {}
        for t in order:
            h = states[t] = torch.rnn_tanh_cell(bits[:, t : t + 1], h, W, U, b, torch.zeros(16))
        return torch.stack([states[t] for t in range(12)], 1)

    def loss():
        both = torch.cat([read(range(12), *parameters[0:3]), read(range(11, -1, -1), *parameters[3:6])], 2)
        hidden = torch.tanh(both @ parameters[6].T + parameters[7])
        return ((hidden @ parameters[8].T + parameters[9])[..., 0] - target).square().mean()

    return steps(parameters, 5e-3, 1, [loss] * 4)


def dilated():
    shapes = [(16, 1, 2), (16,)] + [(16, 16, 2), (16,)] * 3 + [(1, 16, 1), (1,)]
    parameters = weights(*shapes)
    signal = signs(8, 1, 48)
    target = signal[:, 0, 15:] * signal[:, 0, :-15]

    def loss():
        x = signal
        for layer in range(4):
            padded = torch.nn.functional.pad(x, (2**layer, 0))
            weight, bias = parameters[2 * layer : 2 * layer + 2]
            x = torch.relu(torch.nn.functional.conv1d(padded, weight, bias, dilation=2**layer))
        product = torch.nn.functional.conv1d(x, *parameters[8:])
        return (product[:, 0, 15:] - target).square().mean()

    return steps(parameters, 3e-3, math.inf, [loss] * 4)


for task in (first_symbol, adding, echo, both_sides, dilated):
    print(task.__name__, ", ".join(f"{loss:.8f}" for loss in task()))
