//! A question to the person behind the client, where the client can ask one. A client that declines by itself, goes on for ever
//! or can't ask has not answered anything: the status then names the tool to call.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rmcp::model::{
    ClientResult, ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationSchema, EnumSchema,
    InputRequest, InputRequests, InputRequiredResult, InputResponses, PrimitiveSchemaDefinition, ProtocolVersion,
    ServerRequest,
};
use rmcp::service::{PeerRequestOptions, RequestContext, RoleServer};
use rmcp::task_manager::{TaskContext, TaskExit};

/// How long a person may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// The key of the one thing that is asked.
const KEY: &str = "answer";

/// Why nothing is asked.
const CANNOT: &str = "the client can't ask a person";

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// One of the words that were offered.
    Word(String),
    /// Nothing that counts, and why.
    Nothing(&'static str),
}

fn patience() -> Duration {
    let said = std::env::var("POS_ELICIT_MS").ok().filter(|_| cfg!(debug_assertions));
    said.and_then(|ms| ms.parse().ok()).map_or(PATIENCE, Duration::from_millis)
}

/// What is asked within a call, in a protocol where a server sends no requests of its own: a task waits with the question until
/// the client has answered it; a call without a task ends with it, and the client calls again with the answer.
#[derive(Default)]
pub(crate) struct Rounds {
    /// The task that the call became.
    pub(crate) task: Option<TaskContext>,
    /// How many questions the task has asked: none may have the name of another.
    pub(crate) asked: AtomicU32,
    /// The answers that came with this call, by what they are about.
    pub(crate) answers: Mutex<InputResponses>,
    /// What this call ends with.
    pub(crate) wanted: Mutex<InputRequests>,
    /// Whether the same call can be made again.
    pub(crate) can_repeat: bool,
}

impl Rounds {
    /// What the call ends with, if it is a question.
    pub(crate) fn question(&self) -> Option<InputRequiredResult> {
        let wanted = std::mem::take(&mut *self.wanted.lock().unwrap_or_else(PoisonError::into_inner));
        (!wanted.is_empty()).then(|| InputRequiredResult::from_input_requests(wanted))
    }
}

/// Whether the client says that it can ask.
fn can_ask(context: &RequestContext<RoleServer>) -> bool {
    let can = context.client_capabilities().and_then(|can| can.elicitation);
    // One that names no form of it has the oldest.
    can.is_some_and(|can| can.form.is_some() || can.url.is_none())
}

/// What an answer of the client comes to.
fn said(result: ElicitResult, words: &[String]) -> Said {
    match result.action {
        ElicitationAction::Accept => {
            let word = result.content.as_ref().and_then(|content| content.get(KEY)?.as_str().map(str::to_owned));
            let known = word.filter(|word| words.contains(word));
            known.map_or(Said::Nothing("the client's answer is none of those that were offered"), Said::Word)
        }
        ElicitationAction::Decline => Said::Nothing("the client declined the question"),
        _ => Said::Nothing("the question was dismissed"),
    }
}

/// What an answer comes to that a client sent as it likes.
fn understood(given: serde_json::Value, words: &[String]) -> Said {
    let result = serde_json::from_value(given);
    result.map_or(Said::Nothing("the client answered something else"), |result| said(result, words))
}

/// Asks for one of some words, each with what it does. `about` names what it is about.
pub(crate) async fn ask(
    context: &RequestContext<RoleServer>,
    rounds: &Rounds,
    about: &str,
    message: String,
    offered: &[(String, String)],
) -> Said {
    if !can_ask(context) {
        return Said::Nothing(CANNOT);
    }
    let words: Vec<String> = offered.iter().map(|(word, _)| word.clone()).collect();
    let labels: Vec<String> = offered.iter().map(|(_, label)| label.clone()).collect();
    let choice = match EnumSchema::builder(words.clone()).enum_titles(labels) {
        Ok(titled) => titled.build(),
        Err(_) => EnumSchema::builder(words.clone()).build(),
    };
    let properties = BTreeMap::from([(KEY.to_owned(), PrimitiveSchemaDefinition::Enum(choice))]);
    let requested_schema = ElicitationSchema::new(properties).with_required(vec![KEY.to_owned()]);
    let params = ElicitRequestParams::FormElicitationParams { meta: None, message, requested_schema };
    let request = ElicitRequest::new(params);
    if let Some(task) = &rounds.task {
        let name = format!("{about} {}", rounds.asked.fetch_add(1, Ordering::Relaxed) + 1);
        let answer = task.request_input(name, InputRequest::Elicitation(request));
        return match tokio::time::timeout(patience(), answer).await {
            Ok(Ok(given)) => understood(given, &words),
            Ok(Err(TaskExit::Cancelled)) => Said::Nothing("the task was cancelled"),
            Ok(Err(TaskExit::Error(_))) => Said::Nothing(CANNOT),
            Err(_) => Said::Nothing("nobody answered in time"),
        };
    }
    if context.protocol_version().is_some_and(|v| v.as_str() >= ProtocolVersion::V_2026_07_28.as_str()) {
        let given = rounds.answers.lock().unwrap_or_else(PoisonError::into_inner).remove(about);
        if let Some(given) = given {
            return understood(given, &words);
        }
        if !rounds.can_repeat {
            return Said::Nothing(CANNOT);
        }
        let mut wanted = rounds.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.insert(about.to_owned(), InputRequest::Elicitation(request));
        return Said::Nothing("the person is asked");
    }
    let options = PeerRequestOptions::with_timeout(patience());
    let Ok(handle) = context.peer.send_cancellable_request(ServerRequest::ElicitRequest(request), options).await else {
        return Said::Nothing(CANNOT);
    };
    let answer = tokio::select! {
        answer = handle.await_response() => answer,
        () = context.ct.cancelled() => return Said::Nothing("the call was cancelled"),
    };
    match answer {
        Ok(ClientResult::ElicitResult(result)) => said(result, &words),
        Ok(_) => Said::Nothing("the client answered something else"),
        Err(rmcp::ServiceError::Timeout { .. }) => Said::Nothing("nobody answered in time"),
        Err(_) => Said::Nothing("the client could not ask"),
    }
}
