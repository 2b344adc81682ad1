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
        Channel::Phone | Channel::Mobile | Channel::Fax | Channel::Sms => phone(value),
        _ => Ok(value.trim().to_owned()),
    }
}

/// E.164 where the number says its country; else its digits, as it cannot be dialled from everywhere.
pub fn phone(value: &str) -> Result<String, &'static str> {
    const EXPECTED: &str = "Expected a phone number, best with its country code, such as +49 30 0074321.";
    let allowed = |c: char| c.is_ascii_digit() || " +-./()#x\u{a0}".contains(c);
    let digits = value.chars().filter(char::is_ascii_digit).count();
    if !value.chars().all(allowed) || !(3..=20).contains(&digits) {
        return Err(EXPECTED);
    }
    if !value.trim_start().starts_with('+') {
        return Ok(value.chars().filter(char::is_ascii_digit).collect());
    }
    let number = phonenumber::parse(None, value).map_err(|_| EXPECTED)?;
    Ok(number.format().mode(phonenumber::Mode::E164).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phone_numbers_with_a_country_become_e_164() {
        assert_eq!(phone("+49 (0)30 0074321").as_deref(), Ok("+49300074321"));
        assert_eq!(phone("+1 206-555-9857").as_deref(), Ok("+12065559857"));
        assert_eq!(phone("(5) 555-4729").as_deref(), Ok("55554729"));
        for bad in ["", "12", "phone", "+", "+999999999999999999999999", "030-0074321\n"] {
            assert!(phone(bad).is_err(), "{bad}");
        }
    }
}
