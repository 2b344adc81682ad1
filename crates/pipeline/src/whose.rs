//! Whose opportunities are meant: a user's, or a team's with the teams below it.

use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{Action, Bind, Cx, FieldType, Result, Statement, Violations};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// As it was sent.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// One user's.
    pub owner_id: Option<String>,
    /// One team's, with the teams below it.
    pub team_id: Option<String>,
    /// One pipeline's.
    pub pipeline_id: Option<String>,
}

/// As it was read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Whose {
    /// One user's.
    pub owner: Option<Uuid>,
    /// One team's.
    pub team: Option<Uuid>,
    /// One pipeline's.
    pub pipeline: Option<Uuid>,
}

impl Asked {
    /// Reads it; what is wrong is added to `violations`.
    pub fn read(&self, at: &str, violations: &mut Violations) -> Whose {
        let mut id = |name: &str, text: &Option<String>| {
            let parsed = text.as_ref().map(|text| Uuid::parse(&json!(text)));
            if let Some(Err(expected)) = &parsed {
                violations.add(format!("{at}/{name}"), "WRONG_TYPE", format!("Expected {expected}."));
            }
            parsed.and_then(std::result::Result::ok)
        };
        let owner = id("ownerId", &self.owner_id);
        let team = id("teamId", &self.team_id);
        let pipeline = id("pipelineId", &self.pipeline_id);
        let one = self.owner_id.is_none() || self.team_id.is_none();
        let detail = "Ask for a user or for a team, not for both.";
        violations.ensure(one, &format!("{at}/teamId"), "INVALID", detail);
        Whose { owner, team, pipeline }
    }
}

impl Whose {
    /// As a filter over opportunities, beside the one that was sent.
    pub fn filter(&self, teams: &Teams, given: Option<&Map<String, Value>>) -> Map<String, Value> {
        let mut ours = Map::new();
        for (name, id) in [("ownerId", self.owner), ("pipelineId", self.pipeline)] {
            ours.extend(id.map(|id| (name.to_owned(), json!(id))));
        }
        if let Some(team) = self.team {
            ours.insert("teamId".into(), json!({"in": teams.tree(team)}));
        }
        // What was sent stands outermost and first, so that its mistakes are found at their place.
        let mut filter = given.cloned().unwrap_or_default();
        let (beside, clashing): (Map<_, _>, Map<_, _>) =
            ours.into_iter().partition(|(name, _)| !filter.contains_key(name));
        filter.extend(beside);
        if !clashing.is_empty() {
            let and = filter.entry("and").or_insert_with(|| json!([]));
            // An `and` that is not a list is refused anyway.
            if let Some(and) = and.as_array_mut() {
                and.push(Value::Object(clashing));
            }
        }
        filter
    }
}

/// A team, as the tree of teams needs it.
pub struct Team {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// The team it is a part of.
    pub parent: Option<Uuid>,
}

/// The teams of a tenant, by name.
#[derive(Default)]
pub struct Teams(pub Vec<Team>);

impl Teams {
    /// All of them; only for who may read teams.
    pub fn all(conn: &mut PgConnection, cx: &Cx) -> Result<Self> {
        cx.require(cx.entry("teams")?, Action::Read)?;
        let mut out =
            Statement::new("SELECT id, name, parent_id FROM teams WHERE archived_at IS NULL AND tenant_id = ");
        out.bind(Bind::Uuid(Some(cx.tenant))).sql(" ORDER BY name, id");
        type Sql = (st::Uuid, st::Text, st::Nullable<st::Uuid>);
        let rows: Vec<(Uuid, String, Option<Uuid>)> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
        Ok(Teams(rows.into_iter().map(|(id, name, parent)| Team { id, name, parent }).collect()))
    }

    /// A team and all teams below it.
    pub fn tree(&self, top: Uuid) -> Vec<Uuid> {
        let mut tree = vec![top];
        let mut at = 0;
        while let Some(parent) = tree.get(at).copied() {
            tree.extend(self.children(parent));
            at += 1;
        }
        tree
    }

    /// The teams directly below one.
    pub fn children(&self, of: Uuid) -> impl Iterator<Item = Uuid> {
        self.0.iter().filter(move |team| team.parent == Some(of)).map(|team| team.id)
    }
}
