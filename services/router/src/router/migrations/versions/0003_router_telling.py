"""Who is told: subscriptions and deliveries; and what a what-if replays."""

from alembic import op

revision = "0003_router_telling"
down_revision = "0002_router_acts"
branch_labels = None
depends_on = None

STATEMENTS = """
create table subscription (
  subscription_id uuid primary key, url text not null, events text[] not null, secret text not null, owner text,
  team text, created_by text not null, created_at timestamptz not null, ended_at timestamptz
);
create index subscription_open on subscription (subscription_id) where ended_at is null;

-- written in the transaction of its event. A queue is a subscription or a rep's mailbox: of one lead in one queue only
-- the first that is pending has a next_at, the others wait behind it; position is the order under the lead's lane lock.
-- taken_until is real time (the database's), for a sender that dies; all else goes by the service's clock.
create table delivery (
  delivery_id uuid primary key, position bigint generated always as identity, partition int not null,
  queue text not null, kind text not null, subscription_id uuid, rep text, lead_id uuid not null,
  event_id uuid not null, event text not null, body bytea not null, state text not null default 'pending',
  attempts int not null default 0, created_at timestamptz not null, give_up_at timestamptz not null,
  next_at timestamptz, taken_until timestamptz, ended_at timestamptz, answer int, problem text
) with (fillfactor = 60);
create index delivery_due on delivery (partition, next_at) where state = 'pending' and next_at is not null;
create index delivery_queue on delivery (lead_id, queue, position) where state = 'pending';
create index delivery_subscription on delivery (subscription_id, delivery_id);

alter table rep_switch add column number int not null default 0;

-- a desk as a local day of its team began, so that a what-if need not begin at the first decision ever
create table desk_day (
  team text not null, number int not null, at timestamptz not null, desk bytea not null, primary key (team, number)
);
create index desk_day_at on desk_day (at);

-- capacity that came back before the team's decision of this number
create table desk_release (
  release_id uuid not null, team text not null, number int not null, rep text not null, lead_id uuid not null,
  at timestamptz not null
);
create index desk_release_at on desk_release (at);

-- looks that gave a lead to nobody; the handoff's row is the record of one that did
create table look (
  look_id uuid not null, team text, number int, lead_id uuid not null, lead bytea not null, reason text not null,
  policy_version int not null, at timestamptz not null
);
create index look_at on look (at);
create index look_lead on look (lead_id);
create index handoff_offered on handoff (offered_at);
-- what stays of `told` when the lead is erased: the decision without the lead
alter table handoff add column decided bytea;

create table what_if (
  what_if_id uuid primary key, asked_by text not null, asked_at timestamptz not null, result bytea not null
)
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)
