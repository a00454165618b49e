//! What can be read beside the tools: the workflow's pages, both differences of a conflict, the report.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rmcp::model::{Resource, ResourceContents, ResourceTemplate};
use similar::TextDiff;

use crate::core::error_code::Code;
use crate::core::path::RelPath;
use crate::core::workflow;
use crate::mcp::call::{Call, off};
use crate::mcp::fault::Fault;
use crate::mcp::tools::look::report_lines;

const PAGES: &str = "pos-upgrade://workflow/";
const DIFFS: &str = "pos-upgrade://diff/";
const REPORTS: &str = "pos-upgrade://report/";

/// So much of a difference is told, in bytes.
const MOST: usize = 200_000;

/// The resource with the differences of a session's conflict. A path may hold anything, so it stands there in base64.
pub(crate) fn diff_uri(session_id: &str, path: &RelPath) -> String {
    format!("{DIFFS}{session_id}/{}", URL_SAFE_NO_PAD.encode(path.as_bytes()))
}

/// Those that are always there.
pub(crate) fn list() -> Vec<Resource> {
    let page = |page: workflow::Page| {
        Resource::new(format!("{PAGES}{}", page.name), page.name)
            .with_description(page.title())
            .with_mime_type("text/markdown")
    };
    workflow::pages().into_iter().map(page).collect()
}

/// Those that depend on a session.
pub(crate) fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new(format!("{DIFFS}{{session_id}}/{{path}}"), "diff")
            .with_description("Both differences of an open conflict; conflict_show names it")
            .with_mime_type("text/x-diff"),
        ResourceTemplate::new(format!("{REPORTS}{{session_id}}"), "report")
            .with_description("The report on a session")
            .with_mime_type("text/plain"),
    ]
}

fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}

fn unified(names: [&str; 2], old: &str, new: &str) -> String {
    TextDiff::from_lines(old, new).unified_diff().header(names[0], names[1]).to_string()
}

/// What a resource holds.
///
/// # Errors
/// [`Fault`] where there is none of that name.
pub(crate) async fn read(call: &Call, uri: &str) -> Result<ResourceContents, Fault> {
    let unknown =
        || Fault::usage(Code::NoSuchName, "there is no such resource", "list the resources, and the templates");
    if let Some(name) = uri.strip_prefix(PAGES) {
        let page = workflow::pages().into_iter().find(|page| page.name == name).ok_or_else(unknown)?;
        return Ok(ResourceContents::text(page.text, uri).with_mime_type("text/markdown"));
    }
    if let Some(id) = uri.strip_prefix(REPORTS) {
        let session = call.session(call.here.project_of(id).as_deref(), Some(id)).await?;
        let lines = off(move || report_lines(&session)).await?;
        return Ok(ResourceContents::text(lines.join("\n"), uri));
    }
    let (id, coded) = uri.strip_prefix(DIFFS).and_then(|rest| rest.split_once('/')).ok_or_else(unknown)?;
    let path = URL_SAFE_NO_PAD.decode(coded).ok().and_then(|bytes| RelPath::new(bytes).ok()).ok_or_else(unknown)?;
    let (_, live) = call.seen(call.here.project_of(id).as_deref(), Some(id)).await?;
    let file = live.now().files.iter().find(|f| f.path == path).cloned().ok_or_else(unknown)?;
    let both = off(move || {
        let [base, mine, theirs] = [&file.base, &file.mine, &file.theirs].map(|side| text(side.as_deref()));
        if file.base.is_none() {
            return unified(["yours", "the source"], &mine, &theirs);
        }
        unified(["base", "yours"], &base, &mine) + "\n" + &unified(["base", "the source"], &base, &theirs)
    });
    let mut both = both.await?;
    if both.len() > MOST {
        let end = (0..=MOST).rev().find(|at| both.is_char_boundary(*at)).unwrap_or_default();
        both.truncate(end);
        both.push_str("\n(the rest is cut off)\n");
    }
    Ok(ResourceContents::text(both, uri).with_mime_type("text/x-diff"))
}
