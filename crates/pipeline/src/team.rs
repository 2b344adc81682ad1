//! Who works on an opportunity. The splits of a team add up, so a team is always set as a whole.

use crate::{AREA, Opportunity};
use diesel::PgConnection;
use kith_journal::{log, store, verbs};
use kith_kernel::ids::{OpportunityId, OpportunityMemberId, UserId};
use kith_kernel::{
    Action, Bind, Command, Custom, Cx, Error, FieldType, Ownership, Resource, Result, Row, Shape, Verb, Violations,
};
use kith_macros::{input, resource};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Somebody who works on an opportunity, and their share of it.
#[resource(table = opportunity_members, id = OpportunityMemberId)]
pub struct OpportunityMember {
    /// The opportunity.
    #[field(filter, create_only)]
    pub opportunity_id: OpportunityId,
    /// The user; each is there once.
    #[field(filter, create_only)]
    pub user_id: UserId,
    /// What they do in it.
    #[field(filter, max = 100, example = "\"Engineer\"")]
    pub role: Option<String>,
    /// Their share of the success, in percent. The shares of a team add up to 100.
    #[field(filter, example = "\"60\"")]
    pub split_percent: Decimal,
}

impl Resource for OpportunityMember {
    const AREA: &'static str = AREA;
    const VERBS: &'static [Verb] = &[Verb::Read];
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["opportunity"] };
}

/// The verb that sets a team.
pub(crate) fn command() -> Command {
    let doc =
        "Sets the team of an opportunity as a whole: who works on it, and with what share. The shares add up to 100.";
    Command::new("set-team", doc, |cx| cx.require(cx.entry(Opportunity::NAME)?, Action::Update).map(drop), set)
}

/// The whole team.
#[input]
pub struct SetTeam {
    /// The members, at most 50: userId, splitPercent as a decimal text, and role if there is one. An empty list: no team.
    #[field(
        example = "[{\"userId\": \"01980000-0000-7000-8000-000000000001\", \"splitPercent\": \"100\", \"role\": \"Closer\"}]"
    )]
    pub members: Custom,
}

/// One of them as it was given, with the id of the user.
fn parse(at: usize, value: &Value, violations: &mut Violations) -> Option<(Uuid, Map<String, Value>, Decimal)> {
    let pointer = format!("/members/{at}");
    let Some(member) = value.as_object() else {
        violations.add(pointer, "WRONG_TYPE", "Expected an object with userId, splitPercent and role.");
        return None;
    };
    for name in member.keys().filter(|name| !["userId", "splitPercent", "role"].contains(&name.as_str())) {
        let at = format!("{pointer}/{}", kith_kernel::escape(name));
        violations.add(at, "UNKNOWN_FIELD", "Allowed: userId, splitPercent, role.");
    }
    let user = member.get("userId").and_then(|id| Uuid::parse(id).ok());
    let split = member.get("splitPercent").and_then(|split| Decimal::parse(split).ok());
    let split = split.filter(|split| (Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(split));
    violations.ensure(user.is_some(), &format!("{pointer}/userId"), "WRONG_TYPE", "Expected the id of a user.");
    let detail = "Expected a decimal from 0 to 100 as a text.";
    violations.ensure(split.is_some(), &format!("{pointer}/splitPercent"), "WRONG_TYPE", detail);
    Some((user?, member.clone(), split?))
}

fn set(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: SetTeam) -> Result<Box<dyn Row>> {
    let mut violations = Violations::default();
    let given = input.members.0.as_array().cloned().unwrap_or_default();
    violations.ensure(input.members.0.is_array(), "/members", "WRONG_TYPE", "Expected a list.");
    violations.ensure(given.len() <= 50, "/members", "TOO_MANY", "A team has at most 50 members.");
    let members: Vec<_> =
        given.iter().take(50).enumerate().filter_map(|(at, value)| parse(at, value, &mut violations)).collect();
    let mut users: Vec<Uuid> = members.iter().map(|(user, ..)| *user).collect();
    users.sort_unstable();
    users.dedup();
    violations.ensure(users.len() == members.len(), "/members", "DUPLICATE", "Each user is there once.");
    let sum: Decimal = members.iter().map(|(.., split)| *split).sum();
    let whole = given.is_empty() || sum == Decimal::ONE_HUNDRED;
    violations.ensure(whole, "/members", "INVALID", &format!("The shares add up to {}, not to 100.", sum.normalize()));
    violations.into_result()?;

    let row = verbs::change::<Opportunity>(conn, cx, id, seen, log::UPDATED, |_, _| Ok(()))?;
    let before = store::rows::<OpportunityMember>(conn, cx, |out| {
        out.sql(" AND t.archived_at IS NULL AND t.opportunity_id = ").bind(Bind::Uuid(Some(id)));
    })?;
    let (system, entry) = (cx.as_system(), cx.entry(OpportunityMember::NAME)?);
    for member in before.iter().filter(|member| !users.contains(&member.user_id.0)) {
        verbs::archive(conn, &system, entry, member.meta.id, None)?;
    }
    for (at, (user, mut body, _)) in members.into_iter().enumerate() {
        let known = before.iter().find(|member| member.user_id.0 == user);
        let written = match known {
            Some(member) => {
                body.remove("userId");
                body.entry("role").or_insert(Value::Null);
                verbs::update(conn, &system, entry, member.meta.id, None, &body)
            }
            None => {
                body.insert("opportunityId".into(), json!(id));
                verbs::create(conn, &system, entry, &body)
            }
        };
        written.map_err(|error| within(error, at))?;
    }
    Ok(row)
}

fn within(mut error: Error, at: usize) -> Error {
    for violation in &mut error.violations {
        violation.pointer = format!("/members/{at}{}", violation.pointer);
    }
    error
}
