"""Reading the nurture policy: every cadence checked, each fault with its place and its cure."""

import re
from collections.abc import Callable, Collection, Iterator

from shared.calendars import Problem
from shared.contracts.attributes import ATTRIBUTE_NAMES
from sla_watcher.domain.cadences import STAGE, Cadence, NurturePolicy, Step
from sla_watcher.domain.policy import InvalidPromises
from sla_watcher.domain.reading import (
    NAME,
    Check,
    Fault,
    calendar_named,
    condition,
    listed,
    mapping,
    named,
    shown,
)

_KEYS = ("name", "when", "steps", "by", "calendar")
_DAYS = re.compile(r"(\d{1,3})\.\.(\d{1,3})")
_PIECE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")
_LAST_DAY = 366
_MOST_STEPS = 50
_MOST_BY = 3
_CHOSEN_BY = frozenset(ATTRIBUTE_NAMES) - {"tags", "referred"} | {STAGE}
_ASKED = "score, tier and lead, such as 'tier == \"mql\"'"


class InvalidCadences(InvalidPromises):
    """What is wrong with a nurture policy."""


def parse_nurture(
    raw: object,
    *,
    check: Check,
    tier_alone: Callable[[str], bool],
    calendars: Collection[str] | None = None,
) -> NurturePolicy:
    """The nurture policy from loaded YAML.

    `tier_alone` says whether a `when` asks for nothing but the tier. Raises InvalidCadences with every cadence's first
    problem.
    """
    problems: list[Problem] = []
    cadences: list[Cadence] = []
    try:
        policy = mapping(raw, "policy", ("cadences", "calendar", "pool", "contents", "consent"))
        calendar = calendar_named(policy.get("calendar"), "calendar", calendars)
        entries = listed(policy.get("cadences"), "cadences")
        contents = frozenset(_contents(listed(policy.get("contents") or [], "contents")))
        consent = named(policy.get("consent", "marketing"), "consent", "marketing")
    except Fault as fault:
        raise InvalidCadences((fault.problem,)) from None
    for index, entry in enumerate(entries):
        try:
            cadences.append(_cadence(entry, f"cadences[{index}]", check, calendars, calendar))
        except Fault as fault:
            problems.append(fault.problem)
    if not problems:
        problems += _unreachable(cadences)
        pool = policy.get("pool", cadences[0].name if cadences else None)
        if pool is not None and pool not in [each.name for each in cadences]:  # no set: it may be a list
            problems.append(Problem("pool", f"no cadence is named {shown(pool)}", "name one of the cadences above"))
        if not problems:
            alone = all(tier_alone(each.when) for each in cadences if each.when is not None)
            asked = tuple(dict.fromkeys(name for each in cadences for name in each.by if name != STAGE))
            named_pool = None if pool is None else str(pool)
            return NurturePolicy(tuple(cadences), named_pool, contents, consent, alone, asked)
    raise InvalidCadences(tuple(problems))


def _cadence(raw: object, path: str, check: Check, calendars: Collection[str] | None, calendar: str | None) -> Cadence:
    entry = mapping(raw, path, _KEYS)
    steps = listed(entry.get("steps"), f"{path}.steps")
    if not 0 < len(steps) <= _MOST_STEPS:
        raise Fault(f"{path}.steps", f"{len(steps)} steps", f"write at least one and at most {_MOST_STEPS}")
    read = [_step(each, f"{path}.steps[{number}]") for number, each in enumerate(steps)]
    if [each.day for each in read] != sorted(each.day for each in read):
        raise Fault(f"{path}.steps", "the days go back", "write the steps in the order of their days")
    return Cadence(
        name=named(entry.get("name"), f"{path}.name", "warm_up"),
        steps=tuple(read),
        when=condition(entry.get("when"), f"{path}.when", check, _ASKED),
        by=tuple(_by(listed(entry.get("by") or [], f"{path}.by"), f"{path}.by")),
        calendar=calendar_named(entry.get("calendar"), f"{path}.calendar", calendars) or calendar,
    )


def _step(raw: object, path: str) -> Step:
    entry = mapping(raw, path, ("day", "content"))
    content = entry.get("content")
    if not isinstance(content, str) or not NAME.fullmatch(content):
        raise Fault(f"{path}.content", f"{shown(content)} is no content", "use small letters, digits and _")
    return Step(_day(entry.get("day"), f"{path}.day"), content)


def _day(raw: object, path: str) -> int:
    """A day. Of `10..14` the first: it is sent on the first of those days that is open."""
    if isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw <= _LAST_DAY:
        return raw
    found = _DAYS.fullmatch(raw) if isinstance(raw, str) else None
    first, last = (int(found[1]), int(found[2])) if found else (1, 0)
    if not 0 <= first <= last <= _LAST_DAY:
        raise Fault(path, f"{shown(raw)} is no day", f"write 3, or 10..14 for any of those days, up to {_LAST_DAY}")
    return first


def _by(raw: list[object], path: str) -> Iterator[str]:
    if len(raw) > _MOST_BY or len(set(map(str, raw))) < len(raw):
        raise Fault(path, f"{len(raw)} names", f"name at most {_MOST_BY} different attributes")
    for index, name in enumerate(raw):
        if not isinstance(name, str) or name not in _CHOSEN_BY:
            raise Fault(f"{path}[{index}]", f"{shown(name)} is nothing known of a lead", "use industry, title_level, …")
        yield name


def _contents(raw: list[object]) -> Iterator[str]:
    for index, piece in enumerate(raw):
        if not isinstance(piece, str) or not _PIECE.fullmatch(piece):
            raise Fault(f"contents[{index}]", f"{shown(piece)} is no content", "write thanks, or thanks.manufacturing")
        yield piece


def _unreachable(cadences: list[Cadence]) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, cadence in enumerate(cadences):
        if cadence.name in seen:
            yield Problem(f"cadences[{index}].name", f"{cadence.name} is there twice", "give each its own name")
        seen.add(cadence.name)
        if cadence.when is None and index < len(cadences) - 1:
            yield Problem(f"cadences[{index + 1}]", "the cadence above always holds", "give the earlier one a when")
