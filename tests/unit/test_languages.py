"""Languages are known by code and by English name."""

from __future__ import annotations

import pytest

from transcriber.core.languages import language_code

WHISPER = """
    af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha
    haw he hi hr ht hu hy id is it ja jv ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr
    ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk sl sn so sq sr su sv sw ta te tg
    th tk tl tr tt uk ur uz vi yi yo yue zh
"""


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("de", "de"), ("DE", "de"), ("de-AT", "de"), ("de_AT", "de"), ("pt-br", "pt"),
        ("german", "de"), ("German", "de"), (" english ", "en"), ("haitian creole", "ht"),
        ("Myanmar", "my"), ("maori", "mi"), ("yue", "yue"), ("cantonese", "yue"),
        ("", None), ("xx", None), ("klingonese", None), ("deutsch", None), ("d", None),
        ("english german", None), ("-", None), ("e n", None),
    ],
)  # fmt: skip
def test_a_language_has_one_code(language: str, code: str | None) -> None:
    assert language_code(language) == code


def test_every_language_of_whisper_is_known() -> None:
    unknown = {code for code in WHISPER.split() if language_code(code) is None}
    assert unknown == set()
