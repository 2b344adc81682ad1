//! Grants as they stand in a role, and the rule that nobody gives what they do not have. Pure.
//!
//! A grant is `{"resource": "contacts", "action": "UPDATE", "scope": "TEAM"}`. The resource may be `*` (all but
//! administration) or `**` (all); the action may be `*`.

use kith_kernel::{Action, Catalogue, Cx, Error, Grant, Grants, Result, RowScope, Violations, codes};
use serde_json::{Map, Value, json};

/// Most grants in one role.
pub const MAX: usize = 500;
const ANY: &str = "*";
const ACTIONS: [Action; 4] = [Action::Read, Action::Create, Action::Update, Action::Archive];

/// The grants of a stored list. What cannot be read grants nothing.
pub fn parse(list: &Value) -> Vec<Grant> {
    list.as_array().into_iter().flatten().filter_map(grant).collect()
}

fn grant(value: &Value) -> Option<Grant> {
    let text = |name| value.get(name).and_then(Value::as_str);
    Some(Grant {
        resource: text("resource")?.to_owned(),
        action: action(text("action")?)?,
        scope: RowScope::from_text(text("scope")?)?,
    })
}

fn action(text: &str) -> Option<Option<Action>> {
    if text == ANY { Some(None) } else { Action::from_text(text).map(Some) }
}

/// The grants as a list to store.
pub fn to_json(grants: &[Grant]) -> Value {
    grants
        .iter()
        .map(|g| json!({"resource": g.resource, "action": name(g.action), "scope": g.scope.as_str()}))
        .collect()
}

fn name(action: Option<Action>) -> &'static str {
    action.map_or(ANY, Action::as_str)
}

/// Checks the form of a list that came from outside.
pub fn check(list: &Value, violations: &mut Violations) {
    let Some(list) = list.as_array() else {
        return violations.add("/grants", "WRONG_TYPE", "Expected a list of objects with resource, action and scope.");
    };
    if list.len() > MAX {
        return violations.add("/grants", "TOO_LONG", format!("A role takes at most {MAX} grants."));
    }
    for (index, value) in list.iter().enumerate() {
        let at = format!("/grants/{index}");
        match value.as_object() {
            Some(members) => check_one(members, &at, violations),
            None => violations.add(at, "WRONG_TYPE", "Expected an object with resource, action and scope."),
        }
    }
}

fn check_one(members: &Map<String, Value>, at: &str, violations: &mut Violations) {
    let mut member = |name: &str, expected: String, good: fn(&str) -> bool| {
        let value = members.get(name).filter(|value| !value.is_null());
        let code = if value.is_none() { "REQUIRED" } else { "WRONG_TYPE" };
        let holds = value.and_then(Value::as_str).is_some_and(good);
        violations.ensure(holds, &format!("{at}/{name}"), code, &format!("Expected {expected}."));
    };
    member("resource", "the name of a resource, * or **".into(), |text| (1..=63).contains(&text.len()));
    member("action", format!("one of {}, {ANY}", names(Action::ALL)), |text| action(text).is_some());
    member("scope", format!("one of {}", names(RowScope::ALL)), |text| RowScope::from_text(text).is_some());
    for name in members.keys().filter(|name| !matches!(name.as_str(), "resource" | "action" | "scope")) {
        let name = name.replace('~', "~0").replace('/', "~1");
        violations.add(format!("{at}/{name}"), "UNKNOWN_FIELD", "A grant has resource, action and scope.");
    }
}

fn names(all: &[(&str, &str)]) -> String {
    all.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// Checks that every resource named is one of ours.
pub fn check_names(grants: &[Grant], catalogue: &Catalogue, violations: &mut Violations) {
    for (index, grant) in grants.iter().enumerate() {
        let known = matches!(grant.resource.as_str(), "*" | "**") || catalogue.get(&grant.resource).is_some();
        let detail = "There is no such resource. Expected the name of one, * or **.";
        violations.ensure(known, &format!("/grants/{index}/resource"), "INVALID", detail);
    }
}

/// Whether `own` covers every grant of `given`. `administrative` says which resources `*` leaves out; a resource that
/// nobody knows should count as such.
pub fn covers(own: &Grants, given: &[Grant], administrative: &dyn Fn(&str) -> bool) -> bool {
    lacking(own, given, administrative).is_none()
}

fn lacking<'a>(own: &Grants, given: &'a [Grant], administrative: &dyn Fn(&str) -> bool) -> Option<&'a Grant> {
    given.iter().find(|grant| {
        // `*` and `**` are looked up like names: only a grant of the same or a greater reach answers for them.
        let outside = match grant.resource.as_str() {
            "*" => false,
            "**" => true,
            name => administrative(name),
        };
        let enough = |action: &Action| own.scope(&grant.resource, outside, *action) >= Some(grant.scope);
        !ACTIONS.iter().filter(|action| grant.action.is_none_or(|only| only == **action)).all(enough)
    })
}

/// Refuses to give on what the actor does not have.
pub fn may_give(cx: &Cx, given: &[Grant]) -> Result<()> {
    let administrative = |name: &str| cx.catalogue.get(name).is_none_or(|entry| entry.administrative);
    match lacking(&cx.actor.grants, given, &administrative) {
        None => Ok(()),
        Some(grant) => {
            let (resource, action, scope) = (&grant.resource, name(grant.action), grant.scope.as_str());
            let detail = format!(
                "This would give the right {resource}:{action} for {scope} records, which is more than you have."
            );
            Err(Error::new(&codes::FORBIDDEN, detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<Grant> {
        let part = |grant: &str| {
            let mut parts = grant.split(':');
            let mut next = || parts.next().unwrap().to_owned();
            Grant { resource: next(), action: action(&next()).unwrap(), scope: RowScope::from_text(&next()).unwrap() }
        };
        text.split_whitespace().map(part).collect()
    }

    #[test]
    fn nobody_can_give_more_than_they_have() {
        let administrative = |name: &str| !matches!(name, "contacts" | "accounts");
        for (own, given, expected) in [
            ("**:*:ALL", "**:*:ALL *:READ:OWN users:UPDATE:ALL contacts:*:TEAM", true),
            ("", "", true),
            ("", "contacts:READ:OWN", false),
            ("*:*:ALL", "*:*:ALL contacts:*:ALL accounts:READ:OWN", true),
            ("*:*:ALL", "**:READ:OWN", false),
            ("*:*:ALL", "users:READ:ALL", false),
            ("*:*:ALL users:READ:ALL", "users:READ:ALL", true),
            ("*:*:ALL users:READ:ALL", "users:*:ALL", false),
            ("*:*:ALL", "unheard-of:READ:OWN", false),
            ("contacts:UPDATE:TEAM", "contacts:UPDATE:OWN", true),
            ("contacts:UPDATE:TEAM", "contacts:UPDATE:ALL", false),
            ("contacts:UPDATE:TEAM", "contacts:READ:OWN", false),
            ("contacts:READ:ALL contacts:CREATE:ALL contacts:UPDATE:ALL contacts:ARCHIVE:OWN", "contacts:*:OWN", true),
            (
                "contacts:READ:ALL contacts:CREATE:ALL contacts:UPDATE:ALL contacts:ARCHIVE:OWN",
                "contacts:*:TEAM",
                false,
            ),
            ("contacts:*:ALL accounts:*:ALL", "*:READ:OWN", false),
            ("**:READ:ALL *:*:OWN", "*:UPDATE:OWN **:READ:ALL", true),
            ("**:READ:ALL *:*:OWN", "**:UPDATE:OWN", false),
        ] {
            assert_eq!(covers(&Grants(list(own)), &list(given), &administrative), expected, "{own} gives {given}");
        }
    }

    #[test]
    fn what_is_stored_is_read_back() {
        let grants = list("**:*:ALL contacts:READ:OWN accounts:ARCHIVE:TEAM");
        assert_eq!(parse(&to_json(&grants)), grants);
        assert!(parse(&json!({"resource": "**", "action": "*", "scope": "ALL"})).is_empty());
        assert!(
            parse(&json!([{"resource": "**", "scope": "ALL"}, {"resource": "*", "action": "read", "scope": "ALL"}, 7]))
                .is_empty()
        );
    }

    #[test]
    fn every_mistake_in_a_list_is_found_at_its_place() {
        let mut violations = Violations::default();
        check(
            &json!([
                {"resource": "contacts", "action": "READ", "scope": "ALL"},
                {"resource": "", "action": "WRITE", "scope": null},
                {"resource": 7, "action": "*", "scope": "ALL", "a/b": 1},
                "contacts:READ",
            ]),
            &mut violations,
        );
        let found: Vec<_> = violations.0.iter().map(|v| (v.pointer.as_str(), v.code)).collect();
        let expected = [
            ("/grants/1/resource", "WRONG_TYPE"),
            ("/grants/1/action", "WRONG_TYPE"),
            ("/grants/1/scope", "REQUIRED"),
            ("/grants/2/resource", "WRONG_TYPE"),
            ("/grants/2/a~1b", "UNKNOWN_FIELD"),
            ("/grants/3", "WRONG_TYPE"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_role_has_a_bounded_list_of_grants() {
        let one = json!({"resource": "contacts", "action": "READ", "scope": "ALL"});
        for (count, expected) in [(0, 0), (MAX, 0), (MAX + 1, 1)] {
            let mut violations = Violations::default();
            check(&Value::Array(vec![one.clone(); count]), &mut violations);
            assert_eq!(violations.0.len(), expected, "{count}");
        }
    }
}
