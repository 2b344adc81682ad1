//! How important an account is: what a person says of it, for as long as that holds, and nothing special else. What rules make
//! of what it is worth stands in its value profile.

use crate::Account;
use crate::account::{ImportanceClass, ImportanceSource};
use chrono::{Months, NaiveDate};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::verbs;
use kith_kernel::{Bind, Cx, Error, Result, Statement};
use uuid::Uuid;

/// How long a mark holds where no day was named.
const A_YEAR: Months = Months::new(12);
/// Marks of one call.
const AT_ONCE: i64 = 200;

impl Account {
    /// Notes who says how important it is, and until when. To name a class is to mark it; ORDINARY takes the mark away.
    pub(crate) fn mark(&mut self, cx: &Cx, before: Option<&Self>) -> Result<()> {
        let is_named = before.is_none_or(|old| old.importance_until != self.importance_until);
        let refused = |code, detail| Err(Error::invalid("/importanceUntil", code, detail));
        match self.importance_until.filter(|_| is_named) {
            Some(_) if self.importance_class == ImportanceClass::Ordinary => {
                return refused("INVALID", "Only a class other than ORDINARY has a last day.");
            }
            Some(day) if day < cx.today() => return refused("OUT_OF_RANGE", "That day is over."),
            _ => {}
        }
        let is_marked = self.importance_class != ImportanceClass::Ordinary;
        self.importance_source = if is_marked { ImportanceSource::Manual } else { ImportanceSource::Rule };
        let until = self.importance_until.unwrap_or_else(|| in_a_year(cx.today()));
        self.importance_until = is_marked.then_some(until);
        Ok(())
    }
}

fn in_a_year(day: NaiveDate) -> NaiveDate {
    day.checked_add_months(A_YEAR).unwrap_or(NaiveDate::MAX)
}

/// Takes away marks whose last day is over, of at most 200 accounts; of how many.
pub fn expire_marks(conn: &mut PgConnection, cx: &Cx) -> Result<usize> {
    let mut out = Statement::new("SELECT id FROM accounts WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND archived_at IS NULL AND importance_until < ");
    out.bind(Bind::Date(Some(cx.today()))).sql(" ORDER BY id LIMIT ").bind(Bind::BigInt(Some(AT_ONCE)));
    let ids: Vec<(Uuid,)> = RunQueryDsl::load(out.typed::<(st::Uuid,)>(), conn)?;
    for (id,) in &ids {
        verbs::change::<Account>(conn, &cx.as_system(), *id, None, "importance expired", |_, account| {
            account.importance_class = ImportanceClass::Ordinary;
            account.importance_reason = None;
            Ok(())
        })?;
    }
    Ok(ids.len())
}
