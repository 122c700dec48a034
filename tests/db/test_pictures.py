"""Pictures are read by their content, set upright, bounded, and lose every word about where they were taken."""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from db import pictures
from db.pictures import develop, reduced
from geo.errors import InvalidInput
from governance.photo import LONGEST_PX, Fault

RED, BLUE = (200, 30, 30), (30, 30, 200)


def encoded(picture: Image.Image, kind: str = "JPEG", **how: object) -> bytes:
    out = BytesIO()
    picture.save(out, kind, **how)
    return out.getvalue()


def halves(width: int = 400, height: int = 300, mode: str = "RGB") -> Image.Image:
    """The left half red, the right half blue."""
    picture = Image.new("RGB", (width, height), RED)
    picture.paste(BLUE, (width // 2, 0, width, height))
    return picture.convert(mode)


def opened(jpeg: bytes) -> Image.Image:
    picture = Image.open(BytesIO(jpeg))
    picture.load()
    return picture


def fault_of(content: bytes) -> Fault:
    with pytest.raises(InvalidInput) as caught:
        develop(content)
    assert caught.value.field == "photo"
    return Fault(str(caught.value.facts["fault"]))


def is_near(pixel: object, colour: tuple[int, int, int]) -> bool:
    assert isinstance(pixel, tuple)
    return all(abs(a - b) < 40 for a, b in zip(pixel, colour, strict=True))


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGBA"), ("PNG", "P"), ("WEBP", "RGB")],
)
def test_each_kind_becomes_an_rgb_jpeg(kind: str, mode: str):
    """JPEG, PNG and WebP of any usual pixels come out as one kind, with their size and hash told."""
    made = develop(encoded(halves(mode=mode), kind))
    picture = opened(made.jpeg)
    assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (400, 300))
    assert (made.width, made.height, made.sha256) == (400, 300, pictures.digest(made.jpeg))


def test_a_picture_of_16_bit_grey_keeps_its_shades():
    """What a scanner or a thermal camera writes is read, its 65,536 shades as 256; what is clear becomes white."""
    ramp = np.linspace(0, 65_535, 256).astype(np.uint16)
    content = encoded(Image.fromarray(np.tile(ramp, (40, 1))), "PNG")
    assert Image.open(BytesIO(content)).mode == "I;16"
    made = opened(develop(content).jpeg)
    assert made.size == (256, 40)
    for x in (2, 60, 128, 200, 253):
        assert is_near(made.getpixel((x, 20)), (x, x, x))
    key = b"tRNS" + bytes(2)  # black is clear
    chunk = struct.pack(">I", 2) + key + struct.pack(">I", zlib.crc32(key))
    black = encoded(Image.fromarray(np.zeros((20, 20), dtype=np.uint16)), "PNG")
    signature, rest = black[:33], black[33:]
    assert is_near(opened(develop(signature + chunk + rest).jpeg).getpixel((10, 10)), (255, 255, 255))


def test_nothing_is_kept_but_the_pixels():
    """GPS position, camera, comment, colour profile and XMP are gone."""
    source = halves()
    exif = Image.Exif()
    exif[0x010F] = "CameraMaker"
    exif.get_ifd(0x8825)[2] = (45.0, 0.0, 18.0)
    exif.get_ifd(0x8825)[4] = (124.0, 1.0, 4.8)
    content = encoded(source, exif=exif, comment=b"SECRETCOMMENT", icc_profile=b"SECRETPROFILE", xmp=b"SECRETXMP")
    assert Image.open(BytesIO(content)).getexif().get_ifd(0x8825)
    made = develop(content).jpeg
    picture = opened(made)
    assert not picture.getexif()
    assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "progressive", "progression"}
    assert b"SECRET" not in made
    assert b"CameraMaker" not in made


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_is_set_upright(orientation: int):
    """Whatever way the camera was held, what was above is above: as Pillow itself would show it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    source = halves(400, 200)
    source.paste((30, 200, 30), (0, 0, 60, 60))
    content = encoded(source, exif=exif, quality=95)
    made = opened(develop(content).jpeg)
    assert made.size == ((200, 400) if orientation > 4 else (400, 200))
    stored = Image.open(BytesIO(content))
    turned = {1: 0, 3: 180, 6: -90, 8: 90}.get(orientation)
    if turned is not None:
        expected = stored.rotate(turned, expand=True)
        for x, y in ((5, 5), (made.width - 5, 5), (5, made.height - 5), (made.width - 5, made.height - 5)):
            pixel = expected.getpixel((x, y))
            assert isinstance(pixel, tuple)
            assert is_near(made.getpixel((x, y)), (int(pixel[0]), int(pixel[1]), int(pixel[2])))


def test_a_large_photo_is_made_smaller():
    """The long side ends at the limit, the proportions stay."""
    made = develop(encoded(Image.new("RGB", (4800, 3600), RED)))
    assert (made.width, made.height) == (LONGEST_PX, LONGEST_PX * 3 // 4)


def test_what_is_clear_becomes_white():
    """A picture without ground lies on white, not on black."""
    clear = Image.new("RGBA", (50, 50), (0, 0, 0, 0))
    assert is_near(opened(develop(encoded(clear, "PNG")).jpeg).getpixel((25, 25)), (255, 255, 255))


def test_the_same_picture_gives_the_same_hash_whatever_is_written_beside_it():
    """Two copies of a photo, one with a changed camera note, are one photo."""
    exif = Image.Exif()
    exif[0x010F] = "Other"
    assert develop(encoded(halves())).sha256 == develop(encoded(halves(), exif=exif)).sha256


def test_a_text_file_is_no_photo_whatever_its_name():
    """The content decides."""
    assert fault_of("供暖管线泄漏".encode() * 50) is Fault.NOT_A_PHOTO
    assert fault_of(b"") is Fault.EMPTY
    assert fault_of(b"GIF89a" + bytes(100)) is Fault.NOT_A_PHOTO
    assert fault_of(b"<svg xmlns='http://www.w3.org/2000/svg'/>") is Fault.NOT_A_PHOTO
    assert fault_of(b"\x00\x00\x00\x18ftypheic" + bytes(100)) is Fault.HEIC


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_that_was_cut_short_is_refused(kind: str):
    """Half a picture isn't kept as if it were whole."""
    noise = Image.effect_noise((300, 300), 90).convert("RGB")
    content = encoded(noise, kind)
    assert fault_of(content[: len(content) * 2 // 3]) in {Fault.BROKEN, Fault.NOT_A_PHOTO}


def _png_claiming(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(8000, 5001), (10_000, 10_000), (30_000, 30_000)])
def test_a_bomb_is_refused_before_it_goes_off(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch):
    """A small file that claims too many pixels is refused by its head: not one pixel is decoded."""
    monkeypatch.setattr(pictures, "_upright", lambda _: pytest.fail("decoded"))
    assert fault_of(_png_claiming(*size)) is Fault.TOO_MANY_PIXELS


def test_more_bytes_than_the_limit_are_refused():
    """Eleven megabytes aren't looked at."""
    assert fault_of(encoded(halves()) + bytes(10 * 1024 * 1024)) is Fault.TOO_LARGE


SAMPLES = [encoded(halves(64, 48), kind) for kind in ("JPEG", "PNG", "WEBP")]


@settings(max_examples=150)
@given(st.sampled_from(SAMPLES), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=12))
def test_a_damaged_file_is_refused_or_read_but_never_an_accident(sample: bytes, changes: list[tuple[int, int]]):
    """Bytes flipped anywhere end in a photo or in a refusal that says which."""
    content = bytearray(sample)
    for place, value in changes:
        content[place % len(content)] = value
    with suppress(InvalidInput):
        develop(bytes(content))


def test_a_reduced_copy_keeps_its_proportions():
    """For lists and print; what is small enough comes back as it is."""
    jpeg = develop(encoded(halves(1200, 900))).jpeg
    assert opened(reduced(jpeg, longest_px=400)).size == (400, 300)
    assert reduced(jpeg, longest_px=1200) == jpeg
