"""An encoder of PyTorch's own layers: exported to ONNX, with what it computes."""
import numpy
import torch
from torch import nn


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(100, 32)
        self.places = nn.Parameter(torch.randn(16, 32) / 10)
        layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.1, activation="gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(32, 3)

    def forward(self, words):
        return self.head(self.encoder(self.embedding(words) + self.places).mean(dim=1))


torch.manual_seed(3)
net = Classifier().eval()
words = torch.randint(0, 100, (1, 16))
torch.onnx.export(net, (words,), "transformer.onnx", input_names=["words"], output_names=["scores"], dynamo=True)
numpy.save("words.npy", words.numpy())
numpy.save("classes.npy", net(words).detach().numpy())
