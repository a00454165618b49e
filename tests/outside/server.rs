//! Servers that answer anything: hand-made ones on the loopback, each with one way of being wrong. The client says what the
//! server did, talks to nobody else, and holds little of what is sent.

use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use pos_upgrade_tui::host::server::mcp::Client;
use serde_json::{Value, json};

/// What the client may hold more than before: an answer of the greatest size, parsed.
const MEMORY: u64 = 400 << 20;

/// A server that lives as long as this.
struct Server {
    url: String,
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicU32>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

/// A request: its method's name in the protocol, and its id.
struct Asked {
    method: String,
    id: Value,
}

fn request(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let (mut length, mut line) = (0, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = n.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let value: Value = serde_json::from_slice(&body).unwrap_or_default();
    Some(Asked { method: value["method"].as_str().unwrap_or_default().to_owned(), id: value["id"].clone() })
}

/// Starts a server: each request has a connection of its own, and `answer` writes what comes back.
fn serve(
    answer: impl Fn(&Asked, &mut TcpStream, &AtomicBool) -> std::io::Result<()> + Send + Sync + 'static,
) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://127.0.0.1:{}/mcp", listener.local_addr().unwrap().port());
    let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    listener.set_nonblocking(true).unwrap();
    let (ends, counts, answer) = (Arc::clone(&stop), Arc::clone(&asked), Arc::new(answer));
    std::thread::spawn(move || {
        while !ends.load(Ordering::SeqCst) {
            let Ok((mut stream, _)) = listener.accept() else {
                std::thread::sleep(Duration::from_millis(2));
                continue;
            };
            stream.set_nonblocking(false).unwrap();
            let (ends, counts, answer) = (Arc::clone(&ends), Arc::clone(&counts), Arc::clone(&answer));
            std::thread::spawn(move || {
                let Some(asked) = request(&stream) else { return };
                counts.fetch_add(1, Ordering::SeqCst);
                // A client that hangs up is what is hoped for.
                let _ = answer(&asked, &mut stream, &ends);
            });
        }
    });
    Server { url, stop, asked }
}

fn head(stream: &mut TcpStream, status: &str, kind: &str) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n")
}

fn result(asked: &Asked, result: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": asked.id, "result": result}).to_string()
}

/// A sound answer to a handshake; true if that was asked.
fn shakes_hands(asked: &Asked, stream: &mut TcpStream) -> std::io::Result<bool> {
    match asked.method.as_str() {
        "initialize" => {
            head(stream, "200 OK", "application/json")?;
            let server = json!({"protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
                                "serverInfo": {"name": "s", "version": "1"}});
            stream.write_all(result(asked, &server).as_bytes())?;
            Ok(true)
        }
        "notifications/initialized" | "notifications/cancelled" => {
            head(stream, "202 Accepted", "application/json")?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// The most memory that this process has had.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() * 1024
}

fn tools(url: &str) -> Result<Vec<String>, String> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(Client::tools_at(url)).map_err(|e| e.to_string())
}

type Answer = fn(&Asked, &mut TcpStream, &AtomicBool) -> std::io::Result<()>;

/// Writes until the client or the test has enough.
fn for_ever(stream: &mut TcpStream, stop: &AtomicBool, part: &[u8], pause: Duration) -> std::io::Result<()> {
    while !stop.load(Ordering::SeqCst) {
        stream.write_all(part)?;
        std::thread::sleep(pause);
    }
    Ok(())
}

const NO_PAUSE: Duration = Duration::ZERO;
const DRIP: Duration = Duration::from_millis(500);

/// What a server does instead of listing its tools, and what is said of it.
const WRONG: &[(&str, &str, Answer)] = &[
    ("another host", "leads elsewhere (HTTP 307", |_, s, _| {
        write!(s, "HTTP/1.1 307 Temporary Redirect\r\nLocation: OTHER\r\nContent-Length: 0\r\n\r\n")
    }),
    ("another path", "leads elsewhere (HTTP 308", |_, s, _| {
        write!(s, "HTTP/1.1 308 Permanent Redirect\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n")
    }),
    ("a login", "answered HTTP 401", |_, s, _| {
        write!(s, "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer \r\nContent-Length: 2\r\n\r\nno")
    }),
    ("an error with escapes", "answered HTTP 500", |_, s, _| {
        head(s, "500 Oops", "text/plain")?;
        s.write_all("\u{1b}[31mred\u{9b}2J\n".as_bytes())
    }),
    ("an error without end", "larger than", |_, s, stop| {
        head(s, "500 Oops", "text/plain")?;
        for_ever(s, stop, &[b'x'; 4096], NO_PAUSE)
    }),
    ("a page", "neither JSON nor an event stream, but text/html", |_, s, _| {
        head(s, "200 OK", "text/html")?;
        s.write_all(b"<html>")
    }),
    ("no type", "but no content type", |_, s, _| write!(s, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{{}}")),
    ("no JSON", "is not JSON", |_, s, _| {
        head(s, "200 OK", "application/json")?;
        s.write_all(b"{\"jsonrpc\": \"2.0\",")
    }),
    ("another JSON", "is no message of the protocol", |_, s, _| {
        head(s, "200 OK", "application/json")?;
        s.write_all(b"{\"tools\": []}")
    }),
    ("deep JSON", "nested too deeply", |_, s, _| {
        head(s, "200 OK", "application/json")?;
        s.write_all("[".repeat(1_000_000).as_bytes())
    }),
    ("an event of deep JSON", "nested too deeply", |_, s, _| {
        head(s, "200 OK", "text/event-stream")?;
        s.write_all(format!("data: {}\n\n", "{\"a\":".repeat(100_000)).as_bytes())
    }),
    ("a body without end", "larger than", |_, s, stop| {
        head(s, "200 OK", "application/json")?;
        s.write_all(b"[")?;
        for_ever(s, stop, &b"[],".repeat(20_000), NO_PAUSE)
    }),
    ("a body of promised length", "larger than", |_, s, stop| {
        write!(s, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999999999999\r\n\r\n")?;
        for_ever(s, stop, &b" ".repeat(60_000), NO_PAUSE)
    }),
    ("events without end", "event stream has more than", |_, s, stop| {
        head(s, "200 OK", "text/event-stream")?;
        let event =
            json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}});
        for_ever(s, stop, format!("data: {event}\n\n").repeat(100).as_bytes(), NO_PAUSE)
    }),
    ("an event without end", "event stream is larger", |_, s, stop| {
        head(s, "200 OK", "text/event-stream")?;
        s.write_all(b"data: ")?;
        for_ever(s, stop, &[b'x'; 60_000], NO_PAUSE)
    }),
    ("comments without end", "event stream is larger", |_, s, stop| {
        head(s, "200 OK", "text/event-stream")?;
        for_ever(s, stop, &b": ping\n\n".repeat(1_000), NO_PAUSE)
    }),
    ("an event that is no message", "is not JSON", |_, s, _| {
        head(s, "200 OK", "text/event-stream")?;
        s.write_all(b"data: hello\n\n")
    }),
    ("headers without end", "connection to the server failed", |_, s, stop| {
        write!(s, "HTTP/1.1 200 OK\r\n")?;
        for_ever(
            s,
            stop,
            b"X-More: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n",
            NO_PAUSE,
        )
    }),
    ("a line that never ends", "connection to the server failed", |_, s, stop| {
        for_ever(s, stop, &[b'x'; 10_000], NO_PAUSE)
    }),
    ("a hang-up", "connection to the server failed", |_, _, _| Ok(())),
    ("tools without end", "does not end after", |asked, s, _| {
        head(s, "200 OK", "application/json")?;
        let page = json!({"tools": [{"name": "t", "inputSchema": {"type": "object"}}], "nextCursor": "more"});
        s.write_all(result(asked, &page).as_bytes())
    }),
    ("more tools than anybody has", "lists more than", |asked, s, _| {
        head(s, "200 OK", "application/json")?;
        let tools: Vec<Value> = (0..6_000).map(|n| json!({"name": format!("t{n}"), "inputSchema": {}})).collect();
        s.write_all(result(asked, &json!({"tools": tools})).as_bytes())
    }),
    ("an error of the protocol", "\\u{1b}[31m", |asked, s, _| {
        head(s, "200 OK", "application/json")?;
        let error = json!({"jsonrpc": "2.0", "id": asked.id, "error": {"code": -32000, "message": "\u{1b}[31m\nno"}});
        s.write_all(error.to_string().as_bytes())
    }),
];

/// What takes until the time is over.
const SLOW: &[(&str, &str, Answer)] = &[
    ("nothing at all", "sent nothing", |_, s, stop| {
        while !stop.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(20));
        }
        s.flush()
    }),
    ("a slow drip", "of one, and not its end", |_, s, stop| {
        head(s, "200 OK", "application/json")?;
        for_ever(s, stop, b" ", DRIP)
    }),
    ("slow events", "none of them the answer", |_, s, stop| {
        head(s, "200 OK", "text/event-stream")?;
        let event =
            json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}});
        for_ever(s, stop, format!("data: {event}\n\n").as_bytes(), DRIP)
    }),
];

fn try_all(cases: &'static [(&str, &str, Answer)], with_handshake: bool) {
    let other = serve(|_, s, _| head(s, "200 OK", "application/json"));
    let to_other = other.url.clone();
    let before = peak();
    let tried: Vec<_> = cases
        .iter()
        .map(|(name, says, answer)| {
            let to_other = to_other.clone();
            std::thread::spawn(move || {
                let server = serve(move |asked, stream, stop| {
                    if with_handshake && shakes_hands(asked, stream)? {
                        return Ok(());
                    }
                    if *name == "another host" {
                        let status = "HTTP/1.1 307 Temporary Redirect";
                        return write!(stream, "{status}\r\nLocation: {to_other}\r\nContent-Length: 0\r\n\r\n");
                    }
                    answer(asked, stream, stop)
                });
                let begun = Instant::now();
                let error = tools(&server.url).expect_err(name);
                assert!(error.contains(says), "{name}: {error}");
                assert!(error.len() < 2_000 && !error.contains(['\u{1b}', '\u{9b}', '\n']), "{name}: {error:?}");
                // Longer than the limit, for a busy machine.
                assert!(begun.elapsed() < Duration::from_secs(50), "{name}: {:?}", begun.elapsed());
                assert!(server.asked.load(Ordering::SeqCst) > 0);
            })
        })
        .collect();
    let failed: Vec<_> = tried.into_iter().filter_map(|t| t.join().err()).collect();
    assert!(failed.is_empty(), "{} of {} failed", failed.len(), cases.len());
    let more = peak().saturating_sub(before);
    println!("{} servers, {} MB more", cases.len(), more >> 20);
    assert!(more < MEMORY, "{} MB", more >> 20);
    assert_eq!(other.asked.load(Ordering::SeqCst), 0, "nobody else is asked");
}

#[test]
fn what_a_server_does_wrong_has_a_name() {
    let begun = Instant::now();
    try_all(WRONG, true);
    // All that is told at once needs no patience.
    assert!(begun.elapsed() < Duration::from_secs(45), "{:?}", begun.elapsed());
}

#[test]
fn so_it_has_in_the_handshake() {
    let before_tools: Vec<_> = WRONG.iter().filter(|(name, ..)| !name.contains("tools")).copied().collect::<Vec<_>>();
    try_all(Box::leak(before_tools.into_boxed_slice()), false);
}

#[test]
fn what_is_slow_is_given_up_and_said_to_be() {
    try_all(SLOW, true);
}

#[test]
fn a_sound_server_is_understood() {
    let server = serve(|asked, stream, _| {
        if shakes_hands(asked, stream)? {
            return Ok(());
        }
        head(stream, "200 OK", "text/event-stream")?;
        let list = json!({"tools": [{"name": "b", "inputSchema": {}}, {"name": "a", "inputSchema": {}}]});
        write!(stream, ": hello\n\nevent: message\ndata: {}\n\n", result(asked, &list))
    });
    assert_eq!(tools(&server.url).unwrap(), ["a", "b"]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let elsewhere = runtime.block_on(Client::connect("http://localhost:1/mcp")).unwrap_err().to_string();
    assert!(elsewhere.contains("only an address of this machine"), "{elsewhere}");
}
