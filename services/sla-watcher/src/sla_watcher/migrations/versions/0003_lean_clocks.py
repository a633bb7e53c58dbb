"""Clocks are cheaper to write: no column that nobody asks for, no entry in an index that another one makes needless.

What moves a clock always moves it in an index too, so free space on its page would be of no use.
"""

from alembic import op

revision = "0003_lean_clocks"
down_revision = "0002_nurture"
branch_labels = None
depends_on = None

STATEMENTS = (
    "alter table clock drop column promise",
    "drop index clock_owner",
    "create index clock_owner on clock (owner, due_at, clock_id) where owner is not null",
    "drop index clock_due",
    "create index clock_over on clock (due_at, clock_id) where state <> 'running'",
    "alter table clock reset (fillfactor)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
