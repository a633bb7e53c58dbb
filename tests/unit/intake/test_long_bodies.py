"""A body of many items: refused unread where one is taken, and known as long where they are taken."""

from typing import Any, cast

import orjson
import pytest

from intake.admission import OneLead, Request, admit, takes_long
from intake.domain.policy import Door
from intake.domain.proof import Arrival
from intake.rules import Rules
from tests.unit.intake.builders import RECEIVED_AT, a_policy, resolve

LEAD = {"name": "Ann Planted-Name", "email": "ann@example.com", "message": "Call me, please, before noon, or later"}


def admitted(door: dict[str, Any], body: object) -> object:
    """What becomes of a body under rules without fields: whoever reads an item by them fails."""
    policy = a_policy(door=door)
    rules = Rules((1, 1), policy, cast("Any", None), b"key", resolve)
    opened: Door = policy.doors["door"]
    return admit(rules, opened, Request("door", Arrival(orjson.dumps(body)), "application/json", RECEIVED_AT))


@pytest.mark.parametrize("body", [[], [LEAD], [LEAD] * 500, ["x"]])
def test_a_rest_door_refuses_a_list_before_it_reads_any_of_it(body: list[object]) -> None:
    with pytest.raises(OneLead):
        admitted({"kind": "rest"}, body)


def test_other_doors_read_the_items_of_a_list() -> None:
    with pytest.raises(AttributeError):
        admitted({"kind": "generic"}, [LEAD])


def test_a_body_of_many_bytes_or_many_values_takes_long() -> None:
    assert not takes_long(orjson.dumps(LEAD))
    assert not takes_long(orjson.dumps([LEAD] * 40))
    assert takes_long(orjson.dumps([LEAD] * 500))
    assert takes_long(orjson.dumps({**LEAD, "message": "x" * 100_000}))
    assert takes_long(b"[" + b"{}," * 2_000 + b"{}]")
    assert takes_long(b"[" + b"1," * 2_000 + b"1]")
