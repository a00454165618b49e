//! Talks to an MCP server over streamable HTTP, as any client would. Proxy settings are ignored: the server is local.

use std::time::Duration;

use rmcp::model::CallToolRequestParams;
use rmcp::service::{RoleClient, RunningService, ServiceExt as _};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::Value;

/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(20);

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
    #[error("MCP {request} failed: {text}")]
    Tool {
        /// Which.
        request: String,
        /// Its words.
        text: String,
    },
    /// No answer in time.
    #[error("MCP {request} got no answer within {} s", .limit.as_secs())]
    TimedOut {
        /// Which.
        request: String,
        /// How long it was waited for.
        limit: Duration,
    },
}

/// A connection after its handshake.
pub struct Client {
    service: RunningService<RoleClient, ()>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

async fn timed<T, E: ToString>(
    request: &str,
    limit: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, McpError> {
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(e)) => Err(McpError::Request { request: request.to_owned(), problem: e.to_string() }),
        Err(_) => Err(McpError::TimedOut { request: request.to_owned(), limit }),
    }
}

impl Client {
    /// Connects and shakes hands (`initialize`).
    ///
    /// # Errors
    /// [`McpError`].
    pub async fn connect(url: &str) -> Result<Self, McpError> {
        let failed = |problem: String| McpError::Initialize { url: url.to_owned(), problem };
        let http = reqwest::Client::builder().no_proxy().connect_timeout(Duration::from_secs(5)).build();
        let config = StreamableHttpClientTransportConfig::with_uri(url);
        let transport = StreamableHttpClientTransport::with_client(http.map_err(|e| failed(e.to_string()))?, config);
        match tokio::time::timeout(REQUEST, ().serve(transport)).await {
            Ok(Ok(service)) => Ok(Self { service }),
            Ok(Err(e)) => Err(failed(e.to_string())),
            Err(_) => Err(McpError::TimedOut { request: "initialize".into(), limit: REQUEST }),
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
    /// [`McpError`].
    pub async fn tools(&self) -> Result<Vec<String>, McpError> {
        let tools = timed("tools/list", REQUEST, self.service.list_all_tools()).await?;
        let mut names: Vec<String> = tools.into_iter().map(|t| t.name.into_owned()).collect();
        names.sort();
        Ok(names)
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
        let result = timed(&request, limit, self.service.call_tool(params)).await?;
        let json = serde_json::to_value(&result).unwrap_or_default();
        let texts = json["content"].as_array().into_iter().flatten();
        let text = texts.filter_map(|c| c["text"].as_str()).collect::<Vec<_>>().join("\n");
        if result.is_error == Some(true) {
            return Err(McpError::Tool { request, text });
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
