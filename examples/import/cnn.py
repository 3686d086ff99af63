"""A convolutional network of PyTorch: exported to ONNX, its state_dict to safetensors, with what it computes."""
import numpy
import torch
from safetensors.torch import save_file
from torch import nn


def block(channels_in: int, channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels_in, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU())


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(block(3, 8), nn.MaxPool2d(2), block(8, 16))
        self.classifier = nn.Linear(16, 10)

    def forward(self, image):
        return self.classifier(self.features(image).mean(dim=(2, 3)))


torch.manual_seed(1)
net = Net()
for _ in range(10):  # so that the running statistics are not those of the first day
    net(torch.randn(16, 3, 32, 32))
net.eval()
image = torch.randn(1, 3, 32, 32)
torch.onnx.export(net, (image,), "cnn.onnx", input_names=["image"], output_names=["scores"], dynamo=True)
save_file(net.state_dict(), "cnn.safetensors")
numpy.save("image.npy", image.numpy())
numpy.save("scores.npy", net(image).detach().numpy())
