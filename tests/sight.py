"""How symbols look to people: rendered as on the map, seen with each kind of colour blindness, and compared.

Colour blindness is simulated by the matrices for a severity of 1.0 of Machado, Oliveira and Fernandes, "A
Physiologically-based Model for Simulation of Color Vision Deficiency", IEEE TVCG 15 (6), 2009, on linear RGB.
Differences of colours are CIEDE2000 (CIE 142-2001; Sharma, Wu and Dalal 2005).
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import typst
from numpy.typing import NDArray
from PIL import Image

from layers.symbols import FOLDER

Floats = NDArray[np.float64]

SIDE_PX = 64
VISIONS: dict[str, Floats] = {
    "ordinary": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])


def render(names: Sequence[str]) -> list[Floats]:
    """Each symbol of `assets/symbols` as red, green, blue and alpha, 0 to 1, `SIDE_PX` square, on nothing."""
    pages = "\n#pagebreak()\n".join(f'#image("{name}.svg", width: {SIDE_PX}pt)' for name in names)
    source = f"#set page(width: {SIDE_PX}pt, height: {SIDE_PX}pt, margin: 0pt, fill: none)\n{pages}"
    files = {"main.typ": source.encode(), **{f"{n}.svg": (FOLDER / f"{n}.svg").read_bytes() for n in names}}
    made = typst.compile(files, format="png", ppi=72)
    sheets = made if isinstance(made, list) else [made]
    return [np.asarray(Image.open(io.BytesIO(sheet)).convert("RGBA"), dtype=np.float64) / 255 for sheet in sheets]


def on(symbol: Floats, ground: Sequence[int]) -> Floats:
    """The symbol over a ground colour (0 to 255), as red, green and blue."""
    alpha = symbol[..., 3:]
    return np.asarray(symbol[..., :3] * alpha + np.array(ground[:3]) / 255 * (1 - alpha))


def seen(rgb: Floats, vision: str) -> Floats:
    """Colours (0 to 1) as they look to somebody with that vision."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ VISIONS[vision].T, 0, 1)
    return np.asarray(np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055))


def lab(rgb: Floats) -> Floats:
    """CIE L*a*b* (D65) of colours 0 to 1."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    t = linear @ _TO_XYZ.T / _WHITE
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def difference(one: Floats, other: Floats) -> Floats:
    """CIEDE2000 between colours in L*a*b*."""
    (l1, a1, b1), (l2, a2, b2) = np.moveaxis(one, -1, 0), np.moveaxis(other, -1, 0)
    c_mean = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 0.5 * (1 - np.sqrt(c_mean**7 / (c_mean**7 + 25.0**7)))
    a1, a2 = a1 * (1 + g), a2 * (1 + g)
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    is_grey = c1 * c2 == 0
    turn = np.where(is_grey, 0, (h2 - h1 + 180) % 360 - 180)
    delta_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    h = np.where(is_grey, h1 + h2, (h1 + turn / 2) % 360)
    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    t = (
        1
        - 0.17 * np.cos(np.radians(h - 30))
        + 0.24 * np.cos(np.radians(2 * h))
        + 0.32 * np.cos(np.radians(3 * h + 6))
        - 0.20 * np.cos(np.radians(4 * h - 63))
    )
    s_l = 1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2)
    s_c, s_h = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    r_t = -2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7)) * np.sin(np.radians(60 * np.exp(-(((h - 275) / 25) ** 2))))
    dl, dc, dh = (l2 - l1) / s_l, (c2 - c1) / s_c, delta_h / s_h
    return np.asarray(np.sqrt(dl**2 + dc**2 + dh**2 + r_t * dc * dh))
