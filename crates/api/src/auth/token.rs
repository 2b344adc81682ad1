//! Access tokens (RFC 9068): signed with EdDSA and nothing else, good for fifteen minutes, refused unless they are in
//! every part what [`Tokens::issue`] writes.
//!
//! Verified tokens are remembered by the SHA-256 of their whole text, because verifying costs fifty times as much as
//! looking one up. Their times are checked again at each use, and no memory outlives the keys it was made with.

use super::keys::SigningKeys;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, Header, Validation, decode, encode};
use kith_kernel::{Error, Result, codes};
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::{NoContext, Timestamp, Uuid};

/// Seconds that a token lives.
pub const LIFETIME: i64 = 15 * 60;
/// Seconds that clocks may differ.
const LEEWAY: i64 = 30;
/// Ours have some 600 bytes.
const MOST_BYTES: usize = 4096;
/// Verified tokens that are remembered.
const REMEMBERED: u64 = 20_000;
/// RFC 9068's media type, so that no other kind of token passes for an access token.
const TYPE: &str = "at+jwt";

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Whose data.
    pub tenant: Uuid,
    /// Who.
    pub subject: Uuid,
    /// Its own id.
    pub jti: Uuid,
    /// The login it came from, if it was one.
    pub sid: Option<Uuid>,
    /// When it ends, without leeway.
    pub exp: DateTime<Utc>,
}

/// The whole header. Any other member (`jku`, `x5u`, `jwk`, `x5c`, `crit`, …) makes the token unreadable.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    alg: String,
    typ: String,
    kid: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    iss: String,
    aud: String,
    sub: Uuid,
    tid: Uuid,
    jti: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<Uuid>,
    iat: i64,
    nbf: i64,
    exp: i64,
}

#[derive(Clone)]
struct Remembered {
    generation: u64,
    not_before: i64,
    claims: Claims,
}

/// Signs and verifies.
pub struct Tokens {
    keys: SigningKeys,
    issuer: String,
    audience: String,
    validation: Validation,
    verified: Cache<[u8; 32], Remembered>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens({})", self.issuer)
    }
}

fn refused() -> Error {
    Error::new(&codes::UNAUTHENTICATED, "The access token is not valid.")
}

impl Tokens {
    /// With the keys of this installation, as `issuer`, for `audience`.
    pub fn new(keys: SigningKeys, issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        let (issuer, audience) = (issuer.into(), audience.into());
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[&issuer]);
        validation.set_audience(&[&audience]);
        // Times are checked here, against the clock that is given.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let verified = Cache::builder().max_capacity(REMEMBERED).build();
        Tokens { keys, issuer, audience, validation, verified }
    }

    /// The signing keys, for `/.well-known/jwks.json`.
    pub fn keys(&self) -> &SigningKeys {
        &self.keys
    }

    /// A token, and the seconds it is good for. `session` is the family of refresh tokens of the login it belongs to.
    pub fn issue(
        &self,
        tenant: Uuid,
        subject: Uuid,
        session: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Result<(String, i64)> {
        let keys = self.keys.current();
        let key = keys.signing().ok_or_else(|| Error::internal("no signing key"))?;
        let seconds = now.timestamp();
        let unix = u64::try_from(seconds).unwrap_or(0);
        let payload = Payload {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: subject,
            tid: tenant,
            jti: Uuid::new_v7(Timestamp::from_unix(NoContext, unix, now.timestamp_subsec_nanos())),
            sid: session,
            iat: seconds,
            nbf: seconds,
            exp: seconds.saturating_add(LIFETIME),
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(key.kid.clone());
        let token = encode(&header, &payload, &key.encoding).map_err(Error::internal)?;
        Ok((token, LIFETIME))
    }

    /// What a token says, if it is one of ours and good at `now`; else `UNAUTHENTICATED`, or `TOKEN_EXPIRED` for one
    /// that was good once.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Claims> {
        if token.len() > MOST_BYTES {
            return Err(refused());
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        let generation = self.keys.current().generation;
        let known = self.verified.get(&digest).filter(|known| known.generation == generation);
        let verified = match known {
            Some(known) => known,
            None => {
                let fresh = self.decode(token).ok_or_else(refused)?;
                in_time(&fresh, now)?;
                self.verified.insert(digest, fresh.clone());
                return Ok(fresh.claims);
            }
        };
        in_time(&verified, now)?;
        Ok(verified.claims)
    }

    /// Everything but the time.
    fn decode(&self, token: &str) -> Option<Remembered> {
        let head = URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
        let head: Head = serde_json::from_slice(&head).ok()?;
        if head.alg != "EdDSA" || head.typ != TYPE {
            return None;
        }
        let keys = self.keys.knowing(&head.kid)?;
        let payload = decode::<Payload>(token, &keys.get(&head.kid)?.decoding, &self.validation).ok()?.claims;
        let good = payload.iss == self.issuer
            && payload.aud == self.audience
            && payload.iat <= payload.exp
            && payload.exp.checked_sub(payload.iat.min(payload.nbf))? <= LIFETIME;
        let claims = Claims {
            tenant: payload.tid,
            subject: payload.sub,
            jti: payload.jti,
            sid: payload.sid,
            exp: DateTime::from_timestamp(payload.exp, 0)?,
        };
        good.then(|| Remembered { generation: keys.generation, not_before: payload.nbf.max(payload.iat), claims })
    }
}

fn in_time(token: &Remembered, now: DateTime<Utc>) -> Result<()> {
    let now = now.timestamp();
    if token.not_before > now.saturating_add(LEEWAY) {
        return Err(refused());
    }
    if token.claims.exp.timestamp().saturating_add(LEEWAY) <= now {
        return Err(Error::new(
            &codes::TOKEN_EXPIRED,
            "The access token has expired. Use the refresh token to get another.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::keys::{Key, KeySet};
    use jsonwebtoken::EncodingKey;
    use serde_json::{Value, json};
    use std::path::PathBuf;

    const NOW: i64 = 1_800_000_000;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(NOW + seconds, 0).unwrap()
    }

    fn tokens() -> Tokens {
        Tokens::new(SigningKeys::in_memory().unwrap(), "https://kith.example", "kith")
    }

    fn b64(bytes: impl AsRef<[u8]>) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn sign(head: &str, payload: &str, key: &EncodingKey, algorithm: Algorithm) -> String {
        let message = format!("{}.{}", b64(head), b64(payload));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).unwrap();
        format!("{message}.{signature}")
    }

    /// `base` with some members replaced; null removes one.
    fn with(base: &Value, changes: Value) -> Value {
        let mut out = base.clone();
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => out.as_object_mut().unwrap().shift_remove(name),
                value => out.as_object_mut().unwrap().insert(name.clone(), value.clone()),
            };
        }
        out
    }

    fn parts(key: &Key) -> (Value, Value) {
        let id = Uuid::from_u128(7);
        let payload = json!({
            "iss": "https://kith.example", "aud": "kith", "sub": id, "tid": id, "jti": id, "sid": id,
            "iat": NOW, "nbf": NOW, "exp": NOW + LIFETIME,
        });
        (json!({"typ": TYPE, "alg": "EdDSA", "kid": key.kid}), payload)
    }

    /// Changes to the header, each of them signed with the right key.
    const HEADS: &str = r#"
        {"alg": "none"} {"alg": "None"} {"alg": "NONE"} {"alg": "nOnE"} {"alg": ""} {"alg": null} {"alg": 7} {"alg": ["EdDSA"]}
        {"alg": "eddsa"} {"alg": "Ed25519"} {"alg": "HS256"} {"alg": "RS256"} {"alg": "ES256"}
        {"typ": "JWT"} {"typ": null} {"typ": "refresh+jwt"} {"typ": "at+jwt "} {"typ": 1}
        {"kid": null} {"kid": ""} {"kid": "../../../dev/null"} {"kid": "' OR '1'='1"} {"kid": "0"} {"kid": 0} {"kid": ["x"]}
        {"jku": "https://evil.example/jwks.json"} {"x5u": "https://evil.example/x"} {"x5c": ["MIIB"]} {"x5t": "AAAA"}
        {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}
        {"crit": ["exp"], "exp": 1800000000} {"crit": []} {"b64": false, "crit": ["b64"]} {"zip": "DEF"} {"cty": "JWT"} {"other": 1}
    "#;

    /// Changes to the payload, each of them signed with the right key.
    const PAYLOADS: &str = r#"
        {"iss": null} {"aud": null} {"sub": null} {"tid": null} {"jti": null} {"iat": null} {"nbf": null} {"exp": null}
        {"iss": "https://evil.example"} {"iss": "https://kith.example/"} {"iss": ["https://kith.example"]}
        {"aud": "other"} {"aud": ""} {"aud": ["kith", "other"]} {"aud": ["kith"]} {"aud": 1}
        {"sub": "nancy"} {"sub": 1} {"tid": "*"} {"tid": ["00000000-0000-0000-0000-000000000007"]} {"jti": ""} {"sid": "x"}
        {"exp": "1800000900"} {"exp": 1800000000.5} {"exp": 1800000901} {"exp": 9223372036854775807} {"exp": 18446744073709551615}
        {"exp": 1799999999} {"nbf": 1800000031} {"iat": 1800000031} {"nbf": -9223372036854775808} {"iat": 9223372036854775807}
        {"nbf": "0"} {"iat": 1799996400, "nbf": 1799996400}
    "#;

    /// A good token's header, payload and signature, put together otherwise.
    const SHAPES: [&str; 21] = [
        "", ".", "..", "H", "H.", "H.P", "H.P.", ".P.S", "H..S", "H.P.S.S", "H.P.S.", ".H.P.S", "H.P.S=", "H.P.S==",
        "H.P.S\n", " H.P.S", "H.P.SAA", "H.P.SS", "H.P. S", "H,P,S", "P.H.S",
    ];

    fn changed(base: &Value, changes: &str) -> Vec<Value> {
        serde_json::Deserializer::from_str(changes).into_iter().map(|change| with(base, change.unwrap())).collect()
    }

    /// Other keys, other algorithms, and a good token cut and altered.
    fn texts(good: &str, key: &Key, head: &Value, payload: &Value) -> Vec<String> {
        let other = SigningKeys::in_memory().unwrap().current();
        let other = other.signing().unwrap();
        let (head_text, payload_text) = (head.to_string(), payload.to_string());
        let ed = |head: &str, payload: &str, key: &Key| sign(head, payload, &key.encoding, Algorithm::EdDSA);
        let parts: Vec<&str> = good.split('.').collect();
        let (h, p, s) = (parts[0], parts[1], parts[2]);
        let flip = |text: &str, at: usize| {
            let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
            format!("{}{other}{}", &text[..at], &text[at + 1..])
        };
        let mut out: Vec<String> = SHAPES
            .iter()
            .map(|shape| {
                let piece = |c: char| match c {
                    'H' => h.into(),
                    'P' => p.into(),
                    'S' => s.into(),
                    c => c.to_string(),
                };
                shape.chars().map(piece).collect()
            })
            .collect();
        // Signed by a stranger, under our key id and under its own.
        out.push(ed(&head_text, &payload_text, other));
        out.push(ed(&with(head, json!({"kid": other.kid})).to_string(), &payload_text, other));
        // The same member twice; no object at all.
        out.push(ed(&head_text.replacen('{', r#"{"alg":"none","#, 1), &payload_text, key));
        out.push(ed(&head_text, &payload_text.replacen('{', &format!(r#"{{"tid":"{}","#, Uuid::max()), 1), key));
        out.extend(["[]", "", "not JSON"].map(|head| ed(head, &payload_text, key)));
        out.extend(["[]", "", "not JSON", "{}"].map(|payload| ed(&head_text, payload, key)));
        // Altered after signing. The last: the order of the curve added to S, the same signature in another spelling.
        let foreign = b64(with(payload, json!({"tid": Uuid::max()})).to_string());
        out.extend(
            [&s[1..], &s[..85], &flip(s, 0), &flip(s, 40), &b64([0; 64]), &b64(malleable(s))]
                .map(|s| format!("{h}.{p}.{s}")),
        );
        out.extend([foreign, flip(p, 30)].map(|p| format!("{h}.{p}.{s}")));
        out.push(format!("{}.{p}.{s}", flip(h, 20)));
        // Not a token alone, or too long for one.
        out.extend([
            format!("Bearer {good}"),
            good.to_uppercase(),
            "a".repeat(MOST_BYTES),
            format!("{h}.{p}.{}", "A".repeat(MOST_BYTES)),
        ]);
        out.push(ed(&head_text, &with(payload, json!({"pad": "x".repeat(MOST_BYTES)})).to_string(), key));
        for alg in ["none", "None", "NONE", "nOnE"] {
            let head = b64(with(head, json!({"alg": alg})).to_string());
            out.extend([format!("{head}.{p}."), format!("{head}.{p}.{s}")]);
        }
        // HMAC keyed with what everybody knows or guesses.
        let public = key.decoding.try_get_as_bytes().unwrap();
        let secrets = [public, b64(public).as_bytes(), key.kid.as_bytes(), b"secret", b"kith", b"0"]
            .map(EncodingKey::from_secret);
        for (algorithm, name) in [(Algorithm::HS256, "HS256"), (Algorithm::HS384, "HS384"), (Algorithm::HS512, "HS512")]
        {
            let head = with(head, json!({"alg": name})).to_string();
            out.extend(secrets.iter().map(|secret| sign(&head, &payload_text, secret, algorithm)));
        }
        out
    }

    fn malleable(signature: &str) -> Vec<u8> {
        let order = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
        let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let mut carry = 0;
        for (at, byte) in bytes[32..].iter_mut().enumerate() {
            let sum = u16::from(*byte) + u16::from_str_radix(&order[2 * at..2 * at + 2], 16).unwrap() + carry;
            *byte = u8::try_from(sum & 0xff).unwrap();
            carry = sum >> 8;
        }
        bytes
    }

    #[test]
    fn forged_tokens_are_refused_one_and_all() {
        let tokens = tokens();
        let keys: std::sync::Arc<KeySet> = tokens.keys.current();
        let key = keys.signing().unwrap();
        let (head, payload) = parts(key);
        let ed = |head: &Value, payload: &Value| {
            sign(&head.to_string(), &payload.to_string(), &key.encoding, Algorithm::EdDSA)
        };
        let good = ed(&head, &payload);
        assert!(tokens.verify(&good, at(0)).is_ok(), "what the table alters is good to begin with");
        let mut table: Vec<String> = changed(&head, HEADS).iter().map(|head| ed(head, &payload)).collect();
        table.extend(changed(&payload, PAYLOADS).iter().map(|payload| ed(&head, payload)));
        table.extend(texts(&good, key, &head, &payload));
        assert!(table.len() >= 60, "{}", table.len());
        for forged in &table {
            // Twice, as the second time might find it remembered; and late, when a good one has expired.
            for seconds in [0, 0, LIFETIME + LEEWAY] {
                let error = tokens.verify(forged, at(seconds)).map_err(|error| error.code.name);
                assert!(matches!(error, Err("UNAUTHENTICATED" | "TOKEN_EXPIRED")), "{seconds}: {error:?} for {forged}");
            }
        }
        assert!(tokens.verify(&good, at(0)).is_ok());
    }

    #[test]
    fn a_fresh_token_is_good_from_its_beginning_to_its_end() {
        let tokens = tokens();
        let (tenant, subject, session) = (Uuid::from_u128(1), Uuid::from_u128(2), Some(Uuid::from_u128(3)));
        let (token, seconds) = tokens.issue(tenant, subject, session, at(0)).unwrap();
        assert_eq!(seconds, 900);
        for fresh in [true, false] {
            for (now, expected) in [
                (-LEEWAY - 1, "UNAUTHENTICATED"),
                (-LEEWAY, "good"),
                (0, "good"),
                (LIFETIME + LEEWAY - 1, "good"),
                (LIFETIME + LEEWAY, "TOKEN_EXPIRED"),
            ] {
                if fresh {
                    tokens.verified.invalidate_all();
                }
                let found = tokens.verify(&token, at(now)).map_or_else(|error| error.code.name, |_| "good");
                assert_eq!(found, expected, "at {now}, remembered: {}", !fresh);
            }
        }
        let claims = tokens.verify(&token, at(1)).unwrap();
        assert_eq!((claims.tenant, claims.subject, claims.sid, claims.exp), (tenant, subject, session, at(LIFETIME)));
        let (without, _) = tokens.issue(tenant, subject, None, at(0)).unwrap();
        assert_eq!(tokens.verify(&without, at(0)).unwrap().sid, None);
    }

    #[test]
    fn a_token_holds_no_personal_data() {
        let (token, _) = tokens().issue(Uuid::max(), Uuid::max(), Some(Uuid::max()), at(0)).unwrap();
        let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        let payload: Value = serde_json::from_slice(&payload).unwrap();
        let names: Vec<_> = payload.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["iss", "aud", "sub", "tid", "jti", "sid", "iat", "nbf", "exp"]);
    }

    #[test]
    fn tokens_outlive_a_rotation_of_keys_but_not_three() {
        let path: PathBuf = std::env::temp_dir().join(format!("kith-token-{}.pem", std::process::id()));
        std::fs::remove_file(&path).ok();
        let tokens = Tokens::new(SigningKeys::load_or_create(&path).unwrap(), "i", "a");
        let (token, _) = tokens.issue(Uuid::nil(), Uuid::nil(), None, at(0)).unwrap();
        assert!(tokens.verify(&token, at(0)).is_ok());
        for rotation in 1..=3 {
            SigningKeys::rotate(&path).unwrap();
            assert!(tokens.keys.reload_if_changed().unwrap());
            assert_eq!(tokens.verify(&token, at(0)).is_ok(), rotation < 3, "after {rotation}");
            let (newer, _) = tokens.issue(Uuid::nil(), Uuid::nil(), None, at(0)).unwrap();
            assert!(tokens.verify(&newer, at(0)).is_ok());
        }
        std::fs::remove_file(path).unwrap();
    }
}
