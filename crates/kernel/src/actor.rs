//! Who acts, and what their roles let them do.

use crate::text_enum;
use uuid::Uuid;

text_enum! {
    /// What is done to a record. Business verbs count as updates unless they say otherwise.
    pub enum Action {
        /// Get and list, filter and sort.
        Read = "READ",
        /// Add new ones.
        Create = "CREATE",
        /// Change existing ones.
        Update = "UPDATE",
        /// Archive and restore.
        Archive = "ARCHIVE",
    }
}

text_enum! {
    /// Which rows a grant covers.
    #[derive(PartialOrd, Ord)]
    pub enum RowScope {
        /// Those the actor owns.
        Own = "OWN",
        /// Those the actor or one of the actor's teams (and the teams below them) owns.
        Team = "TEAM",
        /// All of the tenant.
        All = "ALL",
    }
}

/// One right of a role. `resource` is a resource's name, or `*` for every resource outside administration, or `**` for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Resource name, `*` or `**`.
    pub resource: String,
    /// What may be done; none stands for everything.
    pub action: Option<Action>,
    /// To which rows.
    pub scope: RowScope,
}

/// All rights of an actor, from all of the actor's roles.
#[derive(Clone, Debug, Default)]
pub struct Grants(pub Vec<Grant>);

impl Grants {
    /// The widest scope in which `action` is allowed on a resource, or none.
    pub fn scope(&self, resource: &str, administrative: bool, action: Action) -> Option<RowScope> {
        self.0
            .iter()
            .filter(|grant| match grant.resource.as_str() {
                "**" => true,
                "*" => !administrative,
                name => name == resource,
            })
            .filter(|grant| grant.action.is_none_or(|granted| granted == action))
            .map(|grant| grant.scope)
            .max()
    }
}

text_enum! {
    /// What kind of actor.
    pub enum PrincipalKind {
        /// A person who logged in.
        User = "USER",
        /// An integration with an API key or client credentials.
        ApiKey = "API_KEY",
        /// Kith itself: migrations, the command line, workers.
        System = "SYSTEM",
    }
}

/// Who acts.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Person, integration or Kith itself.
    pub kind: PrincipalKind,
    /// User or API key id; nil for the system.
    pub id: Uuid,
    /// What the actor may do.
    pub grants: Grants,
    /// Teams the actor belongs to, with all teams below them.
    pub teams: Vec<Uuid>,
}

impl Actor {
    /// Kith itself: everything is allowed. Only the command line and workers use it.
    pub fn system() -> Self {
        let all = Grant { resource: "**".into(), action: None, scope: RowScope::All };
        Actor { kind: PrincipalKind::System, id: Uuid::nil(), grants: Grants(vec![all]), teams: Vec::new() }
    }

    /// The id to write into `createdBy`: none for the system.
    pub fn principal(&self) -> Option<Uuid> {
        (!self.id.is_nil()).then_some(self.id)
    }
}
