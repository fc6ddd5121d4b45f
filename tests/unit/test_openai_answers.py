"""A paid answer is kept, however odd everything but its text is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from transcriber.core.verdicts import FileFailure
from transcriber.db.json import as_json
from transcriber.providers.catalogue import Price
from transcriber.providers.openai_answers import transcript_of

ODD: list[Any] = [
    None, True, 0, -1, 1.5, 10**400, float("nan"), float("inf"), "", "abc", "\ud800", [], ["abc"],
    [1], [None], [[]], [{}], [{"start": "abc", "end": {}, "text": 7, "speaker": 1, "code": 5}],
    {}, {"seconds": "abc", "input_tokens": [], "output_tokens": None}, {"seconds": 10**400},
    {"a": {"b": [[[]]]}},
]  # fmt: skip
FIELDS = ("usage", "segments", "words", "languages", "language", "duration")
PRICES = Price(0.006, 0.0, 0.0), Price(None, 2.5, 10.0)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("odd", ODD, ids=lambda each: str(each)[:30])
def test_an_odd_field_costs_nothing_but_itself(field: str, odd: object) -> None:
    document = json.dumps({"text": " hello\n", field: odd})
    transcript = transcript_of(document.encode(), None)
    assert transcript.text == "hello"
    assert transcript.raw is not None
    assert field in transcript.raw
    as_json([transcript.raw, transcript.segments, transcript.usage]).encode()
    for price in PRICES:
        price.of(transcript.usage, 60.0)


@pytest.mark.parametrize("levels", [10, 99, 150, 900, 3_000, 200_000])
@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_a_deeply_nested_field_leaves_the_text(levels: int, brackets: str) -> None:
    opening = "[" if brackets == "[]" else '{"text":'
    nested = opening * levels + '"no"' + brackets[1] * levels
    document = f'{{"odd": {nested}, "text": "say \\"hello\\""}}'
    transcript = transcript_of(document.encode(), None)
    assert transcript.text == 'say "hello"'
    as_json([[[transcript.raw]]])


def test_segments_and_speakers_are_kept() -> None:
    segments = [
        {"start": 0.0, "end": 1.5, "text": "hello", "speaker": "A", "tokens": [1]},
        {"start": 1.5, "end": 2, "text": "bye", "speaker": None},
    ]
    transcript = transcript_of(
        json.dumps({"text": "hello bye", "segments": segments}).encode(), None
    )
    assert transcript.segments == [
        {"start": 0.0, "end": 1.5, "text": "hello"}, {"start": 1.5, "end": 2, "text": "bye"}
    ]  # fmt: skip
    assert transcript.diarization == [{"start": 0.0, "end": 1.5, "speaker": "A"}]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"language": "english"}, "en"),
        ({"language": "de"}, "de"),
        ({"language": "nonsense"}, None),
        ({"languages": [{"code": "nonsense"}, {"code": "fr"}]}, "fr"),
        ({"language": ["en"], "languages": [{"code": "fr"}]}, "fr"),
        ({}, None),
    ],
    ids=str,
)
def test_the_language_is_a_code(fields: dict[str, Any], code: str | None) -> None:
    answer = json.dumps({"text": "hello", **fields}).encode()
    assert transcript_of(answer, None).language == code


@pytest.mark.parametrize(
    "content",
    [
        b"", b"null", b"7", b'"hello"', b'["text"]', b"{}", b'{"text": null}', b'{"text": 7}',
        b'{"text": ', b"<html>portal</html>", b"\xff\xfe", b'{"texts": "hello"}', 5_000 * b"[",
    ],
    ids=lambda content: str(content)[:20],
)  # fmt: skip
def test_an_answer_without_a_text_is_tried_twice_at_most(content: bytes) -> None:
    with pytest.raises(FileFailure, match="holds no transcript") as failed:
        transcript_of(content, None)
    assert not failed.value.permanent
    assert failed.value.most_attempts == 2
