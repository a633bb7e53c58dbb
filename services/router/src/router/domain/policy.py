"""The routing policy: teams, rules, what follows from a rejection, where a recycled lead goes."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Pool = Literal["raw", "public", "nurture", "re-marketing"]
Destination = Literal["next_rep", "raw", "public", "nurture", "re-marketing"]
Strategy = Literal["rotation", "order", "least_open", "performance", "pull"]
ChecklistField = Literal["pain_point", "current_solution", "timeframe", "definite_project", "budget", "decision_maker"]
Positive = Annotated[int, Field(ge=1)]
ReasonWord = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
POOLS: tuple[Pool, ...] = ("raw", "public", "nurture", "re-marketing")
CHECKLIST: tuple[ChecklistField, ...] = (
    "pain_point",
    "current_solution",
    "timeframe",
    "definite_project",
    "budget",
    "decision_maker",
)


@cache
def _zones() -> frozenset[str]:
    """The names of all time zones: reading them from the disk takes longer than the rest of a policy."""
    return frozenset(available_timezones())


def pool_named(name: str | None) -> Pool | None:
    """The pool of that name, None for a name that is none of ours."""
    return None if name is None else next((pool for pool in POOLS if pool == name), None)


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Capacity(_Value):
    """Caps; one that is not given does not bind. Whole leads: a cap is never rounded or spread."""

    day: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    week: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    open: Annotated[int, Field(ge=0, le=1_000_000)] | None = None


class Leave(_Value):
    """Absence. Dates are whole days of the team's zone, both included; instants are half-open."""

    start: date | datetime = Field(alias="from")
    end: date | datetime = Field(alias="to")


class Rep(_Value):
    """A list that is empty takes everything; a lead whose attribute is unknown is kept from nobody."""

    id: Annotated[str, Field(min_length=1)]
    name: str | None = None
    weight: Annotated[Decimal, Field(ge=0, le=1000, decimal_places=3)] = Decimal(1)
    capacity: Capacity = Capacity()
    languages: tuple[str, ...] = ()
    industries: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    calendar: str | None = None
    leave: tuple[Leave, ...] = ()
    active: bool = True
    email: Annotated[str, Field(pattern=r"^[^@\s<>,;]{1,64}@[^@\s<>,;]{1,255}$")] | None = None

    @property
    def weight_milli(self) -> int:
        return int(self.weight * 1000)


class Team(_Value):
    zone: str
    calendar: str | None = None
    strategy: Strategy = "rotation"
    outside_hours: Literal["wait", "assign"] = "wait"
    reps: tuple[Rep, ...] = ()
    manager: str | None = None
    access: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        if zone not in _zones():
            raise ValueError(f"{zone!r} is no IANA time zone")
        return zone

    @property
    def zone_info(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def rep(self, rep_id: str) -> Rep | None:
        return next((rep for rep in self.reps if rep.id == rep_id), None)


class TeamRule(_Value):
    """The first rule that holds names the team; `sdr` names a team that pre-screens first."""

    when: Annotated[str, Field(min_length=1)]
    team: str
    sdr: str | None = None
    name: str | None = None


class Recycle(_Value):
    """`hops`: how many owners an episode may lose before it goes to the public pool instead of the next rep."""

    untouched: Destination = "public"
    no_potential_now: Destination = "nurture"
    silent: Destination = "nurture"
    returned: Destination = "next_rep"
    hops: Positive = 3


class Consequence(_Value):
    """What a rejection does. `recycles` names the recycle cause whose destination is taken instead of `to`."""

    to: Literal["invalid", "raw", "public", "nurture", "re-marketing", "next_rep"]
    task: str | None = None
    attempts: Annotated[int, Field(ge=0)] = 0
    recycles: Literal["no_potential_now"] | None = None


class PoolRule(_Value):
    claim: bool = False
    day: Positive | None = None
    open: Positive | None = None


def _reasons() -> dict[str, Consequence]:
    return {
        "wrong_info": Consequence(to="invalid", task="repair"),
        "insufficient_budget": Consequence(to="nurture"),
        "timing": Consequence(to="nurture"),
        "no_need": Consequence(to="nurture"),
        "no_potential_now": Consequence(to="nurture", recycles="no_potential_now"),
        "not_our_segment": Consequence(to="raw"),
        "not_decision_maker": Consequence(to="nurture", task="find_decision_maker"),
        "duplicate": Consequence(to="raw", task="merge"),
        "unreachable": Consequence(to="nurture", attempts=3),
        "competitor": Consequence(to="re-marketing"),
        "spam": Consequence(to="invalid"),
        "test": Consequence(to="invalid"),
    }


def _pools() -> dict[Pool, PoolRule]:
    return {"public": PoolRule(claim=True)}


RETURN_REASONS = ("wrong_region", "wrong_language", "wrong_product", "no_time", "conflict_of_interest", "other")
BY_HAND_REASONS = (
    "absence",
    "leaving",
    "workload",
    "territory",
    "language",
    "customer_wish",
    "not_ready",
    "not_followed_up",
    "by_hand",
    "other",
)


class Routing(_Value):
    """The document as published. `reasons` and `pools` given in it are laid over the presets.

    `checklist` is what an opportunity needs filled, `pass_on` what an SDR fills before a rep gets the lead.
    `marketing_owner` is told of leads whose door or campaign names nobody.
    `return_reasons` are what a rep may say on giving a handoff back, `by_hand_reasons` why people move leads by hand.
    """

    teams: dict[str, Team] = {}
    rules: tuple[TeamRule, ...] = ()
    fallback: str | None = None
    returning_owner: bool = True
    accounts: dict[str, str] = {}
    marketing_owner: Annotated[str, Field(min_length=1)] | None = None
    recycle: Recycle = Recycle()
    reasons: dict[str, Consequence] = Field(default_factory=_reasons)
    pools: dict[Pool, PoolRule] = Field(default_factory=_pools)
    upgrade: Literal["handoff", "auto"] = "handoff"
    checklist: tuple[ChecklistField, ...] = CHECKLIST
    pass_on: tuple[ChecklistField, ...] = ()
    return_reasons: tuple[ReasonWord, ...] = RETURN_REASONS
    by_hand_reasons: tuple[ReasonWord, ...] = BY_HAND_REASONS
    max_backdate_h: Positive = 24
    high_value: tuple[str, ...] = ("price_page_viewed", "quote_sheet_downloaded", "demo_requested", "trial_requested")

    @model_validator(mode="before")
    @classmethod
    def _over_the_presets(cls, raw: object) -> object:
        if not isinstance(raw, Mapping):
            return raw
        document = {str(key): value for key, value in raw.items()}
        pools = {str(name): rule for name, rule in _pools().items()}
        presets: dict[str, Mapping[str, object]] = {"reasons": _reasons(), "pools": pools}
        for key, preset in presets.items():
            given: object = document.get(key)
            if isinstance(given, Mapping):
                document[key] = {**preset, **{str(name): value for name, value in given.items()}}
        return document

    @model_validator(mode="after")
    def _names_known(self) -> Self:
        named = {f"rules[{i}].team": rule.team for i, rule in enumerate(self.rules)}
        named |= {f"rules[{i}].sdr": rule.sdr for i, rule in enumerate(self.rules) if rule.sdr}
        if self.fallback is not None:
            named["fallback"] = self.fallback
        unknown = [f"{where}: no team {team!r}" for where, team in named.items() if team not in self.teams]
        teams_of: dict[str, list[str]] = {}
        for team_id, team in self.teams.items():
            for rep in team.reps:
                teams_of.setdefault(rep.id, []).append(team_id)
        # a rep's caps are counted under their team's lock, so a rep belongs to one team
        unknown += [f"rep {rep!r} stands in {' and '.join(in_)}" for rep, in_ in teams_of.items() if len(in_) > 1]
        unknown += [f"accounts.{key}: no rep {rep!r}" for key, rep in self.accounts.items() if rep not in teams_of]
        if unknown:
            raise ValueError("; ".join(unknown))
        return self
