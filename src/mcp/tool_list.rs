//! The server as clients see it: its tools with their schemas, resources and prompts.

use std::path::PathBuf;
use std::sync::Arc;

use rmcp::handler::server::tool::{schema_for_input, schema_for_output};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CancelTaskParams, CreateTaskResult, ErrorData,
    GetPromptRequestParams, GetPromptResponse, GetTaskParams, GetTaskResult, Implementation, JsonObject,
    ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ServerCapabilities, ServerConfig, Task, Tool,
    ToolAnnotations, UpdateTaskParams,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::task_manager::{TaskExit, TaskManager, TaskOptions};
use rmcp::{ServerHandler, schemars::JsonSchema};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::core::error_code::Code;
use crate::mcp::call::{Call, arguments};
use crate::mcp::elicit::Rounds;
use crate::mcp::fault::Fault;
use crate::mcp::live::Here;
use crate::mcp::shapes::{
    AnswerArgs, Answered, ApplyArgs, ConflictShown, ConflictsShown, PhaseArgs, PhaseShown, PlanArgs, PlanShown,
    QuestionArgs, ReportShown, ResumeArgs, RollbackArgs, SessionArgs, ShowArgs, StartArgs, Status,
};
use crate::mcp::tools::{conflicts, look, plan, run};
use crate::mcp::{prompts, resources};

/// The tools that work long enough to be a task, where the client can follow one.
const LONG: [&str; 4] = ["upgrade_start", "upgrade_apply", "upgrade_resume", "upgrade_rollback"];

/// How often a client should look at a task, in milliseconds.
const LOOK: u64 = 500;

/// The server.
#[derive(Clone)]
pub(crate) struct Face {
    project: Option<PathBuf>,
    here: Here,
    tasks: TaskManager,
}

/// What a tool does to the install.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    Reads,
    Prepares,
    Changes,
}

fn tool<I: JsonSchema + 'static, O: JsonSchema + 'static>(name: &'static str, does: Does, about: &'static str) -> Tool {
    let input: Arc<JsonObject> = schema_for_input::<I>().unwrap_or_default();
    let hints = ToolAnnotations::new()
        .read_only(does == Does::Reads)
        .destructive(does == Does::Changes)
        .idempotent(does == Does::Reads)
        .open_world(false);
    Tool::new(name, about, input).with_raw_output_schema(schema_for_output::<O>()).with_annotations(hints)
}

/// All tools, in the order in which they are needed.
fn tools() -> Vec<Tool> {
    use Does::{Changes, Prepares, Reads};
    vec![
        tool::<PlanArgs, PlanShown>(
            "upgrade_plan",
            Reads,
            "What an upgrade would do, and why; writes nothing. Begin here.",
        ),
        tool::<StartArgs, Status>(
            "upgrade_start",
            Prepares,
            "Begin the upgrade whose plan was shown: checks and a verified backup. It stops where conflicts, or the word to \
             apply, are waited for; nothing of the install is changed before upgrade_apply.",
        ),
        tool::<SessionArgs, Status>(
            "upgrade_status",
            Reads,
            "Where an upgrade stands, and the one step that comes next; also \
             from a new connection, by session id.",
        ),
        tool::<PhaseArgs, PhaseShown>(
            "upgrade_phase",
            Reads,
            "A phase's page, its tasks, and the evidence of its gate.",
        ),
        tool::<SessionArgs, ConflictsShown>(
            "conflict_list",
            Reads,
            "The conflicts that wait for the person's answers.",
        ),
        tool::<ShowArgs, ConflictShown>("conflict_show", Reads, "A conflict with its regions and its three sides."),
        tool::<AnswerArgs, Answered>(
            "conflict_answer",
            Prepares,
            "Save the person's answer to a conflict: whole, by regions, or as a text. Refused with the place if it would leave \
             markers or not parse, or is for other bytes. Without an answer the person is asked, where the client can do that.",
        ),
        tool::<QuestionArgs, Status>(
            "question_answer",
            Changes,
            "Answer a question that a phase asked, as the person says.",
        ),
        tool::<ApplyArgs, Status>(
            "upgrade_apply",
            Changes,
            "Apply what was shown, once all is answered: needs the plan's id. The release is tried first.",
        ),
        tool::<RollbackArgs, Status>("upgrade_rollback", Changes, "Put the install back as it was, byte for byte."),
        tool::<SessionArgs, ReportShown>("upgrade_report", Reads, "The report: what changed, and the way back."),
        tool::<SessionArgs, Status>("upgrade_pause", Prepares, "Stop after the current step, and keep the session."),
        tool::<ResumeArgs, Status>("upgrade_resume", Changes, "Take an unfinished upgrade up where it stopped."),
    ]
}

/// What a tool gives, as a result.
fn result<T: Serialize>(given: Result<T, Fault>) -> CallToolResult {
    let value = given.and_then(|value| {
        serde_json::to_value(value)
            .map_err(|e| Fault::new(Code::Bug, format!("a bug in this program: no JSON form ({e})"), ""))
    });
    match value {
        Ok(value) => CallToolResult::structured(value),
        Err(fault) => fault.result(),
    }
}

impl Face {
    pub(crate) fn new(project: Option<PathBuf>) -> Self {
        Self { project, here: Here::default(), tasks: TaskManager::new() }
    }

    pub(crate) fn here(&self) -> Here {
        self.here.clone()
    }

    fn call(&self, context: RequestContext<RoleServer>, rounds: Rounds) -> Call {
        Call { default: self.project.clone(), here: self.here.clone(), context, rounds }
    }

    /// Calls a tool by its name; none if there is none.
    async fn run(&self, name: &str, given: Option<Map<String, Value>>, call: &Call) -> Option<CallToolResult> {
        let named = given.as_ref().and_then(|given| given.get("project")?.as_str().map(PathBuf::from));
        macro_rules! call {
            ($tool:path) => {{
                let given = match arguments(given) {
                    Ok(arguments) => $tool(call, arguments).await,
                    Err(fault) => Err(fault),
                };
                result(match given {
                    Err(fault) => Err(call.in_truth(named.as_deref(), fault).await),
                    given => given,
                })
            }};
        }
        Some(match name {
            "upgrade_plan" => call!(plan::plan),
            "upgrade_start" => call!(plan::start),
            "upgrade_status" => call!(look::status),
            "upgrade_phase" => call!(look::phase),
            "conflict_list" => call!(conflicts::list),
            "conflict_show" => call!(conflicts::show),
            "conflict_answer" => call!(conflicts::answer),
            "question_answer" => call!(run::answer),
            "upgrade_apply" => call!(run::apply),
            "upgrade_rollback" => call!(run::rollback),
            "upgrade_report" => call!(look::report),
            "upgrade_pause" => call!(run::pause),
            "upgrade_resume" => call!(run::resume),
            _ => return None,
        })
    }

    /// Makes a task of a call: the client gets its id at once, and looks at it. One that is cancelled pauses the session, as a
    /// call does.
    fn task(&self, request: CallToolRequestParams, mut context: RequestContext<RoleServer>) -> Task {
        // What ends the request that began it is none of its business.
        context.ct = Default::default();
        let face = self.clone();
        // It is kept as long as this server runs: there is one for each step of an upgrade.
        let options = TaskOptions::new().with_ttl_ms(None).with_poll_interval_ms(LOOK);
        self.tasks.spawn(options, |task| {
            Box::pin(async move {
                let cancel = context.ct.clone();
                let call = face.call(context, Rounds { task: Some(task.clone()), ..Rounds::default() });
                let work = face.run(&request.name, request.arguments, &call);
                tokio::pin!(work);
                let result = tokio::select! {
                    result = &mut work => result,
                    () = task.cancelled() => {
                        cancel.cancel();
                        work.await
                    }
                };
                let result = result.ok_or_else(|| TaskExit::Error(no_such_tool()))?;
                let stands = result.structured_content.as_ref().and_then(|status| status.get("stands")?.as_str());
                match cancel.is_cancelled() && stands == Some("interrupted") {
                    true => Err(TaskExit::Cancelled),
                    false => Ok(result),
                }
            })
        })
    }
}

fn no_such_tool() -> ErrorData {
    ErrorData::invalid_params("there is no such tool", None)
}

impl ServerHandler for Face {
    fn get_info(&self) -> ServerConfig {
        let can =
            ServerCapabilities::builder().enable_tools().enable_resources().enable_prompts().enable_tasks().build();
        let own =
            Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")).with_title("praxis-os upgrade");
        ServerConfig::new(can).with_server_info(own).with_instructions(prompts::INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let follows = context.client_capabilities().is_some_and(|can| can.supports_tasks());
        if follows && LONG.contains(&&request.name[..]) {
            return Ok(CreateTaskResult::new(self.task(request, context)).into());
        }
        // To begin twice is something else than to answer.
        let can_repeat = matches!(&request.name[..], "conflict_answer" | "upgrade_apply" | "upgrade_resume");
        let answers = request.input_responses.unwrap_or_default().into();
        let call = self.call(context, Rounds { answers, can_repeat, ..Rounds::default() });
        match self.run(&request.name, request.arguments, &call).await {
            Some(result) => Ok(call.rounds.question().map_or_else(|| result.into(), Into::into)),
            None => Err(no_such_tool()),
        }
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        self.tasks.get_task(&request.task_id).map(GetTaskResult::new)
    }

    async fn update_task(&self, request: UpdateTaskParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.tasks.update_task(&request.task_id, request.input_responses)
    }

    async fn cancel_task(&self, request: CancelTaskParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.tasks.cancel_task(&request.task_id)
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(resources::list()))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(resources::templates()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let call = self.call(context, Rounds::default());
        match resources::read(&call, &request.uri).await {
            Ok(contents) => Ok(ReadResourceResult::new(vec![contents]).into()),
            Err(fault) => Err(ErrorData::resource_not_found(fault.what.clone(), serde_json::to_value(&fault).ok())),
        }
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(prompts::list()))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        if request.name != prompts::NAME {
            return Err(ErrorData::invalid_params("there is no such prompt", None));
        }
        let source = request
            .arguments
            .as_ref()
            .and_then(|a| serde_json::to_value(a).ok()?.get("source")?.as_str().map(str::to_owned));
        Ok(prompts::prompt(source.as_deref()).into())
    }
}
