//! What lies over a screen: the keys, how to leave, yes or no.

use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Widget};

use super::canvas::Canvas;
use super::footer::key_in;
use super::frame::{self, line};
use super::help;
use crate::core::question::Question as Asked;
use crate::tui::click::Target;
use crate::tui::keymap::{self, Chord};
use crate::tui::model::{Model, Overlay, Question};
use crate::tui::text;
use crate::tui::theme::Role;

fn question(model: &Model, question: &Question) -> Vec<String> {
    let idle = model.session.as_ref().filter(|s| !model.running && !s.applied() && !s.rebuilt() && !s.rolling_back());
    let mut rows = match question {
        Question::RollBack if idle.is_some() => {
            vec!["End this session? Nothing was applied; the install is as it was.".to_owned()]
        }
        Question::RollBack => vec![
            "Put the install back as it was?".to_owned(),
            "What you wrote since is set aside and listed, never lost.".to_owned(),
        ],
        Question::Discard => {
            vec!["Forget this session? Nothing was applied; the install is as it was.".to_owned()]
        }
        Question::Source => vec![
            "Go on with this session, and run the code of its source here?".to_owned(),
            model.session.as_ref().map_or_else(String::new, |s| model.tilde_path(s.source())),
            "Only files in the project name this source: whoever can write there can name any.".to_owned(),
        ],
        Question::Save(path) => vec![
            "Write this plan to a file?".to_owned(),
            model.tilde_path(path),
            "The install is not touched. A file that is there is not written over.".to_owned(),
        ],
        Question::Deepen => vec![
            "Fetch the history that this clone lacks?".to_owned(),
            match model.preview.as_ref().and_then(|p| p.inspection.plan.as_ref()).is_some_and(|p| p.source.partial) {
                true => "Runs `git fetch` in the source for all that is missing, over the network; then plans again.",
                false => "Runs `git fetch --unshallow` in the source, over the network; then plans again.",
            }
            .to_owned(),
        ],
        Question::Removals(removals) => vec![
            format!("Remove {} of the {} files that releases put here?", removals.removed, removals.managed),
            "The source ships nothing in their place. Is it the right one?".to_owned(),
            "The backup keeps them; a rollback brings them back.".to_owned(),
        ],
        Question::Folder { files, take, folder } => {
            let count = text::count(files.len() as u64, "open file", "open files");
            let verb = if *take { "Take theirs" } else { "Keep mine" };
            vec![format!("{verb} for {count} in {folder}?"), "One u undoes it.".to_owned()]
        }
        Question::Rule { take, patterns, at } => super::conflict::over::rule(model, *take, patterns.get(*at)),
    };
    if let (Some(session), Question::RollBack | Question::Discard) = (idle, question) {
        rows.extend(super::unfinished::losses(model, session));
    }
    if model.running && *question == Question::RollBack {
        rows.insert(1, "The step that runs now is finished first.".to_owned());
    }
    rows
}

/// The question of a running phase. Where there is little room its explanation is cut, never its answers.
fn asked(model: &Model, question: &Asked, area: Rect, buffer: &mut Canvas<'_>) {
    let theme = model.theme;
    let width = area.width.min(76);
    let room = usize::from(width.saturating_sub(6));
    let label = question.choices.iter().map(|c| text::width(&c.label)).max().unwrap_or(0) + 2;
    let mut answers: Vec<(Line, Option<Chord>)> = Vec::new();
    for choice in &question.choices {
        let chord = keymap::key_of(choice.way);
        let key = chord.map(|k| k.label()).unwrap_or_default();
        let space = room.saturating_sub(3 + label);
        // In a low box an answer has one line.
        let low = area.height < 16 || space < 10;
        let parts = if low { vec![choice.effect.clone()] } else { text::wrap(&choice.effect, space) };
        for (i, part) in parts.iter().enumerate() {
            let (key, name) = if i == 0 { (key.as_str(), choice.label.as_str()) } else { ("", "") };
            let pieces = [
                (&*format!("  {key:<3}"), Role::Key),
                (&*format!("{name:<label$}"), Role::Title),
                (&*text::fit(part, space), Role::Text),
            ];
            answers.push((line(theme, &pieces), chord));
        }
    }
    let most = usize::from(area.height.saturating_sub(2)).saturating_sub(answers.len());
    let said: Vec<String> =
        question.lines.iter().flat_map(|l| text::wrap(&text::visible_str(l, false), room)).collect();
    let mut rows: Vec<(Line, Option<Chord>)> = Vec::new();
    // The beginning says what happened, the end what it ended with.
    let (head, tail) = if said.len() > most { (most.div_ceil(2), most / 2) } else { (said.len(), 0) };
    for part in said.iter().take(head).chain(said.iter().skip(said.len() - tail)) {
        rows.push((line(theme, &[("  ", Role::Text), (part, Role::Text)]), None));
    }
    if rows.len() < most && !rows.is_empty() {
        rows.push((Line::default(), None));
    }
    rows.extend(answers);
    let title = text::visible_str(&question.title, false);
    let title = text::fit(&title, usize::from(width.saturating_sub(6)));
    boxed(model, area, width, &title, rows, buffer);
}

/// A box in the middle with these rows; a click on the words of one that has a key is that key.
fn boxed(
    model: &Model,
    area: Rect,
    width: u16,
    title: &str,
    rows: Vec<(Line<'static>, Option<Chord>)>,
    buffer: &mut Canvas<'_>,
) {
    let theme = model.theme;
    let area = frame::middle(area, width, rows.len() as u16 + 2);
    Clear.render(area, buffer);
    buffer.set_style(area, theme.ground());
    let inner = frame::pane(theme, area, line(theme, &[(title, Role::Title)]), "", buffer);
    for (place, row) in frame::in_sight(inner, rows.len(), 0) {
        if let (line, Some(key)) = &rows[row] {
            buffer.mark_words(place, 2, line, Target::Key(*key));
        }
    }
    let rows: Vec<Line> = rows.into_iter().map(|row| row.0).collect();
    frame::lines(inner, &rows, 0, buffer);
}

/// Draws the overlay, if there is one.
pub(crate) fn draw(model: &Model, area: Rect, buffer: &mut Canvas<'_>) {
    let theme = model.theme;
    if model.overlay.is_some() || model.asked.is_some() {
        // Also what is beside the box can't be reached now.
        buffer.cover(area);
    }
    let Some(overlay) = &model.overlay else {
        if let Some(question) = &model.asked {
            asked(model, question, area, buffer);
        }
        return;
    };
    if let Overlay::Help(scroll) = overlay {
        return help::draw(model, area, *scroll, buffer);
    }
    if let Overlay::Files(selected) = overlay {
        return super::conflict::over::files(model, *selected, area, buffer);
    }
    let (title, text, keys): (&str, Vec<String>, &[(&str, &str)]) = match overlay {
        Overlay::Confirm(asked @ Question::Rule { .. }) => (
            "a standing rule?",
            question(model, asked),
            &[("y", "yes, write it"), ("Tab", "this file, its folder, the folders above"), ("Esc", "no")],
        ),
        Overlay::Confirm(asked) => ("sure?", question(model, asked), &[("y", "yes"), ("Esc", "no")]),
        _ => (
            "leave?",
            vec![match model.asked {
                Some(_) => "The upgrade waits for your answer.".to_owned(),
                None => "The upgrade is running, and goes on while you decide.".to_owned(),
            }],
            &[("p", "finish this step and pause; resume any time"), ("R", "roll back"), ("Esc", "go on")],
        ),
    };
    let width = area.width.min(64);
    let room = usize::from(width.saturating_sub(6));
    let mut rows: Vec<(Line, Option<Chord>)> = Vec::new();
    for part in text.iter().flat_map(|t| text::wrap(t, room)) {
        rows.push((line(theme, &[("  ", Role::Text), (&part, Role::Text)]), None));
    }
    if area.height > 7 {
        rows.push((Line::default(), None));
    }
    for (key, what) in keys {
        let pieces = [(&*format!("  {key:<5}"), Role::Key), (&*text::fit(what, room.saturating_sub(5)), Role::Text)];
        rows.push((line(theme, &pieces), key_in(model.mode(), key)));
    }
    boxed(model, area, width, title, rows, buffer);
}
