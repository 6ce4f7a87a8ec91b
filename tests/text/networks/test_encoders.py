import pytest
import torch
from torch import nn

from bakeoff.errors import UserError
from bakeoff.text.configs import TextNetwork
from bakeoff.text.networks.encoders import build_encoder

CONFIGS = {
    "rnn": TextNetwork(encoder="rnn", hidden=6),
    "birnn": TextNetwork(encoder="rnn", hidden=6, bidirectional=True),
    "lstm-2": TextNetwork(encoder="lstm", hidden=8, layers=2),
    "bilstm-2": TextNetwork(encoder="lstm", hidden=8, layers=2, bidirectional=True),
    "cnn": TextNetwork(encoder="cnn", hidden=6),
    "bag": TextNetwork(encoder="bag"),
    "transformer": TextNetwork(encoder="transformer", hidden=8, layers=2),
}


def words(lengths, longest, dim=5):
    tokens = torch.randint(2, 50, (len(lengths), longest))
    mask = torch.arange(longest) < torch.tensor(lengths).unsqueeze(1)
    return torch.randn(len(lengths), longest, dim), mask, tokens * mask


@pytest.mark.parametrize("name", CONFIGS)
def test_padding_changes_no_state_of_a_real_word(name):
    torch.manual_seed(0)
    encoder = build_encoder(CONFIGS[name], 5).eval()
    embedded, mask, tokens = words([7, 3, 6], 7)
    with torch.no_grad():
        states = encoder(embedded, mask, tokens)
        assert states.shape == (3, 7, encoder.width)
        for row, length in enumerate([7, 3, 6]):
            alone = (part[row : row + 1, :length] for part in (embedded, mask, tokens))
            torch.testing.assert_close(states[row, :length], encoder(*alone)[0], rtol=0, atol=1e-6)


def test_both_directions_are_those_of_a_bidirectional_lstm():
    torch.manual_seed(0)
    encoder = build_encoder(TextNetwork(encoder="lstm", hidden=4, bidirectional=True), 5)
    reference = nn.LSTM(5, 4, batch_first=True, bidirectional=True)
    ways = [(encoder.forwards[0], ""), (encoder.backwards[0], "_reverse")]
    reference.load_state_dict(
        {f"{name}{way}": value for part, way in ways for name, value in part.state_dict().items()}
    )
    embedded, mask, tokens = words([6, 4, 1, 6], 6)
    packed = nn.utils.rnn.pack_padded_sequence(
        embedded, mask.sum(dim=1), batch_first=True, enforce_sorted=False
    )
    expected, _ = nn.utils.rnn.pad_packed_sequence(reference(packed)[0], batch_first=True)
    states = encoder(embedded, mask, tokens)
    torch.testing.assert_close(states * mask.unsqueeze(-1), expected)

    weights = torch.randn_like(expected) * mask.unsqueeze(-1)
    (states * weights).sum().backward()
    (expected * weights).sum().backward()
    for part, way in ways:
        for name, parameter in part.named_parameters():
            torch.testing.assert_close(
                parameter.grad, getattr(reference, f"{name}{way}").grad, atol=1e-5, rtol=1e-4
            )


def test_a_further_lstm_layer_is_half_as_wide():
    encoder = build_encoder(CONFIGS["bilstm-2"], 5)
    assert [layer.hidden_size for layer in encoder.forwards] == [8, 4]
    assert encoder.width == 8


def test_an_unknown_encoder_is_explained():
    with pytest.raises(UserError, match="unknown encoder 'lstn': did you mean 'lstm'"):
        build_encoder(TextNetwork(encoder="lstn"), 5)
