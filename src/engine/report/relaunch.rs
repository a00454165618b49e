//! Who has to be started anew after the server was, and what fails there until then: an editor, or an assistant in it, goes on
//! with the names of tools that it was told.

use crate::core::layout::layouts;
use crate::core::report_parts::Part;
use crate::core::session::Session;
use crate::engine::planning::{editors, outside};

/// Its part of the report; nothing where no tool of the old server has another name.
pub(crate) fn parts(session: &Session) -> Vec<Part> {
    let Some(before) = &session.server else { return Vec::new() };
    let moves = outside::moves(&session.project, &session.install, None, Some(session.plan()));
    let renamed: Vec<String> = moves
        .tools
        .iter()
        .filter(|tool| before.tools.contains(&tool.from))
        .map(|tool| format!("  {} fails, it is {} now", tool.from, tool.to))
        .collect();
    if renamed.is_empty() {
        return Vec::new();
    }
    let mut lines = Vec::new();
    let known = &layouts().outside.editors;
    let concerned = known.iter().filter(|e| editors::concerns(&session.project, &session.install, &e.path));
    let named: Vec<String> = concerned
        .map(|editor| {
            let name = editor.name.as_deref().unwrap_or("the editor");
            let how = editor.relaunch.as_deref().unwrap_or("start it anew");
            format!("{name} ({}): {how}", editor.path)
        })
        .collect();
    match named.is_empty() {
        true => lines.push("whatever is connected to the server: connect it anew".to_owned()),
        false => lines.extend(named),
    }
    lines.push("until then:".to_owned());
    lines.extend(renamed);
    let heading = Part::heading("Start these anew: they still know the old server's tools");
    std::iter::once(heading).chain(lines.into_iter().map(Part::Line)).collect()
}
