//! A client on a real socket, for what the client in process cannot see: bytes, times, and connections that end.

use serde_json::Value;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// One connection.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    /// Read, but not yet part of a reply.
    buffer: Vec<u8>,
}

/// One answer.
#[derive(Debug)]
pub struct Reply {
    /// Status.
    pub status: u16,
    /// Names in lower case, in the order they came.
    pub headers: Vec<(String, String)>,
    /// Body as sent.
    pub bytes: Vec<u8>,
    /// Body as JSON; null if it is none.
    pub body: Value,
}

impl Reply {
    /// One header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The code of a problem document.
    pub fn code(&self) -> &str {
        self.body.get("code").and_then(Value::as_str).unwrap_or_default()
    }

    /// A place in the body.
    pub fn at(&self, pointer: &str) -> &Value {
        self.body.pointer(pointer).unwrap_or(&Value::Null)
    }

    fn parse(head: &str) -> Option<Self> {
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let header =
            |line: &str| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
        Some(Reply { status, headers: lines.filter_map(header).collect(), bytes: Vec::new(), body: Value::Null })
    }
}

impl Wire {
    /// Connects; nothing is waited for longer than half a minute.
    pub fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.set_write_timeout(Some(Duration::from_secs(30)))?;
        stream.set_nodelay(true)?;
        Ok(Wire { stream, buffer: Vec::new() })
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// The next answer; `UnexpectedEof` when the connection ends without one.
    pub fn reply(&mut self) -> Result<Reply> {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.more()?;
        };
        let head = String::from_utf8_lossy(self.buffer.get(..end).unwrap_or_default()).into_owned();
        let broken = || Error::new(ErrorKind::InvalidData, head.clone());
        let mut reply = Reply::parse(&head).ok_or_else(broken)?;
        if reply.status == 100 {
            self.buffer.drain(..end);
            return self.reply();
        }
        let length = reply.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0_usize);
        while self.buffer.len() < end + length {
            self.more()?;
        }
        reply.bytes = self.buffer.drain(..end + length).skip(end).collect();
        reply.body = serde_json::from_slice(&reply.bytes).unwrap_or_default();
        Ok(reply)
    }

    fn more(&mut self) -> Result<()> {
        let mut part = [0; 16 * 1024];
        match self.stream.read(&mut part)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            length => {
                self.buffer.extend_from_slice(part.get(..length).unwrap_or_default());
                Ok(())
            }
        }
    }

    /// Sends a request and waits for its answer.
    pub fn ask(&mut self, method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> Result<Reply> {
        self.send(request(method, path, token, body))?;
        self.reply()
    }

    /// Whether something was read that is not part of a reply yet.
    pub fn has_more(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Whether the other side ends the connection within this time, without another answer.
    pub fn ends_within(&mut self, patience: Duration) -> bool {
        self.stream.set_read_timeout(Some(patience)).ok();
        let ended = match self.more() {
            Ok(()) => false,
            Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        };
        self.stream.set_read_timeout(Some(Duration::from_secs(30))).ok();
        ended && self.buffer.is_empty()
    }
}

/// A request as bytes.
pub fn request(method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> String {
    let token = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let body = body.map(Value::to_string);
    let length =
        body.as_ref().map(|body| format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()));
    let (length, body) = (length.unwrap_or_default(), body.unwrap_or_default());
    format!("{method} {path} HTTP/1.1\r\nhost: kith.example\r\n{token}{length}\r\n{body}")
}
