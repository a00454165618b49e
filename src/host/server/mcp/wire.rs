//! The HTTP below an MCP connection. The server is code that was just installed: it may answer anything, or never end.
//!
//! One address is talked to and no other: a redirect is an answer like any other wrong one, and proxies are ignored. What
//! is read is limited in size, and what a server does wrong has a name, which ends what waits for the answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Response, StatusCode};
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
};
use serde_json::Value;
use sse_stream::{Sse, SseStream};
use tokio::sync::watch;

use crate::core::visible;
use crate::host::files::fs::human_size;

/// An answer that is larger is none: the longest list of tools has a hundredth of that.
const ANSWER: usize = 4 << 20;
/// No answer takes more events: notes on how far it is are among them.
const EVENTS_OF_ONE: usize = 5_000;
/// Of an answer that says that something went wrong.
const COMPLAINT: usize = 64 << 10;
/// Of what a server says, in a message of ours.
const QUOTED: usize = 200;

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";
const SESSION: &str = "mcp-session-id";

/// What a server did wrong, in a sentence that begins with the server.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Wrong(String);

type Failed = StreamableHttpError<Wrong>;

/// What is seen of a connection; shared with who waits.
#[derive(Debug)]
struct Seen {
    wrong: watch::Sender<Option<String>>,
    bytes: AtomicU64,
    events: AtomicU64,
}

/// The HTTP client of one connection.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    http: reqwest::Client,
    seen: Arc<Seen>,
}

impl Wire {
    pub(crate) fn new(http: reqwest::Client) -> Self {
        let seen = Seen { wrong: watch::Sender::new(None), bytes: AtomicU64::new(0), events: AtomicU64::new(0) };
        Self { http, seen: Arc::new(seen) }
    }

    /// Waits until the server does something wrong.
    pub(crate) async fn wrong(&self) -> String {
        let mut changes = self.seen.wrong.subscribe();
        match changes.wait_for(Option::is_some).await {
            Ok(wrong) => wrong.clone().unwrap_or_default(),
            // The other end lives as long as this one.
            Err(_) => std::future::pending().await,
        }
    }

    /// What it did wrong first.
    pub(crate) fn first_wrong(&self) -> Option<String> {
        self.seen.wrong.borrow().clone()
    }

    /// What has come so far, for a message that says that the end of it never did; forgets it.
    pub(crate) fn so_far(&self) -> String {
        let (bytes, events) = (self.seen.bytes.swap(0, Ordering::Relaxed), self.seen.events.swap(0, Ordering::Relaxed));
        match (bytes, events) {
            (0, _) => "the server sent nothing".to_owned(),
            (_, 0) => format!("the server sent {} of one, and not its end", human_size(bytes)),
            (_, events) => format!("the server sent {events} events ({}), none of them the answer", human_size(bytes)),
        }
    }

    fn note(&self, what: impl Into<String>) -> Wrong {
        let what = what.into();
        self.seen.wrong.send_if_modified(|wrong| {
            let first = wrong.is_none();
            wrong.get_or_insert_with(|| what.clone());
            first
        });
        Wrong(what)
    }

    fn failed(&self, what: impl Into<String>) -> Failed {
        StreamableHttpError::Client(self.note(what))
    }

    /// A whole body, of at most so many bytes.
    async fn body(&self, response: &mut Response, most: usize) -> Result<Vec<u8>, Failed> {
        let mut body = Vec::new();
        loop {
            let chunk = response.chunk().await.map_err(|e| self.failed(broken(&e)))?;
            let Some(chunk) = chunk else { return Ok(body) };
            self.seen.bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            if body.len() + chunk.len() > most {
                return Err(self.failed(format!("the server's answer is larger than {}", human_size(most as u64))));
            }
            body.extend_from_slice(&chunk);
        }
    }

    fn message(&self, text: &[u8]) -> Result<ServerJsonRpcMessage, Wrong> {
        let told = || visible::start_of(&String::from_utf8_lossy(text), QUOTED);
        // As any value first: what is nested too deeply, or is no JSON at all, is told apart from what is no message.
        let value: Value = serde_json::from_slice(text).map_err(|e| {
            let why = e.to_string();
            match why.contains("recursion limit") {
                true => self.note("the server's answer is nested too deeply"),
                false => self.note(format!("the server's answer is not JSON ({}): {}", visible::line(&why), told())),
            }
        })?;
        serde_json::from_value(value)
            .map_err(|_| self.note(format!("the server's answer is no message of the protocol: {}", told())))
    }

    /// The events of a response, as long as they are sound and not too many.
    fn events(&self, response: Response) -> BoxStream<'static, Result<Sse, SseError>> {
        let wire = self.clone();
        let bytes = stream::try_unfold((response, 0_usize), move |(mut response, read)| {
            let wire = wire.clone();
            async move {
                let chunk = response.chunk().await.map_err(|e| wire.note(broken(&e)))?;
                let Some(chunk) = chunk else { return Ok(None) };
                let read = read + chunk.len();
                wire.seen.bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
                if read > ANSWER {
                    let most = human_size(ANSWER as u64);
                    return Err(wire.note(format!("the server's event stream is larger than {most} and does not end")));
                }
                Ok(Some((chunk, (response, read))))
            }
        });
        let wire = self.clone();
        let mut count = 0;
        let checked = SseStream::from_bytes_stream(Box::pin(bytes)).map(move |event| {
            wire.seen.events.fetch_add(1, Ordering::Relaxed);
            count += 1;
            if count > EVENTS_OF_ONE {
                let what = format!("the server's event stream has more than {EVENTS_OF_ONE} events, and does not end");
                return Err(SseError::Body(Box::new(wire.note(what))));
            }
            let event = event.map_err(|e| match e {
                SseError::Body(e) => SseError::Body(e),
                other => SseError::Body(Box::new(wire.note(format!("the server's event stream is broken: {other}")))),
            })?;
            let data = event.data.as_deref().unwrap_or_default();
            if !data.trim().is_empty() {
                wire.message(data.as_bytes()).map_err(|wrong| SseError::Body(Box::new(wrong)))?;
            }
            Ok(event)
        });
        Box::pin(checked)
    }

    async fn post(
        &self,
        uri: &str,
        message: &ClientJsonRpcMessage,
        session: Option<&str>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Failed> {
        let awaits = matches!(message, ClientJsonRpcMessage::Request(_));
        let mut request = self.http.post(uri).header(ACCEPT, format!("{JSON}, {EVENTS}")).header(CONTENT_TYPE, JSON);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(session) = session {
            request = request.header(SESSION, session);
        }
        let body = serde_json::to_vec(message)?;
        let mut response = request.body(body).send().await.map_err(|e| self.failed(broken(&e)))?;
        let status = response.status();
        if matches!(status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT) {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        if status == StatusCode::NOT_FOUND && session.is_some() {
            return Err(StreamableHttpError::SessionExpired);
        }
        if status.is_redirection() {
            let to = response.headers().get(reqwest::header::LOCATION).map(HeaderValue::as_bytes).unwrap_or_default();
            let to = visible::start_of(&visible::line_of(to), QUOTED);
            let what =
                format!("the server leads elsewhere (HTTP {}, to {to}), and nobody else is asked", status.as_u16());
            return Err(self.failed(what));
        }
        let kind = response.headers().get(CONTENT_TYPE).map(|v| visible::line_of(v.as_bytes())).unwrap_or_default();
        let is = |wanted: &str| kind.get(..wanted.len()).is_some_and(|k| k.eq_ignore_ascii_case(wanted));
        let said = response.headers().get(SESSION).and_then(|v| v.to_str().ok()).map(str::to_owned);
        if !status.is_success() {
            let body = self.body(&mut response, COMPLAINT).await?;
            // It may still be an answer: that the request is wrong.
            if is(JSON)
                && let Ok(message @ ServerJsonRpcMessage::Error(_)) = serde_json::from_slice(&body)
            {
                return Ok(StreamableHttpPostResponse::Json(message, said));
            }
            let told = visible::start_of(&String::from_utf8_lossy(&body), QUOTED);
            return Err(self.failed(format!("the server answered HTTP {status}: {told}")));
        }
        if is(EVENTS) {
            return Ok(StreamableHttpPostResponse::Sse(self.events(response), said));
        }
        if is(JSON) {
            let body = self.body(&mut response, ANSWER).await?;
            // To what asks nothing some answer with words that mean nothing.
            if !awaits && serde_json::from_slice::<ServerJsonRpcMessage>(&body).is_err() {
                return Ok(StreamableHttpPostResponse::Accepted);
            }
            let message = self.message(&body).map_err(StreamableHttpError::Client)?;
            return Ok(StreamableHttpPostResponse::Json(message, said));
        }
        if !awaits && response.content_length() == Some(0) {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        let kind = if kind.is_empty() { "no content type".to_owned() } else { visible::start_of(&kind, QUOTED) };
        Err(self.failed(format!("the server's answer is neither JSON nor an event stream, but {kind}")))
    }
}

/// What went wrong with a connection, down to what the system said.
fn broken(error: &reqwest::Error) -> String {
    let mut source: Option<&dyn std::error::Error> = std::error::Error::source(error);
    let mut last = error.to_string();
    while let Some(inner) = source {
        last = inner.to_string();
        source = inner.source();
    }
    format!("the connection to the server failed: {}", visible::start_of(&last, QUOTED))
}

impl StreamableHttpClient for Wire {
    type Error = Wrong;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        _auth: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Failed> {
        self.post(&uri, &message, session_id.as_deref(), headers).await
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session_id: Arc<str>,
        _auth: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), Failed> {
        let mut request = self.http.delete(uri.as_ref()).header(SESSION, session_id.as_ref());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        // What comes of it is the server's own business.
        request.send().await.map(drop).map_err(|e| StreamableHttpError::Client(Wrong(broken(&e))))
    }

    /// Nothing that a server tells without being asked is waited for, so it is not asked for either.
    async fn get_stream(
        &self,
        _uri: Arc<str>,
        _session_id: Option<Arc<str>>,
        _last_event_id: Option<String>,
        _auth: Option<String>,
        _headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, Failed> {
        Err(StreamableHttpError::ServerDoesNotSupportSse)
    }
}
