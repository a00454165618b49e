//! What a tool says that does not do what was asked: a result that an assistant can act on.

use rmcp::model::CallToolResult;
use schemars::JsonSchema;
use serde::Serialize;

use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::visible;
use crate::engine::refusal::Problem;

/// A refusal or a failure, as the structured content of a result that is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Fault {
    /// 1.
    pub(crate) schema: u32,
    /// What it is: `help` of the command line says more about it; none where nothing is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<Code>,
    /// What happened, to which path.
    pub(crate) what: String,
    /// How the install stands now.
    pub(crate) state: String,
    /// Whether the same call may work later without anything else being done first.
    pub(crate) retryable: bool,
    /// What to do: a sentence, or a command for the person to type.
    pub(crate) fix: String,
    /// The tool to call next, if that is one of these.
    pub(crate) next_tool: Option<String>,
    /// The exit code that the command line has for it.
    pub(crate) exit_code: u8,
}

/// How an install stands that nothing was done to.
const UNCHANGED: &str = "nothing was changed";

impl Fault {
    /// A refusal: nothing was changed.
    pub(crate) fn new(code: Code, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            schema: 1,
            code: Some(code),
            what: visible::lines(&what.into()),
            state: UNCHANGED.to_owned(),
            retryable: false,
            fix: visible::lines(&fix.into()),
            next_tool: None,
            exit_code: Exit::Refused.code(),
        }
    }

    /// Arguments that can't be meant.
    pub(crate) fn usage(code: Code, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { exit_code: Exit::Usage.code(), ..Self::new(code, what, fix) }
    }

    /// The same, naming a tool.
    pub(crate) fn then(self, tool: &str) -> Self {
        Self { next_tool: Some(tool.to_owned()), ..self }
    }

    /// The same, where waiting is enough.
    pub(crate) fn passing(self) -> Self {
        Self { retryable: true, ..self }
    }

    /// As the result of a call.
    pub(crate) fn result(&self) -> CallToolResult {
        CallToolResult::structured_error(serde_json::to_value(self).unwrap_or_default())
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        let fault = Self { exit_code: problem.exit_code.code(), ..Self::new(problem.code, problem.what, problem.next) };
        if problem.exit_code == Exit::Locked { fault.then("upgrade_status") } else { fault }
    }
}
