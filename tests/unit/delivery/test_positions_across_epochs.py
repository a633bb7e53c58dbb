"""Where a reader goes on after a restore, and which of two positions is the earlier."""

import pytest

from shared.runtime.streams import Announcement, Position
from shared.transport.epochs import before, entry

FIRST, SECOND, THIRD = 70, 20, 50  # epochs are random: their order is the announcements'
HISTORY = (Announcement(FIRST, 10, SECOND), Announcement(SECOND, 0, THIRD))


@pytest.mark.parametrize(
    ("position", "goes_on_at"),
    [
        (Position(0, 0), Position(FIRST, 0)),
        (Position(FIRST, 9), Position(FIRST, 9)),
        (Position(FIRST, 10), Position(THIRD, 0)),  # the second epoch ended before it gave a number
        (Position(FIRST, 12), Position(THIRD, 0)),
        (Position(THIRD, 4), Position(THIRD, 4)),
        (Position(99, 4), Position(THIRD, 0)),
    ],
)
def test_a_reader_follows_the_announcements(position: Position, goes_on_at: Position) -> None:
    assert entry(position, THIRD, HISTORY) == goes_on_at


def test_an_epoch_that_nobody_announced_is_shown_from_its_start() -> None:
    assert entry(Position(FIRST, 10), 77, ()) == Position(77, 0)


def test_positions_are_in_the_order_of_the_announcements() -> None:
    ordered = [Position(0, 0), Position(FIRST, 3), Position(FIRST, 4), Position(SECOND, 0), Position(THIRD, 1)]
    for index, one in enumerate(ordered):
        assert [before(one, other, HISTORY) for other in ordered] == [later > index for later in range(len(ordered))]
