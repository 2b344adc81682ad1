//! Three hundred random things happen to a member, and to a plain model of one; after each, both hold the same.

use super::{Club, club, fresh};
use chrono::{DateTime, Days, Months, NaiveDate, NaiveTime, TimeDelta, Utc};
use kith_db::Verdict;
use kith_loyalty::programme;
use serde_json::json;

/// Numbers that look random, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Points in hundredths.
#[derive(Clone, Debug, PartialEq)]
struct Lot {
    entry: String,
    pending: i64,
    available: i64,
    expired: i64,
    earned: DateTime<Utc>,
    available_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

/// An entry that can be reversed.
#[derive(Clone, Debug)]
enum Done {
    /// Points that came, as a lot: which, how many, whether they were earned.
    Came(usize, i64, bool),
    /// Points that went: from which lots how many.
    Went(Vec<(usize, i64)>),
}

#[derive(Clone, Debug, Default)]
struct Model {
    lots: Vec<Lot>,
    lifetime: i64,
    done: Vec<(String, Done, bool)>,
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

impl Model {
    fn balance(&self) -> i64 {
        self.lots.iter().map(|lot| lot.available).sum()
    }

    fn release(&mut self, now: DateTime<Utc>) {
        for lot in self.lots.iter_mut().filter(|lot| lot.available_at <= now) {
            lot.available += std::mem::take(&mut lot.pending);
        }
    }

    fn expire(&mut self, now: DateTime<Utc>) {
        for lot in self.lots.iter_mut().filter(|lot| lot.expires_at <= now) {
            lot.expired += std::mem::take(&mut lot.available);
        }
    }

    fn settle(&mut self, now: DateTime<Utc>) {
        self.release(now);
        self.expire(now);
    }

    /// Takes points from the lots that expire first, but one; none: there are too few.
    fn take(&mut self, points: i64, but: Option<usize>) -> Option<Vec<(usize, i64)>> {
        let mut turn: Vec<_> = (0..self.lots.len()).filter(|at| Some(*at) != but).collect();
        turn.sort_by_key(|at| (self.lots[*at].expires_at, self.lots[*at].earned, *at));
        let (mut rest, mut taken) = (points, Vec::new());
        for at in turn {
            let part = rest.min(self.lots[at].available);
            if part > 0 {
                self.lots[at].available -= part;
                rest -= part;
                taken.push((at, part));
            }
        }
        (rest == 0).then_some(taken)
    }

    fn come(&mut self, points: i64, at: DateTime<Utc>, now: DateTime<Utc>, earned: bool) {
        let day = at.date_naive();
        let expires_at = midnight(day.checked_add_months(Months::new(1)).unwrap().succ_opt().unwrap());
        let available_at = if earned { midnight(day.checked_add_days(Days::new(3)).unwrap()) } else { at };
        let (pending, available) = if earned { (points, 0) } else { (0, points) };
        let entry = String::new();
        self.lots.push(Lot { entry, pending, available, expired: 0, earned: at, available_at, expires_at });
        self.lifetime += if earned { points } else { 0 };
        self.settle(now);
    }

    fn reverse(&mut self, which: usize, now: DateTime<Utc>) -> Option<()> {
        match self.done[which].1.clone() {
            Done::Came(at, points, earned) => {
                let lot = &mut self.lots[at];
                let mut owed = points - std::mem::take(&mut lot.expired);
                for part in [&mut lot.pending, &mut lot.available] {
                    let back = owed.min(*part);
                    *part -= back;
                    owed -= back;
                }
                self.take(owed, Some(at))?;
                self.lifetime -= if earned { points } else { 0 };
            }
            Done::Went(taken) => taken.into_iter().for_each(|(at, points)| self.lots[at].available += points),
        }
        self.done[which].2 = true;
        self.settle(now);
        Some(())
    }
}

fn text(points: i64) -> String {
    format!("{}{}.{:02}", if points < 0 { "-" } else { "" }, points.abs() / 100, points.abs() % 100)
}

async fn same(club: &Club, member: &str, model: &Model) {
    let read = club.read(member).await;
    let pending: i64 = model.lots.iter().map(|lot| lot.pending).sum();
    for (name, points) in [("balance", model.balance()), ("pending", pending), ("lifetimeEarned", model.lifetime)] {
        assert_eq!(read.body[name], text(points), "{name}");
    }
    let lots =
        club.admin.get(&format!("/v1/point-lots?filter[membershipId]={member}&limit=500&sort=id")).await.expect(200);
    let lots = lots.at("/data").as_array().unwrap();
    assert_eq!(lots.len(), model.lots.len());
    for (found, lot) in lots.iter().zip(&model.lots) {
        assert_eq!(found["entryId"], lot.entry);
        let of = ["pending", "available", "expired"].map(|name| found[name].as_str().unwrap().to_owned());
        assert_eq!(of, [lot.pending, lot.available, lot.expired].map(text), "{found}");
        for (name, at) in [("availableAt", lot.available_at), ("expiresAt", lot.expires_at)] {
            assert_eq!(found[name].as_str().unwrap().parse::<DateTime<Utc>>().unwrap(), at, "{name}");
        }
    }
}

#[actix_web::test]
async fn three_hundred_random_operations_are_those_of_a_plain_model() {
    let rules = json!({"pointPlaces": 2, "pendingDays": 3, "expiry": "AFTER_MONTHS", "expiryMonths": 1});
    let mut club = club(rules).await;
    let mut now: DateTime<Utc> = "2027-01-10T09:30:00Z".parse().unwrap();
    club.go_to(now);
    let member = club.member().await;
    let (mut dice, mut model, mut refused, mut reversed) = (Dice(7), Model::default(), 0, 0);
    for step in 0..300 {
        if dice.roll(3) == 0 {
            now += TimeDelta::hours(i64::try_from(dice.roll(150)).unwrap());
            club.go_to(now);
        }
        let points = i64::try_from(dice.roll(9_000)).unwrap() + 1;
        let mut next = model.clone();
        next.settle(now);
        let kind = dice.roll(13);
        let (answer, expected) = match kind {
            0..=3 => {
                let late = TimeDelta::hours(i64::try_from(dice.roll(20) * dice.roll(40)).unwrap());
                next.come(points, now - late, now, true);
                next.done.push((String::new(), Done::Came(next.lots.len() - 1, points, true), false));
                let body = json!({"points": text(points), "sourceKey": fresh(), "occurredAt": now - late});
                (club.act(&member, "earn", body).await, Some(()))
            }
            4..=6 => {
                let taken = next.take(points, None);
                let went = taken.map(|taken| next.done.push((String::new(), Done::Went(taken), false)));
                (club.act(&member, "redeem", json!({"points": text(points)})).await, went)
            }
            7 => {
                let body = |points| json!({"points": text(points), "reason": "Counted again"});
                if dice.roll(2) == 0 {
                    next.come(points, now, now, false);
                    next.done.push((String::new(), Done::Came(next.lots.len() - 1, points, false), false));
                    (club.act(&member, "adjust", body(points)).await, Some(()))
                } else {
                    let taken = next.take(points, None);
                    let went = taken.map(|taken| next.done.push((String::new(), Done::Went(taken), false)));
                    (club.act(&member, "adjust", body(-points)).await, went)
                }
            }
            8 | 9 if !next.done.is_empty() => {
                let which = usize::try_from(dice.roll(u64::try_from(next.done.len()).unwrap())).unwrap();
                let (entry, _, before) = next.done[which].clone();
                let outcome = if before { None } else { next.reverse(which, now) };
                reversed += usize::from(outcome.is_some());
                (club.reverse(&entry).await, outcome)
            }
            10 => {
                club.settle().await;
                (club.read(&member).await, Some(()))
            }
            _ => {
                // Each by itself, and twice.
                next = model.clone();
                let cx = club.stage.system(&club.tenant);
                for _ in 0..2 {
                    let done = club.stage.app.db.write(club.tenant.id, |conn| {
                        if kind == 11 {
                            programme::release_due(conn, &cx).map(Verdict::Commit)
                        } else {
                            programme::expire_due(conn, &cx).map(Verdict::Commit)
                        }
                    });
                    done.unwrap();
                    if kind == 11 { next.release(now) } else { next.expire(now) }
                }
                (club.read(&member).await, Some(()))
            }
        };
        match expected {
            Some(()) => {
                answer.expect(200);
                if next.done.len() > model.done.len() {
                    let label = ["EARN", "REDEEM", "ADJUST"][usize::from(kind > 3) + usize::from(kind > 6)];
                    let id = club.last(&member, label).await.id();
                    let done = next.done.last_mut().unwrap();
                    if let Done::Came(lot, ..) = done.1 {
                        next.lots[lot].entry = id.clone();
                    }
                    done.0 = id;
                }
                model = next;
            }
            None => {
                assert_eq!(answer.status, 409, "step {step}: {}", answer.body);
                refused += 1;
            }
        }
        same(&club, &member, &model).await;
    }
    assert!(refused > 10 && reversed > 10, "{refused} were refused, {reversed} reversed");
    club.adds_up().await;
}
