//! Touches: a call, a mail, a visit. One table over all channels, so that one list shows all of them.

use crate::{AREA, participant};
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use kith_journal::subject;
use kith_kernel::ids::{AccountId, InteractionId, TeamId, UserId};
use kith_kernel::{About, Cx, Moment, Ownership, Relation, Resource, Result, SubjectType, Violations, text_enum};
use kith_macros::resource;
use rust_decimal::Decimal;
use uuid::Uuid;

text_enum! {
    /// The channel of an interaction.
    pub enum InteractionChannel {
        /// A call between people.
        Phone = "PHONE",
        /// A call with a machine that answers.
        Ivr = "IVR",
        /// A fax.
        Fax = "FAX",
        /// An e-mail.
        Email = "EMAIL",
        /// A text message.
        Sms = "SMS",
        /// A chat.
        Chat = "CHAT",
        /// A social network.
        Social = "SOCIAL",
        /// A visit of a web site, or a form there.
        Web = "WEB",
        /// A push notification.
        Push = "PUSH",
        /// A letter or a parcel.
        Post = "POST",
        /// Somebody went to see somebody.
        Visit = "VISIT",
        /// A meeting, on site or remote.
        Meeting = "MEETING",
    }
}

text_enum! {
    /// Who began an interaction.
    pub enum InteractionDirection {
        /// They did.
        Inbound = "INBOUND",
        /// We did.
        Outbound = "OUTBOUND",
        /// It was among ourselves.
        Internal = "INTERNAL",
    }
}

/// A touch between us and somebody, over any channel. Those with the same `threadKey` are one conversation: filter by it
/// and sort by `occurredAt`.
#[resource(table = interactions, id = InteractionId)]
pub struct Interaction {
    /// The channel.
    #[field(filter, example = "\"EMAIL\"")]
    pub channel: InteractionChannel,
    /// Who began it.
    #[field(filter, example = "\"INBOUND\"")]
    pub direction: InteractionDirection,
    /// The account it was with; that of the subject unless given.
    #[field(filter)]
    pub account_id: Option<AccountId>,
    /// The type of the record it was about.
    #[field(filter)]
    pub subject_type: Option<SubjectType>,
    /// The record it was about.
    #[field(filter)]
    pub subject_id: Option<Uuid>,
    /// When it began; now unless given. It may be in the future, as of a meeting.
    #[field(filter, sort, default)]
    pub occurred_at: DateTime<Utc>,
    /// How long it took, in seconds.
    #[field(filter)]
    pub duration_seconds: Option<i32>,
    /// The subject line.
    #[field(filter, max = 500, example = "\"Chai for 40 shops\"")]
    pub subject_line: Option<String>,
    /// What was said or written; nothing is interpreted.
    #[field(filter, max = 100_000)]
    pub body: Option<String>,
    /// What came of it.
    #[field(filter, max = 200, example = "\"Left a message\"")]
    pub outcome: Option<String>,
    /// How it sounded: -1 is as bad as can be, 0 neutral, 1 as good as can be. Where it comes from, a person or an
    /// engine, is up to whoever writes it.
    #[field(filter, example = "\"0.40\"")]
    pub sentiment: Option<Decimal>,
    /// The conversation it is part of, by the key that the mail or chat system has for it.
    #[field(filter, max = 200, example = "\"<20260105.1@example.com>\"")]
    pub thread_key: Option<String>,
    /// The user who is responsible.
    #[field(filter)]
    pub owner_id: Option<UserId>,
    /// The team that is responsible.
    #[field(filter)]
    pub team_id: Option<TeamId>,
}

impl Resource for Interaction {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership =
        Ownership { owner: Some("owner_id"), team: Some("team_id"), via: &["account", "contact", "opportunity"] };
    const MOMENT: Option<Moment> = Some(Moment {
        at: "t.occurred_at",
        title: "t.subject_line",
        title_of: None,
        channel: Some("channel"),
        about: &[
            About::Subject,
            About::Column("account_id"),
            About::Through {
                resource: "interaction-contacts",
                ours: "interaction_id",
                theirs: "contact_id",
                at: "p.occurred_at",
            },
        ],
    });
    const RELATIONS: &'static [Relation] = &[
        Relation::subject("contact", "contacts", "CONTACT", "The contact it was about, where it was about one."),
        Relation::subject(
            "opportunity",
            "opportunities",
            "OPPORTUNITY",
            "The opportunity it was about, where it was about one.",
        ),
        Relation::many("participants", "interaction-contacts", "interaction_id", "The people who took part."),
        Relation::about("externalIds", "external-ids", "INTERACTION", "Its keys in other systems."),
        Relation::about("taggings", "taggings", "INTERACTION", "Its tags."),
        Relation::about("notes", "notes", "INTERACTION", "Notes about it."),
        Relation::about("tasks", "tasks", "INTERACTION", "What there is to do about it."),
    ];

    fn check(&self, violations: &mut Violations) {
        crate::subject_is_whole(self.subject_type, self.subject_id, violations);
        let positive = self.duration_seconds.is_none_or(|seconds| seconds >= 0);
        violations.ensure(positive, "/durationSeconds", "OUT_OF_RANGE", "It cannot end before it began.");
        let scale = self.sentiment.is_none_or(|sentiment| sentiment.abs() <= Decimal::ONE);
        violations.ensure(scale, "/sentiment", "OUT_OF_RANGE", "Expected -1 to 1.");
    }

    fn stored(&self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        let moved = before.is_some_and(|before| before.occurred_at != self.occurred_at);
        if moved { participant::follow(conn, cx, self) } else { Ok(()) }
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        // The beginning of Unix time stands for a time that was not given.
        if self.occurred_at == DateTime::<Utc>::default() {
            self.occurred_at = cx.now;
        }
        let known = before.map(|before| (before.subject_type, before.subject_id));
        let (Some(kind), Some(id)) = (self.subject_type, self.subject_id) else { return Ok(()) };
        if known == Some((Some(kind), Some(id))) {
            return Ok(());
        }
        subject::require(conn, cx, kind, id)?;
        if self.account_id.is_none() {
            self.account_id = subject::leads_to(conn, cx, (kind, id), "accounts")?.map(AccountId);
        }
        Ok(())
    }
}
