"""How points fade with the age of their fact: not at all, linearly, by half-lives, or all at once after a window."""

import math
from dataclasses import dataclass
from typing import Literal, assert_never

DecayKind = Literal["none", "linear", "half_life", "window"]


@dataclass(frozen=True, slots=True)
class Decay:
    """`span_us` is the linear or window length, or the half-life."""

    kind: DecayKind = "none"
    span_us: int = 0


NO_DECAY = Decay()


def faded(points_milli: int, decay: Decay, age_us: int) -> int | None:
    """The points left at this age, rounded towards zero to a thousandth; None when the fact no longer counts.

    Rounding towards zero makes a score leave its tier at the first instant it is below it. Magnitudes never grow
    with age: the search for the next change rests on that.
    """
    match decay.kind:
        case "none":
            return points_milli
        case "window":
            return points_milli if age_us < decay.span_us else None
        case "linear":
            left_us = decay.span_us - age_us
            if left_us <= 0:
                return None
            return _signed(points_milli, abs(points_milli) * left_us // decay.span_us)
        case "half_life":
            return _signed(points_milli, math.floor(abs(points_milli) * 0.5 ** (age_us / decay.span_us)))
        case _:
            assert_never(decay.kind)


def settled_age_us(points_milli: int, decay: Decay) -> int | None:
    """The age from which the points change no more; None when they never change."""
    match decay.kind:
        case "none":
            return None
        case "window" | "linear":
            return decay.span_us
        case "half_life":
            return math.ceil(decay.span_us * (math.log2(max(abs(points_milli), 1)) + 1))
        case _:
            assert_never(decay.kind)


def is_gradual(decay: Decay) -> bool:
    return decay.kind in {"linear", "half_life"}


def _signed(like: int, magnitude: int) -> int:
    return magnitude if like >= 0 else -magnitude
