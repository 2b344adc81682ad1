//! Ways to reach an account or a contact, normalised so that the same number or address is found however it was typed.

use crate::{AREA, rules};
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use kith_kernel::ids::{AccountId, ContactId, ContactPointId};
use kith_kernel::{Cx, Error, Ownership, Resource, Result, Violations, text, text_enum};
use kith_macros::resource;

text_enum! {
    /// A channel to reach somebody by.
    pub enum Channel {
        /// Landline.
        Phone = "PHONE",
        /// Mobile phone.
        Mobile = "MOBILE",
        /// Fax.
        Fax = "FAX",
        /// E-mail.
        Email = "EMAIL",
        /// Text message.
        Sms = "SMS",
        /// Chat or messenger.
        Chat = "CHAT",
        /// Social network.
        Social = "SOCIAL",
        /// Web site or portal.
        Web = "WEB",
        /// Letter.
        Post = "POST",
    }
}

/// A way to reach an account or a contact.
#[resource(table = contact_points, id = ContactPointId)]
pub struct ContactPoint {
    /// The account it belongs to; exactly one of accountId and contactId.
    #[field(filter, create_only)]
    pub account_id: Option<AccountId>,
    /// The contact it belongs to; exactly one of accountId and contactId.
    #[field(filter, create_only)]
    pub contact_id: Option<ContactId>,
    /// What kind.
    #[field(filter, example = "\"EMAIL\"")]
    pub channel: Channel,
    /// The number, address or handle as it was entered.
    #[field(filter, max = 320, example = "\"maria.anders@example.com\"")]
    pub value: String,
    /// The value in its normal form: phone numbers in E.164 where the country is known, e-mail addresses in lower case.
    /// Filter by this one.
    #[field(filter, sort, read_only)]
    pub normalized_value: String,
    /// What it is for: work, home, assistant.
    #[field(max = 50)]
    pub label: Option<String>,
    /// The one to use first within its channel.
    #[field(filter, default)]
    pub is_primary: bool,
    /// When it was shown to work.
    #[field(filter)]
    pub verified_at: Option<DateTime<Utc>>,
    /// They asked not to be reached this way.
    #[field(filter, default)]
    pub do_not_contact: bool,
}

impl Resource for ContactPoint {
    const AREA: &'static str = AREA;
    const IN_SETS: bool = true;
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["account", "contact"] };

    fn prepare(&mut self, _conn: &mut PgConnection, _cx: &Cx, before: Option<&Self>) -> Result<()> {
        let same = before.is_some_and(|before| before.value == self.value && before.channel == self.channel);
        if !same {
            self.normalized_value =
                normalize(self.channel, &self.value).map_err(|detail| Error::invalid("/value", "INVALID", detail))?;
        }
        Ok(())
    }

    fn check(&self, violations: &mut Violations) {
        let given = [self.account_id.is_some(), self.contact_id.is_some()];
        rules::exactly_one(&given, "/contactId", "Give exactly one of accountId and contactId.", violations);
    }
}

/// The normal form of a value of a channel, or what is wrong with it.
pub fn normalize(channel: Channel, value: &str) -> Result<String, &'static str> {
    match channel {
        Channel::Email => text::email(value),
        Channel::Phone | Channel::Mobile | Channel::Fax | Channel::Sms => text::phone(value),
        _ => Ok(value.trim().to_owned()),
    }
}
