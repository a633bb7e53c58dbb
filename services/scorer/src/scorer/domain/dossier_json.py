"""A dossier as compact JSON, short keys and sorted, so that equal dossiers are equal bytes."""

from collections.abc import Mapping

import msgspec

from scorer.domain.dossier import Attribute, Dossier, Ending, Engagement, Episode, Facts, Standing, Verdict


class _Row(msgspec.Struct, omit_defaults=True, gc=False):
    """A dossier with its own facts laid open."""

    a: Mapping[str, Attribute] = msgspec.field(default_factory=dict[str, Attribute])
    e: Mapping[str, tuple[Engagement, ...]] = msgspec.field(default_factory=dict[str, tuple[Engagement, ...]])
    c: int | None = None
    t: bool = False
    x: int | None = None
    m: frozenset[str] = frozenset()
    u: frozenset[str] = frozenset()
    o: Mapping[str, Facts] = msgspec.field(default_factory=dict[str, Facts])
    n: tuple[Ending, ...] = ()
    p: tuple[Episode, ...] = ()
    s: Standing | None = None
    w: Mapping[str, tuple[Attribute, ...]] = msgspec.field(default_factory=dict[str, tuple[Attribute, ...]])
    v: tuple[Verdict, ...] = ()


_ENCODER = msgspec.json.Encoder(order="deterministic")
_DECODER = msgspec.json.Decoder(_Row)


def to_json(dossier: Dossier) -> bytes:
    return _ENCODER.encode(
        _Row(
            dossier.own.attributes,
            dossier.own.engagements,
            dossier.captured_us,
            dossier.is_test,
            dossier.erased_us,
            dossier.merged,
            dossier.undone,
            dossier.absorbed,
            dossier.endings,
            dossier.episodes,
            dossier.standing,
            dossier.own.earlier,
            dossier.verdicts,
        )
    )


def from_json(data: bytes | str) -> Dossier:
    row = _DECODER.decode(data)
    return Dossier(
        own=Facts(row.a, row.e, row.w),
        captured_us=row.c,
        is_test=row.t,
        erased_us=row.x,
        absorbed=row.o,
        merged=row.m,
        undone=row.u,
        endings=row.n,
        standing=row.s,
        episodes=row.p,
        verdicts=row.v,
    )
