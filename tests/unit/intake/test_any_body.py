"""Whatever parses is mapped, parked or ignored: no body makes the mapping raise, and every submission can be shown."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.domain.attributes import attributes
from intake.domain.identity import identity_keys
from intake.domain.labels import CLICK_IDS
from intake.domain.mapping import submissions
from intake.domain.names import MAPPABLE_FIELDS
from intake.domain.submission import Submission, document
from shared.contracts.attributes import ATTRIBUTE_NAMES, Attributes
from tests.support.examples import examples
from tests.unit.intake.builders import RECEIVED_AT, a_door, the_fields

_MORE = ("consent", "answers", "channel_ids", "lead_id", "user_column_data", "column_id", "string_value", "1.3", "a.b")
_KEYS = st.sampled_from([*sorted(MAPPABLE_FIELDS | CLICK_IDS), *_MORE]) | st.text(max_size=8)
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30)
_CLEAN = st.sampled_from(["ann@x.com", "+84912345678", "https://[x", "https://e.com/?utm_source=%00", "2026-01-01"])
_VALUES = st.recursive(_SCALARS | _CLEAN, lambda inner: st.lists(inner) | st.dictionaries(_KEYS, inner), max_leaves=12)
_BODIES = st.dictionaries(_KEYS, _VALUES) | st.lists(st.dictionaries(_KEYS, _VALUES), max_size=3)
_DOORS = {
    "google": a_door(kind="google", key={"env": "K"}, map={"budget": "a.b"}),
    "generic": a_door(kind="generic", id="lead_id", dedupe=["a.b", "1.3"], map={"name": "{1.3} {a.b}"}),
    "html": a_door(kind="html", defaults={"country": "VN"}, consent={"mail": "consent"}),
    "rest": a_door(kind="rest"),
}
_FIELDS = the_fields()


@pytest.mark.parametrize("kind", sorted(_DOORS))
@examples(40)
@given(body=_BODIES)
def test_every_body_is_mapped_parked_or_ignored(kind: str, body: Any) -> None:
    for outcome in submissions(_DOORS[kind], _FIELDS, body, RECEIVED_AT):
        if isinstance(outcome, Submission):
            orjson.dumps(document(outcome))
            found = attributes(outcome)
            assert set(found) <= set(ATTRIBUTE_NAMES)
            assert Attributes(**{**found, "tags": tuple(found.get("tags", ()))})  # pyright: ignore[reportArgumentType]
            assert all(key.value for key in identity_keys(outcome))
            assert len(outcome.content_key) == 32
