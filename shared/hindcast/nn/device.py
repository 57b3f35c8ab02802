"""What networks are trained on."""

from typing import Literal

import torch
from torch import nn

from hindcast.errors import Unavailable

DeviceName = Literal["cpu", "cuda", "auto"]


def torch_device(name: str) -> torch.device:
    """The device of that `DeviceName`; `auto` is a CUDA device if torch can use one. Unavailable.

    Products in single precision may be taken by TF32 there, once it was asked for.
    """
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise Unavailable("HINDCAST_DEVICE asks for cuda, but torch finds no such device here.")
    torch.set_float32_matmul_precision("high")
    return torch.device("cuda")


def device_of(module: nn.Module) -> torch.device:
    """Where its weights are, and what it reads has to be."""
    return next(module.parameters()).device
