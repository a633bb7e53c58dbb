"""Backtests and re-scorings: long work, done lane by lane in chunks, each from where its lane stands."""

from alembic import op

revision = "0002_scorer_backtests"
down_revision = "0001_scorer"
branch_labels = None
depends_on = None

STATEMENTS = """
create table backtest (
  backtest_id uuid primary key, body text not null, digest text not null, live_version int not null,
  from_at timestamptz, to_at timestamptz not null, leads int not null, created_by text not null,
  created_at timestamptz not null
);

-- due_at is null once the lane is finished
create table backtest_lane (
  id uuid primary key, backtest_id uuid not null references backtest on delete cascade, partition int not null,
  after_lead uuid, sums bytea not null, listed int not null default 0, due_at timestamptz, finished_at timestamptz
) with (fillfactor = 50);
create index backtest_lane_due on backtest_lane (partition, due_at) where due_at is not null;
create index backtest_lane_of on backtest_lane (backtest_id);

create table backtest_difference (
  backtest_id uuid not null references backtest on delete cascade, kind text not null, lead_id uuid not null,
  live_at timestamptz, draft_at timestamptz, live_crossings int not null, draft_crossings int not null,
  primary key (backtest_id, kind, lead_id)
);

-- the minute's counters are shared by all lanes, so the bound holds for all of them together
create table rescore (
  rescore_id uuid primary key, version int not null, would_cross int not null, started_by text not null,
  started_at timestamptz not null, minute_from timestamptz not null, minute_leads int not null default 0,
  minute_crossings int not null default 0
);
create table rescore_lane (
  id uuid primary key, rescore_id uuid not null references rescore on delete cascade, partition int not null,
  after_lead uuid, seen int not null default 0, told int not null default 0, crossed int not null default 0,
  superseded bool not null default false, due_at timestamptz, finished_at timestamptz
) with (fillfactor = 50);
create index rescore_lane_due on rescore_lane (partition, due_at) where due_at is not null;
create index rescore_lane_of on rescore_lane (rescore_id)
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)
