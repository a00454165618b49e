//! The prompt that leads an assistant through an upgrade.

use rmcp::model::{GetPromptResult, Prompt, PromptArgument, PromptMessage, Role};

/// Its name.
pub(crate) const NAME: &str = "upgrade";

/// What a client is told when it connects.
pub(crate) const INSTRUCTIONS: &str = "\
Upgrades a project's .praxis-os folder for a person, and loses nothing that the person wrote. Begin with upgrade_plan and show \
it. Each result has `next`: the one step that comes next. Nothing is applied before upgrade_apply, which needs the id of the \
plan that was shown and the person's word. Conflicts are the person's to decide: show each, ask, then answer. A connection that \
was cut off goes on with upgrade_status and upgrade_resume, by the session's id. upgrade_rollback puts the install back byte for \
byte, also days later.";

const TEXT: &str = "\
Upgrade this project's .praxis-os for me, step by step:

1. Call upgrade_plan. Show me what changes, what is removed, and how many conflicts there are. Wait for my yes.
2. Call upgrade_start with the plan's id. It checks and makes a backup; nothing else changes yet.
3. While conflicts are open: conflict_list, then conflict_show for each. Show me both sides, and what is offered; ask how I want \
it, and call conflict_answer with my answer and the ids as they were shown. Never choose for me.
4. When all are answered, tell me what will be applied, and wait for my yes. Then call upgrade_apply with the plan's id. The new \
release is tried first; if it does not work here, nothing changes.
5. If a status has a question, ask me, and call question_answer.
6. Show me upgrade_report, and tell me what to reload in my editor.

If the connection is lost, call upgrade_status, then upgrade_resume with the session's id. If I want it back, call \
upgrade_rollback. If a result is an error, read `what`, `state` and `fix`; try the same call again only if `retryable` is true.";

/// The list of one.
pub(crate) fn list() -> Vec<Prompt> {
    let source =
        PromptArgument::new("source").with_description("The clone of praxis-os to upgrade from").with_required(false);
    vec![Prompt::new(NAME, Some("Leads through an upgrade, from the plan to the report"), Some(vec![source]))]
}

/// The prompt, with what the person named.
pub(crate) fn prompt(source: Option<&str>) -> GetPromptResult {
    let text = match source {
        Some(source) => format!("{TEXT}\n\nThe source is {source}."),
        None => TEXT.to_owned(),
    };
    GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)])
}
