"""Shapes and sizes of encoders, and weights that come from elsewhere."""

import pickle
from itertools import pairwise
from urllib.error import URLError

import fsspec
import pytest
import torch
from safetensors.torch import save, save_file
from torch import nn

from bakeoff.errors import UserError
from bakeoff.vision import torchvision_models
from bakeoff.vision.configs import ImageNetwork
from bakeoff.vision.encoders import ResNet18, build_decoder, build_encoder
from bakeoff.vision.network import ImageClassifier, Shape
from bakeoff.vision.registry import AUTOENCODERS

REPORT = [9216, 1024, 1200, 728, 512, 128]


def widths(model):
    layers = [layer for layer in model if isinstance(layer, nn.Linear)]
    for below, above in pairwise(layers):
        assert below.out_features == above.in_features
    return [layers[0].in_features, *(layer.out_features for layer in layers)]


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def test_the_dense_autoencoder_is_that_of_the_report():
    encoder, decoder = (
        build("linear", channels=1, size=96) for build in (build_encoder, build_decoder)
    )
    assert widths(encoder) == REPORT
    assert widths(decoder) == REPORT[::-1]
    assert encoder.width == 128
    between = ["ReLU", "Linear"] * 4
    assert [type(layer).__name__ for layer in encoder] == ["Flatten", "Linear", *between]
    assert [type(layer).__name__ for layer in decoder] == [
        *["Linear", *between],
        *["Sigmoid", "Unflatten"],
    ]
    # 9216·1024 + 1024 + 1024·1200 + 1200 + …, and the same with the biases of the other side.
    assert parameters(encoder) == 11_981_448
    assert parameters(decoder) == 11_990_536


def test_hidden_layers_of_the_dense_encoder_drop_their_share_in_training_alone():
    plain, encoder = (build_encoder("linear", 1, 16, dropout) for dropout in (0.0, 0.3))
    encoder.load_state_dict(plain.state_dict())
    seen = {}
    for number, layer in enumerate(encoder):
        if isinstance(layer, nn.Linear):
            layer.register_forward_pre_hook(lambda _, given, n=number: seen.update({n: given[0]}))
    pictures = torch.rand(8, 1, 16, 16)
    assert torch.equal(encoder.eval()(pictures), plain(pictures))
    whole = dict(seen)
    encoder.train()(pictures)
    first, second, *later = seen
    assert torch.equal(seen[first], whole[first]), "the picture itself is not dropped"
    alive = whole[second] > 0
    kept = seen[second][alive]
    assert (kept == 0).float().mean().item() == pytest.approx(0.3, abs=0.04)
    assert torch.allclose(kept[kept > 0], whole[second][alive][kept > 0] / 0.7)
    for number in later:
        assert (seen[number] == 0).float().mean() > (whole[number] == 0).float().mean() + 0.05


@pytest.mark.parametrize("name", ["linear", "conv"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [5, 9, 16, 17, 31, 33, 48])
def test_a_decoder_gives_back_the_shape_of_its_input(name, channels, size):
    encoder, decoder = (build(name, channels, size) for build in (build_encoder, build_decoder))
    pictures = torch.rand(2, channels, size, size)
    embeddings = encoder(pictures)
    assert embeddings.shape == (2, encoder.width)
    made = decoder(embeddings)
    assert made.shape == pictures.shape
    assert 0 <= made.min() <= made.max() <= 1


def test_the_last_map_of_the_convolutions_is_the_embedding():
    assert [build_encoder("conv", 3, size).width for size in (8, 32, 33, 96)] == [
        *[256, 256, 4 * 256, 9 * 256]
    ]


def test_small_pictures_get_a_resnet_that_keeps_more_of_them():
    seen = {}

    def side_of_layer_1(size):
        model = ResNet18(size)
        model.network.layer1.register_forward_hook(
            lambda *seen_and_made: seen.update({size: seen_and_made[2].shape[2]})
        )
        assert model.eval()(torch.rand(1, 3, size, size)).shape == (1, 512)
        return parameters(model)

    # torchvision's 11,689,512 without its last layer of 513,000; its first has 3·64·7·7.
    assert side_of_layer_1(65) == 11_689_512 - 513_000
    assert side_of_layer_1(64) == 11_689_512 - 513_000 - 9_408 + 3 * 64 * 3 * 3
    side_of_layer_1(8)
    # A quarter of the pixels where torchvision's own stem leaves a sixteenth.
    assert seen == {65: 17, 64: 32, 8: 4}


def test_a_grey_picture_is_three_equal_channels_to_a_resnet():
    model = ResNet18(16).eval()
    grey = torch.rand(2, 1, 16, 16)
    assert torch.equal(model(grey), model(grey.repeat(1, 3, 1, 1)))


def test_unknown_names_are_refused():
    with pytest.raises(UserError, match="unknown encoder 'resnet81': did you mean 'resnet18'"):
        build_encoder("resnet81", 3, 32)
    with pytest.raises(UserError, match="unknown autoencoder 'resnet18'"):
        build_decoder("resnet18", 3, 32)


@pytest.fixture(scope="module")
def state():
    """A state dict as torchvision has it, its last layer included."""
    torch.manual_seed(0)
    network = ResNet18(96).network
    network.fc = nn.Linear(512, 1000)
    return {
        name: torch.rand_like(tensor) if tensor.is_floating_point() else tensor + 5
        for name, tensor in network.state_dict().items()
    }


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
@pytest.mark.parametrize("size", [96, 32])
def test_weights_of_torchvision_are_taken_over_exactly(state, name, size, tmp_path):
    if name.endswith("pth"):
        torch.save(state, tmp_path / name)
    else:
        save_file(state, tmp_path / name)
    model = ResNet18(size, pretrained=True)
    model.load(str(tmp_path / name))
    for key, tensor in model.network.state_dict().items():
        assert torch.equal(tensor, state[key]), key
    assert isinstance(model.network.maxpool, nn.MaxPool2d)


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_weights_may_have_an_address(state, name):
    memory = fsspec.filesystem("memory")
    with memory.open(f"/{name}", "wb") as stream:
        if name.endswith("pth"):
            torch.save(state, stream)
        else:
            stream.write(save(state))
    model = ResNet18(32, pretrained=True)
    model.load(f"memory://{name}")
    memory.rm(f"/{name}")
    assert torch.equal(model.network.conv1.weight, state["conv1.weight"])
    with pytest.raises(UserError, match=f"cannot read memory://{name}: there is no such file"):
        model.load(f"memory://{name}")


def test_pretrained_weights_see_pictures_as_torchvision_normalises_them(tmp_path):
    models = torchvision_models.models()
    from torchvision import transforms

    torch.manual_seed(0)
    theirs = models.resnet18().eval()
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    theirs.fc = nn.Identity()
    config = ImageNetwork(encoder="resnet18", weights=str(tmp_path / "w.pth"))
    ours = ImageClassifier(config, Shape(3, 96), classes=4).eval()
    ours.encoder.load(config.weights)
    pictures = torch.rand(2, 3, 96, 96)
    normalised = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])(pictures)
    with torch.no_grad():
        expected = theirs(normalised)
        assert torch.allclose(ours.embed(pictures), expected, atol=1e-5)
        assert not torch.allclose(theirs(pictures), expected, atol=1e-2)


@pytest.mark.parametrize(
    "error", [RuntimeError("invalid hash value (expected f37072fd)"), URLError("no route to host")]
)
def test_weights_that_cannot_be_downloaded_are_one_line(error, monkeypatch):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(torchvision_models.models().ResNet18_Weights, "get_state_dict", fail)
    message = r"cannot download torchvision's ImageNet weights \(.*(hash|route).*\); give a file"
    with pytest.raises(UserError, match=message):
        ResNet18(96).load("imagenet")


def test_the_registry_trains_the_dense_autoencoder_on_grey_pictures_of_96_pixels():
    autoencoder = AUTOENCODERS["ae-linear-frozen"].pretraining
    assert autoencoder == AUTOENCODERS["ae-linear-tuned"].pretraining
    assert (autoencoder.pictures.size, autoencoder.pictures.grey) == (96, True)
    assert (autoencoder.training.optimizer, autoencoder.training.learning_rate) == ("adam", 1e-3)
    assert AUTOENCODERS["ae-linear-scratch"].pretraining is None


def test_weights_from_before_batch_norm_counted(state, tmp_path):
    old = {name: tensor for name, tensor in state.items() if "num_batches" not in name}
    torch.save(old, tmp_path / "old.pth")
    model = ResNet18(96)
    model.load(str(tmp_path / "old.pth"))
    assert torch.equal(model.network.layer4[1].bn2.running_var, state["layer4.1.bn2.running_var"])


def without(state, name):
    return {key: tensor for key, tensor in state.items() if key != name}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: without(s, "layer1.0.conv1.weight"), "layer1.0.conv1.weight is missing"),
        (lambda s: without(s, "conv1.weight"), "conv1.weight is missing"),
        (lambda s: s | {"layer1.2.conv1.weight": torch.zeros(1)}, "layer1.2.* is unknown"),
        (lambda s: s | {"layer2.0.conv1.weight": torch.zeros(1)}, "layer2.0.* of another shape"),
        (lambda s: s | {"conv1.weight": torch.zeros(64, 1, 7, 7)}, "conv1.weight is of another"),
        (lambda s: {"state_dict": s}, "holds something else than tensors by name"),
        (lambda s: list(s.values()), "holds something else than tensors by name"),
    ],
)
@pytest.mark.parametrize("size", [96, 32])
def test_weights_of_something_else_are_one_line(state, change, message, size, tmp_path):
    torch.save(change(dict(state)), tmp_path / "w.pth")
    with pytest.raises(UserError, match=message) as refused:
        ResNet18(size, pretrained=True).load(str(tmp_path / "w.pth"))
    assert "w.pth" in str(refused.value)
    assert "\n" not in str(refused.value)


class Shouting:
    def __reduce__(self):
        return (print, ("this must never run",))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("w.pth", b""),
        ("w.pth", b"hello world\n"),
        ("w.pth", b"<html>404</html>"),
        ("w.pth", pickle.dumps({"conv1.weight": Shouting()}, protocol=2)),
        ("w.safetensors", b""),
        ("w.safetensors", b"hello world, hello world"),
        ("w.pth", None),
        ("w.safetensors", None),
    ],
    ids=["empty", "text", "html", "code", "empty safe", "text safe", "gone", "gone safe"],
)
def test_damaged_weights_are_one_line_and_run_nothing(name, content, tmp_path, capsys):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=f"cannot read .*{name}") as refused:
        ResNet18(32).load(str(tmp_path / name))
    assert "\n" not in str(refused.value)
    assert "never run" not in capsys.readouterr().out


def test_weights_that_are_cut_short_are_one_line(state, tmp_path):
    torch.save(state, tmp_path / "w.pth")
    content = (tmp_path / "w.pth").read_bytes()
    (tmp_path / "w.pth").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"cannot read weights from .*damaged"):
        ResNet18(32).load(str(tmp_path / "w.pth"))
