import pytest

from layers.palette import DARK, INK, LIGHT, SEVERITY, SEVERITY_NUMERAL, Palette, contrast, rgb

THEMES = pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
READABLE = 4.5


def test_contrast_is_that_of_wcag():
    """Black on white is 21 to 1, a colour on itself 1 to 1, and grey 767676 the known edge of 4.5."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#3e9bff", "#3e9bff") == pytest.approx(1)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@THEMES
@pytest.mark.parametrize("text", ["text", "muted", "accent", "alarm", "warn", "good"])
@pytest.mark.parametrize("under", ["ground", "panel", "raised", "tint"])
def test_text_is_readable_on_every_surface(theme: Palette, text: str, under: str):
    """Every colour of text has 4.5 to 1 on every surface that it can stand on."""
    assert contrast(getattr(theme, text), getattr(theme, under)) >= READABLE


@THEMES
@pytest.mark.parametrize("under", ["land", "town", "block", "park", "water", "road", "road_minor", "halo"])
def test_names_on_the_map_are_readable(theme: Palette, under: str):
    """Names of streets and grids can be read on whatever ground they lie."""
    assert contrast(theme.label, theme.halo) >= READABLE
    assert contrast(theme.grid_label, getattr(theme, under)) >= READABLE


@pytest.mark.parametrize("severity", SEVERITY)
def test_a_numeral_is_readable_in_its_circle(severity: int):
    """The Roman numeral stands out from the warning colour that it names."""
    assert contrast(INK, SEVERITY[severity]) >= READABLE
    assert SEVERITY_NUMERAL[severity]


@THEMES
def test_the_base_map_is_quieter_than_any_data(theme: Palette):
    """Land, blocks, water and roads lie close together; every severity stands out from all of them."""
    tones = [theme.land, theme.town, theme.block, theme.park, theme.water, theme.road, theme.road_minor, theme.house]
    assert max(contrast(a, b) for a in tones for b in tones) < 1.6  # a data symbol has an outline besides


def test_rgb_is_what_deck_takes():
    """Red, green, blue, alpha."""
    assert rgb("#4cc3ff", 128) == [76, 195, 255, 128]
