"""What the sequence says of a record, by example and against every record a producer could ever have given."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.gaps import FIRST_ASK_AFTER_S, LONGEST_PAUSE_S, Gap, Gaps, Verdict, judge
from shared.runtime.streams import Announcement, Position, Record, Stream

STREAM = Stream("lead.captured", 0)
ACCEPT, REPEAT, GAP, UNANNOUNCED = Verdict.ACCEPT, Verdict.REPEAT, Verdict.GAP, Verdict.UNANNOUNCED
RESTORED = (Announcement(7, 5, 8), Announcement(8, 3, 9))


def a_record(epoch: int, seq: int) -> Record:
    return Record(STREAM, epoch, seq, UUID(int=seq), UUID(int=1), b"{}")


@pytest.mark.parametrize(
    ("position", "record", "history", "verdict"),
    [
        pytest.param((7, 4), (7, 5), (), ACCEPT, id="the next"),
        pytest.param((7, 4), (7, 4), (), REPEAT, id="the same again"),
        pytest.param((7, 4), (7, 1), (), REPEAT, id="an old one again"),
        pytest.param((7, 4), (7, 6), (), GAP, id="one is missing"),
        pytest.param((0, 0), (7, 1), (), ACCEPT, id="the first of all"),
        pytest.param((0, 0), (7, 2), (), GAP, id="the first of all is missing"),
        pytest.param((7, 4), (8, 1), (), UNANNOUNCED, id="an epoch that nobody announced"),
        pytest.param((7, 5), (8, 1), RESTORED, ACCEPT, id="the first of an announced epoch"),
        pytest.param((7, 4), (8, 1), RESTORED, GAP, id="the old epoch is not read to its end"),
        pytest.param((7, 6), (8, 1), RESTORED, ACCEPT, id="we hold more of the old epoch than its producer"),
        pytest.param((7, 5), (8, 2), RESTORED, GAP, id="the first of an announced epoch is missing"),
        pytest.param((7, 5), (9, 1), RESTORED, GAP, id="a whole epoch is missing"),
        pytest.param((8, 1), (7, 5), RESTORED, REPEAT, id="an old epoch again"),
        pytest.param((9, 1), (7, 5), RESTORED, REPEAT, id="a very old epoch again"),
        pytest.param((9, 1), (8, 3), RESTORED, REPEAT, id="the epoch before again"),
        pytest.param((9, 1), (4, 1), RESTORED, UNANNOUNCED, id="an unknown epoch after announced ones"),
        pytest.param((0, 0), (7, 1), RESTORED, ACCEPT, id="a newcomer starts at the oldest epoch"),
        pytest.param((0, 0), (8, 1), RESTORED, GAP, id="a newcomer does not start in the middle"),
        pytest.param((0, 0), (4, 1), RESTORED, UNANNOUNCED, id="a newcomer follows no unknown epoch"),
        pytest.param((7, 5), (9, 1), (RESTORED[0], Announcement(8, 0, 9)), ACCEPT, id="an epoch that stayed empty"),
        pytest.param((0, 0), (8, 1), (Announcement(7, 0, 8),), ACCEPT, id="a newcomer whose oldest epoch stayed empty"),
    ],
)
def test_a_record_is_judged_by_its_number(
    position: tuple[int, int], record: tuple[int, int], history: Sequence[Announcement], verdict: Verdict
) -> None:
    assert judge(Position(*position), a_record(*record), history) is verdict


@dataclass(frozen=True)
class Producer:
    """A producer whose database was restored now and then: how many records each epoch has at its announced end.

    The last epoch goes on. Beyond an announced end there may lie records that the restored database had forgotten.
    """

    epochs: tuple[tuple[int, int], ...]
    forgotten: int = 2

    @property
    def history(self) -> tuple[Announcement, ...]:
        pairs = pairwise(self.epochs)
        return tuple(Announcement(old, last, new) for (old, last), (new, _) in pairs)

    def records(self) -> list[Position]:
        """Every record that was ever in the log, in the order in which the producer gave them."""
        return [Position(epoch, seq) for epoch, last in self.epochs for seq in range(1, last + self.forgotten + 1)]

    def followers(self, position: Position) -> Iterator[Position]:
        """The records that may come next: the next number, or the first of the next epoch that has any."""
        order = [epoch for epoch, _ in self.epochs]
        if position.epoch == 0:
            position = Position(order[0], 0)
        yield Position(position.epoch, position.seq + 1)
        for (epoch, last), (following, _) in pairwise(self.epochs):
            if epoch == position.epoch and position.seq >= last:
                position = Position(following, 0)
                yield Position(following, 1)

    def expected(self, position: Position, record: Position) -> Verdict:
        """The verdict by looking at everything there ever was."""
        order = self.records()
        if record in set(self.followers(position)):
            return ACCEPT
        if position.epoch and order.index(record) <= order.index(position):
            return REPEAT
        return GAP


def producers() -> st.SearchStrategy[Producer]:
    epochs = st.lists(st.integers(1, 50), min_size=1, max_size=4, unique=True)
    return epochs.flatmap(
        lambda ids: st.tuples(*(st.tuples(st.just(each), st.integers(0, 4)) for each in ids)).map(Producer)
    )


@given(producer=producers())
def test_every_record_at_every_position_is_judged_as_the_whole_log_says(producer: Producer) -> None:
    known = producer.records()
    for position in [Position(0, 0), *known]:
        for record in known:
            verdict = judge(position, a_record(*record), producer.history)
            assert verdict is producer.expected(position, record), (position, record, producer.history)


@given(producer=producers(), stranger=st.integers(51, 99), seq=st.integers(1, 9))
def test_an_epoch_that_nobody_announced_is_never_taken(producer: Producer, stranger: int, seq: int) -> None:
    for position in producer.records():
        verdict = judge(position, a_record(stranger, seq), producer.history)
        assert verdict in {UNANNOUNCED, GAP}
        if position.epoch == producer.epochs[-1][0]:
            assert verdict is UNANNOUNCED


@given(producer=producers(), shuffled=st.randoms(use_true_random=False))
def test_any_order_of_delivery_with_rereading_takes_every_record_once(producer: Producer, shuffled: object) -> None:
    log = [Position(epoch, seq) for epoch, last in producer.epochs for seq in range(1, last + 1)]
    deliveries = log * 2
    getattr(shuffled, "shuffle")(deliveries)  # noqa: B009 - hypothesis types its randoms loosely
    position, taken = Position(0, 0), list[Position]()
    for record in [*deliveries, *log]:
        if judge(position, a_record(*record), producer.history) is ACCEPT:
            position = record
            taken.append(record)
    assert taken == log


def asks(gap: Gap, until_s: float, step_s: float = 0.25) -> list[float]:
    """When a consumer that looks again and again asks."""
    asked_at: list[float] = []
    now_s = gap.noticed_at_s
    while now_s <= until_s:
        if gap.may_ask(now_s):
            gap.asked, gap.asked_at_s = gap.asked + 1, now_s
            asked_at.append(now_s)
        now_s += step_s
    return asked_at


def test_asking_again_takes_longer_each_time_up_to_a_bound() -> None:
    asked_at = asks(Gap(100.0, Position(7, 4)), until_s=300.0)
    pauses = [later - sooner for sooner, later in pairwise(asked_at)]
    assert pauses == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, 30.0, 30.0]
    assert pauses[0] == FIRST_ASK_AFTER_S
    assert max(pauses) == LONGEST_PAUSE_S


def test_a_gap_that_was_asked_for_very_often_still_asks() -> None:
    assert Gap(0.0, Position(7, 4), asked=900, asked_at_s=0.0).may_ask(LONGEST_PAUSE_S)


def test_a_gap_is_news_once_for_each_position() -> None:
    gaps = Gaps()
    assert gaps.note(STREAM, Position(7, 4), 1.0)
    assert not gaps.note(STREAM, Position(7, 4), 2.0)
    assert gaps.open[STREAM].noticed_at_s == 1.0
    assert gaps.note(STREAM, Position(7, 6), 3.0)
    gaps.closed(STREAM)
    gaps.closed(STREAM)
    assert gaps.note(STREAM, Position(7, 6), 4.0)
