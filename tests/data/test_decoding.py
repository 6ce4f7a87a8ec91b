import errno
import re
import struct
import zlib

import numpy as np
import pytest
from noise_images import encoded, noise, png
from PIL import Image

from bakeoff.data import decoding
from bakeoff.data.decoding import UnusableError, decode, pack, write_pixels
from bakeoff.errors import UserError

LEFT_RIGHT = np.repeat(np.array([[0] * 4 + [200] * 4], "uint8"), 8, axis=0)


@pytest.mark.parametrize("kind", ["png", "bmp", "tiff", "webp", "ppm", "gif"])
def test_lossless_formats_keep_every_pixel(kind):
    pixels = noise() // 32 * 32
    if kind == "gif":
        pixels = np.where(pixels > 100, 255, 0).astype("uint8")
    options = {"lossless": True} if kind == "webp" else {}
    assert np.array_equal(decode(encoded(pixels, kind, **options)), pixels)


def test_grey_images_have_one_channel():
    pixels = noise(grey=True)
    assert np.array_equal(decode(encoded(pixels)), pixels[..., None])
    bits = Image.fromarray(LEFT_RIGHT).convert("1")
    assert decode(encoded(bits))[0, :, 0].tolist() == [0] * 4 + [255] * 4


def test_the_rotation_of_exif_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # Turn by 90° clockwise: the left column is the top row.
    turned = decode(encoded(LEFT_RIGHT[:4], exif=exif))
    assert turned.shape == (8, 4, 1)
    assert turned[:, 0, 0].tolist() == [0] * 4 + [200] * 4


def test_transparency_lies_on_white():
    rgba = np.zeros((4, 4, 4), "uint8")
    rgba[:, 2:] = (255, 0, 0, 255)
    rgba[0, 2:, 3] = 51  # A fifth of red.
    found = decode(encoded(rgba))
    assert found[1].tolist() == [[255] * 3] * 2 + [[255, 0, 0]] * 2
    assert found[0, 2].tolist() == [255, 204, 204]
    grey = decode(encoded(Image.fromarray(rgba[..., [0, 3]], "LA")))
    assert grey.shape == (4, 4, 1)
    assert grey[1, :, 0].tolist() == [255] * 4


def test_palettes_are_looked_up_with_their_transparency():
    image = Image.new("P", (4, 4), 1)
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((0, 0), 0)
    assert decode(encoded(image))[0, :2].tolist() == [[10, 20, 30], [40, 50, 60]]
    assert decode(encoded(image, transparency=0))[0, 0].tolist() == [255] * 3


DEEP = np.array([[0, 256, 32768, 65535]] * 4, "uint16")
PGM = b"P5 4 4 65535\n" + DEEP.astype(">u2").tobytes()


@pytest.mark.parametrize("content", [encoded(DEEP), encoded(DEEP, "tiff"), PGM])
def test_grey_of_sixteen_bits_keeps_them(content):
    found = decode(content)
    assert found.dtype == np.uint16
    assert np.array_equal(found[..., 0], DEEP)
    resized = decode(content, (8, 8))
    assert resized.dtype == np.uint16
    assert np.all(np.diff(resized[0, :, 0].astype(int)) >= 0)


def test_sixteen_bits_are_turned_as_the_camera_was():
    exif = Image.Exif()
    exif[0x0112] = 6
    image = np.arange(0, 64000, 1000, dtype="uint16").reshape(8, 8)
    assert np.array_equal(decode(encoded(image, exif=exif))[..., 0], np.rot90(image, -1))


def deep_png(channels):
    """A PNG of 16 bits a channel; its colour type says what the channels are."""
    head = struct.pack(">IIBBBBB", 8, 8, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    rows = (b"\0" + b"\x09\x29" * 8 * channels) * 8
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks
    )


@pytest.mark.parametrize(
    "content",
    [*map(deep_png, (2, 3, 4)), b"P6 8 8 4095\n" + b"\x09\x29" * 192],
)
def test_colours_of_sixteen_bits_are_refused(content):
    reason = "^16 bits a channel in colours; save it with 8, or in grey$"
    with pytest.raises(UnusableError, match=reason):
        decode(content)


def test_eight_and_sixteen_bits_are_no_one_set():
    message = (
        "pets: 1.png has 8 bits a pixel and 2.png 16, so that their values are on other scales; "
        "save all with the same"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        packed([b"", png(size=(4, 4)), encoded(DEEP)])


def test_cmyk_becomes_rgb():
    found = decode(encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "jpeg"))
    assert found.shape == (8, 8, 3)
    assert np.abs(found.astype(int) - [255, 0, 0]).max() < 8


def test_the_shorter_side_is_resized_and_the_centre_cropped():
    wide = np.zeros((8, 24), "uint8")
    wide[:, 8:16] = 100
    assert np.array_equal(decode(encoded(wide), (8, 8)), np.full((8, 8, 1), 100))
    assert np.array_equal(decode(encoded(wide.T), (8, 8)), np.full((8, 8, 1), 100))
    assert decode(encoded(wide), (16, 16)).shape == (16, 16, 1)
    assert np.array_equal(decode(encoded(wide), (16, 8)), wide[:, 4:20, None])


def test_resizing_is_antialiased():
    checks = (np.indices((64, 64)).sum(axis=0) % 2 * 254).astype("uint8")
    assert np.abs(decode(encoded(checks), (8, 8)).astype(int) - 127).max() <= 1


def test_a_resized_jpeg_is_near_its_pixels():
    smooth = np.linspace(0, 255, 512).astype("uint8") * np.ones((512, 1), "uint8")
    found = decode(encoded(smooth, "jpeg", quality=95), (8, 8))[0, :, 0]
    assert np.abs(found - (np.arange(8) + 0.5) * 255 / 8).max() < 4


def bomb(side):
    """A PNG whose header alone claims side × side pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    ) + b"\0\0\0\0IDAT\x35\xaf\x06\x1e"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"these are words, not pixels", "no image of a known format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no image of a known format"),
        (encoded(noise(size=(64, 64)), "jpeg")[:1000], "damaged"),
        (png(size=(64, 64))[:5000], "damaged"),
        (png(size=(1, 1)), "less than 4 pixels a side"),
        (png(size=(3, 40)), "less than 4 pixels a side"),
        (bomb(20_000), "more than 50 megapixels"),
        (bomb(7_100), "more than 50 megapixels"),
        *(
            (
                encoded(Image.new(mode, (8, 8)), "tiff"),
                "signed, floating-point or 32-bit values; save it with 16 bits",
            )
            for mode in ("F", "I")
        ),
    ],
)
def test_what_cannot_be_used(content, reason):
    with pytest.raises(UnusableError, match=f"^{reason}$"):
        decode(content)


def packed(contents, size=None):
    names = [f"{number}.png" for number in range(len(contents))]
    return pack(contents.__getitem__, names, size, "pets")


@pytest.mark.parametrize(
    "limit", [("_AT_ONCE", 4), ("_BYTES_AT_ONCE", 2 * 8 * 8 * 3), ("_BYTES_AT_ONCE", 1)]
)
def test_images_are_packed_in_their_order(monkeypatch, limit):
    monkeypatch.setattr(decoding, *limit)
    found = packed([png(seed) for seed in range(11)])
    assert found.pixels.shape == (11, 8, 8, 3)
    assert all(np.array_equal(found.pixels[seed], noise(seed)) for seed in range(11))
    assert found.rows.tolist() == list(range(11))
    assert len(set(found.keys)) == 11


def test_pixels_are_taken_as_they_are_and_resized():
    grey = noise(grey=True, size=(8, 4))
    assert np.array_equal(packed([grey]).pixels[0], grey[..., None])
    assert packed([noise(), grey], (4, 4)).pixels.shape == (2, 4, 4, 3)


def test_grey_among_colours_has_three_channels_and_equals_its_copy_in_rgb():
    grey = noise(grey=True)
    found = packed([encoded(grey), encoded(np.stack([grey] * 3, axis=2)), png(1)])
    assert found.pixels.shape == (3, 8, 8, 3)
    assert found.keys[0] == found.keys[1] != found.keys[2]
    assert packed([encoded(grey)] * 2).pixels.shape == (2, 8, 8, 1)


def test_unusable_ones_are_told_apart():
    def read(row):
        if row == 3:
            raise PermissionError(errno.EACCES, "Permission denied")
        if row == 5:
            raise KeyError("gone")
        return [png(0), b"", png(2), b"", b"words"][row]

    found = pack(read, ["a"] * 6, None, "pets")
    assert found.rows.tolist() == [0, 2]
    assert np.array_equal(found.pixels[1], noise(2))
    assert found.unusable == {
        1: "empty",
        3: "Permission denied",
        4: "no image of a known format",
        5: "cannot be read",
    }
    assert len(packed([b""]).pixels) == 0


def test_images_of_several_sizes_are_refused():
    message = (
        "pets: images differ in size (1.png is 8×6, 2.png is 6×8); "
        "give --image-size N to resize and crop all to N×N"
    )
    contents = [b"", png(size=(8, 6)), png(size=(6, 8))]
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        packed(contents)
    assert packed(contents, (5, 5)).pixels.shape == (2, 5, 5, 3)


def test_a_full_disk_for_temporary_files(small_disk, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(small_disk))
    with pytest.raises(UserError, match=f"cannot write {small_disk}: the disk is full"):
        packed([png(seed, (64, 64)) for seed in range(20)])


def test_rows_are_written_in_the_order_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "_AT_ONCE", 2)
    pixels = np.stack([noise(seed) for seed in range(5)])
    write_pixels(tmp_path / "p.npy", pixels[..., :1], np.array([4, 0, 2]))
    assert np.array_equal(np.load(tmp_path / "p.npy", mmap_mode="r"), pixels[[4, 0, 2], ..., :1])
