"""Small networks of the kinds that people bring, as PyTorch modules: {name: (module, shape of an input)}."""

import math

import torch
import torch.nn.functional as F
from torch import nn


def conv_bn(inputs, outputs, kernel=3, stride=1, groups=1, activation=nn.ReLU):
    layers = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, *([activation()] if activation else []))


class Residual(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.body = nn.Sequential(conv_bn(inputs, outputs, stride=stride), conv_bn(outputs, outputs, activation=None))
        self.shortcut = conv_bn(inputs, outputs, 1, stride, activation=None) if stride > 1 else nn.Identity()

    def forward(self, x):
        return F.relu(self.body(x) + self.shortcut(x))


class SqueezeExcite(nn.Module):
    def __init__(self, channels, gate):
        super().__init__()
        self.down = nn.Conv2d(channels, channels // 2, 1)
        self.up = nn.Conv2d(channels // 2, channels, 1)
        self.gate = gate

    def forward(self, x):
        scale = F.adaptive_avg_pool2d(x, 1)
        return x * self.gate(self.up(F.relu(self.down(scale))))


class InvertedResidual(nn.Module):
    def __init__(self, channels, activation, gate):
        super().__init__()
        hidden = 3 * channels
        self.body = nn.Sequential(
            conv_bn(channels, hidden, 1, activation=activation),
            conv_bn(hidden, hidden, 5, groups=hidden, activation=activation),
            SqueezeExcite(hidden, gate),
            conv_bn(hidden, channels, 1, activation=None),
        )

    def forward(self, x):
        return x + self.body(x)


class DenseNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(6 + 4 * i) for i in range(3))
        self.convs = nn.ModuleList(nn.Conv2d(6 + 4 * i, 4, 3, padding=1, bias=False) for i in range(3))
        self.norm = nn.BatchNorm2d(18)
        self.head = nn.Linear(18, 5)

    def forward(self, x):
        features = [self.stem(x)]
        for norm, conv in zip(self.norms, self.convs):
            features.append(conv(F.relu(norm(torch.cat(features, 1)))))
        x = F.avg_pool2d(F.relu(self.norm(torch.cat(features, 1))), 2, 2)
        return self.head(torch.flatten(F.adaptive_avg_pool2d(x, (1, 1)), 1))


class Shuffle(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv_bn(3, 8, stride=2)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.branch = nn.Sequential(conv_bn(4, 4, 1), conv_bn(4, 4, groups=4, activation=None), conv_bn(4, 4, 1))
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        x = self.pool(self.stem(x))
        for _ in range(2):
            left, right = x.chunk(2, dim=1)
            x = torch.cat((left, self.branch(right)), dim=1)
            batch, channels, height, width = x.size()
            x = x.view(batch, 2, channels // 2, height, width)
            x = torch.transpose(x, 1, 2).contiguous().view(batch, channels, height, width)
        return self.head(x.mean([2, 3]))


class Attention(nn.Module):
    """As timm writes it: the batch is not the first axis of queries, keys and values."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.scale = (width // heads) ** -0.5
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        qkv = self.qkv(x).reshape(batch, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        attention = ((q * self.scale) @ k.transpose(-2, -1)).softmax(dim=-1)
        return self.proj((attention @ v).transpose(1, 2).reshape(batch, tokens, width))


class Block(nn.Module):
    def __init__(self, width, heads, activation):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), activation, nn.Dropout(0.1), nn.Linear(2 * width, width))
        self.scale = nn.Parameter(torch.full((width,), 0.5))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.scale * self.mlp(self.norm2(x))


class TanhGelu(nn.Module):
    def forward(self, x):
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * torch.pow(x, 3))))


class VisionTransformer(nn.Module):
    def __init__(self, activation):
        super().__init__()
        self.patches = nn.Conv2d(3, 12, 4, 4)
        self.cls_token = nn.Parameter(torch.randn(1, 1, 12))
        self.pos_embed = nn.Parameter(torch.randn(1, 17, 12) * 0.1)
        self.blocks = nn.Sequential(Block(12, 3, activation), Block(12, 2, activation))
        self.norm = nn.LayerNorm(12)
        self.head = nn.Linear(12, 5)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls_token.expand(x.shape[0], -1, -1), x), dim=1) + self.pos_embed
        return self.head(self.norm(self.blocks(x))[:, 0])


class Encoder(nn.Module):
    """PyTorch's own attention, which merges the batch with the heads and with the tokens."""

    def __init__(self, batch_first):
        super().__init__()
        self.embed = nn.Linear(6, 8)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=batch_first, activation="gelu")
        self.batch_first = batch_first
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        x = self.embed(x)
        x = self.layer(x) if self.batch_first else self.layer(x.transpose(0, 1)).transpose(0, 1)
        return self.head(x.mean(1))


class Mixer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(6)
        self.tokens = nn.Sequential(nn.Linear(10, 12), nn.GELU(), nn.Linear(12, 10))
        self.channels = nn.Sequential(nn.LayerNorm(6), nn.Linear(6, 12), nn.SiLU(), nn.Linear(12, 6))
        self.head = nn.Linear(6, 5)

    def forward(self, x):
        x = x + self.tokens(self.norm(x).transpose(1, 2)).transpose(1, 2)
        return self.head((x + self.channels(x)).mean(dim=1))


class ConvNext(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 4, 4)
        self.depthwise = nn.Conv2d(8, 8, 7, padding=3, groups=8)
        self.norm = nn.LayerNorm(8, eps=1e-6)
        self.up = nn.Linear(8, 32)
        self.down = nn.Linear(32, 8)
        self.layer_scale = nn.Parameter(torch.full((8, 1, 1), 0.3))
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        x = self.stem(x)
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.down(F.gelu(self.up(y))).permute(0, 3, 1, 2)
        x = x + self.layer_scale * y
        return self.head(F.layer_norm(x.mean([-2, -1]), (8,)))


class Signal(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(2, 6, 5, stride=2, padding=2), nn.BatchNorm1d(6), nn.ELU(0.7), nn.MaxPool1d(3, 2, 1),
            nn.Conv1d(6, 8, 3, dilation=2, padding=2, groups=2, bias=False), nn.LeakyReLU(0.2), nn.AvgPool1d(2),
            nn.Conv1d(8, 8, 3), nn.Softplus(),
        )
        self.head = nn.Sequential(nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(8, 4))

    def forward(self, x):
        return self.head(self.features(x))


class Pools(nn.Module):
    """What pads unevenly, counts padding or rounds up."""

    def forward(self, x):
        x = torch.cat([
            F.max_pool2d(x, 3, 2, 1, ceil_mode=True),
            F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False),
            F.avg_pool2d(x, 3, 2, 1, ceil_mode=True),
            F.avg_pool2d(F.pad(x, (0, 2, 2, 1)), 3, 2)[:, :, :6, :6],
            F.max_pool2d(x, 3, 2, 1)[:, [0, 2], :, :],
        ], 1)
        return x.flatten(1)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(7, 7)
        self.head = nn.Linear(7, 5)

    def forward(self, x):
        x = torch.tanh(self.first(x))
        x = torch.tanh(self.first(x))
        return self.head(F.linear(x, self.first.weight.t()))


class Arithmetic(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.randn(3, 1, 1))
        self.register_buffer("deviation", torch.rand(3, 1, 1) + 0.5)
        self.head = nn.Linear(3, 5)

    def forward(self, x):
        x = (x - self.mean) / self.deviation
        x = 1 - x * 2 / 3 + 0.25
        a, b, c = x.split([1, 3, 4], dim=2)
        x = torch.cat([-b.clamp(-1, 1), c.clamp(min=0.1), a.clamp(max=0.5), F.hardtanh(a)], 2)
        x = x[..., 1:-1:2] + x[:, :, :, :1] ** 2
        return self.head(x.amax((2, 3))) / (1 + torch.sigmoid(x.mean((1, 2, 3)))).unsqueeze(-1)


def mlp():
    return nn.Sequential(nn.Linear(9, 16), nn.BatchNorm1d(16), nn.ReLU6(), nn.Dropout(), nn.Linear(16, 4, bias=False))


def networks():
    image = (3, 16, 16)
    return {
        "mlp": (mlp(), (9,)),
        "resnet": (
            nn.Sequential(conv_bn(3, 6), nn.MaxPool2d(3, 2, 1), Residual(6, 6, 1), Residual(6, 10, 2),
                          nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(10, 5)), image),
        "mobilenet-v2": (
            nn.Sequential(conv_bn(3, 4, stride=2, activation=nn.ReLU6),
                          InvertedResidual(4, nn.ReLU6, nn.Sigmoid()), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                          nn.Linear(4, 5)), image),
        "mobilenet-v3": (
            nn.Sequential(conv_bn(3, 4, stride=2, activation=nn.Hardswish),
                          InvertedResidual(4, nn.Hardswish, nn.Hardsigmoid()), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                          nn.Linear(4, 5)), image),
        "efficientnet": (
            nn.Sequential(conv_bn(3, 4, stride=2, activation=nn.SiLU),
                          InvertedResidual(4, nn.SiLU, nn.Sigmoid()), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                          nn.Linear(4, 5)), image),
        "vgg": (
            nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3),
                          nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
                          nn.Linear(24, 12), nn.ReLU(), nn.Linear(12, 5)), (3, 20, 20)),
        "densenet": (DenseNet(), image),
        "shufflenet": (Shuffle(), image),
        "vit": (VisionTransformer(nn.GELU()), image),
        "vit-tanh": (VisionTransformer(TanhGelu()), image),
        "encoder": (Encoder(True), (7, 6)),
        "encoder-tokens-first": (Encoder(False), (7, 6)),
        "mixer": (Mixer(), (10, 6)),
        "convnext": (ConvNext(), image),
        "signal": (Signal(), (2, 50)),
        "pools": (Pools(), (3, 11, 11)),
        "tied": (Tied(), (7,)),
        "arithmetic": (Arithmetic(), (3, 8, 9)),
    }
