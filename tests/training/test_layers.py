import torch
from torch import nn

from bakeoff.training.layers import layer_table


def test_each_layer_has_its_shape_and_its_own_parameters():
    model = nn.Sequential(
        nn.Embedding(10, 4), nn.Dropout(0.5), nn.LSTM(4, 3, batch_first=True), nn.Identity()
    )
    table = layer_table(model, (torch.ones(2, 7, dtype=torch.long),), {2: "batch", 7: "tokens"})
    assert table == [
        {"name": "0", "type": "Embedding", "output_shape": "(batch, tokens, 4)", "parameters": 40},
        {
            "name": "2",
            "type": "LSTM",
            "output_shape": "(batch, tokens, 3)",
            # 4 gates of 3 units: 4 inputs, 3 states, 2 biases.
            "parameters": 4 * 3 * (4 + 3 + 2),
        },
    ]


def test_a_table_leaves_the_mode_as_it_was():
    model = nn.Sequential(nn.Linear(1, 1))
    layer_table(model, (torch.ones(1, 1),), {})
    assert model.training
