"""The funnel by plain SQL over the kept events: written apart from the service, to hold its figures against."""

from typing import Final

# UTC days; an SQL is a lead whose handoff was accepted; in time is within 24 hours
_FACTS: Final = """
with e as (
  select id, lead_id, topic, convert_from(value, 'UTF8')::jsonb as v from event
), t as (
  select *, (v->>'occurred_at')::timestamptz as at, (v->>'recorded_at')::timestamptz as recorded from e
), lead as (
  select lead_id, min(at) filter (where topic = 'lead.captured') as captured,
    coalesce(bool_or((v->>'is_test')::bool), false) as test, coalesce(bool_or((v->>'legacy')::bool), false) as legacy,
    coalesce(bool_or((v->>'purge')::bool), false) as purged,
    bool_or(topic = 'lead.accepted') as accepted,
    bool_or(topic = 'lead.qualified' or (topic = 'lead.scored'
      and upper(coalesce(v->>'label', v->>'tier')) in ('MQL', 'SQL'))) as marketing
  from t group by lead_id
), counted as (
  select * from lead where captured is not null and not test and not purged
), first_source as (
  select distinct on (lead_id) lead_id, v->'attributes'->>'source' as source from t
  where topic in ('lead.captured', 'lead.updated') and v->'attributes'->>'source' is not null
  order by lead_id, at, id
), last_industry as (
  select distinct on (lead_id) lead_id, v->'attributes'->>'industry' as industry from t
  where topic in ('lead.captured', 'lead.updated')
    and (v->'attributes'->>'industry' is not null or coalesce(v->'cleared', '[]') ? 'industry')
  order by lead_id, at desc, id desc
), last_tier as (
  select distinct on (lead_id) lead_id, v->>'tier' as tier from t where topic = 'lead.scored'
  order by lead_id, at desc, recorded desc, id desc
), assigned as (
  select id, lead_id, (v->>'handoff_id')::uuid as handoff, at, recorded, v->>'owner' as rep, v->>'team' as team
  from t where topic = 'lead.assigned'
), contact as (
  select lead_id, (v->>'handoff_id')::uuid as handoff, count(*) as contacts,
    min(case when (v->>'unproven')::bool then recorded else at end) as first
  from t where topic = 'lead.contacted' group by 1, 2
), deal as (
  select id, lead_id, topic, at, recorded, (v->>'opportunity_id')::uuid as opportunity,
    (v->>'handoff_id')::uuid as handoff, (v->>'amount_minor')::bigint as amount, v->>'currency' as currency
  from t where topic in ('opportunity.opened', 'opportunity.staged', 'opportunity.won')
), worth as (
  select distinct on (lead_id, opportunity) lead_id, amount, currency from deal where amount is not null
  order by lead_id, opportunity, topic, recorded desc, id desc
), breach as (
  select lead_id, coalesce((array_agg(v order by topic))[1]->>'promise') as promise,
    (array_agg(v order by topic))[1] as v, bool_or(topic = 'sla.breached') as breached,
    bool_or(topic = 'sla.revoked') as revoked
  from t where topic in ('sla.breached', 'sla.revoked') group by lead_id, v->>'clock_id'
), of_handoff as (
  select lead_id, coalesce(a.rep, 'unknown') as rep, coalesce(a.team, 'unknown') as team,
    (a.handoff is not null)::int as handoffs, coalesce(c.contacts, 0) as contacts, 0 as breaches, 0 as revoked,
    (a.at is not null and c.first is not null)::int as responses,
    coalesce(floor(extract(epoch from greatest(c.first - a.at, '0')) * 1000), 0) as response_ms,
    coalesce(c.first - a.at <= '24 hours', false)::int as in_time
  from assigned a full join contact c using (lead_id, handoff)
  union all
  select b.lead_id, coalesce(a.rep, b.v->>'owner', 'unknown'), coalesce(a.team, b.v->>'team', 'unknown'), 0, 0,
    (b.breached and not b.revoked)::int, b.revoked::int, 0, 0, 0
  from breach b left join assigned a on a.lead_id = b.lead_id and a.handoff = (b.v->>'handoff_id')::uuid
), of_lead as (
  select c.lead_id, c.captured::date as day, 1 as leads,
    (c.marketing or c.accepted or o.lead_id is not null)::int as mql,
    (c.accepted or o.lead_id is not null)::int as sql,
    exists (select from assigned a where a.lead_id = c.lead_id)::int as assigned,
    (r.first is not null)::int as contacted,
    (o.lead_id is not null)::int as opportunities, coalesce(o.won, false)::int as won,
    (r.first is not null and not c.legacy)::int as captured_responses,
    case when r.first is null or c.legacy then 0
      else floor(extract(epoch from greatest(r.first - c.captured, '0')) * 1000) end as captured_response_ms,
    coalesce(not c.legacy and r.first - c.captured <= '24 hours', false)::int as captured_in_time
  from counted c
  left join (select lead_id, min(first) as first from contact group by 1) r using (lead_id)
  left join (select lead_id, bool_or(topic = 'opportunity.won') as won from deal where topic <> 'opportunity.staged'
    group by 1) o using (lead_id)
), decided as (
  select l.lead_id, coalesce(a.rep, 'unknown') as rep, coalesce(a.team, 'unknown') as team from of_lead l
  left join lateral (
    select d.handoff from deal d where d.lead_id = l.lead_id and d.topic <> 'opportunity.staged'
    order by (d.topic = 'opportunity.won') desc, d.recorded desc, d.id desc limit 1
  ) d on true
  left join lateral (
    select a.rep, a.team from assigned a
    where a.lead_id = l.lead_id and (d.handoff is null or a.handoff = d.handoff)
    order by a.recorded desc, a.id desc limit 1
  ) a on true
), amounts as (
  select lead_id, currency, sum(opened)::bigint as opportunity_amount, sum(won)::bigint as won_amount from (
    select lead_id, currency, amount as opened, 0 as won from worth
    union all select lead_id, currency, 0, amount from deal where topic = 'opportunity.won'
  ) each group by 1, 2
)
"""

_OF_LEAD: Final = [
    "leads",
    "mql",
    "sql",
    "assigned",
    "contacted",
    "opportunities",
    "won",
    "captured_responses",
    "captured_response_ms",
    "captured_in_time",
]
_OF_HANDOFF: Final = ["handoffs", "contacts", "breaches", "revoked", "responses", "response_ms", "in_time"]
_OF_AMOUNT: Final = ["opportunity_amount", "won_amount"]

_VALUE: Final = {
    "source": "select lead_id, coalesce(source, 'unknown') as value from of_lead left join first_source using (lead_id)",
    "industry": "select lead_id, coalesce(industry, 'unknown') as value"
    " from of_lead left join last_industry using (lead_id)",
    "tier": "select lead_id, coalesce(tier, 'unknown') as value from of_lead left join last_tier using (lead_id)",
    "rep": "select lead_id, rep as value from decided",
    "team": "select lead_id, team as value from decided",
}


def funnel_sql(by: str) -> str:
    """The query for one dimension: value, day, currency and every measure, rows that hold anything."""
    handoffs = f"select lead_id, {by} as value" if by in {"rep", "team"} else "select lead_id, value"
    source = "of_handoff" if by in {"rep", "team"} else "of_handoff join valued using (lead_id)"
    names = [*_OF_LEAD, *_OF_HANDOFF, *_OF_AMOUNT]

    def part(own: list[str], table: str, currency: str = "''") -> str:
        columns = ", ".join(name if name in own else "0" for name in names)
        return f"select value, day, {currency} as currency, {columns} from {table}"

    lead = part(_OF_LEAD, "of_lead join valued using (lead_id)")
    handoff = part(
        _OF_HANDOFF, f"({handoffs}, {', '.join(_OF_HANDOFF)} from {source}) h join (select lead_id, day from of_lead) d"
        " using (lead_id)"
    )  # fmt: skip
    amount = part(
        _OF_AMOUNT, "amounts join valued using (lead_id) join (select lead_id, day from of_lead) d using (lead_id)",
        "currency",
    )  # fmt: skip
    sums = ", ".join(f"sum({name})::bigint as {name}" for name in names)
    return (
        f"{_FACTS}, valued as ({_VALUE[by]}), each(value, day, currency, {', '.join(names)})"
        f" as ({lead} union all {handoff} union all {amount})"
        f" select value, day, currency, {sums} from each group by 1, 2, 3"
        f" having {' or '.join(f'sum({name}) <> 0' for name in names)}"
    )
