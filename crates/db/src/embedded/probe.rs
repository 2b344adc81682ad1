//! Asks over the Unix socket whether PostgreSQL answers, with the first message of its protocol and no driver.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::SUPERUSER;

const PROTOCOL_3_0: u32 = 196_608;
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It wants a password: sessions can begin.
    Ready,
    /// Somebody listens, but sessions cannot begin yet (or no longer).
    NotNow,
    /// Nobody listens.
    Silence,
}

pub(super) fn ask(socket: &Path) -> Answer {
    let Ok(mut stream) = UnixStream::connect(socket) else { return Answer::Silence };
    let mut reply = Vec::new();
    let asked = stream
        .set_read_timeout(Some(PATIENCE))
        .and_then(|()| stream.set_write_timeout(Some(PATIENCE)))
        .and_then(|()| stream.write_all(&startup_message()))
        .and_then(|()| read_first(&mut stream, &mut reply));
    if asked.is_err() { Answer::NotNow } else { judge(&reply) }
}

/// Reads one whole message: a connection closed with bytes unread would leave a complaint in the database's log.
fn read_first(stream: &mut UnixStream, reply: &mut Vec<u8>) -> std::io::Result<()> {
    let mut head = [0_u8; 5];
    stream.read_exact(&mut head)?;
    let [kind, length @ ..] = head;
    reply.push(kind);
    let body = u64::from(u32::from_be_bytes(length)).saturating_sub(4);
    stream.take(body.min(4096)).read_to_end(reply).map(drop)
}

fn judge(reply: &[u8]) -> Answer {
    // 57P03 cannot_connect_now: starting up, shutting down, recovering. Any other refusal, such as
    // "too many connections", comes from a server that is up.
    let cannot_connect_now = || reply.windows(6).any(|field| field == b"C57P03");
    match reply.first() {
        Some(b'R') => Answer::Ready,
        Some(b'E') if !cannot_connect_now() => Answer::Ready,
        _ => Answer::NotNow,
    }
}

fn startup_message() -> Vec<u8> {
    let mut body = PROTOCOL_3_0.to_be_bytes().to_vec();
    for text in ["user", SUPERUSER, "database", "postgres", ""] {
        body.extend(text.as_bytes());
        body.push(0);
    }
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [length.to_be_bytes().as_slice(), &body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_startup_message_counts_itself() {
        let message = startup_message();
        let length = u32::from_be_bytes(message[..4].try_into().unwrap());
        assert_eq!(usize::try_from(length).unwrap(), message.len());
        assert!(message.ends_with(b"database\0postgres\0\0"));
    }

    #[test]
    fn only_a_server_that_lets_sessions_begin_is_ready() {
        assert_eq!(judge(b"R"), Answer::Ready);
        assert_eq!(judge(b"ESFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0"), Answer::NotNow);
        assert_eq!(judge(b"ESFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0"), Answer::Ready);
        assert_eq!(judge(b""), Answer::NotNow);
    }

    #[test]
    fn a_missing_socket_is_silence() {
        assert_eq!(ask(Path::new("/nonexistent/.s.PGSQL.5432")), Answer::Silence);
    }
}
