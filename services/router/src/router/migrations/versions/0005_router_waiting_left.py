"""When a lead stopped waiting though nobody got it, for what-ifs: its waiting row is gone by then."""

from alembic import op

revision = "0005_router_waiting_left"
down_revision = "0004_router_leaner"
branch_labels = None
depends_on = None

STATEMENTS = """
create table waiting_left (left_id uuid not null, lead_id uuid not null, at timestamptz not null);
create index waiting_left_at on waiting_left (at)
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        op.execute(statement)
