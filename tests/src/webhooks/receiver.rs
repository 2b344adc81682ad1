//! A receiver of webhooks that keeps what it got and answers as it is told.

use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A request.
#[derive(Clone, Debug)]
pub struct Got {
    pub headers: BTreeMap<String, String>,
    pub raw: Vec<u8>,
    pub body: Value,
}

impl Got {
    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }
    pub fn name(&self) -> String {
        self.body["data"]["name"].as_str().unwrap_or_default().to_owned()
    }
}

type Answers = Arc<dyn Fn(&Got, usize) -> String + Send + Sync>;

/// It lives as long as its process.
pub struct Receiver {
    pub address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Receiver {
    /// Answers with the status that `answer` gives for a request and its number from 0.
    pub fn new(answer: impl Fn(&Got, usize) -> u16 + Send + Sync + 'static) -> Self {
        Receiver::saying(move |got, number| format!("HTTP/1.1 {} X\r\ncontent-length: 0\r\n\r\n", answer(got, number)))
    }

    /// Answers with a text.
    pub fn saying(answer: impl Fn(&Got, usize) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (got, answers): (Arc<Mutex<Vec<Got>>>, Answers) = (Arc::default(), Arc::new(answer));
        let all = got.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (all, answers) = (all.clone(), answers.clone());
                std::thread::spawn(move || serve(stream, &all, &answers));
            }
        });
        let receiver = Receiver { address, got };
        super::allow(&receiver);
        receiver
    }

    /// Takes everything.
    pub fn fine() -> Self {
        Receiver::new(|_, _| 204)
    }

    /// Takes requests and never answers.
    pub fn hanging() -> Self {
        Receiver::saying(|_, _| {
            std::thread::sleep(Duration::from_secs(600));
            String::new()
        })
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// What came so far.
    pub fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// Waits for so many.
    pub async fn wait(&self, number: usize) -> Vec<Got> {
        let began = Instant::now();
        while self.got.lock().unwrap().len() < number {
            assert!(began.elapsed() < Duration::from_secs(40), "{} of {number} came", self.got.lock().unwrap().len());
            actix_web::rt::time::sleep(Duration::from_millis(20)).await;
        }
        self.got()
    }
}

fn serve(stream: TcpStream, all: &Mutex<Vec<Got>>, answers: &Answers) {
    let mut reader = BufReader::new(&stream);
    let (mut headers, mut line) = (BTreeMap::new(), String::new());
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        if let Some((name, value)) = line.trim_end().split_once(": ") {
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        line.clear();
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut raw = vec![0; length];
    if headers.is_empty() || reader.read_exact(&mut raw).is_err() {
        return;
    }
    let got = Got { headers, body: serde_json::from_slice(&raw).unwrap_or_default(), raw };
    let number = {
        let mut all = all.lock().unwrap();
        all.push(got.clone());
        all.len() - 1
    };
    (&stream).write_all(answers(&got, number).as_bytes()).ok();
}
