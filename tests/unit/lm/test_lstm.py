"""What the network computes, taken by hand."""

import torch

from hindcast.lm.lstm import LstmSpecification


def test_compression_is_a_matrix_and_a_bias_without_activation():
    rows_VD = 4 * torch.randn(7, 6, generator=torch.Generator().manual_seed(1))
    specification = LstmSpecification(
        vocabulary_size=7, input_size=6, input_trainable=False, compression=3, hidden_size=5
    )
    model = specification.build(seed=1, input_VD=rows_VD)
    words_TB, state = torch.tensor([[2, 5], [3, 0], [6, 1]]), model.start_state(2)
    weights = model.tensors()
    compressed_TBC = rows_VD[words_TB] @ weights["compression.weight"].T + weights["compression.bias"]
    assert compressed_TBC.abs().max() > 2  # beyond the bound of any sigmoid or tanh
    assert compressed_TBC.min() < -1  # which a rectifier would cut
    expected_TBH, _ = model.lstm(compressed_TBC, state)
    torch.testing.assert_close(model.run(words_TB, state)[0], expected_TBH)
