"""Pictures, read by their content alone and made anew: upright, bounded, and without a word about where or by whom."""

from __future__ import annotations

import hashlib
import struct
import threading
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from governance.photo import LIMIT_BYTES, LIMIT_PIXELS, LONGEST_PX, Fault, refused

_FORMATS = ("JPEG", "PNG", "WEBP")
_QUALITY = 85
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What sets a picture upright, by EXIF's orientation."""
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"})
_TRANSPARENT = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})
_SIXTEEN_BITS = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})
_WHITE = 255
_PLAIN = frozenset({"1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr"})
# What Pillow's decoders raise on files that are damaged, or made to do damage.
_UNREADABLE = (
    OSError, SyntaxError, ValueError, TypeError, EOFError, ArithmeticError, LookupError, MemoryError, RuntimeError,
    AttributeError, struct.error, Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip

_AT_ONCE = threading.BoundedSemaphore(2)
"""How many are decoded side by side: each may hold some hundred megabytes for a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A JPEG that is fit to be kept, with its hash and its size in pixels."""

    jpeg: bytes
    sha256: str
    width: int
    height: int


def develop(content: bytes) -> Picture:
    """The picture in `content` as an upright RGB JPEG of at most `LONGEST_PX`, of its pixels only.

    The same content gives the same bytes. Raises `InvalidInput` on the field `photo` for what is no whole JPEG, PNG or
    WebP, or beyond the limits; the limit of pixels is held before any is decoded.
    """
    if not content:
        raise refused(Fault.EMPTY, "there is nothing in it")
    if len(content) > LIMIT_BYTES:
        raise refused(Fault.TOO_LARGE, f"at most {LIMIT_BYTES // 1024 // 1024} MB a photo")
    if content[4:8] == b"ftyp" and content[8:12] in _HEIF_BRANDS:
        raise refused(Fault.HEIC, "HEIC is not read here: send JPEG")
    try:
        opened = Image.open(BytesIO(content), formats=_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise refused(Fault.TOO_MANY_PIXELS, f"at most {LIMIT_PIXELS:,} pixels") from error
    except _UNREADABLE as error:
        raise refused(Fault.NOT_A_PHOTO, "neither JPEG, PNG nor WebP") from error
    with opened:
        if opened.width * opened.height > LIMIT_PIXELS:
            raise refused(Fault.TOO_MANY_PIXELS, f"at most {LIMIT_PIXELS:,} pixels")
        try:
            with _AT_ONCE:
                upright = _upright(opened)
        except _UNREADABLE as error:
            raise refused(Fault.BROKEN, "the file is damaged or cut short") from error
    jpeg = _encoded(upright)
    return Picture(jpeg=jpeg, sha256=digest(jpeg), width=upright.width, height=upright.height)


def reduced(jpeg: bytes, *, longest_px: int) -> bytes:
    """A smaller copy of a kept photo; one that is small enough already comes back as it is."""
    with Image.open(BytesIO(jpeg), formats=("JPEG",)) as picture:
        if max(picture.size) <= longest_px:
            return jpeg
        picture.thumbnail((longest_px, longest_px), Image.Resampling.LANCZOS)
        return _encoded(picture)


def digest(jpeg: bytes) -> str:
    """The hash that a photo is kept and found under."""
    return hashlib.sha256(jpeg).hexdigest()


def _upright(opened: Image.Image) -> Image.Image:
    # A JPEG may be decoded at a half, a quarter or an eighth: never the whole of what will be made small anyway.
    opened.draft("RGB", (LONGEST_PX, LONGEST_PX))
    opened.load()
    turn = _UPRIGHT.get(_orientation(opened))
    small = _on_white(opened)
    small.thumbnail((LONGEST_PX, LONGEST_PX), Image.Resampling.LANCZOS)
    return small if turn is None else small.transpose(turn)


def _orientation(opened: Image.Image) -> int:
    try:
        return int(opened.getexif().get(_ORIENTATION, 1))
    except _UNREADABLE:
        return 1  # unreadable notes beside a picture don't spoil the picture


def _of_eight_bits(opened: Image.Image) -> Image.Image:
    """A picture of 16-bit grey, as scanners and thermal cameras write PNG, in the 256 shades that a JPEG has."""
    samples = np.asarray(opened, dtype=np.uint16)
    grey = (samples >> 8).astype(np.uint8)
    clear = opened.info.get("transparency")
    if isinstance(clear, int):
        grey[samples == clear] = _WHITE
    return Image.fromarray(grey)


def _on_white(opened: Image.Image) -> Image.Image:
    if opened.mode in _SIXTEEN_BITS:
        opened = _of_eight_bits(opened)
    if opened.mode in _TRANSPARENT or "transparency" in opened.info:
        clear = opened.convert("RGBA")
        white = Image.new("RGB", clear.size, "white")
        white.paste(clear, mask=clear)
        return white
    if opened.mode not in _PLAIN:
        raise ValueError(f"no photo has pixels of the kind {opened.mode}")
    return opened if opened.mode == "RGB" else opened.convert("RGB")


def _encoded(picture: Image.Image) -> bytes:
    # Onto a fresh sheet: Pillow hands comments and profiles of the source on when it saves.
    fresh = Image.new("RGB", picture.size)
    fresh.paste(picture)
    out = BytesIO()
    fresh.save(out, "JPEG", quality=_QUALITY, optimize=True, progressive=True)
    return out.getvalue()
