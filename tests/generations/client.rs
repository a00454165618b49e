//! A client of an install's server that shares nothing with the product's: one connection for each message, over plain
//! sockets, by the address in the server's own file.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

/// A session with a server that answered.
pub struct Client {
    host: String,
    path: String,
    session: String,
    /// The process that the server's file names.
    pub pid: u64,
}

impl Client {
    /// None where no server answers.
    pub fn of(install: &Path) -> Option<Self> {
        let state: Value = serde_json::from_slice(&std::fs::read(install.join(".mcp_server_state.json")).ok()?).ok()?;
        let (host, path) = state["url"].as_str()?.strip_prefix("http://")?.split_once('/')?;
        let pid = state["pid"].as_u64()?;
        let mut client = Self { host: host.to_owned(), path: path.to_owned(), session: String::new(), pid };
        let about =
            json!({"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
        let (head, _) = client.post(&json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": about}))?;
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("mcp-session-id:"))?;
        client.session = line.split_once(':')?.1.trim().to_owned();
        client.post(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))?;
        Some(client)
    }

    /// Head and body of the answer to a message.
    fn post(&self, message: &Value) -> Option<(String, String)> {
        let mut stream = TcpStream::connect(&self.host).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let (host, path, body) = (&self.host, &self.path, message.to_string());
        let session =
            if self.session.is_empty() { String::new() } else { format!("Mcp-Session-Id: {}\r\n", self.session) };
        let head = format!(
            "POST /{path} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json, text/event-stream\r\n{session}\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.to_owned(), body.to_owned()))
    }

    fn ask(&self, method: &str, params: &Value) -> Value {
        let message = json!({"jsonrpc": "2.0", "id": 2, "method": method, "params": params});
        let (_, body) = self.post(&message).unwrap_or_else(|| panic!("no answer to {message}"));
        let text = body.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or(&body);
        let answer: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {body}"));
        assert!(answer["error"].is_null(), "{message}: {answer}");
        answer["result"].clone()
    }

    /// The names of its tools, sorted.
    pub fn tools(&self) -> Vec<String> {
        let listed = self.ask("tools/list", &json!({}));
        let names = listed["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// What a tool answers: JSON, as it puts it into its text.
    pub fn call(&self, tool: &str, arguments: &Value) -> Value {
        let answer = self.ask("tools/call", &json!({"name": tool, "arguments": arguments}));
        let text = answer["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{tool} {arguments}: {answer}"));
        serde_json::from_str(text).unwrap_or_else(|_| json!(text))
    }
}
