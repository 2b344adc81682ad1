//! Teams, in a tree: who is in a team sees what belongs to the teams below it.

use crate::AREA;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::store;
use kith_kernel::ids::TeamId;
use kith_kernel::{Bind, Cx, Error, Relation, Resource, Result, Statement};
use kith_macros::resource;

/// A team of users. Members of a team also have what belongs to the teams below it.
#[resource(table = teams, id = TeamId)]
pub struct Team {
    /// Its name; unique among teams that are not archived.
    #[field(filter, sort, max = 200, example = "\"Sales North\"")]
    pub name: String,
    /// The team it is a part of.
    #[field(filter)]
    pub parent_id: Option<TeamId>,
}

impl Resource for Team {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;
    const RELATIONS: &'static [Relation] = &[
        Relation::many("memberships", "memberships", "team_id", "Who belongs to it."),
        Relation::many("children", "teams", "parent_id", "The teams that are part of it."),
    ];

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        match self.parent_id {
            Some(parent) if parent == self.id() => Err(cycle("A team cannot be part of itself.")),
            Some(parent) if before.is_some_and(|before| before.parent_id != self.parent_id) => {
                self.refuse_cycle(conn, cx, parent)
            }
            _ => Ok(()),
        }
    }
}

fn cycle(detail: &str) -> Error {
    Error::invalid("/parentId", "CYCLE", detail)
}

impl Team {
    /// Walks up from the new parent. Moves wait for each other, because two of them could make a cycle together.
    fn refuse_cycle(&self, conn: &mut PgConnection, cx: &Cx, parent: TeamId) -> Result<()> {
        store::one_at_a_time(conn, cx, "teams|tree")?;
        let tenant = || Bind::Uuid(Some(cx.tenant));
        let mut out = Statement::new("WITH RECURSIVE up (id) AS (SELECT parent_id FROM teams WHERE tenant_id = ");
        out.bind(tenant()).sql(" AND id = ").bind(Bind::Uuid(Some(parent.0)));
        out.sql(" UNION SELECT t.parent_id FROM teams t JOIN up ON t.id = up.id WHERE t.tenant_id = ").bind(tenant());
        out.sql(") SELECT EXISTS (SELECT FROM up WHERE id = ").bind(Bind::Uuid(Some(self.id().0))).sql(")");
        let (within,): (bool,) = RunQueryDsl::get_result(out.typed::<(st::Bool,)>(), conn)?;
        if within { Err(cycle("The parent is part of this team.")) } else { Ok(()) }
    }
}
