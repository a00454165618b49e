//! Talks to an MCP server over streamable HTTP, as any client would, but only to one on this machine.

mod wire;

use std::time::Duration;

use reqwest::redirect::Policy;
use rmcp::model::{CallToolRequestParams, PaginatedRequestParams};
use rmcp::service::{RoleClient, RunningService, ServiceExt as _};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::Value;

use crate::core::visible;
use crate::host::server::mcp::wire::Wire;

/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(20);
/// How long it may take to be let in.
const CONNECT: Duration = Duration::from_secs(5);
/// Of a server's words, in a message.
const QUOTED: usize = 300;
/// A list of tools that goes on for longer has no end.
const PAGES: usize = 50;
const TOOLS: usize = 5_000;

/// Why the server could not be talked to.
#[derive(Debug, thiserror::Error)]
pub enum McpError {
    /// The handshake failed.
    #[error("MCP initialize at {url} failed: {problem}")]
    Initialize {
        /// The address.
        url: String,
        /// What the client says.
        problem: String,
    },
    /// A request failed.
    #[error("MCP {request} failed: {problem}")]
    Request {
        /// Which.
        request: String,
        /// What the client says.
        problem: String,
    },
    /// A tool was called, and says that it failed.
    #[error("MCP {request} failed: {}", visible::start_of(.text, QUOTED))]
    Tool {
        /// Which.
        request: String,
        /// Its words.
        text: String,
    },
    /// No answer in time.
    #[error("MCP {request} got no answer within {} s: {so_far}", .limit.as_secs())]
    TimedOut {
        /// Which.
        request: String,
        /// How long it was waited for.
        limit: Duration,
        /// What came until then.
        so_far: String,
    },
}

/// A connection after its handshake.
pub struct Client {
    service: RunningService<RoleClient, ()>,
    wire: Wire,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// Whether an address is one of this machine, which no name service and no proxy has a say in.
fn is_local(url: &str) -> bool {
    let rest = url.strip_prefix("http://127.0.0.1:").unwrap_or_default();
    let port = rest.split('/').next().unwrap_or_default();
    port.parse::<u16>().is_ok_and(|port| port != 0)
}

/// Waits for an answer, at most so long, and no longer than the server does nothing wrong.
async fn timed<T>(wire: &Wire, limit: Duration, work: impl Future<Output = T>) -> Result<T, Late> {
    let _ = wire.so_far();
    tokio::select! {
        biased;
        done = work => Ok(done),
        wrong = wire.wrong() => Err(Late::Wrong(wrong)),
        () = tokio::time::sleep(limit) => Err(Late::Never(wire.so_far())),
    }
}

/// Why there is no answer.
enum Late {
    /// The server did something wrong.
    Wrong(String),
    /// It did not come in time; with what came.
    Never(String),
}

impl Client {
    /// Connects and shakes hands (`initialize`).
    ///
    /// # Errors
    /// [`McpError`].
    pub async fn connect(url: &str) -> Result<Self, McpError> {
        let failed =
            |problem: String| McpError::Initialize { url: visible::line(url), problem: visible::line(&problem) };
        if !is_local(url) {
            return Err(failed("only an address of this machine is talked to".into()));
        }
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).connect_timeout(CONNECT).build();
        let wire = Wire::new(http.map_err(|e| failed(e.to_string()))?);
        let config = StreamableHttpClientTransportConfig::with_uri(url);
        let transport = StreamableHttpClientTransport::with_client(wire.clone(), config);
        match timed(&wire, REQUEST, ().serve(transport)).await {
            Ok(Ok(service)) => Ok(Self { service, wire }),
            // Who made it fail knows it best.
            Ok(Err(e)) => Err(failed(wire.first_wrong().unwrap_or_else(|| e.to_string()))),
            Err(Late::Wrong(wrong)) => Err(failed(wrong)),
            Err(Late::Never(so_far)) => {
                Err(McpError::TimedOut { request: "initialize".into(), limit: REQUEST, so_far })
            }
        }
    }

    async fn ask<T, E: ToString>(
        &self,
        request: &str,
        limit: Duration,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, McpError> {
        let request = visible::line(request);
        match timed(&self.wire, limit, work).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(e)) => {
                let problem = self.wire.first_wrong().unwrap_or_else(|| e.to_string());
                Err(McpError::Request { request, problem: visible::start_of(&problem, QUOTED) })
            }
            Err(Late::Wrong(wrong)) => Err(McpError::Request { request, problem: visible::line(&wrong) }),
            Err(Late::Never(so_far)) => Err(McpError::TimedOut { request, limit, so_far }),
        }
    }

    /// The names of the tools that a server registers, sorted, over a connection of their own.
    ///
    /// # Errors
    /// [`McpError`].
    pub async fn tools_at(url: &str) -> Result<Vec<String>, McpError> {
        let client = Self::connect(url).await?;
        let tools = client.tools().await;
        client.close().await;
        tools
    }

    /// The names of the registered tools, sorted.
    ///
    /// # Errors
    /// [`McpError`], also for a list that has no end.
    pub async fn tools(&self) -> Result<Vec<String>, McpError> {
        let mut names = self.ask("tools/list", REQUEST, self.pages()).await?;
        names.sort();
        Ok(names)
    }

    async fn pages(&self) -> Result<Vec<String>, String> {
        let mut names = Vec::new();
        let mut cursor = None;
        for _ in 0..PAGES {
            let page = PaginatedRequestParams::default().with_cursor(cursor.take());
            let page = self.service.list_tools(Some(page)).await.map_err(|e| e.to_string())?;
            names.extend(page.tools.into_iter().map(|t| t.name.into_owned()));
            if names.len() > TOOLS {
                return Err(format!("the server lists more than {TOOLS} tools"));
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(names);
            }
        }
        Err(format!("the server's list of tools does not end after {PAGES} pages"))
    }

    /// Calls a tool; its structured answer, else its texts joined.
    ///
    /// # Errors
    /// [`McpError`], also where the tool itself reports an error.
    pub async fn call(&self, tool: &str, arguments: Value, limit: Duration) -> Result<Value, McpError> {
        let mut params = CallToolRequestParams::new(tool.to_owned());
        if let Value::Object(arguments) = arguments {
            params = params.with_arguments(arguments);
        }
        let request = format!("tools/call {tool}");
        let result = self.ask(&request, limit, self.service.call_tool(params)).await?;
        let json = serde_json::to_value(&result)
            .map_err(|e| McpError::Request { request: visible::line(&request), problem: e.to_string() })?;
        let texts = json["content"].as_array().into_iter().flatten();
        let text = texts.filter_map(|c| c["text"].as_str()).collect::<Vec<_>>().join("\n");
        if result.is_error == Some(true) {
            return Err(McpError::Tool { request: visible::line(&request), text });
        }
        match &json["structuredContent"] {
            Value::Null => Ok(serde_json::from_str(&text).unwrap_or(Value::String(text))),
            structured => Ok(structured.clone()),
        }
    }

    /// Says goodbye.
    pub async fn close(self) {
        // The server may be gone already; nothing depends on it.
        let _ = tokio::time::timeout(Duration::from_secs(2), self.service.cancel()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_talked_to() {
        assert!(is_local("http://127.0.0.1:4242/mcp") && is_local("http://127.0.0.1:1"));
        for bad in ["http://127.0.0.1/mcp", "http://127.0.0.1:80@evil.invalid/", "https://127.0.0.1:1/", "http://x:1/"]
        {
            assert!(!is_local(bad), "{bad}");
        }
    }
}
