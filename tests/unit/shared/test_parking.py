"""The limit on parking: single bad records are put aside, a bad deploy stops the consumer."""

import pytest

from shared.runtime.parking import Parking, TooManyParked


def put_aside(parking: Parking) -> None:
    parking.allow("router")
    parking.parked()


def test_twenty_are_parked_whatever_else_happens() -> None:
    parking = Parking()
    for _ in range(20):
        put_aside(parking)
    with pytest.raises(TooManyParked, match=r"router: 21 of the last 21 records .* `baton parked list`"):
        put_aside(parking)


def test_among_many_good_records_a_few_in_a_hundred_may_be_parked() -> None:
    parking = Parking()
    for _ in range(1000):
        parking.handled(24)
        put_aside(parking)


def test_a_bad_deploy_is_stopped_however_long_all_went_well() -> None:
    parking = Parking()
    for _ in range(1000):
        parking.handled(1000)
    parked = 0
    while parked < 2000:
        try:
            put_aside(parking)
        except TooManyParked:
            break
        parked += 1
    assert parked <= 100, "the window forgets old successes, so that they don't pay for a bad deploy"


def test_old_failures_are_forgotten() -> None:
    parking = Parking()
    for _ in range(100):
        for _ in range(20):
            put_aside(parking)
        parking.handled(2000)
        parking.handled(2000)


def test_the_share_is_a_choice() -> None:
    strict = Parking(most_share=0.0)
    strict.handled(1500)
    for _ in range(20):
        put_aside(strict)
    with pytest.raises(TooManyParked):
        put_aside(strict)


def test_a_refusal_counts_for_nothing() -> None:
    parking = Parking()
    for _ in range(20):
        put_aside(parking)
    for _ in range(3):
        with pytest.raises(TooManyParked, match=r"21 of the last 21"):
            parking.allow("router")
