//! Where Kith is, and who asks there.

use anyhow::{Context, Result, ensure};
use clap::Args;
use reqwest::Method;
use reqwest::blocking::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use std::fmt;

/// How to reach Kith, and as whom.
#[derive(Clone, Debug, Args)]
pub struct Remote {
    /// Where it is.
    #[arg(long, env = "KITH_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// An access token.
    #[arg(long, env = "KITH_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// An API key.
    #[arg(long, env = "KITH_API_KEY", hide_env_values = true)]
    api_key: Option<String>,
    /// Short name of the tenant to log in to.
    #[arg(long, env = "KITH_TENANT")]
    tenant: Option<String>,
    /// E-mail address to log in with.
    #[arg(long, env = "KITH_EMAIL")]
    email: Option<String>,
    /// Password to log in with.
    #[arg(long, env = "KITH_PASSWORD", hide_env_values = true)]
    password: Option<String>,
}

/// Somebody who may ask.
pub struct Session {
    remote: Remote,
    client: Client,
    token: String,
}

/// A refusal.
#[derive(Debug)]
pub struct Problem {
    /// Its code.
    pub code: String,
    text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Problem {}

/// Reads the refusal in an answer.
pub fn problem(response: Response) -> Problem {
    let status = response.status();
    let body: Value = response.json().unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut told = format!("{status}: {}", text("detail"));
    for error in body.get("errors").and_then(Value::as_array).into_iter().flatten() {
        let part = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
        told.push_str(&format!("\n  {}: {}", part("pointer"), part("detail")));
    }
    Problem { code: text("code"), text: told }
}

impl Remote {
    /// Proves who asks, if that needs asking.
    pub fn log_in(&self) -> Result<Session> {
        // A file takes as long as it takes.
        let client = Client::builder().timeout(None).build()?;
        let mut session = Session { remote: self.clone(), client, token: String::new() };
        match self.token.as_ref().or(self.api_key.as_ref()) {
            Some(token) => session.token = token.clone(),
            None => session.log_in_again()?,
        }
        Ok(session)
    }
}

impl Session {
    /// Gets a new token.
    pub fn log_in_again(&mut self) -> Result<()> {
        let Remote { tenant, email, password, .. } = &self.remote;
        let (Some(tenant), Some(email), Some(password)) = (tenant, email, password) else {
            anyhow::bail!("Give --api-key or --token, or --tenant, --email and --password (KITH_PASSWORD)");
        };
        let body = json!({"tenant": tenant, "email": email, "password": password});
        let response = self.client.post(format!("{}/v1/auth/login", self.base())).json(&body).send();
        let response = response.with_context(|| format!("Kith does not answer at {}", self.base()))?;
        if !response.status().is_success() {
            return Err(problem(response).into());
        }
        let answer: Value = response.json()?;
        let token = answer.get("accessToken").and_then(Value::as_str).context("The login brought no token")?;
        self.token = token.to_owned();
        Ok(())
    }

    fn base(&self) -> &str {
        self.remote.url.trim_end_matches('/')
    }

    /// A request with the token.
    pub fn request(&mut self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base())).bearer_auth(&self.token)
    }

    /// A record. A token that has expired meanwhile is renewed.
    pub fn json(&mut self, path: &str) -> Result<Value> {
        let mut response = self.request(Method::GET, path).send()?;
        if response.status().as_u16() == 401 {
            self.log_in_again()?;
            response = self.request(Method::GET, path).send()?;
        }
        ensure!(response.status().is_success(), "{}", problem(response));
        Ok(response.json()?)
    }
}
