//! Signatures as Standard Webhooks has them: HMAC-SHA256 over id, time and body, in base64, after `v1,`.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use kith_kernel::{Error, Result};
use sha2::Sha256;

/// How a secret begins when it is shown.
pub const PREFIX: &str = "whsec_";

/// The value of `webhook-signature`: one signature for each secret, with spaces between them.
pub fn header<'a>(secrets: impl Iterator<Item = &'a [u8]>, id: &str, timestamp: i64, body: &[u8]) -> Result<String> {
    let signed = |secret: &[u8]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).map_err(|error| Error::internal(error.to_string()))?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    };
    Ok(secrets.map(signed).collect::<Result<Vec<_>>>()?.join(" "))
}

/// A secret as it is shown.
pub fn show(secret: &[u8]) -> String {
    format!("{PREFIX}{}", STANDARD.encode(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector that the specification and its libraries publish.
    #[test]
    fn the_published_vector_comes_out() {
        let shown = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let secret = STANDARD.decode(shown.strip_prefix(PREFIX).unwrap()).unwrap();
        assert_eq!(show(&secret), shown);
        let body = br#"{"test": 2432232314}"#;
        let signed = header([secret.as_slice()].into_iter(), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signed.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let two = header([secret.as_slice(), b"other"].into_iter(), "a", 1, body).unwrap();
        assert_eq!(two.split(' ').count(), 2);
    }
}
