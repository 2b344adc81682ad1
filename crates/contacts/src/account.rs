//! Accounts: the root that almost everything else hangs on.

use crate::{AREA, Channel, rules};
use chrono::NaiveDate;
use diesel::PgConnection;
use kith_journal::{derived, store};
use kith_kernel::ids::{AccountId, TeamId, UserId};
use kith_kernel::{
    Bind, Cx, Error, Money, Ownership, Relation, Resource, Result, Statement, Violations, text, text_enum,
};
use kith_macros::resource;

text_enum! {
    /// What an account is.
    #[derive(Default)]
    pub enum AccountKind {
        /// A company, authority or club.
        #[default]
        Organization = "ORGANIZATION",
        /// A person who buys for themselves.
        Person = "PERSON",
        /// People who share a home and decide together.
        Household = "HOUSEHOLD",
    }
}

text_enum! {
    /// How many people work there, in the bands of the European Commission's definition of SMEs.
    pub enum SizeBand {
        /// Fewer than 10.
        Micro = "MICRO",
        /// 10 to 49.
        Small = "SMALL",
        /// 50 to 249.
        Medium = "MEDIUM",
        /// 250 to 999.
        Large = "LARGE",
        /// 1,000 and more.
        Enterprise = "ENTERPRISE",
    }
}

text_enum! {
    /// How important an account is to the tenant (贵宾型, 重要型, 普通型).
    #[derive(Default)]
    pub enum ImportanceClass {
        /// Treated personally by the top.
        Vip = "VIP",
        /// A key customer.
        Key = "KEY",
        /// All others.
        #[default]
        Ordinary = "ORDINARY",
    }
}

text_enum! {
    /// Where the importance class comes from.
    #[derive(Default)]
    pub enum ImportanceSource {
        /// A rule of the tenant.
        #[default]
        Rule = "RULE",
        /// Somebody set it.
        Manual = "MANUAL",
    }
}

text_enum! {
    /// Whether business is done with the account.
    #[derive(Default)]
    pub enum AccountStatus {
        /// Yes.
        #[default]
        Active = "ACTIVE",
        /// Not at present.
        Inactive = "INACTIVE",
        /// It became part of another account; only a merge sets this.
        Merged = "MERGED",
    }
}

/// Whoever we trade with or want to: an organisation, a person or a household.
#[resource(table = accounts, id = AccountId)]
pub struct Account {
    /// Trading name, as everybody calls it.
    #[field(filter, sort, max = 200, example = "\"Alfreds Futterkiste\"")]
    pub name: String,
    /// What the account is.
    #[field(filter, default)]
    pub kind: AccountKind,
    /// Name in the commercial register, where it differs.
    #[field(filter, max = 200)]
    pub legal_name: Option<String>,
    /// Number in the commercial or tax register; no two active accounts share one.
    #[field(filter, max = 64, example = "\"HRB 12345\"")]
    pub registration_number: Option<String>,
    /// Branch of industry.
    #[field(filter, max = 100, example = "\"Food retail\"")]
    pub industry: Option<String>,
    /// How many people work there.
    #[field(filter)]
    pub size_band: Option<SizeBand>,
    /// Revenue of the last closed year.
    #[field(filter, sort, money)]
    pub annual_revenue: Option<Money>,
    /// Web site, with http or https.
    #[field(max = 500, example = "\"https://example.com\"")]
    pub website: Option<String>,
    /// The user who is responsible.
    #[field(filter)]
    pub owner_id: Option<UserId>,
    /// The team that is responsible.
    #[field(filter)]
    pub team_id: Option<TeamId>,
    /// The account this one is a part of, such as its group.
    #[field(filter)]
    pub parent_id: Option<AccountId>,
    /// The channel it prefers to be reached by.
    #[field(filter)]
    pub preferred_channel: Option<Channel>,
    /// The language it prefers, as a BCP 47 tag.
    #[field(filter, max = 35, example = "\"de-DE\"")]
    pub preferred_language: Option<String>,
    /// How important somebody says the account is. What rules make of what it is worth stands in its value profile
    /// (`importance`).
    #[field(filter, sort, default)]
    pub importance_class: ImportanceClass,
    /// MANUAL as long as what somebody says of it holds, else RULE.
    #[field(filter, read_only, default)]
    pub importance_source: ImportanceSource,
    /// Why the importance class was set.
    #[field(max = 500)]
    pub importance_reason: Option<String>,
    /// The last day on which the class holds; a year after it was set unless given. After it the account is ORDINARY again.
    #[field(filter, example = "\"2027-01-31\"")]
    pub importance_until: Option<NaiveDate>,
    /// Whether business is done with the account.
    #[field(filter, sort, default)]
    pub status: AccountStatus,
    /// The account it became part of, if it was merged; it is archived then, and what hung on it hangs there.
    #[field(filter, read_only)]
    pub merged_into_id: Option<AccountId>,
}

impl Resource for Account {
    const AREA: &'static str = AREA;
    const IN_SETS: bool = true;
    const OWNERSHIP: Ownership = Ownership { owner: Some("owner_id"), team: Some("team_id"), via: &[] };
    const GATHERS: bool = true;
    const RELATIONS: &'static [Relation] = &[
        Relation::many("roles", "account-roles", "account_id", "The roles it plays, now and before."),
        Relation::many("contacts", "contacts", "account_id", "The people there."),
        Relation::many("contactPoints", "contact-points", "account_id", "How to reach it."),
        Relation::many("addresses", "addresses", "account_id", "Its postal addresses."),
        Relation::many("children", "accounts", "parent_id", "The accounts that are part of it."),
        Relation::many(
            "relationshipsFrom",
            "relationships",
            "from_account_id",
            "Relationships in which it stands first.",
        ),
        Relation::many("relationshipsTo", "relationships", "to_account_id", "Relationships in which it stands second."),
        Relation::many("leads", "leads", "account_id", "The leads that belong to it."),
        Relation::many("opportunities", "opportunities", "account_id", "The chances to sell to it."),
        Relation::about("externalIds", "external-ids", "ACCOUNT", "Its keys in other systems."),
        Relation::about("taggings", "taggings", "ACCOUNT", "Its tags."),
        Relation::about("notes", "notes", "ACCOUNT", "Notes about it."),
        Relation::many("interactions", "interactions", "account_id", "Touches with it, over every channel."),
        Relation::many("tasks", "tasks", "account_id", "What there is to do for it."),
        Relation::many("orders", "orders", "account_id", "What it ordered."),
        Relation::own("valueProfile", "value-profiles", "What it is worth now; null before the first run."),
        Relation::own("clv", "clv-estimates", "What it is expected to bring; null before the first run."),
        Relation::own("loyalty", "loyalty-assessments", "How loyal it is; null before the first run."),
        Relation::own("lifecycle", "lifecycles", "Where the relationship stands; null before the first run."),
        Relation::own("churnRisk", "churn-risks", "How likely it is to leave; null before the first run."),
        Relation::many("valueScores", "value-scores", "account_id", "What it was worth, month by month."),
    ];

    fn check(&self, violations: &mut Violations) {
        rules::website(self.website.as_deref(), violations);
        text::language("/preferredLanguage", self.preferred_language.as_deref(), violations);
        let itself = self.parent_id.is_some_and(|parent| parent == self.id());
        violations.ensure(!itself, "/parentId", "CYCLE", "An account cannot be part of itself.");
        if let Some(revenue) = &self.annual_revenue {
            violations.ensure(
                !revenue.amount.is_sign_negative() || revenue.amount.is_zero(),
                "/annualRevenue",
                "OUT_OF_RANGE",
                "Revenue is not negative.",
            );
        }
    }

    fn alone(&self, before: Option<&Self>) -> bool {
        // Whether that closes a circle is asked of the tree as it is stored.
        before.is_some_and(|before| before.parent_id != self.parent_id)
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        let status_before = before.map(|before| before.status);
        if self.status == AccountStatus::Merged
            && status_before != Some(AccountStatus::Merged)
            && self.merged_into_id.is_none()
        {
            return Err(Error::invalid("/status", "READ_ONLY", "Only a merge makes an account MERGED."));
        }
        rules::stays_merged(&self.meta, self.merged_into_id.map(|id| id.0))?;
        self.mark(cx, before)?;
        match self.parent_id {
            Some(parent)
                if before.is_some_and(|before| before.parent_id != self.parent_id)
                    && Account::is_below(conn, cx, parent, self.id())? =>
            {
                Err(Error::invalid("/parentId", "CYCLE", "The parent is part of this account."))
            }
            _ => Ok(()),
        }
    }

    fn stored(&self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        // What it is worth goes and comes back with it.
        match before {
            Some(before) if before.meta.archived_at != self.meta.archived_at => {
                derived::touch(conn, cx, &[self.meta.id])
            }
            _ => Ok(()),
        }
    }
}

impl Account {
    /// Whether an account is part of another, at any depth: walks up from it. The walk is bounded, so that a tree broken
    /// by other means cannot hang it.
    pub fn is_below(conn: &mut PgConnection, cx: &Cx, below: AccountId, above: AccountId) -> Result<bool> {
        // One move at a time in a tenant: two, each fine by itself, could close a circle together.
        store::one_at_a_time(conn, cx, "accounts|tree")?;
        let mut out =
            Statement::new("WITH RECURSIVE up (id, depth) AS (SELECT parent_id, 1 FROM accounts WHERE tenant_id = ");
        out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND id = ").bind(Bind::Uuid(Some(below.0)));
        out.sql(" UNION SELECT a.parent_id, up.depth + 1 FROM accounts a JOIN up ON a.id = up.id WHERE a.tenant_id = ");
        out.bind(Bind::Uuid(Some(cx.tenant)));
        out.sql(" AND up.depth < 100) SELECT EXISTS (SELECT FROM up WHERE id = ")
            .bind(Bind::Uuid(Some(above.0)))
            .sql(")");
        let (found,): (bool,) = diesel::RunQueryDsl::get_result(out.typed::<(diesel::sql_types::Bool,)>(), conn)?;
        Ok(found)
    }
}
