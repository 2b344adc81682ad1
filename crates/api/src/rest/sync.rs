//! `POST /v1/sync/pull`: a copy of a part of the data, and how it stays one. First the records of the scope, page by page,
//! then what changed; one cursor for both, without a gap: the place in the feed is taken before the first record is read.

use super::select::{in_body, page, selection};
use crate::caller::Caller;
use crate::http::body::Json;
use crate::http::problem::Handled;
use crate::http::query;
use actix_web::{HttpRequest, web};
use diesel::PgConnection;
use kith_journal::feed::{self, Asked, Change, Position, Presence};
use kith_journal::{read, store};
use kith_kernel::{
    Action, Archived, Cursor, Cx, Entry, Error, Link, ListArgs, MAX_LIMIT, Result, Row, Violations, codes, escape,
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Most resources of a scope.
pub(super) const MAX_RESOURCES: usize = 50;
/// Records that may come into a scope or leave it with one page of changes; beyond that a new first pull is cheaper.
const MAX_FOLLOWING: usize = 5_000;

/// Its route.
pub fn routes(config: &mut web::ServiceConfig) {
    let other = super::other_method("POST");
    config.service(web::resource("/v1/sync/pull").post(pull).default_service(other));
}

/// What to pull.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "documentation; the body is read with the strict reader")]
pub struct SyncPull {
    /// What the copy holds, the same in every pull: for each resource by its name a `filter` (a filter tree) and `fields`
    /// (names; all unless given; `id`, `version` and `archivedAt` always come).
    #[schema(value_type = std::collections::HashMap<String, Value>)]
    scope: Value,
    /// Where the last pull ended; none in the first one.
    cursor: Option<String>,
    /// Most records of a page of the first pull, or changes of a later one: 1 to 500, 200 unless given.
    limit: Option<u32>,
}

/// Pulls a copy of a part of the data, and then its changes.
///
/// The first pull, without a cursor, begins to answer with the records of the scope; go on with `cursor` as long as
/// `hasMore` is true. From then on each pull answers with the records that changed since, as they are now, and with
/// `removed`: records that do not belong to the copy any more, with the reason `ARCHIVED`, `MERGED` (they became part of
/// the record `mergedIntoId`, and what pointed to them comes with that), `LEFT_SCOPE` (they do not fit the filter any
/// more) or `ACCESS_LOST` (you cannot read them any more). A record may come more than once, and may be removed that was
/// never there; the last word counts. The cursor is bound to the scope.
///
/// 410 `CURSOR_EXPIRED`: the changes since are no longer kept, the database was restored, or so much entered or left the
/// scope at once that a copy from the start is cheaper. Begin again without a cursor.
#[utoipa::path(
    post, path = "/v1/sync/pull", operation_id = "sync_pull", tag = "changes",
    request_body(content = SyncPull, example = json!({
        "scope": {"accounts": {"filter": {"status": "ACTIVE"}, "fields": ["name", "status"]}, "contacts": {"filter": {"account": {"status": "ACTIVE"}}}},
        "cursor": null, "limit": 200})),
    responses((status = 200, description = "Records, what is removed, and where to go on.", body = super::shapes::SyncPage, example = json!({
        "data": [{"resource": "accounts", "record": {"id": "01939f3e-0000-7000-8000-000000000001", "version": 4, "archivedAt": null, "name": "Acme"}}],
        "removed": [{"resource": "contacts", "id": "01939f3e-0000-7000-8000-000000000003", "reason": "ARCHIVED"}],
        "cursor": "q2…", "hasMore": false}))),
    security(("bearer" = []))
)]
pub async fn pull(caller: Caller, request: HttpRequest, body: Json) -> Handled {
    query::read(request.query_string(), &[])?;
    let asked = Pull::read(body.object()?)?;
    let text = caller.read(move |conn, cx| asked.answer(conn, cx)).await?;
    Ok(super::json(200, text.to_string().into_bytes(), None))
}

/// One resource of a scope.
struct Part {
    name: String,
    filter: Map<String, Value>,
    fields: Option<String>,
}

struct Pull {
    parts: Vec<Part>,
    cursor: Option<String>,
    limit: usize,
}

/// Where a pull stands.
enum Place {
    /// In the records of a part, behind a cursor of its list.
    Records(Position, usize, Option<String>),
    /// In the feed.
    Changes(Position),
}

/// What a pull answers.
#[derive(Default)]
struct Found {
    data: Vec<Value>,
    removed: Vec<Value>,
}

impl Pull {
    fn read(mut body: Map<String, Value>) -> Result<Self> {
        let mut violations = Violations::default();
        let [scope, cursor, limit] = ["scope", "cursor", "limit"].map(|name| body.remove(name).unwrap_or_default());
        for name in body.keys() {
            violations.add(format!("/{}", escape(name)), "UNKNOWN_FIELD", "A pull has scope, cursor and limit.");
        }
        let scope = scope.as_object().cloned().unwrap_or_default();
        let fits = (1..=MAX_RESOURCES).contains(&scope.len());
        let detail = format!("Expected 1 to {MAX_RESOURCES} resources, each with filter and fields.");
        violations.ensure(fits, "/scope", "REQUIRED", &detail);
        let mut parts = Vec::new();
        for (name, part) in scope {
            let at = format!("/scope/{}", escape(&name));
            let mut part = part.as_object().cloned().unwrap_or_else(|| {
                violations.add(&at, "WRONG_TYPE", "Expected an object with filter and fields.");
                Map::new()
            });
            let (filter, fields) =
                (part.remove("filter").unwrap_or_default(), part.remove("fields").unwrap_or_default());
            for other in part.keys() {
                violations.add(format!("{at}/{}", escape(other)), "UNKNOWN_FIELD", "A resource has filter and fields.");
            }
            let fits = filter.is_object() || filter.is_null();
            violations.ensure(fits, &format!("{at}/filter"), "WRONG_TYPE", "Expected a filter tree.");
            let names = fields.as_array().map(|all| all.iter().filter_map(Value::as_str).collect::<Vec<_>>());
            let fits = fields.is_null() || names.as_ref().map(Vec::len) == fields.as_array().map(Vec::len);
            violations.ensure(fits, &format!("{at}/fields"), "WRONG_TYPE", "Expected a list of names.");
            let fields = names.map(|names| [&["id", "version", "archivedAt"], names.as_slice()].concat().join(","));
            parts.push(Part { name, filter: filter.as_object().cloned().unwrap_or_default(), fields });
        }
        let limit = match limit {
            Value::Null => Some(200),
            limit => limit.as_u64().and_then(|limit| usize::try_from(limit).ok()),
        };
        let fits = limit.is_some_and(|limit| (1..=MAX_LIMIT).contains(&limit));
        violations.ensure(fits, "/limit", "OUT_OF_RANGE", &format!("Expected 1 to {MAX_LIMIT}."));
        violations.ensure(cursor.is_string() || cursor.is_null(), "/cursor", "WRONG_TYPE", "Expected a cursor.");
        violations.into_result()?;
        Ok(Pull { parts, cursor: cursor.as_str().map(str::to_owned), limit: limit.unwrap_or(200) })
    }

    /// Everything that a cursor is bound to.
    fn context(&self, cx: &Cx) -> String {
        let mut digest = Sha256::new();
        for part in &self.parts {
            let text = json!([part.name, part.filter, part.fields]).to_string();
            digest.update(text.as_bytes());
        }
        let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}|sync|{}|{digest}", cx.tenant, cx.actor.id)
    }

    fn place(&self, conn: &mut PgConnection, cx: &Cx) -> Result<Place> {
        let Some(text) = &self.cursor else { return Ok(Place::Records(feed::head(conn)?, 0, None)) };
        let cursor = Cursor::decode(text, &cx.cursor_key, &self.context(cx)).map_err(|_| {
            let detail = "Use a cursor as it was given, with the same scope, or begin without one.";
            Error::new(&codes::INVALID_CURSOR, detail)
        })?;
        let broken = || Error::new(&codes::INVALID_CURSOR, "The cursor cannot be read.");
        let position = |value: &Value| Position::decode(cx, value.as_str().unwrap_or_default());
        match cursor.values.as_slice() {
            [at] => Ok(Place::Changes(position(at)?)),
            [at, part, inner] => {
                let part = part.as_u64().and_then(|part| usize::try_from(part).ok()).ok_or_else(broken)?;
                Ok(Place::Records(position(at)?, part, inner.as_str().map(str::to_owned)))
            }
            _ => Err(broken()),
        }
    }

    fn cursor(&self, cx: &Cx, place: &Place) -> String {
        let values = match place {
            Place::Changes(at) => vec![json!(at.encode(cx))],
            Place::Records(at, part, inner) => vec![json!(at.encode(cx)), json!(part), json!(inner)],
        };
        Cursor { values, backward: false }.encode(&cx.cursor_key, &self.context(cx))
    }

    fn answer(&self, conn: &mut PgConnection, cx: &Cx) -> Result<Value> {
        let filters = self.parts.iter().map(|part| (part.name.clone(), part.filter.clone())).collect();
        let resources = self.parts.iter().map(|part| part.name.clone()).collect();
        let asked = Asked { resources: Some(resources), filters, text: false };
        asked.check(cx, "/scope", "/scope")?;
        let mut found = Found::default();
        let (place, more) = match self.place(conn, cx)? {
            Place::Records(head, part, inner) => (self.records(conn, cx, &mut found, (head, part, inner))?, true),
            Place::Changes(after) => {
                let page = feed::page(conn, cx, Some(&after), None, self.limit)?;
                self.changes(conn, cx, &mut found, &page.changes)?;
                (Place::Changes(page.next), page.more)
            }
        };
        let cursor = self.cursor(cx, &place);
        Ok(json!({"data": found.data, "removed": found.removed, "cursor": cursor, "hasMore": more}))
    }

    /// A page of the records of the scope.
    fn records(
        &self,
        conn: &mut PgConnection,
        cx: &Cx,
        found: &mut Found,
        (head, at, cursor): (Position, usize, Option<String>),
    ) -> Result<Place> {
        let Some(part) = self.parts.get(at) else { return Ok(Place::Changes(head)) };
        let args = ListArgs { limit: self.limit, cursor, ..part.args(None) };
        let next = part.list(conn, cx, &args, |record| {
            found.data.push(json!({"resource": part.name, "record": record}));
        })?;
        let last = at + 1 == self.parts.len();
        Ok(match next {
            Some(cursor) => Place::Records(head, at, Some(cursor)),
            None if last => Place::Changes(head),
            None => Place::Records(head, at + 1, None),
        })
    }

    /// What became of the records that changed, and of those that come and go with them.
    fn changes(&self, conn: &mut PgConnection, cx: &Cx, found: &mut Found, changes: &[Change]) -> Result<()> {
        // Whether a record fits its filter is asked below, of the record as it is.
        let told = feed::told(conn, cx, &Asked::default(), changes)?;
        let lost = told.iter().filter(|one| one.presence == Presence::AccessLost);
        let lost: BTreeSet<(&str, Uuid)> =
            lost.map(|one| (one.change.resource.as_str(), one.change.record_id)).collect();
        let moves = moves(&told, changes);
        for part in &self.parts {
            let entry = cx.entry(&part.name)?;
            let mine = changes.iter().filter(|change| change.resource == part.name).map(|change| change.record_id);
            let mut ids: BTreeSet<Uuid> = mine.collect();
            let following = part.following(conn, cx, entry, &moves)?;
            ids.extend(&following);
            if ids.len() > MAX_FOLLOWING {
                let detail =
                    "More records came into the scope or left it than one pull can tell. Begin without a cursor.";
                return Err(Error::new(&codes::CURSOR_EXPIRED, detail));
            }
            let ids: Vec<Uuid> = ids.into_iter().collect();
            for some in ids.chunks(MAX_LIMIT) {
                let mut gone: BTreeSet<Uuid> = some.iter().copied().collect();
                part.list(conn, cx, &part.args(Some(some)), |record| {
                    let id = record.get("id").and_then(Value::as_str).and_then(|id| Uuid::try_parse(id).ok());
                    if record.get("archivedAt").is_some_and(Value::is_null) {
                        gone.remove(&id.unwrap_or_default());
                        found.data.push(json!({"resource": part.name, "record": record}));
                    }
                })?;
                let gone: Vec<Uuid> = gone.into_iter().collect();
                let rows = store::find_many(conn, cx, entry, &gone)?;
                let seen: BTreeMap<Uuid, &dyn Row> =
                    (0..rows.len()).filter_map(|at| rows.row(at)).map(|row| (row.meta().id, row)).collect();
                for id in gone {
                    if let Some(row) = seen.get(&id) {
                        found.leave(entry, *row);
                    } else if lost.contains(&(part.name.as_str(), id)) || following.contains(&id) {
                        found.remove(entry, id, "ACCESS_LOST");
                    }
                }
            }
        }
        Ok(())
    }
}

impl Found {
    fn remove(&mut self, entry: &Entry, id: Uuid, reason: &str) {
        self.removed.push(json!({"resource": entry.name, "id": id, "reason": reason}));
    }

    /// One that the reader still sees, and that belongs to the copy no more. What points to a merged one points to
    /// another now, so that is told whatever the filter says of it.
    fn leave(&mut self, entry: &Entry, row: &dyn Row) {
        let (id, merged) = (row.meta().id, entry.field_of_column("merged_into_id").and_then(|at| row.uuid(at)));
        match merged {
            Some(into) => {
                let removed = json!({"resource": entry.name, "id": id, "reason": "MERGED", "mergedIntoId": into});
                self.removed.push(removed);
            }
            None if row.meta().archived_at.is_some() => self.remove(entry, id, "ARCHIVED"),
            None => self.remove(entry, id, "LEFT_SCOPE"),
        }
    }
}

impl Part {
    /// The list of the part, or of those of some records that belong to it, archived ones included.
    fn args(&self, ids: Option<&[Uuid]>) -> ListArgs {
        let mut filter = self.filter.clone();
        let mut archived = Archived::No;
        if let Some(ids) = ids {
            filter = Map::from_iter([("and".to_owned(), json!([self.filter, {"id": {"in": ids}}]))]);
            archived = Archived::Any;
        }
        ListArgs {
            filter: Some(filter),
            sort: vec!["id".to_owned()],
            limit: MAX_LIMIT,
            archived,
            filter_pointer: "/scope/filter",
            ..ListArgs::default()
        }
    }

    /// Reads a page of it; the cursor of the next one.
    fn list(
        &self,
        conn: &mut PgConnection,
        cx: &Cx,
        args: &ListArgs,
        mut each: impl FnMut(Value),
    ) -> Result<Option<String>> {
        let entry = cx.entry(&self.name)?;
        cx.require(entry, Action::Read)?;
        let select = selection(cx, entry, self.fields.as_deref(), None).map_err(in_body)?;
        let text = read::list(conn, cx, args, &page(select, args))?;
        let mut answer: Value = serde_json::from_slice(&text).map_err(Error::internal)?;
        let mut records = answer.get_mut("data").map(Value::take);
        records.iter_mut().flat_map(|all| all.as_array_mut()).flat_map(std::mem::take).for_each(&mut each);
        let more = answer.pointer("/page/hasMore") == Some(&Value::Bool(true));
        let next = answer.pointer("/page/nextCursor").and_then(Value::as_str).map(str::to_owned);
        Ok(next.filter(|_| more))
    }

    /// The records of the part that may have come or gone because a record changed that they refer to: one that their
    /// filter is about, or that they are seen through.
    fn following(
        &self,
        conn: &mut PgConnection,
        cx: &Cx,
        entry: &'static Entry,
        moves: &[Move<'_>],
    ) -> Result<BTreeSet<Uuid>> {
        let mut all = BTreeSet::new();
        let asked_of = named(&Value::Object(self.filter.clone()));
        for relation in entry.relations.iter().filter(|relation| relation.link == Link::One) {
            let through = entry.ownership.via.contains(&relation.name);
            let about = asked_of.contains(relation.name);
            let moved = moves.iter().filter(|one| one.change.resource == relation.target).filter(|one| {
                let touched = one.change.changed_fields.iter().any(|field| asked_of.contains(field));
                (through && one.in_or_out) || (about && (one.in_or_out || touched))
            });
            let ids: BTreeSet<Uuid> = moved.map(|one| one.change.record_id).collect();
            let ids: Vec<Uuid> = ids.into_iter().collect();
            if ids.is_empty() {
                continue;
            }
            let filter = json!({relation.name: {"id": {"in": ids}}});
            // Whoever cannot see the record any more has to be told what went with it.
            let system = cx.as_system();
            let mut args = ListArgs { filter: filter.as_object().cloned(), ..self.args(None) };
            args.archived = Archived::Any;
            let bare = Part { name: self.name.clone(), filter: Map::new(), fields: Some("id".to_owned()) };
            loop {
                let next = bare.list(conn, &system, &args, |record| {
                    let id = record.get("id").and_then(Value::as_str).and_then(|id| Uuid::try_parse(id).ok());
                    all.extend(id);
                })?;
                args.cursor = next;
                if args.cursor.is_none() || all.len() > MAX_FOLLOWING {
                    break;
                }
            }
        }
        Ok(all)
    }
}

/// A change of a record that the reader sees, or saw before it.
struct Move<'a> {
    change: &'a Change,
    /// It came into the reader's sight, or left it.
    in_or_out: bool,
}

/// The changes that may move other records: of what is there before and after, and nothing that the reader never saw.
fn moves<'a>(told: &[feed::Told], changes: &'a [Change]) -> Vec<Move<'a>> {
    let known: BTreeMap<Uuid, &Change> = changes.iter().map(|change| (change.id, change)).collect();
    let find = |one: &feed::Told| {
        let change = known.get(&one.change.id).copied().filter(|change| change.before.is_some())?;
        let in_or_out = one.presence == Presence::AccessLost || one.change.before.is_none();
        Some(Move { change, in_or_out })
    };
    told.iter().filter_map(find).collect()
}

/// The names that stand in a filter, at any depth.
fn named(filter: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut rest = vec![filter];
    while let Some(value) = rest.pop() {
        match value {
            Value::Object(object) => {
                names.extend(object.keys().cloned());
                rest.extend(object.values());
            }
            Value::Array(list) => rest.extend(list),
            _ => {}
        }
    }
    names
}
