//! Refusals on their way through actix; what they look like is told in [`kith_kernel::problem`].

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use kith_kernel::Error;
pub use kith_kernel::problem::{document, kebab, places, status};
use std::fmt;

/// A refusal on its way through actix; [`super::edge`] renders it once the request id is known.
#[derive(Debug)]
pub struct Problem {
    /// What.
    pub error: Error,
    /// Methods for a 405.
    pub allow: Option<String>,
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Problem { error, allow: None }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(status(self.error.code.kind)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

/// What a handler returns.
pub type Handled = Result<HttpResponse, Problem>;
