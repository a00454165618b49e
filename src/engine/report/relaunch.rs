//! Who has to be started anew after the server was, and what fails there until then: an editor, or an assistant in it, goes on
//! with the names of tools that it was told.

use crate::core::layout::layouts;
use crate::core::phase::Phase;
use crate::core::report_parts::Part;
use crate::core::session::{Session, Status};
use crate::engine::planning::source::Source;
use crate::engine::planning::{editors, outside};

/// Its part of the report, also of one on a rollback; nothing where no tool has another name now.
pub(crate) fn parts(session: &Session) -> Vec<Part> {
    let Some(before) = session.server.as_ref().filter(|_| !session.rebuilt()) else { return Vec::new() };
    let is_back = session.status() == Status::RolledBack;
    // What the new server's tools were called only its source still says; before the switch nobody was told of them.
    let opened = || Source::open(session.source(), Some(&session.plan().source.commit)).ok();
    let was_told = session.completed_phases().contains(&Phase::Server);
    let source = if is_back && was_told { opened() } else { None };
    if is_back && source.is_none() {
        return Vec::new();
    }
    let moves = outside::moves(&session.project, &session.install, source.as_ref(), Some(session.plan()));
    let renamed: Vec<String> = moves
        .tools
        .iter()
        .filter(|tool| before.tools.contains(&tool.from))
        .map(|tool| if is_back { (&tool.to, &tool.from) } else { (&tool.from, &tool.to) })
        .map(|(fails, now)| format!("  {fails} fails, it is {now} now"))
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
    let heading = Part::heading("Start these anew: they still know the other server's tools");
    std::iter::once(heading).chain(lines.into_iter().map(Part::Line)).collect()
}
