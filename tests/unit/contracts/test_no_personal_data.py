"""What may travel in an event: listed by name with the reason, in docs/events/text-fields.yaml."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Final, get_args, get_origin
from uuid import UUID

import msgspec
import pytest
import yaml

from shared.contracts import Attributes, event_types
from tests.unit.contracts.samples import snapshot_path

LISTED: Final = yaml.safe_load((Path(__file__).parents[3] / "docs/events/text-fields.yaml").read_text("utf-8"))
PERSONAL: Final = frozenset(
    [
        "name",
        "names",
        "firstname",
        "lastname",
        "surname",
        "fullname",
        "email",
        "emails",
        "mail",
        "phone",
        "phones",
        "tel",
        "mobile",
        "whatsapp",
        "wechat",
        "zalo",
        "message",
        "messages",
        "answer",
        "answers",
        "note",
        "notes",
        "comment",
        "comments",
        "address",
        "addresses",
        "street",
        "postcode",
        "zip",
        "birthday",
        "gclid",
        "fbclid",
        "msclkid",
        "click",
        "clickid",
        "url",
        "query",
        "utm",
        "ip",
        "cookie",
        "referrer",
        "body",
        "text",
        "free",
    ]
)


def fields_within(kind: type[msgspec.Struct]) -> Iterator[tuple[type[msgspec.Struct], str, tuple[Any, ...]]]:
    """Every field of a type and of what is inside it: its struct, its name, the plain types it may have."""
    for field in msgspec.structs.fields(kind):
        plain = tuple(plain_types(field.type))
        yield kind, field.name, plain
        for each in plain:
            if isinstance(each, type) and issubclass(each, msgspec.Struct):
                yield from fields_within(each)


def plain_types(kind: Any) -> Iterator[Any]:
    arguments = get_args(kind)[:1] if get_origin(kind) is Annotated else get_args(kind)
    if not arguments:
        yield kind
    for each in arguments:
        if each is not Ellipsis:
            yield from plain_types(each)


ALL: Final = sorted({each for event_type in event_types().values() for each in fields_within(event_type)}, key=str)


def label(value: Any) -> str:
    return value.__name__ if isinstance(value, type) else str(value)


@pytest.mark.parametrize(("owner", "name", "kinds"), ALL, ids=label)
def test_a_field_of_an_event_says_nothing_of_who_the_lead_is(
    owner: type[msgspec.Struct], name: str, kinds: tuple[Any, ...]
) -> None:
    assert not PERSONAL & set(re.split(r"_|\d+", name.lower())), f"{owner.__name__}.{name} sounds like personal data"
    closed = {str, int, bool, UUID, datetime, NoneType}
    assert all(each in closed or issubclass(each, msgspec.Struct) for each in kinds), (
        f"{owner.__name__}.{name}: dicts, bytes and Any would let anything travel"
    )
    if str in kinds:
        assert name in LISTED["attributes" if owner is Attributes else "fields"], (
            f"{owner.__name__}.{name} is text that nobody has vouched for: give its reason in"
            " docs/events/text-fields.yaml, or keep it in the service that owns it"
        )


def test_the_attributes_are_those_listed_and_no_other() -> None:
    assert set(Attributes.__struct_fields__) == set(LISTED["attributes"])


def test_no_line_of_the_list_is_left_over() -> None:
    assert set(LISTED["fields"]) == {
        name for owner, name, kinds in ALL if str in kinds and owner is not Attributes
    }  # fmt: skip


def test_the_patterns_find_what_they_should() -> None:
    for name in ("contact_name", "email", "work_phone", "answers", "note", "click_id", "page_url", "street_address"):
        assert PERSONAL & set(name.split("_")), name


def test_no_event_of_the_corpus_carries_a_query_or_an_address() -> None:
    for wire in event_types():
        text = snapshot_path(wire, "full").read_text("utf-8")
        assert "?" not in text
        assert "@" not in text
