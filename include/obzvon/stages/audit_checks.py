"""The comparisons of the audit as SQL, in the order in which a contact goes through the house.

Every statement takes `%(plan)s` and gives one row: expected, actual, explained (the part of the difference with a known
cause) and explanation (that cause in words, or null). A check holds when the whole difference is explained.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CHECKS", "COMPLIANCE", "Check"]

#: The check whose failure stops the campaign.
COMPLIANCE = "compliance"


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison; `says` reads `expected = actual`. docs/reconciliation.md has a query of the same name."""

    name: str
    says: str
    sql: str


_ALLOWED = "'at most ' || round(share * 100, 2) || '%% are allowed'"


def _share(key: str, default: float) -> str:
    """CTE `allowed` with the limit that the plan's campaign file sets; plans older than the key get its default."""
    return f"""allowed as (select coalesce((spec #>> '{{limits,{key}}}')::numeric, {default}) as share
                    from ops.campaign_plan where plan_id = %(plan)s)"""


_CONTACTS = "with c as (select * from ops.plan_contact where plan_id = %(plan)s)"
_INTENTS = "with i as (select * from ops.campaign_intent where plan_id = %(plan)s)"

# Attempts of the plan's intents with the person dialled.
_ATTEMPTS = """
with i as (select * from ops.campaign_intent where plan_id = %(plan)s),
a as (select f.*, d.phone_key
      from dwh.fact_call_attempt f join i using (intent_id) left join dwh.dim_contact d using (contact_key))"""

# The newest loaded pull of each intent: rows of the report itself (its first page's kind; transcripts are another),
# the vendor's own count of them, those in quarantine, and the attempts that the warehouse has of reports: what only
# events told is no part of any.
_PULLS = f"""{_INTENTS},
newest as (select distinct on (r.intent_id) r.intent_id, r.batch_id
           from ops.raw_archive r join i using (intent_id)
           where r.loaded_at is not null and r.kind <> 'events'
           order by r.intent_id, r.fetched_at desc, r.archive_id desc),
report as (select n.intent_id, (array_agg(r.kind order by r.archive_id))[1] as kind, n.batch_id
           from newest n join ops.raw_archive r using (intent_id, batch_id) group by n.intent_id, n.batch_id),
pull as (select p.intent_id, sum(r.rows) as rows, sum(r.control_count) as counted,
                (select count(*) from ops.quarantine q join ops.raw_archive a using (archive_id)
                 where a.intent_id = p.intent_id and a.batch_id = p.batch_id and a.kind = p.kind
                   and q.requeued_at is null) as quarantined,
                (select count(*) from dwh.fact_call_attempt f
                 where f.intent_id = p.intent_id
                   and not exists (select from ops.raw_archive e where e.intent_id = f.intent_id
                                   and e.batch_id = f.batch_id and e.kind = 'events')) as calls
         from report p join ops.raw_archive r using (intent_id, batch_id, kind)
         group by p.intent_id, p.batch_id, p.kind)
"""

# Conversations, and recordings of calls whose outcome nobody has mapped. `may_skip`: a sample may do without the call.
_HUMAN = """
with h as (select f.record_url, q.state, q.reason,
                  f.disposition_code not in ('RPC_OPTOUT', 'TRANSFERRED', 'UNKNOWN') and not f.transferred as may_skip
           from dwh.fact_call_attempt f
           join ops.campaign_intent i using (intent_id)
           join dwh.dim_disposition d using (disposition_code)
           left join ops.qa_delivery q on q.call_uid = f.vendor_code || ':' || f.vendor_call_id
           where i.plan_id = %(plan)s
             and (d.disposition_group = 'HUMAN' or f.disposition_code = 'UNKNOWN' and f.record_url is not null))"""
_LEFT_OUT = "state = 'SKIPPED' and coalesce(reason, '') = 'not_sampled'"
_UNSAMPLED = f"{_LEFT_OUT} and may_skip"
_LATE = "state = 'SKIPPED' and coalesce(reason, '') in ('recording_late', 'recording_never_came')"

CHECKS = (
    Check(
        "decided",
        "rows of the list = rows with a decision",
        """
        select p.contacts_total, (select count(*) from ops.plan_contact c where c.plan_id = p.plan_id), 0, null
        from ops.campaign_plan p where p.plan_id = %(plan)s""",
    ),
    Check(
        "to_call",
        "contacts to call by the plan = contacts in intents",
        f"""{_CONTACTS}
        select (select contacts_to_call from ops.campaign_plan where plan_id = %(plan)s), count(intent_id),
               count(*) filter (where exclusion_reason = 'suppressed_after_plan'),
               nullif(count(*) filter (where exclusion_reason = 'suppressed_after_plan'), 0)
                 || ' asked not to be called after the plan was made'
        from c""",
    ),
    Check(
        "settled",
        "intents = intents that are over",
        f"""{_INTENTS}
        select count(*), count(*) filter (where state in ('final', 'final_partial', 'cancelled')), 0,
               string_agg(distinct state, ', ') filter (where state not in ('final', 'final_partial', 'cancelled'))
        from i""",
    ),
    Check(
        "sent",
        "contacts in intents = contacts handed to the vendor",
        # an opt-out after planning takes the contact out of its intent; whoever is still in it should have been called
        """
        with n as (select i.state, i.note, count(*) - count(c.sent_state) as unsent, count(*) as contacts
                   from ops.plan_contact c join ops.campaign_intent i using (intent_id)
                   where c.plan_id = %(plan)s group by i.state, i.note)
        select coalesce(sum(contacts), 0), coalesce(sum(contacts - unsent), 0), 0,
               string_agg(unsent || ' in ' || state || ' intents' || coalesce(': ' || note, ''), ', '
                          order by state, note) filter (where unsent > 0)
        from n""",
    ),
    Check(
        "answered",
        "contacts handed over = accepted + rejected by the vendor",
        f"""{_INTENTS}
        select coalesce(sum(contacts_sent), 0), coalesce(sum(contacts_accepted + contacts_rejected), 0), 0,
               nullif(sum(contacts_rejected), 0) || ' rejected'
        from i""",
    ),
    Check(
        "counted",
        "accepted by the intents = contacts marked accepted",
        """
        select (select coalesce(sum(contacts_accepted), 0) from ops.campaign_intent where plan_id = %(plan)s),
               count(*) filter (where sent_state = 'accepted'), 0, null
        from ops.plan_contact where plan_id = %(plan)s""",
    ),
    Check(
        "collected",
        "intents with a report = intents whose newest pull is archived and loaded",
        # a pull is the whole report: what an older one that was never loaded held, the newer one holds too
        f"""{_INTENTS}
        select count(*), count(*) filter (where p.loaded), 0, null
        from i left join lateral (select bool_and(r.loaded_at is not null) as loaded
                                  from ops.raw_archive r
                                  where r.intent_id = i.intent_id and r.kind <> 'events'
                                  group by r.batch_id order by max(r.fetched_at) desc, max(r.archive_id) desc
                                  limit 1) p on true
        where i.state in ('final', 'final_partial')""",
    ),
    Check(
        "complete",
        "rows that the vendor counts in its report = rows in the archive",
        f"""{_PULLS}
        select coalesce(sum(counted), 0), coalesce(sum(counted - greatest(counted - rows, 0)), 0), 0, null
        from pull where counted is not null""",
    ),
    Check(
        "loaded",
        "rows in the archive = attempts loaded + rows in quarantine",
        f"""{_PULLS},
        missing as (select rows, quarantined, greatest(rows - quarantined - calls, 0) as lost,
                           greatest(rows - counted, 0) as twice from pull)
        select coalesce(sum(rows), 0), coalesce(sum(rows - lost), 0), coalesce(sum(least(lost, twice)), 0),
               nullif(concat_ws(', ', nullif(sum(quarantined), 0) || ' in quarantine',
                                nullif(sum(least(lost, twice)), 0) || ' came twice'), '')
        from missing""",
    ),
    Check(
        "quarantined",
        "rows in quarantine, but for the share the campaign allows = 0",
        f"""{_PULLS},
        n as (select coalesce(sum(quarantined), 0) as bad, coalesce(sum(rows), 0) as rows from pull),
        {_share("max_quarantine_share", 0.01)}
        select 0, bad, least(bad, floor(rows * share)), nullif(bad, 0) || ' of ' || rows || ' rows, ' || {_ALLOWED}
        from n, allowed""",
    ),
    Check(
        "reported",
        "contacts accepted = contacts in the vendor's report",
        f"""{_ATTEMPTS},
        n as (select i.state, count(*) as silent
              from ops.plan_contact c join i using (intent_id)
              where c.sent_state = 'accepted'
                and not exists (select from a where a.intent_id = c.intent_id and a.phone_key = c.phone_key)
              group by i.state),
        accepted as (select count(*) as contacts from ops.plan_contact
                     where plan_id = %(plan)s and sent_state = 'accepted'),
        {_share("max_silent_share", 0.10)}
        select contacts, contacts - coalesce((select sum(silent) from n), 0),
               case when contacts > (select sum(silent) from n)
                    then least((select coalesce(sum(silent), 0) from n
                                where state in ('final', 'final_partial', 'cancelled')),
                               floor(contacts * share)) else 0 end,
               (select string_agg(silent || case state
                   when 'final' then ' never dialled by the end of their window'
                   when 'final_partial' then ' in intents that ended by the deadline'
                   else ' in ' || state || ' intents' end, ', ' order by state) from n) || ', ' || {_ALLOWED}
        from accepted, allowed""",
    ),
    Check(
        "foreign",
        "attempts of no contact of the intent, of no intent or of no archived pull = 0",
        f"""{_ATTEMPTS},
        strangers as (select from a
                      where not exists (select from ops.plan_contact c
                                        where c.intent_id = a.intent_id and c.phone_key = a.phone_key
                                          and c.sent_state = 'accepted')
                         or not exists (select from ops.raw_archive r
                                        where r.intent_id = a.intent_id and r.batch_id = a.batch_id)),
        orphans as (select from dwh.fact_call_attempt f
                    where f.intent_id is null
                      and f.batch_id in (select r.batch_id from ops.raw_archive r join i using (intent_id)))
        select 0, (select count(*) from strangers) + (select count(*) from orphans), 0, null""",
    ),
    Check(
        "excluded",
        "attempts to excluded phones = 0",
        f"""{_ATTEMPTS}
        select 0, count(*), 0, null from a
        where exists (select from ops.plan_contact c
                      where c.plan_id = %(plan)s and c.phone_key = a.phone_key
                      group by c.phone_key
                      having count(c.intent_id) = 0 or bool_or(c.exclusion_code = 'EXCL_DNC'))""",
    ),
    Check(
        "recorded",
        "conversations with a recording = delivered + rejected by Qolio + left out of the sample",
        f"""{_HUMAN}
        select count(*), count(*) filter (where state in ('SENT', 'VERIFIED', 'REJECTED') or {_UNSAMPLED}),
               count(*) filter (where {_LATE}),
               nullif(concat_ws(', ', nullif(count(*) filter (where state = 'REJECTED'), 0) || ' rejected',
                                nullif(count(*) filter (where state = 'MISSING'), 0) || ' taken, but not to be seen',
                                nullif(count(*) filter (where {_UNSAMPLED}), 0) || ' not in the sample',
                                nullif(count(*) filter (where {_LATE}), 0) || ' without the copy they wait for'), '')
        from h where record_url is not null""",
    ),
    Check(
        "delivered",
        "conversations with people = delivered + rejected + skipped",
        f"""{_HUMAN}
        select count(*), count(*) filter (where state in ('SENT', 'VERIFIED', 'REJECTED', 'SKIPPED')), 0,
               nullif(concat_ws(', ', nullif(count(*) filter (where state = 'SKIPPED' and not ({_LEFT_OUT})), 0)
                                      || ' skipped without a recording',
                                nullif(count(*) filter (where {_LEFT_OUT}), 0) || ' not in the sample'), '')
        from h""",
    ),
    Check(
        "invented",
        "deliveries without a call in the warehouse = 0",
        """
        select 0, count(*), 0, null
        from ops.qa_delivery q join ops.campaign_intent i using (intent_id)
        where i.plan_id = %(plan)s
          and not exists (select from dwh.fact_call_attempt f
                          where f.vendor_code = q.vendor_code and f.vendor_call_id = q.vendor_call_id)""",
    ),
    Check(
        "unknown",
        "attempts with an outcome nobody has mapped, but for the share the campaign allows = 0",
        f"""{_ATTEMPTS},
        n as (select count(*) as attempts, count(*) filter (where disposition_code = 'UNKNOWN') as bad,
                     string_agg(distinct vendor_status_raw, ', ') filter (where disposition_code = 'UNKNOWN') as raw
              from a),
        {_share("max_unknown_share", 0.05)}
        select 0, bad, least(bad, floor(attempts * share)), 'statuses never seen before: ' || raw || ', ' || {_ALLOWED}
        from n, allowed""",
    ),
    Check(
        "canary",
        "plans with a canary = plans whose canary has passed",
        """
        select count(*), count(*) filter (where v.passed), 0, null
        from ops.campaign_plan p left join ops.canary_verdict v using (plan_id)
        where p.plan_id = %(plan)s
          and exists (select from ops.campaign_intent i where i.plan_id = p.plan_id and i.batch_no = 900)""",
    ),
    Check(
        COMPLIANCE,
        "breaches of the rules among the plan's calls = 0",
        """
        select 0, coalesce(sum(breaches), 0), 0, string_agg(breaches || ' ' || rule, ', ' order by rule)
        from (select rule, count(*) as breaches from mart.v_compliance_breach
              where plan_id = %(plan)s group by rule) b""",
    ),
)
