"""What is known of each lead that has something promised, and every clock."""

from alembic import op

revision = "0001_sla_watcher"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = """
create table lead_fact (lead_id uuid primary key, partition int not null, facts bytea not null)
  with (fillfactor = 70);

-- the row is the token of its breach: running and due, once. The columns are for finding it, `body` is the clock
create table clock (
  clock_id uuid primary key, lead_id uuid not null, handoff_id uuid, partition int not null, promise text not null,
  owner text, team text, state text not null, due_at timestamptz not null, next_at timestamptz, body bytea not null
) with (fillfactor = 60);
create index clock_next on clock (partition, next_at) where next_at is not null;
create index clock_lead on clock (lead_id);
create index clock_owner on clock (owner, due_at, clock_id);
create index clock_due on clock (due_at, clock_id);
create index clock_running on clock (due_at, clock_id) where state = 'running'
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)
