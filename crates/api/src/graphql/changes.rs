//! The feed over GraphQL: a page of it, and what follows it.

use super::plan::{Merged, Planner};
use super::roots::Root;
use super::run::Shared;
use super::writer::{raise, wrap};
use crate::caller::Caller;
use crate::live::{Follower, Heard};
use crate::rest::changes::{After, page};
use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{
    Context, ContextSelectionSet, Json, Object, OutputType, Positioned, ServerResult, SimpleObject, Subscription, Value,
};
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use futures_util::stream::{self, Stream, StreamExt};
use kith_journal::feed::{Asked, Told};
use kith_journal::{log, store};
use kith_kernel::{Cx, Entry, Error, codes};
use serde_json::{Map, Value as Any};
use std::borrow::Cow;
use std::marker::PhantomData;
use std::time::Duration;
use uuid::Uuid;

/// Where GraphQL has what may be wrong.
const PLACES: [&str; 3] = ["/types", "/filter", "/first"];

/// A committed change.
#[derive(SimpleObject)]
pub struct Change {
    /// Go on behind this change with it.
    cursor: String,
    /// Names the change for ever.
    id: Uuid,
    /// What happened to what: `account.updated`.
    #[graphql(name = "type")]
    kind: String,
    /// The resource: `accounts`.
    resource: String,
    /// The record.
    record_id: Uuid,
    /// The version that the change made; null when you lost sight of the record.
    version: Option<i32>,
    /// What was done: created, updated, archived, restored, or the name of a business verb.
    operation: String,
    /// PRESENT, LEFT_FILTER or ACCESS_LOST: where the record is for you now.
    presence: String,
    /// When.
    occurred_at: DateTime<Utc>,
    /// Who: kind and id; null when you lost sight of the record.
    actor: Option<Json<Any>>,
    /// Fields that differ.
    changed_fields: Vec<String>,
    /// The record before; null when it was made, or came into your sight.
    before: Option<Json<Any>>,
    /// The record after; null when you lost sight of it.
    data: Option<Json<Any>>,
}

impl Change {
    fn of(mut told: Any, change: &kith_journal::feed::Change) -> Self {
        let mut take = |name: &str| told.get_mut(name).map(Any::take).unwrap_or_default();
        let text = |value: Any| value.as_str().unwrap_or_default().to_owned();
        let some = |value: Any| (!value.is_null()).then_some(Json(value));
        Change {
            cursor: text(take("cursor")),
            id: change.id,
            kind: text(take("type")),
            resource: change.resource.clone(),
            record_id: change.record_id,
            version: take("version").as_i64().and_then(|version| i32::try_from(version).ok()),
            operation: change.operation.clone(),
            presence: text(take("presence")),
            occurred_at: change.at,
            actor: some(take("actor")),
            changed_fields: change.changed_fields.clone(),
            before: some(take("before")),
            data: some(take("data")),
        }
    }

    fn told(cx: &Cx, told: &Told) -> Self {
        Change::of(told.to_json(cx), &told.change)
    }
}

/// A page of the change feed.
#[derive(SimpleObject)]
pub struct ChangePage {
    /// The changes, oldest first.
    nodes: Vec<Change>,
    /// Where to go on; it is there even when the page is empty.
    next_cursor: String,
    /// There is more now.
    has_more: bool,
}

fn asked(types: Option<Vec<String>>, filter: Option<Json<Map<String, Any>>>) -> async_graphql::Result<Asked> {
    let filter = filter.map(|filter| filter.0).unwrap_or_default();
    Asked::read(types, filter, false, "/filter").map_err(raise)
}

/// The part of the query root that is about changes.
#[derive(Default)]
pub struct ChangeQuery;

#[Object]
impl ChangeQuery {
    /// A page of every committed change, in an order in which nothing is ever missed.
    async fn changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A cursor, `start` (the default) or `now`.")] after: Option<String>,
        #[graphql(desc = "Only changes of these resources: `accounts`.")] types: Option<Vec<String>>,
        #[graphql(desc = "A filter tree for each resource: {accounts: {status: {eq: \"ACTIVE\"}}}.")] filter: Option<
            Json<Map<String, Any>>,
        >,
        #[graphql(desc = "Page size, 1 to 500; 50 unless given.")] first: Option<i32>,
    ) -> async_graphql::Result<ChangePage> {
        let caller = ctx.data::<Caller>()?;
        let asked = asked(types, filter)?;
        let limit = first.map_or(kith_kernel::DEFAULT_LIMIT, |first| usize::try_from(first).unwrap_or(0));
        let found = page(caller, &asked, After::read(after, After::Start), limit, PLACES).await.map_err(raise)?;
        let cx = caller.cx();
        Ok(ChangePage {
            nodes: found.told.iter().map(|told| Change::told(&cx, told)).collect(),
            next_cursor: found.next.encode(&cx),
            has_more: found.more,
        })
    }
}

/// The subscription root, over WebSocket (graphql-transport-ws).
#[derive(Default)]
pub struct SubscriptionRoot;

/// What is told as it happens, over WebSocket.
// Not `Subscription`, which is a resource.
#[Subscription(name = "SubscriptionRoot")]
impl SubscriptionRoot {
    /// Every committed change from now on, or behind `after`, as the query `changes` tells them.
    async fn changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A cursor, `start` or `now` (the default).")] after: Option<String>,
        #[graphql(desc = "Only changes of these resources: `accounts`.")] types: Option<Vec<String>>,
        #[graphql(desc = "A filter tree for each resource: {accounts: {status: {eq: \"ACTIVE\"}}}.")] filter: Option<
            Json<Map<String, Any>>,
        >,
    ) -> async_graphql::Result<impl Stream<Item = async_graphql::Result<Change>> + use<>> {
        let caller = ctx.data::<Caller>()?.clone();
        let follower = joined(caller, asked(types, filter)?, After::read(after, After::Now)).await?;
        let told = heard(follower).flat_map(|heard| {
            let items: Vec<_> = match heard {
                Ok((cx, told)) => told.iter().map(|told| Ok(Change::told(&cx, told))).collect(),
                Err(error) => vec![Err(raise(error))],
            };
            stream::iter(items)
        });
        Ok(told)
    }

    /// An account: as it is now, and after each change of it.
    async fn account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] id: Uuid,
    ) -> async_graphql::Result<impl Stream<Item = async_graphql::Result<Account>> + use<>> {
        let caller = ctx.data::<Caller>()?.clone();
        let entry = caller.cx().entry("accounts").map_err(raise)?;
        let only = Asked { resources: Some(vec![entry.name.to_owned()]), ..Asked::default() };
        let follower = joined(caller.clone(), only, After::Now).await?;
        let now = stream::iter([Ok(Account::of(caller, entry))]);
        let later = heard_by(follower).filter_map(move |(heard, caller)| async move {
            match heard {
                Ok((_, told)) => {
                    told.iter().any(|one| one.change.record_id == id).then_some(Ok(Account::of(caller, entry)))
                }
                Err(error) => Some(Err(raise(error))),
            }
        });
        Ok(now.chain(later))
    }

    /// A job: as it is now, and at most once a second after that whenever it got further, until it has ended.
    async fn job_progress(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] id: Uuid,
    ) -> async_graphql::Result<impl Stream<Item = async_graphql::Result<Job>> + use<>> {
        let caller = ctx.data::<Caller>()?.clone();
        let entry = caller.cx().entry("jobs").map_err(raise)?;
        let first = glance(&caller, entry, id).await.map_err(raise)?;
        let now = stream::iter([Ok(Job::of(caller.clone(), entry))]);
        Ok(now.chain(later_glances(caller, entry, id, first)))
    }
}

/// What of a job shows how far it is.
#[derive(PartialEq)]
struct Glance {
    shown: String,
    ended: bool,
}

async fn glance(caller: &Caller, entry: &'static Entry, id: Uuid) -> Result<Glance, Error> {
    let read =
        move |conn: &mut PgConnection, cx: &Cx| Ok(log::snapshot(entry, store::get(conn, cx, entry, id)?.as_ref()));
    let job = caller.read(read).await?;
    let ended = job.get("finishedAt").is_some_and(|at| !at.is_null());
    Ok(Glance { shown: job.to_string(), ended })
}

/// Progress is no change of a record, so that the feed does not tell it: whoever watches a job has it looked at.
fn later_glances(
    caller: Caller,
    entry: &'static Entry,
    id: Uuid,
    first: Glance,
) -> impl Stream<Item = async_graphql::Result<Job>> {
    stream::unfold(Some(first), move |last| {
        let mut caller = caller.clone();
        async move {
            let last = last.filter(|last| !last.ended)?;
            loop {
                tokio::time::sleep(GLANCE).await;
                if let Err(error) = caller.renew().await {
                    return Some((Err(raise(error)), None));
                }
                match glance(&caller, entry, id).await {
                    Ok(now) if now == last => {}
                    Ok(now) => return Some((Ok(Job::of(caller, entry)), Some(now))),
                    Err(error) => return Some((Err(raise(error)), None)),
                }
            }
        }
    })
    .boxed()
}

/// Time between two looks at a job.
const GLANCE: Duration = Duration::from_secs(1);

async fn joined(caller: Caller, asked: Asked, after: After) -> async_graphql::Result<Follower> {
    let position = crate::rest::changes::begin(&caller, &asked, after, PLACES).await.map_err(raise)?;
    Follower::join(caller, asked, position).await.map_err(raise)
}

type Outcome = Result<(Cx, Vec<Told>), Error>;

fn heard(follower: Follower) -> impl Stream<Item = Outcome> {
    heard_by(follower).map(|(heard, _)| heard)
}

/// What a follower hears, with the rights that it had by then, until it ends; the last item says why.
fn heard_by(follower: Follower) -> impl Stream<Item = (Outcome, Caller)> {
    stream::unfold(Some(follower), async |follower| {
        let mut follower = follower?;
        let heard = match follower.next().await {
            Ok(Heard::Changes(told, _)) => {
                let caller = follower.caller.clone();
                return Some(((Ok((caller.cx(), told)), caller), Some(follower)));
            }
            Ok(Heard::TooSlow) => Error::new(&codes::OVERLOADED, "You read too slowly. Go on behind the last cursor."),
            Ok(Heard::Ended) => Error::new(&codes::UNAVAILABLE, "The server stops. Go on behind the last cursor."),
            Err(error) => error,
        };
        let caller = follower.caller.clone();
        Some(((Err(heard), caller), None))
    })
    .boxed()
}

/// A record that is read anew, with what is selected of it, whenever it is told.
pub struct Watched<T> {
    caller: Caller,
    entry: &'static Entry,
    named: PhantomData<T>,
}

impl<T> Watched<T> {
    fn of(caller: Caller, entry: &'static Entry) -> Self {
        Watched { caller, entry, named: PhantomData }
    }
}

/// The GraphQL type of what is watched.
pub trait Named: Send + Sync {
    /// Its name.
    const TYPE: &'static str;
}

/// See [`Named`].
pub struct OfAccount;
/// See [`Named`].
pub struct OfJob;

impl Named for OfAccount {
    const TYPE: &'static str = "Account";
}
impl Named for OfJob {
    const TYPE: &'static str = "Job";
}

type Account = Watched<OfAccount>;
type Job = Watched<OfJob>;

impl<T: Named> OutputType for Watched<T> {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed(T::TYPE)
    }

    // The catalogue has registered it.
    fn create_type_info(_: &mut Registry) -> String {
        format!("{}!", T::TYPE)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let env = &**ctx.query_env;
        let planner = Planner::new(&env.operation.node, &env.fragments, &env.variables);
        let key = field.node.response_key().node.as_str();
        let root = planner.root(key).unwrap_or(Merged { key, fields: vec![field] });
        let shared = Shared::default();
        let found = shared.run(&self.caller, planner, &root, self.entry, Root::Get).await;
        found.map(Value::Binary).map_err(|error| ctx.set_error_path(wrap(error)))
    }
}
