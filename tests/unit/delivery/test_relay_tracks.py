"""What a relay remembers of a stream: what is next, what was confirmed, where a new producer goes on."""

import asyncio
from uuid import UUID

from shared.runtime.streams import Position, Record, Stream
from shared.transport.kafka_tracks import WAITING_RECORDS, Track

STREAM = Stream("lead.captured", 0)


def a_record(seq: int) -> Record:
    return Record(STREAM, 1, seq, UUID(int=seq), UUID(int=0), b"{}")


def a_track(seq: int = 0) -> Track:
    start = Position(1, seq)
    return Track(start, start, start, behind=False)


async def flown(track: Track, last: int) -> tuple[Position, int]:
    """Everything up to a number is given to the producer."""
    track.waiting.clear()
    track.sent = Position(1, last)
    return track.sent, track.took_off(asyncio.get_running_loop().create_future(), 0.0)


def test_a_record_that_is_next_is_taken_and_one_that_is_not_sends_the_relay_to_the_outbox() -> None:
    track = a_track()
    assert track.offer(a_record(1))
    assert not track.offer(a_record(3))
    assert track.behind
    assert not track.offer(a_record(2))
    assert [record.seq for record in track.waiting] == [1]


def test_what_waits_is_bounded() -> None:
    track = a_track()
    taken = [track.offer(a_record(seq)) for seq in range(1, WAITING_RECORDS + 3)]
    assert sum(taken) == WAITING_RECORDS


async def test_a_new_producer_goes_on_behind_what_was_confirmed() -> None:
    track = a_track()
    track.landed(*await flown(track, 5))
    await flown(track, 9)
    track.again()
    assert (track.tail, track.confirmed, track.behind) == (Position(1, 5), Position(1, 5), True)


async def test_a_rewind_keeps_the_mark_and_survives_the_next_error() -> None:
    track = a_track()
    track.landed(*await flown(track, 9))
    assert track.rewind(Position(1, 2), now_s=10.0)
    assert (track.tail, track.confirmed) == (Position(1, 2), Position(1, 9))
    track.landed(*await flown(track, 4))
    track.again()
    assert (track.tail, track.confirmed) == (Position(1, 4), Position(1, 9))


async def test_a_batch_of_an_earlier_turn_moves_only_the_mark() -> None:
    track = a_track()
    track.landed(*await flown(track, 5))
    late = await flown(track, 9)
    assert track.rewind(Position(1, 0), now_s=10.0)
    track.landed(*late)
    assert (track.acked, track.confirmed) == (Position(1, 0), Position(1, 9))


async def test_a_rewind_is_served_once_in_two_seconds_and_never_forwards() -> None:
    track = a_track()
    await flown(track, 9)
    assert not track.rewind(Position(1, 9), now_s=10.0)
    assert track.rewind(Position(1, 3), now_s=10.0)
    await flown(track, 9)
    assert not track.rewind(Position(1, 3), now_s=11.9)
    assert track.rewind(Position(1, 3), now_s=12.1)
