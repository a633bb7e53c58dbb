"""Arbitrary events of any type, made from the types themselves."""

from datetime import UTC, datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from uuid import UUID

import msgspec
from hypothesis import strategies as st

from shared.contracts import Event, event_types

_SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    NoneType: st.none(),
    UUID: st.uuids(),
    bool: st.booleans(),
    int: st.integers(-(2**63), 2**63 - 1),
    str: st.text(st.characters(exclude_categories=["Cs"])),
    datetime: st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
}


def events() -> st.SearchStrategy[Event]:
    return st.one_of(*(of_type(event_type) for event_type in event_types().values()))


def of_type(kind: Any) -> st.SearchStrategy[Any]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _structs(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return of_type(arguments[0])
    if origin in (Union, UnionType):
        return st.one_of(*(of_type(each) for each in arguments))
    if origin is tuple:
        return st.lists(of_type(arguments[0]), max_size=3).map(tuple)
    return _SCALARS[kind]


def _structs(kind: type[msgspec.Struct]) -> st.SearchStrategy[msgspec.Struct]:
    fields = msgspec.structs.fields(kind)
    required = {field.name: of_type(field.type) for field in fields if field.required}
    optional = {field.name: of_type(field.type) for field in fields if not field.required}
    return st.fixed_dictionaries(required, optional=optional).map(lambda values: kind(**values))
