"""Generators as other people write them: other names, sizes, ranges and layouts than ours."""

from __future__ import annotations

import torch
from torch import Tensor, nn

N_CLASSES = 10


class TutorialDCGAN(nn.Module):
    """The layers of the usual tutorial, under its names; 32 x 32 grey, tanh."""

    def __init__(self, nz: int = 64, ngf: int = 32, nc: int = 1) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        widths = [ngf * 4, ngf * 2, ngf]
        for n_in, n_out in zip([nz, *widths], widths, strict=False):
            stride, padding = (1, 0) if not layers else (2, 1)
            layers.append(nn.ConvTranspose2d(n_in, n_out, 4, stride, padding, bias=False))
            layers += [nn.BatchNorm2d(n_out), nn.ReLU(inplace=True)]
        self.main = nn.Sequential(*layers, nn.ConvTranspose2d(ngf, nc, 4, 2, 1), nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        return self.main(z.reshape(len(z), -1, 1, 1))  # type: ignore[no-any-return]


class FlatMLP(nn.Module):
    """Fully connected, 28 x 28 in one row, sigmoid."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(20, 30), nn.Linear(30, 784)

    def forward(self, z: Tensor) -> Tensor:
        return torch.sigmoid(3.0 * self.fc2(torch.relu(self.fc1(z))))


class Conv28(nn.Module):
    """28 x 28 grey, tanh; no variant here has this network."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(16, 8 * 7 * 7)
        self.up1 = nn.ConvTranspose2d(8, 4, 4, 2, 1)
        self.up2 = nn.ConvTranspose2d(4, 1, 4, 2, 1)

    def forward(self, z: Tensor) -> Tensor:
        x = torch.relu(self.project(z)).reshape(-1, 8, 7, 7)
        return torch.tanh(4.0 * self.up2(torch.relu(self.up1(x))))


class ByIndex(nn.Module):
    """Conditional by an embedding, 32 x 32, sigmoid."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(12, 32 * 32)
        self.embed = nn.Embedding(N_CLASSES, 12)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return torch.sigmoid(3.0 * self.fc(z * self.embed(label))).reshape(-1, 1, 32, 32)


class Joined(nn.Module):
    """Conditional by one-hot values at the end of the noise, 28 x 28 in one row, tanh."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(14 + N_CLASSES, 784)

    def forward(self, z: Tensor) -> Tensor:
        return torch.tanh(4.0 * self.fc(z))


class Bytes(nn.Module):
    """Channels last and 0 .. 255, as people make them for pictures; RGB of 32 x 32."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(10, 3 * 32 * 32)

    def forward(self, z: Tensor) -> Tensor:
        return 255.0 * torch.sigmoid(3.0 * self.fc(z)).reshape(-1, 32, 32, 3)


class Grid(nn.Module):
    """Takes noise of one pixel, in colour, for truncated noise."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(6, 3, 32)

    def forward(self, z: Tensor) -> Tensor:
        return torch.tanh(20.0 * self.up(z))


def made(kind: type[nn.Module]) -> nn.Module:
    """A network whose weights, running statistics included, are no longer the initial ones."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        network = kind()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean = 0.1 * torch.randn(module.num_features)
                module.running_var = 0.5 + torch.rand(module.num_features)
                nn.init.uniform_(module.weight, 0.5, 1.5)
        return network.eval()
