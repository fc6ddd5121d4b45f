"""sqlfluff knows the parameters of the queries, and no others."""

from __future__ import annotations

import re
from configparser import RawConfigParser

from tests.support import REPOSITORY


def test_every_parameter_of_a_query_has_a_sample_value_and_no_sample_is_unused() -> None:
    """Without a value, sqlfluff would lint the name of the parameter in its place."""
    configuration = RawConfigParser()
    configuration.read(REPOSITORY / ".sqlfluff")
    samples = {*configuration["sqlfluff:templater:placeholder"]} - {"param_style"}
    queries = [path.read_text() for path in (REPOSITORY / "transcriber").rglob("*.sql")]
    parameters = {name for query in queries for name in re.findall(r"%\((\w+)\)s", query)}

    assert samples == parameters
