"""Clocks of which nothing is said while they are kept; each lead's row knows how many clocks the lead has."""

from alembic import op

revision = "0004_quiet_clocks"
down_revision = "0003_lean_clocks"
branch_labels = None
depends_on = None

STATEMENTS = (
    "alter table clock add column quiet bool not null default false",
    "alter table lead_fact add column clocks int not null default 0",
    """
    update lead_fact set clocks = counted.n from (select lead_id, count(*) as n from clock group by lead_id) counted
    where lead_fact.lead_id = counted.lead_id
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
