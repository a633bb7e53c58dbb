"""A dossier as compact JSON, short keys and sorted, so that equal dossiers are equal bytes."""

from collections.abc import Mapping
from typing import Any, cast

import orjson

from scorer.domain.dossier import Attribute, Basis, Dossier, Ending, Engagement, Episode, Facts, Standing, Value


def to_json(dossier: Dossier) -> bytes:
    standing = dossier.standing
    document: dict[str, object] = {
        "c": dossier.captured_us,
        "t": dossier.is_test or None,
        "x": dossier.erased_us,
        "m": sorted(dossier.merged),
        "u": sorted(dossier.undone),
        "o": {merge_id: _facts(facts) for merge_id, facts in dossier.absorbed.items()},
        "n": [tuple(ending) for ending in dossier.endings],
        "p": [tuple(episode) for episode in dossier.episodes],
        **_facts(dossier.own),
    }
    if standing is not None:
        document["s"] = (standing.scored_milli, standing.tier, standing.qualifies, standing.version, standing.basis)
    kept = {key: value for key, value in document.items() if value not in (None, [], {})}
    return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)


def from_json(data: bytes | str) -> Dossier:
    document = cast("dict[str, Any]", orjson.loads(data))
    standing = document.get("s")
    return Dossier(
        own=_read_facts(document),
        captured_us=document.get("c"),
        is_test=document.get("t", False),
        erased_us=document.get("x"),
        absorbed={merge_id: _read_facts(facts) for merge_id, facts in document.get("o", {}).items()},
        merged=frozenset(document.get("m", ())),
        undone=frozenset(document.get("u", ())),
        endings=tuple(Ending(*row) for row in document.get("n", ())),
        standing=None if standing is None else Standing(*standing[:4], basis=_read_basis(standing[4])),
        episodes=tuple(Episode(*row) for row in document.get("p", ())),
    )


def _facts(facts: Facts) -> dict[str, object]:
    engagements = {
        kind: [
            (each.occurred_us, each.id, each.content) if each.content else (each.occurred_us, each.id) for each in row
        ]
        for kind, row in facts.engagements.items()
    }
    return {"a": {name: tuple(attribute) for name, attribute in facts.attributes.items()}, "e": engagements}


def _read_facts(document: Mapping[str, Any]) -> Facts:
    return Facts(
        {name: Attribute(row[0], row[1], _read_value(row[2])) for name, row in document.get("a", {}).items()},
        {
            kind: tuple(Engagement(row[0], row[1], kind, row[2] if len(row) > 2 else "") for row in rows)
            for kind, rows in document.get("e", {}).items()
        },
    )


def _read_value(value: Any) -> Value:
    return tuple(value) if isinstance(value, list) else value


def _read_basis(rows: list[list[Any]]) -> Basis:
    return tuple((row[0], tuple(row[1])) for row in rows)
