//! A message whose end is not plain is refused, and its connection with it: whoever stands in front may have seen
//! another end. Promise 21.

use kith_testkit::Stage;
use std::time::Duration;

/// Heads and bodies of a POST, without its first line and its Host.
const LENGTHS: &[(&str, &str)] = &[
    ("both lengths", "content-length: 6\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nG"),
    ("both lengths, the other way round", "transfer-encoding: chunked\r\ncontent-length: 6\r\n\r\n0\r\n\r\nG"),
    ("two lengths", "content-length: 2\r\ncontent-length: 3\r\n\r\n{}G"),
    ("the same length twice", "content-length: 2\r\ncontent-length: 2\r\n\r\n{}"),
    ("a list of lengths", "content-length: 2, 2\r\n\r\n{}"),
    ("a length with a sign", "content-length: +2\r\n\r\n{}"),
    ("a length below nothing", "content-length: -2\r\n\r\n{}"),
    ("a hexadecimal length", "content-length: 0x2\r\n\r\n{}"),
    ("a length in two words", "content-length: 2 2\r\n\r\n{}"),
    ("an empty length", "content-length: \r\n\r\n{}"),
    ("a length beyond all bounds", "content-length: 18446744073709551616\r\n\r\n{}"),
    ("chunked twice", "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("chunked and identity", "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    ("identity and chunked", "transfer-encoding: identity, chunked\r\n\r\n0\r\n\r\n"),
    ("identity alone", "transfer-encoding: identity\r\n\r\n{}"),
    ("an unknown coding", "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n"),
    ("a coding after a tabulator", "transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    ("a space before the colon", "transfer-encoding : chunked\r\n\r\n0\r\n\r\n"),
    ("a folded header", "x-a: b\r\n c\r\ncontent-length: 2\r\n\r\n{}"),
    ("a folded coding", "transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
    ("a header without a name", ": x\r\ncontent-length: 2\r\n\r\n{}"),
    ("a line that is no header", "content-length 2\r\n\r\n{}"),
    ("a bare carriage return", "x-a: b\rcontent-length: 2\r\n\r\n{}"),
    ("a NUL in a header", "x-a: b\0c\r\ncontent-length: 2\r\n\r\n{}"),
];

/// Chunked bodies.
const CHUNKS: &[(&str, &str)] = &[
    ("a chunk of no size", "\r\n{}\r\n0\r\n\r\n"),
    ("a chunk size that is none", "zz\r\n{}\r\n0\r\n\r\n"),
    ("a chunk size with a sign", "+2\r\n{}\r\n0\r\n\r\n"),
    ("a chunk size below nothing", "-2\r\n{}\r\n0\r\n\r\n"),
    ("a chunk size with a prefix", "0x2\r\n{}\r\n0\r\n\r\n"),
    ("a chunk size beyond all bounds", "10000000000000002\r\n{}\r\n0\r\n\r\n"),
    ("a chunk that is longer than it says", "1\r\n{}\r\n0\r\n\r\n"),
    ("chunk sizes that end in a bare line feed", "2\n{}\n0\n\n"),
];

/// Whole messages.
const WHOLE: &[(&str, &str)] = &[
    ("no Host", "GET /healthz HTTP/1.1\r\n\r\n"),
    ("two Hosts", "GET /healthz HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n"),
    ("the same Host twice", "GET /healthz HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n"),
    ("chunked in HTTP/1.0", "POST /v1/auth/login HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("an unknown version", "GET /healthz HTTP/9.9\r\nhost: a\r\n\r\n"),
    ("two spaces in the first line", "GET  /healthz HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("a space in the path", "GET /health z HTTP/1.1\r\nhost: a\r\n\r\n"),
];

#[test]
fn an_ambiguous_message_gets_one_refusal_and_the_connection_ends() {
    let stage = Stage::new();
    let served = stage.serve();
    let post = "POST /v1/auth/login HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n";
    let lengths = LENGTHS.iter().map(|(name, rest)| (*name, format!("{post}{rest}")));
    let chunks = CHUNKS.iter().map(|(name, rest)| (*name, format!("{post}transfer-encoding: chunked\r\n\r\n{rest}")));
    let whole = WHOLE.iter().map(|(name, text)| (*name, (*text).to_owned()));
    let all: Vec<_> = lengths.chain(chunks).chain(whole).collect();
    assert!(all.len() >= 20);
    for (name, message) in all {
        // In one piece, and with the head first.
        for cut in [0, message.find("\r\n\r\n").unwrap() + 4] {
            let mut wire = served.connect();
            wire.send(&message[..cut]).unwrap();
            std::thread::sleep(Duration::from_millis(u64::from(cut > 0) * 20));
            // Whatever is taken for a second message would be answered as well. The connection may have ended by then.
            wire.send(format!("{}GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n", &message[cut..])).ok();
            let reply = wire.reply().unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(reply.status, 400, "{name}: {}", reply.body);
            let ended = wire.ends_within(Duration::from_secs(10));
            assert!(ended, "{name}: the connection goes on, or there is another answer");
        }
    }
    served.connect().ask("GET", "/healthz", None, None).unwrap();
}

#[test]
fn plain_messages_one_after_the_other_get_one_answer_each() {
    let stage = Stage::new();
    let served = stage.serve();
    let mut wire = served.connect();
    let get = "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";
    let chunked = "POST /v1/auth/logout HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n\
                   10\r\n{\"refreshToken\":\r\n4;x=y\r\n\"x\"}\r\n0\r\n\r\n";
    wire.send(format!("{get}{chunked}{get}\r\n{get}")).unwrap();
    for status in [200, 204, 200, 200] {
        assert_eq!(wire.reply().unwrap().status, status);
    }
    assert_eq!(wire.ask("GET", "/healthz", None, None).unwrap().status, 200);
}

#[test]
fn heads_have_a_limit_in_fields_and_in_bytes() {
    let stage = Stage::new();
    let served = stage.serve();
    let ask = |more: String| {
        let mut wire = served.connect();
        // The answer may come before the head is whole.
        wire.send(format!("GET /healthz HTTP/1.1\r\nhost: a\r\n{more}\r\n")).ok();
        wire.reply().unwrap()
    };
    let fields = |count: usize| (0..count - 1).map(|number| format!("x-{number}: y\r\n")).collect::<String>();
    assert_eq!(ask(fields(96)).status, 200);
    assert_eq!(ask(fields(97)).status, 431);
    assert_eq!(ask(fields(400)).status, 431);
    let long = |length: usize| format!("x-long: {}\r\n", "y".repeat(length));
    assert_eq!(ask(long(15 * 1024)).status, 200);
    assert_eq!(ask(long(17 * 1024)).code(), "HEADERS_TOO_LARGE");
    assert_eq!(ask(long(300 * 1024)).status, 431);
    let url =
        |length: usize| served.connect().ask("GET", &format!("/healthz?{}", "x".repeat(length)), None, None).unwrap();
    assert_eq!(url(8_000).status, 200);
    assert_eq!((url(9_000).status, url(9_000).header("content-type")), (414, Some("application/problem+json")));
    assert_eq!(url(60_000).status, 414);
    // Beyond 64 KiB the protocol layer takes it for none at all.
    assert_eq!(url(70_000).status, 400);
}
