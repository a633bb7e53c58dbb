"""Leads as the router knows them, the teams' desks, and what people look at: handoffs, opportunities, tasks, notes."""

from alembic import op

revision = "0001_router"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = """
-- the dossier is the truth of a lead; place and owner are read off it. Most leads never leave the raw pool, so only the
-- other pools are indexed, and an update stays on its page
create table lead_state (
  lead_id uuid primary key, partition int not null, place text not null, owner text, dossier bytea not null
) with (fillfactor = 60);
create index lead_state_pool on lead_state (place, lead_id) where place in ('public', 'nurture', 're-marketing');

-- a team's decisions are serial: this row is locked for each, lanes ascending first, then teams ascending
create table team (id text primary key, desk bytea not null) with (fillfactor = 50);

-- Apart from lead_state, because a lead's state is touched only under its lane's lock, and whoever frees capacity
-- wakes leads of other lanes. Here the lane owns the row (makes it, deletes it, looks at the lead); anybody who holds
-- the team's row may bring wake_at forward, never waiting for a row that the lane has in hand: that one is being looked
-- at anyway, under the same team's lock.
-- rank: lower goes first. woken: called because capacity was freed, so a call in vain is passed on.
-- basis: routing version + calendars version at the last look, which grows with every publication.
create table waiting (
  lead_id uuid primary key, partition int not null, team text, reason text, episode int not null,
  since timestamptz not null, rank int not null, wake_at timestamptz, woken bool not null default false,
  basis int not null
) with (fillfactor = 50);
create index waiting_due on waiting (partition, wake_at);
create index waiting_basis on waiting (partition, basis);
create index waiting_queue on waiting (team, rank, since, lead_id);

create table handoff (
  handoff_id uuid primary key, lead_id uuid not null, owner text not null, team text not null, state text not null,
  episode int not null, cause text not null, step text not null, offered_at timestamptz not null,
  accepted_at timestamptz, verdict text, reason text, rating int, ending text, closed_at timestamptz,
  pool text, told bytea
) with (fillfactor = 70);
create index handoff_owner on handoff (owner, handoff_id);
create index handoff_lead on handoff (lead_id, handoff_id);
create index handoff_open on handoff (state, handoff_id) where state <> 'closed';

create table opportunity (
  opportunity_id uuid primary key, lead_id uuid not null, handoff_id uuid not null, owner text not null,
  team text not null, stage text not null, amount_minor bigint, currency text, reason text,
  opened_at timestamptz not null, closed_at timestamptz
) with (fillfactor = 70);
create index opportunity_owner on opportunity (owner, opportunity_id);
create index opportunity_lead on opportunity (lead_id, opportunity_id);

create table task (
  task_id uuid primary key, lead_id uuid not null, handoff_id uuid, kind text not null, owner text, team text,
  detail text[] not null, raised_at timestamptz not null, due_at timestamptz, done_at timestamptz
) with (fillfactor = 80);
create index task_owner on task (owner, task_id) where done_at is null;
create index task_lead on task (lead_id);
create index task_handoff on task (handoff_id) where done_at is null;

-- what people typed, here and nowhere else: never in events, deleted by lead.erased
create table note (
  note_id uuid primary key, lead_id uuid not null, about text not null, subject text not null, text text not null,
  by text not null, at timestamptz not null,
  unique (lead_id, about, subject)
);
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)
