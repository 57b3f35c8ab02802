import pytest
import torch

from hindcast.errors import Unavailable
from hindcast.nn.device import torch_device

with_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def test_a_processor_can_always_be_had():
    assert torch_device("cpu") == torch.device("cpu")


def test_a_device_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert torch_device("auto") == torch.device("cpu")
    with pytest.raises(Unavailable, match="HINDCAST_DEVICE"):
        torch_device("cuda")


@with_cuda
def test_where_there_is_one_it_is_taken_and_may_use_tf32():
    assert torch_device("auto") == torch_device("cuda") == torch.device("cuda")
    assert torch.get_float32_matmul_precision() == "high"
