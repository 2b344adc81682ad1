//! Who gets a lead.

use super::{Lead, matching};
use crate::AREA;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::store;
use kith_kernel::ids::{LeadAssignmentRuleId, TeamId, UserId};
use kith_kernel::{Bind, Custom, Cx, Resource, Result, Statement, Violations, text_enum};
use kith_macros::resource;
use uuid::Uuid;

text_enum! {
    /// How a rule finds somebody.
    pub enum AssignmentMethod {
        /// The user of the rule.
        User = "USER",
        /// The members of the team in turn.
        RoundRobin = "ROUND_ROBIN",
        /// The member of the team with the fewest leads that are still worked on.
        LeastLoaded = "LEAST_LOADED",
        /// Whoever owns the account that the lead is known to belong to.
        AccountOwner = "ACCOUNT_OWNER",
    }
}

/// Who gets the leads that meet a filter. The rules are tried in order of their positions; the first that finds somebody
/// wins. A territory is a filter over countries.
#[resource(table = lead_assignment_rules, id = LeadAssignmentRuleId)]
pub struct LeadAssignmentRule {
    /// Its name, unique without regard to case.
    #[field(filter, sort, max = 100, example = "\"German-speaking countries\"")]
    pub name: String,
    /// Its turn, from 1.
    #[field(filter, sort, example = "1")]
    pub position: i32,
    /// A filter over leads; every lead unless given.
    #[field(example = "{\"country\": {\"in\": [\"DE\", \"AT\", \"CH\"]}}")]
    pub filter: Option<Custom>,
    /// How it finds somebody.
    #[field(filter, example = "\"ACCOUNT_OWNER\"")]
    pub method: AssignmentMethod,
    /// The user, for the method USER.
    #[field(filter)]
    pub user_id: Option<UserId>,
    /// The team, for the methods ROUND_ROBIN and LEAST_LOADED; the lead gets it as well.
    #[field(filter)]
    pub team_id: Option<TeamId>,
    /// It is not asked at present.
    #[field(filter, default)]
    pub is_paused: bool,
}

impl Resource for LeadAssignmentRule {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;

    fn check(&self, violations: &mut Violations) {
        violations.ensure(self.position >= 1, "/position", "OUT_OF_RANGE", "Positions count from 1.");
        let wants_user = self.method == AssignmentMethod::User;
        violations.ensure(!wants_user || self.user_id.is_some(), "/userId", "REQUIRED", "This method needs a user.");
        let wants_team = matches!(self.method, AssignmentMethod::RoundRobin | AssignmentMethod::LeastLoaded);
        violations.ensure(!wants_team || self.team_id.is_some(), "/teamId", "REQUIRED", "This method needs a team.");
    }

    fn prepare(&mut self, _: &mut PgConnection, cx: &Cx, _: Option<&Self>) -> Result<()> {
        self.filter.as_ref().map_or(Ok(()), |filter| matching::check(cx, filter))
    }
}

/// Gives a lead to whom the first fitting rule finds; to nobody if none does.
pub(super) fn assign(conn: &mut PgConnection, cx: &Cx, lead: &mut Lead) -> Result<()> {
    let rules = store::rows::<LeadAssignmentRule>(conn, cx, |out| {
        out.sql(" AND t.archived_at IS NULL AND NOT t.is_paused ORDER BY t.position, t.id");
    })?;
    let all = Custom::default();
    let filters = rules.iter().map(|rule| rule.filter.as_ref().unwrap_or(&all));
    let met = matching::met(conn, cx, lead, filters)?;
    for (rule, _) in rules.iter().zip(met).filter(|(_, met)| *met) {
        let Some((user, team, at)) = rule.find(conn, cx, lead)? else { continue };
        (lead.owner_id, lead.team_id) = (Some(user), team.or(rule.team_id).or(lead.team_id));
        (lead.assignment_rule_id, lead.assigned_at) = (Some(rule.id()), Some(at));
        return Ok(());
    }
    Ok(())
}

/// When each member last got a lead of the rule.
const ROUND_ROBIN: &str = "LEFT JOIN LATERAL (SELECT max(x.assigned_at) AS load FROM leads x WHERE x.tenant_id = u.tenant_id \
     AND x.assignment_rule_id = r.id AND x.owner_id = u.id) l ON true";
/// How many leads each member still works on.
const LEAST_LOADED: &str = "LEFT JOIN LATERAL (SELECT count(*) AS load FROM leads x WHERE x.tenant_id = u.tenant_id AND x.owner_id = u.id \
     AND x.archived_at IS NULL AND x.status IN ('NEW', 'WORKING', 'NURTURING', 'QUALIFIED')) l ON true";

/// Whether a user can still log in.
fn can_work(conn: &mut PgConnection, cx: &Cx, user: UserId) -> Result<bool> {
    let mut out = Statement::new(
        "SELECT EXISTS (SELECT FROM users WHERE archived_at IS NULL AND status = 'ACTIVE' AND tenant_id = ",
    );
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND id = ").bind(Bind::Uuid(Some(user.0))).sql(")");
    let (can,): (bool,) = RunQueryDsl::get_result(out.typed::<(st::Bool,)>(), conn)?;
    Ok(can)
}

type Found = (UserId, Option<TeamId>, DateTime<Utc>);

impl LeadAssignmentRule {
    fn find(&self, conn: &mut PgConnection, cx: &Cx, lead: &Lead) -> Result<Option<Found>> {
        match self.method {
            AssignmentMethod::User => match self.user_id {
                Some(user) if can_work(conn, cx, user)? => Ok(Some((user, None, cx.now))),
                _ => Ok(None),
            },
            AssignmentMethod::AccountOwner => account_owner(conn, cx, lead),
            AssignmentMethod::RoundRobin | AssignmentMethod::LeastLoaded => self.member(conn, cx),
        }
    }

    /// One at a time for each team, or two leads at once would both go to the same member.
    fn member(&self, conn: &mut PgConnection, cx: &Cx) -> Result<Option<Found>> {
        let Some(team) = self.team_id else { return Ok(None) };
        store::one_at_a_time(conn, cx, &format!("leads|{}", team.0))?;
        let load = match self.method {
            AssignmentMethod::RoundRobin => ROUND_ROBIN,
            _ => LEAST_LOADED,
        };
        let mut out = Statement::new(
            "SELECT u.id, (SELECT max(assigned_at) FROM leads WHERE tenant_id = u.tenant_id AND assignment_rule_id = r.id) FROM memberships m CROSS JOIN (SELECT ",
        );
        out.bind(Bind::Uuid(Some(self.meta.id))).sql("::uuid AS id) r JOIN users u ON u.tenant_id = m.tenant_id AND u.id = m.user_id JOIN teams g ON g.tenant_id = m.tenant_id AND g.id = m.team_id ");
        out.sql(load).sql(" WHERE m.tenant_id = ").bind(Bind::Uuid(Some(cx.tenant)));
        out.sql(" AND m.team_id = ").bind(Bind::Uuid(Some(team.0)));
        out.sql(" AND m.archived_at IS NULL AND g.archived_at IS NULL AND u.archived_at IS NULL AND u.status = 'ACTIVE' ORDER BY l.load NULLS FIRST, u.id LIMIT 1");
        let found: Vec<(Uuid, Option<DateTime<Utc>>)> =
            RunQueryDsl::load(out.typed::<(st::Uuid, st::Nullable<st::Timestamptz>)>(), conn)?;
        // Turns are counted by time, so no two may be at the same.
        let after = |last: DateTime<Utc>| cx.now.max(last + TimeDelta::microseconds(1));
        Ok(found.first().map(|(user, last)| (UserId(*user), None, last.map_or(cx.now, after))))
    }
}

fn account_owner(conn: &mut PgConnection, cx: &Cx, lead: &Lead) -> Result<Option<Found>> {
    let Some(account) = lead.account_id else { return Ok(None) };
    let mut out = Statement::new(
        "SELECT u.id, a.team_id FROM accounts a JOIN users u ON u.tenant_id = a.tenant_id AND u.id = a.owner_id \
         WHERE a.archived_at IS NULL AND u.archived_at IS NULL AND u.status = 'ACTIVE' AND a.tenant_id = ",
    );
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND a.id = ").bind(Bind::Uuid(Some(account.0)));
    let found: Vec<(Uuid, Option<Uuid>)> = RunQueryDsl::load(out.typed::<(st::Uuid, st::Nullable<st::Uuid>)>(), conn)?;
    Ok(found.first().map(|(user, team)| (UserId(*user), team.map(TeamId), cx.now)))
}
