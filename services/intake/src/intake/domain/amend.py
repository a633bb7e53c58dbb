"""What a person who knows better changes of a lead: fields by name, in the same normal forms as a submission's."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from intake.domain.attributes import attributes
from intake.domain.canonical import finish
from intake.domain.draft import Draft
from intake.domain.fields import Fields
from intake.domain.known import ORIGIN
from intake.domain.names import TEXT_FIELDS
from intake.domain.people import Key, stored_keys
from intake.domain.policy import RestDoor
from intake.domain.refusals import Refused
from intake.domain.submission import Unmappable

_REACHABLE = (("email", "phone", "channel_ids"),)
_MAX_TEXT_CHARS = 4_000
_MAX_TAGS = 50
_MAX_TAG_CHARS = 64
_STRUCTURED = frozenset({"tags", "channel_ids"})
AMENDABLE: Final = (TEXT_FIELDS | _STRUCTURED | {"website", "title_level"}) - {"referrer_url"}
NOT_FOR_SDR: Final = ORIGIN | {"tags", "title_level", "referred_by"}
"""Where a lead came from is marketing's to put right."""
# Beside the field itself, the attributes and shown fields that follow from it.
_FOLLOWS = {
    "title": ("title_level",),
    "email": ("company_domain",),
    "website": ("company_domain",),
    "referred_by": ("referred",),
    "country": ("phone",),
}


@dataclass(frozen=True, slots=True)
class Amended:
    """A lead after a change: what is kept, which attributes are told, which keys are its own now and no longer."""

    fields: Mapping[str, Any]
    attributes: Mapping[str, Any]
    changed: Mapping[str, Any]
    cleared: tuple[str, ...]
    new_keys: tuple[Key, ...]
    gone_keys: tuple[Key, ...]


def amend(
    fields: Mapping[str, Any],
    known: Mapping[str, Any],
    patch: Mapping[str, Any],
    policy: Fields,
    now: datetime,
    *,
    is_test: bool = False,
) -> Amended:
    """The lead after the patch; null takes a field away. Raises Refused with the field that can't be so."""
    _check(patch)
    policy = policy.model_copy(update={"required": _REACHABLE})  # what else is wanted may still be missing
    before = _submission(fields, policy, now, is_test=is_test)
    after = _submission(_overlaid(fields, patch), policy, now, is_test=is_test)
    for name in ("email", "phone"):
        if patch.get(name) is not None and (isinstance(after, Unmappable) or name not in after.fields):
            fix = "Send it whole, a phone with +country."
            raise Refused(422, "Not usable", f"This is no {name}.", where=name, fix=fix)
    if isinstance(after, Unmappable):
        fix = "Leave one way to reach them."
        raise Refused(422, "Not enough", f"A lead must be reachable: {after.reason}.", fix=fix)
    told = attributes(after)
    shown = {**after.fields, **after.picked}
    touched = {*patch, *(follower for name in patch for follower in _FOLLOWS.get(name, ()))}
    kept, own = dict(fields), dict(known)
    changed: dict[str, Any] = {}
    cleared: list[str] = []
    for name in sorted(touched - {"website"}):
        _put(kept, name, shown.get(name))
        if told.get(name) != own.get(name) and name != "door":
            if name in told:
                changed[name] = told[name]
            elif name in own:
                cleared.append(name)
        _put(own, name, told.get(name))
    old_keys = () if isinstance(before, Unmappable) else stored_keys(before)
    new_keys = stored_keys(after)
    return Amended(
        kept,
        own,
        changed,
        tuple(cleared),
        tuple(key for key in new_keys if key not in old_keys),
        tuple(key for key in old_keys if key not in new_keys),
    )


def _put(values: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        values.pop(name, None)
    else:
        values[name] = list(value) if isinstance(value, tuple) else value


def _overlaid(fields: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(fields)
    if "title" in patch and "title_level" not in patch:
        found.pop("title_level", None)  # it follows from the new title
    for name, value in patch.items():
        if name == "channel_ids" and isinstance(value, Mapping):
            ids = {**found.get(name, {}), **value}
            found[name] = {channel: ident for channel, ident in ids.items() if ident is not None}
        else:
            _put(found, name, value)
    return found


def _submission(fields: Mapping[str, Any], policy: Fields, now: datetime, *, is_test: bool) -> Any:
    draft = Draft(is_test=is_test)
    for name, value in fields.items():
        if isinstance(value, str):
            draft.put(name, (value,), "")
        elif name == "tags":
            draft.put(name, tuple(value), "")
        elif name == "channel_ids":
            draft.channel_ids = dict(value)
    return finish(draft, RestDoor(kind="rest", name="-"), policy, now, "$")


def _check(patch: Mapping[str, Any]) -> None:
    if not patch:
        raise Refused(422, "Nothing to change", "The body names no field.", fix='Send {"field": value}.')
    for name, value in patch.items():
        if name not in AMENDABLE:
            known = ", ".join(sorted(AMENDABLE))
            raise Refused(422, "No such field", "This field can't be changed.", where=name[:64], fix=f"Use {known}.")
        if value is None or (name == "tags" and _are_tags(value)) or (name == "channel_ids" and _are_ids(value)):
            continue
        if name in _STRUCTURED or not _is_text(value, _MAX_TEXT_CHARS):
            what = {"tags": "a list of texts", "channel_ids": "an object of texts"}.get(name, "a text, or null")
            raise Refused(422, "Wrong value", f"The value is {what}.", where=name, fix="Send it so.")


def _is_text(value: Any, most: int) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= most and "\x00" not in value


def _are_tags(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= _MAX_TAGS and all(_is_text(one, _MAX_TAG_CHARS) for one in value)


def _are_ids(value: Any) -> bool:
    return isinstance(value, dict) and all(one is None or _is_text(one, _MAX_TEXT_CHARS) for one in value.values())
