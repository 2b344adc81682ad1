//! `/graphql` as a WebSocket: the protocol graphql-transport-ws, of which the library knows the messages but not the
//! codes with which a connection has to end.

use super::handler::{Asked, Document, root_keys};
use super::run::Shared;
use super::{limits, writer};
use crate::app::App;
use crate::caller::{self, Caller};
use crate::http::problem::{self, Handled};
use actix_web::http::header;
use actix_web::{HttpRequest, web};
use actix_ws::{AggregatedMessage, CloseCode, CloseReason, Session};
use async_graphql::{Request, Response, Variables};
use futures_util::StreamExt;
use kith_kernel::{Error, Origin, Result, codes};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep_until};

const PROTOCOL: &str = "graphql-transport-ws";
/// Most bytes of a message.
pub const MESSAGE: usize = 64 * 1024;
/// Most operations of a connection at a time.
pub const OPERATIONS: usize = 100;
/// How long the first message may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time between two signs of life.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Messages that wait for a client that does not read.
const WAITING: usize = 32;
/// The longest life of a connection whose token has no end.
const LIFE: Duration = Duration::from_secs(86_400);

/// Whether a request asks for a socket.
pub fn is_asked(head: &actix_web::dev::RequestHead) -> bool {
    let upgrade = head.headers().get(header::UPGRADE).and_then(|value| value.to_str().ok());
    head.uri.path() == "/graphql" && upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

/// Opens it. Who is asking is told by the first message.
pub async fn open(app: web::Data<App>, request: HttpRequest, body: web::Payload) -> Handled {
    let text = |name: header::HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    if let Some(origin) = text(header::ORIGIN) {
        let own = text(header::HOST).is_some_and(|host| origin.split_once("://").is_some_and(|(_, at)| at == host));
        if !own && !app.settings.cors_origins.iter().any(|known| known == origin) {
            return Err(Error::new(&codes::FORBIDDEN, "Pages of this origin may not connect.").into());
        }
    }
    let speaks =
        text(header::SEC_WEBSOCKET_PROTOCOL).is_some_and(|all| all.split(',').any(|one| one.trim() == PROTOCOL));
    if !speaks {
        let detail = format!("Ask for the sub-protocol {PROTOCOL}.");
        return Err(Error::new(&codes::MALFORMED_REQUEST, detail).into());
    }
    let origin = caller::origin(&request, "graphql");
    let malformed = |_| Error::new(&codes::MALFORMED_REQUEST, "This is no WebSocket handshake.");
    let (response, session, stream) =
        actix_ws::handle_with_protocols(&request, body, &[PROTOCOL]).map_err(malformed)?;
    let stream = stream.max_frame_size(MESSAGE).aggregate_continuations().max_continuation_size(MESSAGE);
    let (told, heard) = mpsc::channel(WAITING);
    let socket = Socket { app, origin, session, caller: None, running: HashMap::new(), told };
    actix_web::rt::spawn(socket.run(stream, heard));
    Ok(response)
}

/// Why a connection ends.
struct End(u16, &'static str);

/// A message for the client, and the operation that ends with it.
type Message = (String, Option<String>);

struct Socket {
    app: web::Data<App>,
    origin: Origin,
    session: Session,
    caller: Option<Caller>,
    running: HashMap<String, tokio::task::JoinHandle<()>>,
    told: mpsc::Sender<Message>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.running.values().for_each(tokio::task::JoinHandle::abort);
    }
}

impl Socket {
    async fn run(mut self, mut stream: actix_ws::AggregatedMessageStream, mut heard: mpsc::Receiver<Message>) {
        let end = self.serve(&mut stream, &mut heard).await;
        self.running.drain().for_each(|(_, running)| running.abort());
        if let Some(End(code, why)) = end {
            let reason = CloseReason { code: CloseCode::from(code), description: Some(why.to_owned()) };
            // Who is gone needs no reason.
            self.session.clone().close(Some(reason)).await.ok();
        }
    }

    /// Serves until there is a reason to end; none: the client is gone.
    async fn serve(
        &mut self,
        stream: &mut actix_ws::AggregatedMessageStream,
        heard: &mut mpsc::Receiver<Message>,
    ) -> Option<End> {
        let mut stopping = self.app.live.stopping();
        if *stopping.borrow_and_update() {
            return Some(End(1001, "Going away"));
        }
        let mut beat = interval(HEARTBEAT);
        let mut deadline = Instant::now() + PATIENCE;
        loop {
            tokio::select! {
                message = stream.next() => match message {
                    None => return None,
                    Some(Err(_)) => return Some(End(1009, "A message may have 64 KiB")),
                    Some(Ok(AggregatedMessage::Text(text))) => {
                        let before = self.caller.is_none();
                        if let Err(end) = self.hear(&text).await {
                            return Some(end);
                        }
                        if let Some(caller) = self.caller.as_ref().filter(|_| before) {
                            let left = caller.expires().map(|at| (at - self.app.clock.now()).to_std().unwrap_or_default());
                            deadline = Instant::now() + left.unwrap_or(LIFE).min(LIFE);
                        }
                    }
                    Some(Ok(AggregatedMessage::Ping(bytes))) => self.session.pong(&bytes).await.ok()?,
                    Some(Ok(AggregatedMessage::Pong(_))) => {}
                    Some(Ok(AggregatedMessage::Binary(_))) => return Some(End(4400, "Messages are texts")),
                    Some(Ok(AggregatedMessage::Close(_))) => return Some(End(1000, "")),
                },
                message = heard.recv() => {
                    let (text, ended) = message?;
                    if let Some(id) = ended {
                        self.running.remove(&id);
                    }
                    self.session.text(text).await.ok()?;
                }
                () = sleep_until(deadline) => return Some(match &self.caller {
                    None => End(4408, "Connection initialisation timeout"),
                    Some(_) => End(4403, "The token has expired"),
                }),
                _ = stopping.changed() => return Some(End(1001, "Going away")),
                _ = beat.tick() => {
                    if let Some(end) = self.look().await {
                        return Some(end);
                    }
                    self.session.ping(b"").await.ok()?;
                }
            }
        }
    }

    /// Whether whoever connected may still be here.
    async fn look(&mut self) -> Option<End> {
        let error = self.caller.as_mut()?.renew().await.err()?;
        // Who cannot be looked up at this moment is looked up with the next beat.
        let gone = error.code.kind == kith_kernel::ErrorKind::Unauthenticated;
        gone.then_some(End(4403, "These credentials are no longer valid"))
    }

    async fn hear(&mut self, text: &str) -> std::result::Result<(), End> {
        let message: Value = serde_json::from_str(text).map_err(|_| End(4400, "Messages are JSON"))?;
        let id = message.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        match message.get("type").and_then(Value::as_str).unwrap_or_default() {
            "connection_init" if self.caller.is_some() => Err(End(4429, "Too many initialisation requests")),
            "connection_init" => {
                let payload = message.get("payload").unwrap_or(&Value::Null);
                let named = |name: &str| payload.get(name).and_then(Value::as_str);
                let token = named("authorization").or_else(|| named("Authorization"));
                let token =
                    token.and_then(|text| text.strip_prefix("Bearer ").or_else(|| text.strip_prefix("bearer ")));
                let known = Caller::of_token(self.app.clone(), token.unwrap_or_default().trim(), self.origin.clone());
                self.caller = Some(known.await.map_err(|_| End(4403, "Forbidden"))?);
                self.say(json!({"type": "connection_ack"})).await
            }
            "ping" => self.say(json!({"type": "pong"})).await,
            "pong" => Ok(()),
            "subscribe" => {
                let caller = self.caller.clone().ok_or(End(4401, "Unauthorized"))?;
                if id.is_empty() || id.len() > 100 {
                    return Err(End(4400, "An operation needs an id"));
                }
                if self.running.contains_key(&id) {
                    return Err(End(4409, "There is an operation with this id already"));
                }
                if self.running.len() >= OPERATIONS {
                    return Err(End(4429, "Too many operations"));
                }
                let payload = message.get("payload").cloned().unwrap_or_default();
                let operation = Operation { id: id.clone(), caller, told: self.told.clone() };
                self.running.insert(id, tokio::spawn(operation.run(payload)));
                Ok(())
            }
            "complete" => {
                self.running.remove(&id).iter().for_each(tokio::task::JoinHandle::abort);
                Ok(())
            }
            _ => Err(End(4400, "There is no such message")),
        }
    }

    async fn say(&mut self, message: Value) -> std::result::Result<(), End> {
        self.session.text(message.to_string()).await.map_err(|_| End(1000, ""))
    }
}

/// One operation of a connection.
struct Operation {
    id: String,
    caller: Caller,
    told: mpsc::Sender<Message>,
}

impl Operation {
    async fn run(mut self, payload: Value) {
        let last = match self.answer(payload).await {
            Ok(()) => json!({"type": "complete", "id": self.id}),
            Err(errors) => json!({"type": "error", "id": self.id, "payload": errors}),
        };
        // The connection may have ended first.
        self.told.send((last.to_string(), Some(self.id.clone()))).await.ok();
    }

    /// Answers as often as there is something to say; errors before anything ran are the answer.
    async fn answer(&mut self, payload: Value) -> std::result::Result<(), Value> {
        let refused = |error: Error| {
            let code = error.code.name;
            json!([{"message": error.detail, "extensions": {"code": code, "errors": problem::places(&error.violations)}}])
        };
        // Rights may have changed since the connection was made.
        self.caller.renew().await.map_err(refused)?;
        let asked = Asked::read(payload.as_object().cloned().unwrap_or_default()).map_err(refused)?;
        let document = Document::of(&self.caller, &asked.query).map_err(|response| errors(&response))?;
        let shared = Arc::new(Shared::new(None, asked.query.clone()));
        let Some(subscription) = document.subscription(asked.operation.as_deref()) else {
            let chosen = document.chosen(asked.operation.as_deref());
            let keys = chosen.map(root_keys).unwrap_or_default();
            let running =
                document.run(self.caller.clone(), &shared, chosen, asked.operation.as_deref(), asked.variables);
            let response = running.await;
            return self.next(&response, &keys, &shared).await.map(drop);
        };
        let keys = root_keys(subscription);
        super::variables::check(subscription, &asked.variables).map_err(refused)?;
        let mut request = Request::new("").variables(Variables::from_json(asked.variables));
        request = request.data(self.caller.clone()).data(shared.clone());
        if let Some(name) = &asked.operation {
            request = request.operation_name(name);
        }
        request.set_parsed_query(document.parsed().clone());
        let schema = self.caller.app.schema.clone();
        let mut responses = std::pin::pin!(schema.execute_stream(request));
        while let Some(response) = responses.next().await {
            if !self.next(&response, &keys, &shared).await? {
                break;
            }
        }
        Ok(())
    }

    /// Sends one answer; false: there is nobody to send it to.
    async fn next(&self, response: &Response, keys: &[String], shared: &Shared) -> std::result::Result<bool, Value> {
        if !response.errors.is_empty() && !writer::ran(response) {
            return Err(errors(response));
        }
        let cost = shared.cost.load(Ordering::Relaxed);
        let body = writer::text(response, keys, cost, self.caller.origin.request_id, limits::ERRORS);
        let text = format!(
            "{{\"type\":\"next\",\"id\":{},\"payload\":{}}}",
            json!(self.id),
            String::from_utf8(body).map_err(|_| Value::Null)?
        );
        Ok(self.told.send((text, None)).await.is_ok())
    }
}

fn errors(response: &Response) -> Value {
    let text = writer::text(response, &[], 0, None, limits::ERRORS);
    let whole: Result<Value, _> = serde_json::from_slice(&text);
    whole.ok().and_then(|mut whole| whole.get_mut("errors").map(Value::take)).unwrap_or_else(|| json!([]))
}
