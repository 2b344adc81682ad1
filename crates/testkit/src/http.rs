//! A client for the API in process: every request passes the same layers as over a socket, and every answer that is a
//! refusal is checked to be a problem document.

use actix_web::dev::ServiceResponse;
use actix_web::http::header::HeaderMap;
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::from_fn;
use actix_web::{App as Actix, test, web};
use flate2::read::GzDecoder;
use futures_util::future::LocalBoxFuture;
use kith_api::App;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::io::Read;
use std::rc::Rc;

/// Somebody's way to the API.
#[derive(Clone)]
pub struct Client {
    app: web::Data<App>,
    /// Access token or API key.
    pub token: Option<String>,
    headers: Vec<(String, String)>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body as sent.
    pub bytes: bytes::Bytes,
    /// Body as text, unpacked if it was sent as gzip.
    pub text: String,
    /// Body as JSON; null if it is none.
    pub body: Value,
}

impl Answer {
    /// One header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The code of a problem document.
    pub fn code(&self) -> &str {
        self.body.get("code").and_then(Value::as_str).unwrap_or_default()
    }

    /// The id of the record.
    pub fn id(&self) -> String {
        self.at("/id").as_str().unwrap_or_default().to_owned()
    }

    /// A place in the body.
    pub fn at(&self, pointer: &str) -> &Value {
        self.body.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// The pointers of a problem document, in order.
    pub fn pointers(&self) -> Vec<&str> {
        let errors = self.body.get("errors").and_then(Value::as_array);
        errors.into_iter().flatten().filter_map(|error| error.get("pointer")?.as_str()).collect()
    }

    /// Fails unless the status is this one; the message shows the body.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }
}

impl Client {
    /// With or without credentials.
    pub fn new(app: web::Data<App>, token: Option<String>) -> Self {
        Client { app, token, headers: Vec::new() }
    }

    /// The same with another header.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    /// Sends bytes.
    pub async fn send(&self, method: &str, path: &str, body: Option<Vec<u8>>) -> Answer {
        let service = service(&self.app).await;
        let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::GET);
        let mut request = test::TestRequest::default().method(method).uri(path);
        if let Some(token) = &self.token {
            request = request.insert_header(("authorization", format!("Bearer {token}")));
        }
        let typed = self.headers.iter().any(|(name, _)| name == "content-type");
        if body.is_some() && !typed {
            request = request.insert_header(("content-type", "application/json"));
        }
        for (name, value) in &self.headers {
            request = request.append_header((name.as_str(), value.as_str()));
        }
        if let Some(body) = body {
            request = request.set_payload(body);
        }
        let response = service(request).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = actix_web::body::to_bytes(response.into_body()).await.unwrap_or_default();
        let text = text(&headers, &bytes);
        let body = serde_json::from_str(&text).unwrap_or_default();
        let answer = Answer { status: status.as_u16(), headers, bytes, text, body };
        check(status, &answer);
        answer
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    /// POST of JSON.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(body.to_string().into_bytes())).await
    }

    /// PUT of JSON.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send("PUT", path, Some(body.to_string().into_bytes())).await
    }

    /// PATCH of JSON.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, Some(body.to_string().into_bytes())).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None).await
    }

    /// A GraphQL request.
    pub async fn graphql(&self, query: &str, variables: Value) -> Answer {
        self.post("/graphql", json!({"query": query, "variables": variables})).await
    }
}

/// The text of a body, which may be gzip.
fn text(headers: &HeaderMap, bytes: &[u8]) -> String {
    let mut text = String::new();
    match headers.get("content-encoding") {
        Some(_) => GzDecoder::new(bytes).read_to_string(&mut text).map_or_else(|error| error.to_string(), |_| text),
        None => String::from_utf8_lossy(bytes).into_owned(),
    }
}

type Service = Rc<dyn Fn(test::TestRequest) -> LocalBoxFuture<'static, ServiceResponse>>;

thread_local! {
    /// Putting all routes together costs more than most requests; each thread does it once an app. They are never dropped:
    /// actix keeps pools of its own in thread locals, which may be gone by then.
    static SERVICES: RefCell<Vec<&'static (web::Data<App>, Service)>> = const { RefCell::new(Vec::new()) };
}

async fn service(app: &web::Data<App>) -> Service {
    let same = |known: &web::Data<App>| std::ptr::eq(known.get_ref(), app.get_ref());
    let known = SERVICES.with_borrow(|all| all.iter().find(|known| same(&known.0)).map(|known| known.1.clone()));
    if let Some(known) = known {
        return known;
    }
    let service = test::init_service(
        Actix::new()
            .app_data(app.clone())
            .app_data(web::PayloadConfig::new(kith_api::http::body::MAX_BODY))
            .wrap(from_fn(kith_api::http::edge::edge))
            .configure(kith_api::rest::routes),
    );
    let inner = Rc::new(service.await);
    let service: Service = Rc::new(move |request| {
        let inner = inner.clone();
        Box::pin(async move { test::call_service(&*inner, request.to_request()).await.map_into_boxed_body() })
    });
    let kept: &'static _ = Box::leak(Box::new((app.clone(), service.clone())));
    SERVICES.with_borrow_mut(|all| all.push(kept));
    service
}

/// Promise 15: every refusal is a problem document with its id, and shows nothing of the inside.
#[track_caller]
fn check(status: StatusCode, answer: &Answer) {
    assert!(answer.header("x-request-id").is_some(), "an answer without a request id");
    if !status.is_client_error() && !status.is_server_error() {
        return;
    }
    let text = &answer.text;
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{status}: {text}");
    for member in ["type", "title", "status", "detail", "instance", "code"] {
        assert!(answer.body.get(member).is_some(), "{status} without {member}: {text}");
    }
    assert_eq!(answer.at("/status").as_u64(), Some(u64::from(status.as_u16())));
    for inside in ["SELECT ", "INSERT ", "diesel", "panicked", ".rs:", "pg_", "/src/", "kith_app"] {
        assert!(!text.contains(inside), "{status} shows {inside}: {text}");
    }
    if status == StatusCode::UNAUTHORIZED {
        assert!(answer.header("www-authenticate").is_some(), "a 401 without WWW-Authenticate");
    }
}
