"""Reading the SLA policy: every promise checked, each fault with its place and its cure."""

import re
from collections.abc import Collection, Iterator
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

from shared.calendars import Problem
from sla_watcher.domain.promises import Hours, MetBy, Origin, Promise, SlaPolicy, Terms, Then
from sla_watcher.domain.reading import Check, Fault, calendar_named, condition, listed, mapping, named, shown

KEYS = ("name", "from", "when", "within", "hours", "calendar", "warn_at", "met_by", "then", "remind_for", "quiet")
DURATION = re.compile(r"(\d{1,6})\s*([smhd])")
UNIT = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
LONGEST = timedelta(days=366)
_ASKED = 'score, tier, segment and lead, such as "score >= 80"'

Choice = TypeVar("Choice", bound=StrEnum)


class InvalidPromises(ValueError):
    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def parse_sla(raw: object, *, check: Check, calendars: Collection[str] | None = None) -> SlaPolicy:
    """The SLA policy from loaded YAML (`{promises: [...], calendar: office}`).

    `check` judges each `when`; `calendars` are the names that may be used, None to leave names unchecked.
    Raises InvalidPromises with every promise's first problem.
    """
    problems: list[Problem] = []
    promises: list[Promise] = []
    calendar: str | None = None
    try:
        policy = mapping(raw, "policy", ("promises", "calendar"))
        calendar = calendar_named(policy.get("calendar"), "calendar", calendars)
        entries = listed(policy.get("promises"), "promises")
    except Fault as fault:
        raise InvalidPromises((fault.problem,)) from None
    for index, entry in enumerate(entries):
        try:
            promises.append(_promise(entry, f"promises[{index}]", check, calendars))
        except Fault as fault:
            problems.append(fault.problem)
    problems += _unreachable(promises) if not problems else ()
    if problems:
        raise InvalidPromises(tuple(problems))
    return SlaPolicy(tuple(promises), calendar)


def _promise(raw: object, path: str, check: Check, calendars: Collection[str] | None) -> Promise:
    entry = mapping(raw, path, KEYS)
    origin = _choice(Origin, entry.get("from"), f"{path}.from")
    hours = _choice(Hours, entry.get("hours"), f"{path}.hours")
    then = _choice(Then, entry.get("then") or "none", f"{path}.then")
    if origin is Origin.CONTACTED and hours is Hours.BUSINESS:
        raise Fault(f"{path}.hours", "silence is measured in elapsed time", "use hours: elapsed")
    if origin is Origin.QUALIFIED and "met_by" in entry:
        raise Fault(f"{path}.met_by", "a promise from `qualified` is kept by the first assignment", "leave met_by out")
    if origin is Origin.QUALIFIED and then is not Then.NONE:
        raise Fault(f"{path}.then", "there is no handoff to take back before one is made", "leave then out")
    if then is not Then.REMIND_THEN_NURTURE and "remind_for" in entry:
        raise Fault(f"{path}.remind_for", "nobody is reminded", "use then: remind_then_nurture, or leave it out")
    terms = Terms(
        promise=named(entry.get("name"), f"{path}.name", "first_contact"),
        origin=origin,
        within=_duration(entry.get("within"), f"{path}.within"),
        hours=hours,
        calendar=calendar_named(entry.get("calendar"), f"{path}.calendar", calendars),
        warn_percent=tuple(sorted(set(_shares(entry.get("warn_at", []), f"{path}.warn_at")))),
        met_by=_choice(MetBy, entry.get("met_by", "attempt"), f"{path}.met_by"),
        then=then,
        remind_for=_duration(entry.get("remind_for", "1d"), f"{path}.remind_for")
        if then is Then.REMIND_THEN_NURTURE
        else timedelta(0),
        quiet=_flag(entry.get("quiet", False), f"{path}.quiet"),
    )
    return Promise(terms, condition(entry.get("when"), f"{path}.when", check, _ASKED))


def _choice(kind: type[Choice], raw: object, path: str) -> Choice:
    for choice in kind:
        if raw == choice.value:
            return choice
    raise Fault(path, f"{shown(raw)} is not known here", f"use one of {', '.join(kind)}")


def _flag(raw: object, path: str) -> bool:
    if not isinstance(raw, bool):
        raise Fault(path, f"{shown(raw)} is neither yes nor no", "write true or false")
    return raw


def _duration(raw: object, path: str) -> timedelta:
    match = DURATION.fullmatch(raw.strip()) if isinstance(raw, str) else None
    length = timedelta(**{UNIT[match[2]]: int(match[1])}) if match else timedelta(0)
    if not timedelta(0) < length <= LONGEST:
        raise Fault(path, f"{shown(raw)} is no time to keep", "write 15m, 2h or 7d, up to 366d")
    return length


def _shares(raw: object, path: str) -> Iterator[int]:
    for index, share in enumerate(listed(raw, path)):
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
            raise Fault(f"{path}[{index}]", f"{shown(share)} is no share of the time", "write a fraction such as 0.5")
        yield min(max(round(share * 100), 1), 99)


def _unreachable(promises: list[Promise]) -> Iterator[Problem]:
    """Alternatives of one name must have one origin, and none may stand behind one that always holds."""
    first: dict[str, Promise] = {}
    closed: set[str] = set()
    for index, promise in enumerate(promises):
        name = promise.terms.promise
        if name in closed:
            yield Problem(
                f"promises[{index}]", f"{name} always holds before this line is reached", "give the earlier one a when"
            )
        if first.setdefault(name, promise).terms.origin is not promise.terms.origin:
            yield Problem(f"promises[{index}].from", f"{name} starts differently above", "use another name")
        if promise.when is None:
            closed.add(name)
