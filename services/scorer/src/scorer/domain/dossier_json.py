"""A dossier as compact JSON, short keys and sorted, so that equal dossiers are equal bytes."""

from collections.abc import Mapping

import msgspec

from scorer.domain.dossier import Attribute, Basis, Dossier, Ending, Engagement, Episode, Facts, Standing


class _FactsRow(msgspec.Struct, omit_defaults=True):
    a: Mapping[str, Attribute] = msgspec.field(default_factory=dict[str, Attribute])
    e: Mapping[str, tuple[Engagement, ...]] = msgspec.field(default_factory=dict[str, tuple[Engagement, ...]])


class _DossierRow(_FactsRow, omit_defaults=True):
    c: int | None = None
    t: bool = False
    x: int | None = None
    m: frozenset[str] = frozenset()
    u: frozenset[str] = frozenset()
    o: dict[str, _FactsRow] = msgspec.field(default_factory=dict[str, _FactsRow])
    n: tuple[Ending, ...] = ()
    p: tuple[Episode, ...] = ()
    s: tuple[int, str, bool, int, Basis] | None = None


_ENCODER = msgspec.json.Encoder(order="deterministic")
_DECODER = msgspec.json.Decoder(_DossierRow)


def to_json(dossier: Dossier) -> bytes:
    standing = dossier.standing
    return _ENCODER.encode(
        _DossierRow(
            a=dossier.own.attributes,
            e=dossier.own.engagements,
            c=dossier.captured_us,
            t=dossier.is_test,
            x=dossier.erased_us,
            m=dossier.merged,
            u=dossier.undone,
            o={
                merge_id: _FactsRow(facts.attributes, facts.engagements) for merge_id, facts in dossier.absorbed.items()
            },
            n=dossier.endings,
            p=dossier.episodes,
            s=standing and (standing.scored_milli, standing.tier, standing.qualifies, standing.version, standing.basis),
        )
    )


def from_json(data: bytes | str) -> Dossier:
    row = _DECODER.decode(data)
    return Dossier(
        own=Facts(row.a, row.e),
        captured_us=row.c,
        is_test=row.t,
        erased_us=row.x,
        absorbed={merge_id: Facts(facts.a, facts.e) for merge_id, facts in row.o.items()},
        merged=row.m,
        undone=row.u,
        endings=row.n,
        standing=None if row.s is None else Standing(*row.s),
        episodes=row.p,
    )
