"""Every event as it came, the facts of each lead, and the cells of the figures."""

from alembic import op

revision = "0001_analytics"
down_revision = None
branch_labels = None
depends_on = None

_MEASURES = (
    "leads", "mql", "sql", "assigned", "contacted", "opportunities", "won",
    "captured_responses", "captured_response_ms", "captured_in_time",
    "handoffs", "contacts", "breaches", "revoked", "responses", "response_ms", "in_time",
    "opportunity_amount", "won_amount",
)  # fmt: skip

STATEMENTS = f"""
-- append-only. A lane's transactions come one after another, so within a lane n rises in commit order: a reader that
-- remembers its last n of each lane misses nothing.
create table event (
  n bigint generated always as identity, partition int not null, id uuid not null, topic text not null,
  epoch bigint not null, seq bigint not null, lead_id uuid not null, occurred_at timestamptz not null,
  recorded_at timestamptz not null, value bytea not null
);
create index event_lead on event (lead_id);
create unique index event_order on event (partition, n);

-- no indexed column changes while a lead lives (but by a rebuild), so updates stay on their page
create table lead_fact (
  lead_id uuid primary key, partition int not null, generation int not null default 0, basis text not null,
  day date, captured_recorded_at timestamptz, touched_at timestamptz, place text, facts bytea not null
) with (fillfactor = 60);
create index lead_fact_day on lead_fact (day, lead_id);
create index lead_fact_generation on lead_fact (partition, generation, lead_id);

-- the lane is part of the key, so lanes never wait for each other; readers sum over lanes and generations
create table rollup (
  partition int not null, generation int not null, dimension text not null, day date not null, value text not null,
  currency text not null,
  {", ".join(f"{name} bigint not null" for name in _MEASURES)},
  primary key (partition, generation, dimension, day, value, currency)
) with (fillfactor = 50);
create index rollup_read on rollup (dimension, day);

create table rebuild (
  partition int primary key, generation int not null, requested_at timestamptz not null, listed bool not null,
  done_at timestamptz
);
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)
