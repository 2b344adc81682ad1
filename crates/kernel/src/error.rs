//! What may go wrong, told once: a stable code, a kind that decides the HTTP status, and the exact places.

use std::fmt;

/// The result of every fallible function here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The family of an error. It alone decides the HTTP status and the log level; the mapping lives in the API crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request cannot be read at all.
    Malformed,
    /// Nobody, or nobody we know, is asking.
    Unauthenticated,
    /// Known, but not allowed.
    Forbidden,
    /// Nothing there that this caller may see.
    NotFound,
    /// The path exists, not with this method.
    MethodNotAllowed,
    /// No representation of the kind asked for.
    NotAcceptable,
    /// The rest of the request did not come in time.
    TimedOut,
    /// The state of things forbids it.
    Conflict,
    /// It was there once.
    Gone,
    /// The version given is not the current one.
    Stale,
    /// The body is too large.
    PayloadTooLarge,
    /// The URL is too long.
    UriTooLong,
    /// The body is of another media type.
    UnsupportedMediaType,
    /// Understood, but not valid.
    Invalid,
    /// A condition has to be sent with the request.
    PreconditionRequired,
    /// Too many requests.
    RateLimited,
    /// The request head is too large.
    HeadersTooLarge,
    /// Our fault.
    Internal,
    /// Not now.
    Unavailable,
}

/// One entry of the error catalogue.
#[derive(Debug)]
pub struct Code {
    /// Stable name in upper snake case; the documentation is served at `/problems/<name in lower kebab case>`.
    pub name: &'static str,
    /// Decides the status.
    pub kind: Kind,
    /// One short sentence that never changes between occurrences.
    pub title: &'static str,
    /// What it means and what to do about it, for the reader of `/problems/…`.
    pub doc: &'static str,
}

/// A crate's part of the catalogue.
pub type Codes = &'static [&'static Code];

/// Declares error codes: `codes! { /// documentation. NAME: Kind "Title", … }` also makes `ALL`.
#[macro_export]
macro_rules! codes {
    ($( $(#[doc = $doc:literal])+ $name:ident: $kind:ident $title:literal; )+) => {
        $( $(#[doc = $doc])+ pub static $name: $crate::Code = $crate::Code {
            name: stringify!($name), kind: $crate::ErrorKind::$kind, title: $title, doc: concat!($($doc),+),
        }; )+
        /// Every code declared here.
        pub static ALL: $crate::Codes = &[$(&$name),+];
    };
}

/// The codes that belong to no single area.
pub mod codes {
    codes! {
        /// The request could not be read: broken JSON, a broken URL, or a header of the wrong form.
        /// Send a well-formed request; the detail says where reading stopped.
        MALFORMED_REQUEST: Malformed "The request could not be read";
        /// The request carries no valid credentials. Send `Authorization: Bearer` with an access token or an API key.
        UNAUTHENTICATED: Unauthenticated "Authentication is required";
        /// This verb needs an idempotency key, so that sending it again never does it twice: the header `Idempotency-Key`, or
        /// over GraphQL `clientMutationId`. Choose a new one for each thing to be done, and keep it for retries.
        IDEMPOTENCY_KEY_REQUIRED: Malformed "An idempotency key is required";
        /// The access token was valid once. Use the refresh token to get another.
        TOKEN_EXPIRED: Unauthenticated "The access token has expired";
        /// The credentials are valid but their roles do not grant this. An administrator can grant the right named in the detail.
        FORBIDDEN: Forbidden "Not allowed";
        /// Nothing is there, or nothing that these credentials may see. Both look the same on purpose.
        NOT_FOUND: NotFound "Not found";
        /// The path exists, but not with this method. The `Allow` header lists those that do.
        METHOD_NOT_ALLOWED: MethodNotAllowed "Method not allowed";
        /// No representation in any media type of the `Accept` header, or in any coding of `Accept-Encoding`. This API answers
        /// `application/json`, as it is or in gzip.
        NOT_ACCEPTABLE: NotAcceptable "No acceptable representation";
        /// The request did not arrive whole in time: its head within 10 seconds, its body within 30. Send it again.
        REQUEST_TIMEOUT: TimedOut "The request did not arrive in time";
        /// The state of the record forbids this. The detail says what stands in the way.
        CONFLICT: Conflict "The state of the record forbids this";
        /// Another record has this value already. The detail names it where the caller may see it.
        DUPLICATE: Conflict "Another record has this value already";
        /// A request with the same idempotency key is being worked on. Send it again in a moment.
        IDEMPOTENCY_IN_PROGRESS: Conflict "A request with this idempotency key is still running";
        /// The record cannot go from its state to the one asked for. The detail lists the legal moves.
        ILLEGAL_TRANSITION: Conflict "This move is not legal";
        /// The member has fewer points to spend than this takes. Pending points cannot be spent yet.
        INSUFFICIENT_POINTS: Conflict "Not enough points";
        /// The cursor points to history that is no longer kept. Start again from an export.
        CURSOR_EXPIRED: Gone "The cursor has expired";
        /// Somebody else changed the same fields since the version given. `errors` holds both values, who and when.
        VERSION_CONFLICT: Stale "The record has changed since";
        /// The body is larger than the limit at `/v1/limits`.
        PAYLOAD_TOO_LARGE: PayloadTooLarge "The body is too large";
        /// The URL is longer than 8 KiB. Long filters can be sent as a body to `…/query`.
        URI_TOO_LONG: UriTooLong "The URL is too long";
        /// The body must be `application/json` in UTF-8, not compressed.
        UNSUPPORTED_MEDIA_TYPE: UnsupportedMediaType "Unsupported media type";
        /// The request was understood but is not valid. Every place that is wrong is listed in `errors`.
        VALIDATION_FAILED: Invalid "The request is not valid";
        /// The cursor is not one of ours, was altered, or belongs to another filter or sort order.
        INVALID_CURSOR: Invalid "The cursor is not valid here";
        /// The idempotency key was used before with another request. Use a new key.
        IDEMPOTENCY_KEY_REUSED: Invalid "The idempotency key was used for another request";
        /// Amounts in several currencies cannot be added. Ask for one currency, or filter by it.
        MIXED_CURRENCIES: Invalid "Several currencies cannot be added";
        /// This tenant wants changes to name the version that was read (its setting `requiresVersion`). Read the record and send
        /// its version: as `If-Match` over REST, `expectedVersion` over GraphQL, `ifVersion` in a batch.
        PRECONDITION_REQUIRED: PreconditionRequired "The version that was read is required";
        /// Too many requests. `Retry-After` says in how many seconds there is room again.
        RATE_LIMITED: RateLimited "Too many requests";
        /// The request head is larger than 16 KiB or has more than 96 fields.
        HEADERS_TOO_LARGE: HeadersTooLarge "The request head is too large";
        /// Something went wrong on our side. The request id finds it in the log; nothing was kept.
        INTERNAL: Internal "Something went wrong on our side";
        /// More work than can be done at once. Try again after `Retry-After` seconds.
        OVERLOADED: Unavailable "Too busy";
        /// The database does not answer. Try again after `Retry-After` seconds.
        UNAVAILABLE: Unavailable "Temporarily unavailable";
    }
}

/// One place in a request that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// JSON Pointer (RFC 6901) into the body, or `/query/<parameter>` for the query string.
    pub pointer: String,
    /// What is wrong, in upper snake case: `REQUIRED`, `UNKNOWN_FIELD`, `WRONG_TYPE`, …
    pub code: &'static str,
    /// A sentence that says what would be right.
    pub detail: String,
    /// More, for programs: both values of a conflict, for example.
    pub more: Option<serde_json::Value>,
}

/// Collects every violation of a request before it is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations(pub Vec<Violation>);

impl Violations {
    /// Adds one.
    pub fn add(&mut self, pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) {
        self.0.push(Violation { pointer: pointer.into(), code, detail: detail.into(), more: None });
    }

    /// Adds one unless `holds`.
    pub fn ensure(&mut self, holds: bool, pointer: &str, code: &'static str, detail: &str) {
        if !holds {
            self.add(pointer, code, detail);
        }
    }

    /// Nothing wrong: `Ok`. Else one `VALIDATION_FAILED` that lists everything.
    pub fn into_result(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(self.into()) }
    }
}

impl From<Violations> for Error {
    fn from(violations: Violations) -> Self {
        let detail = match violations.0.as_slice() {
            [only] => only.detail.clone(),
            all => format!("{} places are not valid; see errors", all.len()),
        };
        Error { violations: violations.0, ..Error::new(&codes::VALIDATION_FAILED, detail) }
    }
}

/// A refusal or a failure. What the client sees is `code`, `detail` and `violations`; `source` is for the log alone.
#[derive(Debug)]
pub struct Error {
    /// Which.
    pub code: &'static Code,
    /// What happened here, for the client. Never an SQL text, a path or a type name.
    pub detail: String,
    /// Where in the request.
    pub violations: Vec<Violation>,
    /// The cause, for the log.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
    /// Seconds after which a retry makes sense.
    pub retry_after: Option<u64>,
}

impl Error {
    /// An error with a detail for the client.
    pub fn new(code: &'static Code, detail: impl Into<String>) -> Self {
        Error { code, detail: detail.into(), violations: Vec::new(), source: None, retry_after: None }
    }

    /// Nothing there, or nothing this caller may see.
    pub fn not_found() -> Self {
        Error::new(&codes::NOT_FOUND, "There is no such record, or it is not visible to you.")
    }

    /// One invalid place.
    pub fn invalid(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        let mut violations = Violations::default();
        violations.add(pointer, code, detail);
        violations.into()
    }

    /// A step that the record's status does not allow, with those that it does.
    pub fn illegal(detail: impl Into<String>, legal: &[&str]) -> Self {
        let detail = detail.into();
        let violation = Violation {
            pointer: "/status".into(),
            code: "ILLEGAL_TRANSITION",
            detail: detail.clone(),
            more: Some(serde_json::json!({ "legal": legal })),
        };
        Error { violations: vec![violation], ..Error::new(&codes::ILLEGAL_TRANSITION, detail) }
    }

    /// Our fault; the cause goes to the log only.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Error {
            source: Some(source.into()),
            ..Error::new(&codes::INTERNAL, "The failure has been logged under the request id.")
        }
    }

    /// The database does not answer.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Error {
            source: Some(source.into()),
            retry_after: Some(1),
            ..Error::new(&codes::UNAVAILABLE, "The database does not answer at the moment.")
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name, self.detail)?;
        for violation in &self.violations {
            write!(f, "; {} {} {}", violation.pointer, violation.code, violation.detail)?;
        }
        if let Some(source) = &self.source {
            write!(f, " ({source})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// A failed statement is our fault unless the store call said otherwise (see `journal`'s constraint mapping).
impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::{DatabaseErrorKind, Error as Db};
        // Lost in the middle of COMMIT: why that failed is the cause, that nothing could be rolled back only follows.
        let error = match error {
            Db::RollbackErrorOnCommit { commit_error, .. } => *commit_error,
            error => error,
        };
        match &error {
            Db::NotFound => Error::not_found(),
            Db::DatabaseError(DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand, _)
            | Db::BrokenTransactionManager => Error::unavailable(error),
            Db::DatabaseError(_, info) if is_loss(info.message()) => Error::unavailable(error),
            Db::DatabaseError(_, info) if info.message().contains("statement timeout") => Error {
                retry_after: Some(1),
                source: Some(Box::new(error)),
                ..Error::new(&codes::OVERLOADED, "The query took longer than allowed and was stopped.")
            },
            _ => Error::internal(error),
        }
    }
}

/// Whether a message says that the connection or the database is gone. Diesel names the kind of error only where
/// PostgreSQL itself does; these come from its client library, or from a server that is going down.
fn is_loss(message: &str) -> bool {
    const LOSSES: [&str; 7] = [
        "server closed the connection",
        "no connection to the server",
        "connection not open",
        "could not receive data from server",
        "could not send data to server",
        "terminating connection due to",
        "the database system is",
    ];
    LOSSES.iter().any(|loss| message.contains(loss))
}
