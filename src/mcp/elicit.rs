//! A question to the person behind the client, where the client can ask one. A client that declines by itself, goes on for ever
//! or can't ask has not answered anything: the status then names the tool to call.

use std::collections::BTreeMap;
use std::time::Duration;

use rmcp::model::{
    ClientResult, ElicitRequest, ElicitRequestParams, ElicitationAction, ElicitationSchema, EnumSchema,
    PrimitiveSchemaDefinition, ServerRequest,
};
use rmcp::service::{PeerRequestOptions, RequestContext, RoleServer};

/// How long a person may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// The key of the one thing that is asked.
const KEY: &str = "answer";

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

/// Whether the client says that it can ask.
fn can_ask(context: &RequestContext<RoleServer>) -> bool {
    context.client_capabilities().is_some_and(|can| can.elicitation.as_ref().is_some_and(|e| e.form.is_some() || e.url.is_none()))
}

/// Asks for one of some words, each with what it does.
pub(crate) async fn ask(context: &RequestContext<RoleServer>, message: String, offered: &[(String, String)]) -> Said {
    if !can_ask(context) {
        return Said::Nothing("the client can't ask a person");
    }
    let words: Vec<String> = offered.iter().map(|(word, _)| word.clone()).collect();
    let labels: Vec<String> = offered.iter().map(|(_, label)| label.clone()).collect();
    let choice = EnumSchema::builder(words.clone());
    let choice = match choice.enum_titles(labels) {
        Ok(titled) => titled.build(),
        Err(_) => EnumSchema::builder(words.clone()).build(),
    };
    let properties = BTreeMap::from([(KEY.to_owned(), PrimitiveSchemaDefinition::Enum(choice))]);
    let requested_schema = ElicitationSchema::new(properties).with_required(vec![KEY.to_owned()]);
    let params = ElicitRequestParams::FormElicitationParams { meta: None, message, requested_schema };
    let request = ServerRequest::ElicitRequest(ElicitRequest::new(params));
    let options = PeerRequestOptions::with_timeout(patience());
    let Ok(handle) = context.peer.send_cancellable_request(request, options).await else {
        return Said::Nothing("the client can't ask a person");
    };
    let answer = tokio::select! {
        answer = handle.await_response() => answer,
        () = context.ct.cancelled() => return Said::Nothing("the call was cancelled"),
    };
    match answer {
        Ok(ClientResult::ElicitResult(result)) => match result.action {
            ElicitationAction::Accept => {
                let word = result.content.as_ref().and_then(|content| content.get(KEY)?.as_str().map(str::to_owned));
                let known = word.filter(|word| words.contains(word));
                known.map_or(Said::Nothing("the client's answer is none of those that were offered"), Said::Word)
            }
            ElicitationAction::Decline => Said::Nothing("the client declined the question"),
            _ => Said::Nothing("the question was dismissed"),
        },
        Ok(_) => Said::Nothing("the client answered something else"),
        Err(rmcp::ServiceError::Timeout { .. }) => Said::Nothing("nobody answered in time"),
        Err(_) => Said::Nothing("the client could not ask"),
    }
}
