//! Who has which role.

use crate::{AREA, policy, role};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::ids::{RoleAssignmentId, RoleId, UserId};
use kith_kernel::{Bind, Cx, Error, Resource, Result, Statement, codes};
use kith_macros::resource;
use uuid::Uuid;

/// A role given to a user. Nobody can give a role that grants more than they have, and the last administrator of a
/// tenant keeps the role.
#[resource(table = role_assignments, id = RoleAssignmentId)]
pub struct RoleAssignment {
    /// The user.
    #[field(filter, create_only)]
    pub user_id: UserId,
    /// The role.
    #[field(filter, create_only)]
    pub role_id: RoleId,
}

impl Resource for RoleAssignment {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        let leaving = self.meta.archived_at.is_some() && before.is_some_and(|before| before.meta.archived_at.is_none());
        if leaving {
            return keep_an_admin(conn, cx, Leaving::Assignment(self.id(), self.role_id));
        }
        role::may_hand_out(conn, cx, self.role_id)
    }
}

/// What is about to be taken away.
pub(crate) enum Leaving {
    /// One assignment, of that role.
    Assignment(RoleAssignmentId, RoleId),
    /// All that a user has.
    User(UserId),
}

/// Refuses to take away the last active administrator. The role's row is the lock: two who take each other's role away
/// at once wait for each other, and the second is refused.
pub(crate) fn keep_an_admin(conn: &mut PgConnection, cx: &Cx, leaving: Leaving) -> Result<()> {
    let Some(admin) = role::built_in(conn, cx.tenant, policy::ADMIN)? else { return Ok(()) };
    let id = |id: Uuid| Bind::Uuid(Some(id));
    let (column, left) = match leaving {
        Leaving::Assignment(_, role) if role != admin => return Ok(()),
        Leaving::Assignment(assignment, _) => ("a.id", assignment.0),
        Leaving::User(user) => ("u.id", user.0),
    };
    let mut lock = Statement::new("SELECT FROM roles WHERE tenant_id = ");
    lock.bind(id(cx.tenant)).sql(" AND id = ").bind(id(admin.0)).sql(" FOR NO KEY UPDATE");
    lock.execute(conn)?;
    let mut out = Statement::new("SELECT coalesce(bool_or(");
    out.sql(column)
        .sql(" = ")
        .bind(id(left))
        .sql("), false), coalesce(bool_or(")
        .sql(column)
        .sql(" <> ")
        .bind(id(left));
    out.sql("), false) FROM role_assignments a JOIN users u ON u.tenant_id = a.tenant_id AND u.id = a.user_id");
    out.sql(" WHERE a.tenant_id = ").bind(id(cx.tenant)).sql(" AND a.role_id = ").bind(id(admin.0));
    out.sql(" AND a.archived_at IS NULL AND u.archived_at IS NULL AND u.status = 'ACTIVE'");
    let (concerned, others): (bool, bool) = RunQueryDsl::get_result(out.typed::<(st::Bool, st::Bool)>(), conn)?;
    if concerned && !others {
        let detail = "This is the last active administrator. Give the role ADMIN to somebody else first.";
        return Err(Error::new(&codes::CONFLICT, detail));
    }
    Ok(())
}
