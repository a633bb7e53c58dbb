"""What is known of a lead: attribute by attribute the latest word counts, and what the form answered fills the checklist."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from router.domain.dossier import NOTHING_KNOWN, Answer, Dossier, told_at
from shared.contracts.attributes import Attributes, values

BUDGET_KNOWN: frozenset[str] = frozenset({"no", "pending"})


def news(dossier: Dossier, at: datetime, attributes: Attributes, cleared: tuple[str, ...] = ()) -> dict[str, Any]:
    """What these attributes change in the dossier, field by field; nothing where all of it is old."""
    known, since = dossier.attributes, dossier.attributes_since
    if not cleared and not dossier.told_apart and (since is None or (since <= at and attributes == known)):
        # all that is known was told at once: for the first time, or now the same again
        if at == since or attributes == NOTHING_KNOWN:
            return {}
        return _known(dossier, attributes, at, {})
    stamps = dossier.attributes_at
    told: dict[str, Any] = values(attributes)
    if cleared:
        told = {**dict.fromkeys([name for name in cleared if name in Attributes.__struct_fields__]), **told}
    if stamps:
        told = {name: value for name, value in told.items() if _is_newer(at, value, stamps.get(name), known, name)}
    if not told:
        return {}
    if "tags" in told and told["tags"] is None:
        told["tags"] = ()
    changed = replace(known, **told) if stamps or cleared else attributes
    stamps = {**stamps, **dict.fromkeys(told, at)}
    present = values(changed)
    oldest = min([stamps[name] for name in present], default=None)
    apart = {name: stamp for name, stamp in stamps.items() if stamp != oldest or name not in present}
    return _known(dossier, changed, oldest, apart)


def _known(
    dossier: Dossier, known: Attributes, since: datetime | None, apart: Mapping[str, datetime]
) -> dict[str, Any]:
    checklist = dossier.checklist
    if checklist or known.timeframe or known.budget or known.current_project:
        checklist = _prefilled(checklist, known, told_at(known, since, apart))
    return {"attributes": known, "attributes_since": since, "told_apart": apart, "checklist": checklist}


def _is_newer(at: datetime, value: object, stamp: datetime | None, known: Attributes, name: str) -> bool:
    """Whether a value is a later word than the one known; of two of one instant the greater stands."""
    if stamp is None or stamp < at:
        return True
    return stamp == at and str(getattr(known, name)) < str(value)


def _prefilled(checklist: Mapping[str, Answer], known: Attributes, at: Mapping[str, datetime]) -> Mapping[str, Answer]:
    """What the form already answered; a person's answer always stands above it."""
    budget = known.budget and (known.budget if known.budget in BUDGET_KNOWN else "yes")
    project = known.current_project and (known.current_project if known.current_project == "no" else "yes")
    filled = dict(checklist)
    found = (
        ("timeframe", "timeframe", known.timeframe),
        ("budget", "budget", budget),
        ("definite_project", "current_project", project),
    )
    for field, attribute, value in found:
        present = filled.get(field)
        if present is not None and present.by != "form":
            continue
        if value:
            filled[field] = Answer(value=value, by="form", at=at[attribute])
        elif present is not None:
            del filled[field]
    return filled
