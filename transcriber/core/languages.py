"""Languages by their ISO 639 codes; providers also say them by their English names."""

from __future__ import annotations

from functools import cache

# Names that Whisper's servers use and the Unicode CLDR spells otherwise.
OTHER_NAMES = {
    "bengali": "bn", "castilian": "es", "haitian creole": "ht", "maori": "mi", "myanmar": "my",
    "nynorsk": "nn", "panjabi": "pa", "pushto": "ps", "sinhalese": "si", "valencian": "ca",
}  # fmt: skip


def language_code(language: str) -> str | None:
    """Return the shortest ISO 639 code of a language, by code or English name; None if unknown.

    `de`, `DE`, `de-AT` and `german` are all `de`.
    """
    name = " ".join(language.lower().replace("_", "-").split())
    code = name.partition("-")[0]
    codes, names = _languages()
    return code if code in codes else names.get(name.replace("-", " "))


@cache
def _languages() -> tuple[set[str], dict[str, str]]:
    from babel import Locale  # noqa: PLC0415 (most runs name no language)

    languages = {
        code: name.lower()
        for code, name in Locale.parse("en").languages.items()
        if len(code) in {2, 3} and code.islower()
    }
    return {*languages}, {name: code for code, name in languages.items()} | OTHER_NAMES
