# Trains a network in PyTorch and writes it as digits.onnx.
import numpy
import torch
from torch import nn

torch.manual_seed(0)
table = torch.from_numpy(numpy.loadtxt("../../examples/digits/digits.csv.gz", delimiter=",", dtype="float32"))
images, labels = table[:, :64].reshape(-1, 1, 8, 8), table[:, 64].long()

network = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(128, 10))
optimiser = torch.optim.Adam(network.parameters(), 0.01)
for epoch in range(10):
    for rows in torch.randperm(1437).split(32):
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(images[rows]), labels[rows]).backward()
        optimiser.step()

network.eval()
right = (network(images[1437:]).argmax(1) == labels[1437:]).sum().item()
print(f"{right} of the last 360 right; the 881st: {numpy.round(network(images[880:881])[0].tolist(), 5)}")
program = torch.onnx.export(network, (images[:1],), input_names=["image"], output_names=["scores"],
                            dynamic_shapes=[{0: torch.export.Dim("batch")}])
for node in program.model.graph:
    node.metadata_props.clear()  # the places in PyTorch's own files: half of the file
program.save("digits.onnx")
