"""Where a webhook may go: public addresses, in whichever disguise the others come."""

from datetime import timedelta

import pytest

from router.domain.addresses import is_public
from router.domain.subscriptions import GIVE_UP, next_try
from tests.unit.router.builders import MONDAY


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "0.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "100.100.100.200", "168.63.129.16", "192.0.0.192", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::7f00:1",
        "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:db8::1", "localhost", "",
    ],
)  # fmt: skip
def test_what_only_some_can_reach_is_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_what_anybody_can_reach_is_not(address: str) -> None:
    assert is_public(address)


def test_tries_come_from_every_five_seconds_to_every_hour_for_a_day_and_end() -> None:
    now, pauses = MONDAY, list[timedelta]()
    while (again := next_try(len(pauses) + 1, now, MONDAY + GIVE_UP)) is not None:
        pauses.append(again - now)
        now = again
    assert pauses[:4] == [timedelta(seconds=seconds) for seconds in (5, 10, 20, 40)]
    assert max(pauses) == timedelta(hours=1)
    assert now == MONDAY + GIVE_UP
    assert len(pauses) < 40
