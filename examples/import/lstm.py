"""An LSTM of PyTorch over a sequence: exported to ONNX, its state_dict to safetensors, with what it computes."""
import numpy
import torch
from safetensors.torch import save_file
from torch import nn


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(12, 24, batch_first=True)
        self.head = nn.Linear(24, 5)

    def forward(self, frames):
        return self.head(self.lstm(frames)[0])


torch.manual_seed(2)
net = Tagger().eval()
frames = torch.randn(1, 40, 12)
torch.onnx.export(net, (frames,), "lstm.onnx", input_names=["frames"], output_names=["tags"], dynamo=True)
save_file(net.state_dict(), "lstm.safetensors")
numpy.save("frames.npy", frames.numpy())
numpy.save("tags.npy", net(frames).detach().numpy())
