"""Who did a task and how it ended, and who switched a rep off and on."""

from alembic import op

revision = "0002_router_acts"
down_revision = "0001_router"
branch_labels = None
depends_on = None

STATEMENTS = """
alter table task add column done_by text, add column outcome text;

-- the switch itself is in the team's desk, under the team's lock; this is its record
create table rep_switch (
  switch_id uuid primary key, rep text not null, team text not null, available boolean not null, reason text,
  by text not null, at timestamptz not null
);
create index rep_switch_rep on rep_switch (rep, switch_id)
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)
