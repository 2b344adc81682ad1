//! Users: the people who work with a tenant.

use crate::{AREA, role_assignment, rules, session};
use diesel::PgConnection;
use kith_kernel::ids::UserId;
use kith_kernel::{Cx, Error, Relation, Resource, Result, Violations, text, text_enum};
use kith_macros::resource;

text_enum! {
    /// Whether a user can work.
    #[derive(Default)]
    pub enum UserStatus {
        /// Can log in.
        #[default]
        Active = "ACTIVE",
        /// Cannot log in; everything they did stays.
        Disabled = "DISABLED",
    }
}

/// A person who works with the tenant's data. Disabling one ends all their sessions.
#[resource(table = users, id = UserId)]
pub struct User {
    /// The e-mail address they log in with, kept in lower case; unique among users that are not archived.
    #[field(filter, sort, max = 254, example = "\"nancy.davolio@example.com\"")]
    pub email: String,
    /// Their name.
    #[field(filter, sort, max = 200, example = "\"Nancy Davolio\"")]
    pub name: String,
    /// The language they work in, as a BCP 47 tag; null: the tenant's.
    #[field(max = 35, example = "\"en-US\"")]
    pub locale: Option<String>,
    /// Their time zone by its IANA name; null: the tenant's.
    #[field(max = 64, example = "\"Europe/London\"")]
    pub time_zone: Option<String>,
    /// Whether they can log in.
    #[field(filter, default)]
    pub status: UserStatus,
}

impl Resource for User {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;
    const RELATIONS: &'static [Relation] = &[
        Relation::many("memberships", "memberships", "user_id", "The teams they belong to."),
        Relation::many("roleAssignments", "role-assignments", "user_id", "The roles they have."),
    ];

    fn check(&self, violations: &mut Violations) {
        text::language("/locale", self.locale.as_deref(), violations);
        rules::time_zone(self.time_zone.as_deref(), violations);
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        self.email = text::email(&self.email).map_err(|detail| Error::invalid("/email", "INVALID", detail))?;
        match before {
            Some(before) if before.can_work() && !self.can_work() => {
                role_assignment::keep_an_admin(conn, cx, role_assignment::Leaving::User(self.id()))
            }
            _ => Ok(()),
        }
    }

    fn stored(&self, conn: &mut PgConnection, cx: &Cx, _before: Option<&Self>) -> Result<()> {
        if self.can_work() { Ok(()) } else { session::revoke_all(conn, cx.tenant, self.id().0, cx.now) }
    }
}

impl User {
    /// Neither disabled nor archived.
    pub fn can_work(&self) -> bool {
        self.status == UserStatus::Active && self.meta.archived_at.is_none()
    }
}
