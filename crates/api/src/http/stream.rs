//! Answers of any length: made a piece at a time as the client reads, with a connection to the database for each piece and
//! none between them.

use super::compress::{Wanted, wanted};
use super::work::blocking;
use crate::app::App;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use flate2::{Compression, write::GzEncoder};
use futures_util::stream;
use kith_kernel::{Error, Result, codes};
use std::future::Future;
use std::io::Write;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// A file on its way in or out; there may be so many at once.
pub fn permit(app: &App) -> Result<OwnedSemaphorePermit> {
    app.streams.clone().try_acquire_owned().map_err(|_| {
        let detail = "As many files are being sent and received as can be at once.";
        Error { retry_after: Some(5), ..Error::new(&codes::OVERLOADED, detail) }
    })
}

/// How often work that found no place is tried again: half a minute in all. Nobody waits for a part of a file as for an answer.
const TRIES: u32 = 60;

/// Runs a piece of work, and waits longer for a place than a request would.
pub async fn patiently<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Clone + Send + 'static) -> Result<T> {
    let mut tries = 0;
    loop {
        match blocking(work.clone()).await {
            Err(error) if std::ptr::eq(error.code, &codes::OVERLOADED) && tries < TRIES => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            done => return done,
        }
    }
}

/// An answer out of pieces: `next` makes each from what it left behind with the one before. An error ends the connection
/// in the middle, by which the client knows that it has not got all.
pub fn answer<S, F, W>(
    request: &HttpRequest,
    mut response: HttpResponseBuilder,
    permit: OwnedSemaphorePermit,
    start: S,
    next: F,
) -> HttpResponse
where
    S: 'static,
    F: Fn(S) -> W + 'static,
    W: Future<Output = Result<Option<(Vec<u8>, S)>>> + 'static,
{
    let zip = matches!(wanted(request), Ok(Wanted::Gzip | Wanted::OnlyGzip));
    response.append_header((header::VARY, HeaderValue::from_static("Accept-Encoding")));
    if zip {
        response.insert_header((header::CONTENT_ENCODING, HeaderValue::from_static("gzip")));
    }
    let encoder = zip.then(|| GzEncoder::new(Vec::new(), Compression::fast()));
    let state = Some((start, encoder));
    let next = std::rc::Rc::new((next, permit));
    let pieces = stream::try_unfold(state, move |state| {
        let next = next.clone();
        async move {
            let Some((state, encoder)) = state else { return Ok(None) };
            match next.0(state).await {
                Err(error) => {
                    tracing::warn!(%error, "a stream ended early");
                    Err(error)
                }
                Ok(Some((piece, state))) => {
                    let (piece, encoder) = packed(encoder, piece)?;
                    Ok(Some((Bytes::from(piece), Some((state, encoder)))))
                }
                Ok(None) => match encoder {
                    Some(encoder) => {
                        let rest = encoder.finish().map_err(Error::internal)?;
                        Ok(Some((Bytes::from(rest), None)))
                    }
                    None => Ok(None),
                },
            }
        }
    });
    response.streaming(Box::pin(pieces))
}

type Encoder = Option<GzEncoder<Vec<u8>>>;

fn packed(encoder: Encoder, piece: Vec<u8>) -> Result<(Vec<u8>, Encoder)> {
    let Some(mut encoder) = encoder else { return Ok((piece, None)) };
    encoder.write_all(&piece).map_err(Error::internal)?;
    Ok((std::mem::take(encoder.get_mut()), Some(encoder)))
}
