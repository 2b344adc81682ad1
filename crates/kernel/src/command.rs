//! Business verbs as data: what `POST /v1/{resource}/{id}/{name}` and the GraphQL mutation of the same name take, and
//! the function that does it. Both APIs, their contracts and the walk over all rights follow from it.

use crate::body::{self, Mode};
use crate::{Cx, Error, Field, Result, Row, Violations, codes};
use diesel::PgConnection;
use serde_json::{Map, Value};
use uuid::Uuid;

/// What a business verb takes beside the record: a struct whose field table `#[input]` writes.
pub trait Input: Sized + 'static {
    /// All fields.
    const FIELDS: &'static [Field];
    /// With nothing set.
    fn blank() -> Self;
    /// Sets a field from JSON; the error says what was expected.
    fn set(&mut self, index: usize, value: &Value) -> Result<(), String>;
    /// Reads a body; every mistake at once.
    fn read(body: &Map<String, Value>) -> Result<Self> {
        let mut input = Self::blank();
        let mut violations = Violations::default();
        for (name, value) in body {
            let found = Self::FIELDS.iter().enumerate().find(|(_, field)| field.name == name);
            let at = format!("/{}", crate::escape(name));
            match found {
                Some((index, field)) => {
                    if let Err((code, detail)) =
                        body::member(field, value, Mode::Create, |value| input.set(index, value))
                    {
                        violations.add(at, code, detail);
                    }
                }
                None => {
                    let allowed: Vec<_> = Self::FIELDS.iter().map(|field| field.name).collect();
                    violations.add(at, "UNKNOWN_FIELD", format!("Allowed: {}.", allowed.join(", ")));
                }
            }
        }
        body::missing(Self::FIELDS, body, &mut violations);
        violations.into_result()?;
        Ok(input)
    }
}

/// For a verb that takes nothing but the record.
#[derive(Debug)]
pub struct Nothing;

impl Input for Nothing {
    const FIELDS: &'static [Field] = &[];
    fn blank() -> Self {
        Nothing
    }
    fn set(&mut self, _: usize, _: &Value) -> Result<(), String> {
        Ok(())
    }
}

/// The function of a business verb: the record's id, the version the caller knew, and the input.
pub type Act<I> = fn(&mut PgConnection, &Cx, Uuid, Option<i32>, I) -> Result<Box<dyn Row>>;

type Run = dyn Fn(&mut PgConnection, &Cx, Uuid, Option<i32>, &Map<String, Value>) -> Result<Box<dyn Row>> + Send + Sync;

/// A business verb on a record of one resource. Its answer is the record as it is then.
pub struct Command {
    /// In the path: `set-team`.
    pub name: &'static str,
    /// For API readers.
    pub doc: &'static str,
    /// What it takes.
    pub fields: &'static [Field],
    /// Whether it needs an idempotency key: what it does cannot be told from doing it twice.
    pub keyed: bool,
    /// Whether its answer shows what is never shown again, so that no idempotency key may keep it.
    pub shows_secret: bool,
    /// Whether the actor has the right, so that who has not is told so before anything else.
    pub may: fn(&Cx) -> Result<()>,
    /// Does it.
    pub run: Box<Run>,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Command({})", self.name)
    }
}

impl Command {
    /// From its function.
    pub fn new<I: Input>(name: &'static str, doc: &'static str, may: fn(&Cx) -> Result<()>, run: Act<I>) -> Self {
        let run = move |conn: &mut PgConnection, cx: &Cx, id, seen, body: &Map<String, Value>| {
            may(cx)?;
            run(conn, cx, id, seen, I::read(body)?)
        };
        Command { name, doc, fields: I::FIELDS, keyed: false, shows_secret: false, may, run: Box::new(run) }
    }

    /// The same, refused without an idempotency key.
    pub fn keyed(self) -> Self {
        Command { keyed: true, ..self }
    }

    /// The same, whose answer is kept under no idempotency key.
    pub fn showing_a_secret(self) -> Self {
        Command { shows_secret: true, ..self }
    }

    /// Refuses a request without the key that it needs. A dry run keeps nothing and needs none.
    pub fn require_key(&self, keyed: bool, dry_run: bool) -> Result<()> {
        if keyed || dry_run || !self.keyed {
            return Ok(());
        }
        let detail =
            "Send an Idempotency-Key (over GraphQL also clientMutationId), so that a retry never does this twice.";
        Err(Error::new(&codes::IDEMPOTENCY_KEY_REQUIRED, detail))
    }

    /// Whether it can do without any input.
    pub fn is_bare(&self) -> bool {
        !self.fields.iter().any(|field| field.required)
    }

    /// `set-team` → `SetTeam`, for GraphQL and the names of types.
    pub fn type_name(&self) -> String {
        let mut out = String::new();
        for part in self.name.split('-') {
            let mut chars = part.chars();
            out.extend(chars.next().into_iter().flat_map(char::to_uppercase));
            out.push_str(chars.as_str());
        }
        out
    }
}
