"""The partition of a lead: the same for ever, in every version and on both transports."""

import random
from uuid import UUID

import pytest

from shared.runtime.ids import new_id
from shared.runtime.streams import partition_of

PINNED = {
    "00000000-0000-0000-0000-000000000000": (1, 5, 21, 493),
    "00000000-0000-0000-0000-000000000001": (3, 3, 3, 931),
    "0197a3c2-5b1e-7c3a-9f00-3d2f6a9b4c11": (3, 15, 31, 855),
    "ffffffff-ffff-ffff-ffff-ffffffffffff": (2, 10, 26, 266),
}


@pytest.mark.parametrize("lead_id", PINNED)
def test_a_lead_stays_where_it_always_was(lead_id: str) -> None:
    assert tuple(partition_of(UUID(lead_id), n) for n in (4, 16, 32, 1000)) == PINNED[lead_id]


def test_the_spelling_of_an_id_does_not_matter() -> None:
    plain = "0197a3c25b1e7c3a9f003d2f6a9b4c11"
    assert partition_of(UUID(plain), 16) == partition_of(UUID(f"{{{plain.upper()}}}"), 16)


def test_one_partition_holds_everything() -> None:
    assert {partition_of(new_id(), 1) for _ in range(100)} == {0}


@pytest.mark.parametrize("partitions", [3, 16, 32])
def test_leads_spread_evenly(partitions: int) -> None:
    rng = random.Random(7)
    leads = 2000 * partitions
    arbitrary = [UUID(int=rng.getrandbits(128), version=4) for _ in range(leads)]
    for ids in (arbitrary, [new_id() for _ in range(leads)]):
        counts = [0] * partitions
        for lead_id in ids:
            counts[partition_of(lead_id, partitions)] += 1
        # six standard deviations: never by chance
        assert max(abs(count - 2000) for count in counts) < 6 * 2000**0.5
