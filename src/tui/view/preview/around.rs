//! What a preview says of what lies outside of the install.

use crate::engine::planning::assistant_rules::RulesFile;
use crate::engine::planning::editors::ProjectFile;
use crate::tui::model::{Model, Preview};

/// What becomes of editors' entries that would not start the new server; none where there are none.
pub(crate) fn editors(model: &Model, preview: &Preview) -> Option<String> {
    let files = preview.inspection.project_files.iter().filter(|file| file.can_be_written());
    let names: Vec<String> = files.map(|file| file.path.to_string()).collect();
    let all = (!names.is_empty()).then(|| names.join(", "))?;
    Some(match model.launch.options.editor_config {
        true => format!("Changes the server's entry in {all}, too (N shows how, o leaves it)."),
        false => format!("The server's entry in {all} stays as it is (N shows what it should be)."),
    })
}

/// What becomes of rules files with an older release's text; none where there are none.
pub(crate) fn rules(model: &Model, preview: &Preview) -> Option<String> {
    let files = preview.inspection.rules.iter().filter(|file| file.problem.is_none());
    let names: Vec<String> = files.map(|file| file.path.to_string()).collect();
    let all = (!names.is_empty()).then(|| names.join(", "))?;
    Some(match model.launch.options.rules {
        true => format!("Brings the release's text into {all}, too (o leaves it)."),
        false => format!("An older release's text in {all} stays (o changes that)."),
    })
}

/// Each value of an editor's entry that has to change, and what only a person can.
pub(crate) fn lines(preview: &Preview) -> Vec<String> {
    let of_file = |file: &ProjectFile| {
        let edits = file.edits.iter().map(|edit| format!("{}: {} becomes {}", edit.pointer, edit.old, edit.new));
        let by_hand = file.by_hand.iter().map(|entry| format!("{}: {}", entry.entry, entry.why));
        let said = edits.chain(by_hand).chain(file.problem.iter().map(|why| format!("not changed: {why}")));
        said.map(|said| format!("{}: {said}", file.path)).collect::<Vec<_>>()
    };
    let lines = preview.inspection.outside.count();
    let rules = preview.inspection.rules.iter().map(RulesFile::describe);
    preview.inspection.project_files.iter().flat_map(of_file).chain(rules).chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::editor_entry::Edit;
    use crate::tui::tests::samples;

    #[test]
    fn an_entry_is_told_with_what_becomes_of_it() {
        let mut model = samples::preview(crate::tui::tests::support::MONO, 80, 24);
        let said = |model: &Model| editors(model, model.preview.as_ref().unwrap());
        assert_eq!(said(&model), None);
        let (old, new) = ("\"-m a\"".to_owned(), "\"-m b\"".to_owned());
        let edit = Edit { pointer: "/mcpServers/x/args/1".into(), old, new, at: 0..6 };
        let file = ProjectFile {
            path: ".cursor/mcp.json".parse().unwrap(),
            edits: vec![edit],
            by_hand: vec![],
            problem: None,
        };
        model.preview.as_mut().unwrap().inspection.project_files = vec![file];
        model.launch.options.editor_config = true;
        let changes = "Changes the server's entry in .cursor/mcp.json, too (N shows how, o leaves it).";
        assert_eq!(said(&model).as_deref(), Some(changes));
        model.launch.options.editor_config = false;
        assert!(said(&model).unwrap().ends_with("stays as it is (N shows what it should be)."));
        let all = lines(model.preview.as_ref().unwrap());
        assert_eq!(all, [".cursor/mcp.json: /mcpServers/x/args/1: \"-m a\" becomes \"-m b\""]);
        model.preview.as_mut().unwrap().inspection.project_files[0].problem = Some("it is a link".into());
        assert_eq!(said(&model), None);
        assert_eq!(lines(model.preview.as_ref().unwrap()).len(), 2);
    }
}
