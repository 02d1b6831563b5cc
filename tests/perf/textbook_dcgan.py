"""A DCGAN training loop as tutorials write it: one file, PyTorch alone, nothing of this project.

Run by the speed comparison in a process of its own:

    python textbook_dcgan.py INPUT.pt --steps 200 --workers 0 --threads 2

INPUT.pt holds the images, the order in which they are shown, and the networks' initial weights, so
that both loops train the same thing. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

LATENT_DIM, WIDTH, BATCH, CHANNELS = 64, 32, 64, 1


class Digits(Dataset):
    def __init__(self, images: torch.Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.images[index].float() / 127.5 - 1.0


def make_generator() -> nn.Module:
    return nn.Sequential(
        nn.ConvTranspose2d(LATENT_DIM, WIDTH * 2, 4, bias=False),
        nn.BatchNorm2d(WIDTH * 2),
        nn.ReLU(),
        nn.ConvTranspose2d(WIDTH * 2, WIDTH, 4, 2, 1, bias=False),
        nn.BatchNorm2d(WIDTH),
        nn.ReLU(),
        nn.ConvTranspose2d(WIDTH, CHANNELS, 4, 2, 1),
        nn.Tanh(),
    )


def make_discriminator() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(CHANNELS, WIDTH, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(WIDTH, WIDTH * 2, 4, 2, 1, bias=False),
        nn.BatchNorm2d(WIDTH * 2),
        nn.LeakyReLU(0.2),
        nn.Conv2d(WIDTH * 2, 1, 4),
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("input")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--warm-up", type=int, default=20)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    given = torch.load(options.input, weights_only=True)
    netG, netD = make_generator(), make_discriminator()
    netG.load_state_dict(given["generator"])
    netD.load_state_dict(given["discriminator"])
    order = given["order"][: options.steps * BATCH].tolist()
    loader = DataLoader(
        Digits(given["images"]),
        batch_size=BATCH,
        sampler=order,
        num_workers=options.workers,
        generator=torch.Generator(),  # the loader would take a number from the noise's stream
    )
    criterion = nn.BCEWithLogitsLoss()
    optimizerD = torch.optim.Adam(netD.parameters(), lr=2e-4, betas=(0.5, 0.999))
    optimizerG = torch.optim.Adam(netG.parameters(), lr=2e-4, betas=(0.5, 0.999))

    torch.manual_seed(given["seed"])
    losses = []
    start = time.perf_counter()
    for step, real in enumerate(loader):
        if step == options.warm_up:
            start = time.perf_counter()
        ones, zeros = torch.ones(BATCH), torch.zeros(BATCH)
        # (1) discriminator: maximise log D(x) + log(1 - D(G(z)))
        netD.zero_grad()
        fake = netG(torch.randn(BATCH, LATENT_DIM, 1, 1))
        errD_real = criterion(netD(real).view(-1), ones)
        errD_real.backward()
        errD_fake = criterion(netD(fake.detach()).view(-1), zeros)
        errD_fake.backward()
        optimizerD.step()
        # (2) generator: maximise log D(G(z))
        netG.zero_grad()
        errG = criterion(netD(fake).view(-1), ones)
        errG.backward()
        optimizerG.step()
        losses.append((errD_real.item() + errD_fake.item(), errG.item()))
    seconds = time.perf_counter() - start
    rate = (options.steps - options.warm_up) * BATCH / seconds
    print(json.dumps({"images_per_s": rate, "losses": losses[:10]}))


if __name__ == "__main__":
    main()
