//! What holds on every screen: help, footer, the manual's keys, what is copied, what the wheel does.

use ratatui::crossterm::event::KeyCode;

use super::support::*;
use super::{generated, samples};
use crate::tui::keymap::{ALL_MODES, Action, BINDINGS, Mode, in_mode};
use crate::tui::message::{Effect, Msg};
use crate::tui::model::Model;
use crate::tui::theme::Theme;

/// All that the help shows, line by line from its top to its end.
fn help_of(mut model: Model) -> String {
    press(&mut model, KeyCode::Char('?'));
    assert_eq!(model.mode(), Mode::Help);
    let shown = |model: &Model| -> Vec<String> {
        let screen = cells(&paint(model));
        // What stands around the box is not the help.
        let beside = usize::from(model.width.saturating_sub(76) / 2);
        let inside = |row: &str| row.chars().skip(beside + 1).take(usize::from(model.width).min(76) - 2).collect();
        screen.lines().skip(2).take(usize::from(model.height) - 5).map(inside).collect()
    };
    let mut all = shown(&model);
    loop {
        let before = shown(&model);
        press(&mut model, KeyCode::Down);
        let now = shown(&model);
        if now == before {
            return all.join("\n");
        }
        all.extend(now.last().cloned());
    }
}

#[test]
fn no_key_is_missing_from_the_help() {
    let mut told: Vec<(Mode, Action)> = Vec::new();
    for (width, height) in [(80, 24), (40, 10), (120, 40)] {
        for model in everywhere(width, height) {
            let mode = model.mode();
            if !in_mode(mode).any(|b| b.action == Action::Help) {
                continue;
            }
            let help = help_of(model);
            let words: String = help.chars().filter(|c| !c.is_whitespace() && *c != '│' && *c != '┃').collect();
            for section in ALL_MODES {
                for binding in in_mode(section) {
                    let all: String = binding.help.chars().filter(|c| !c.is_whitespace()).collect();
                    let shown = words.contains(&all)
                        && binding.keys.iter().all(|k| words.contains(&k.label().replace(' ', "")));
                    if section == mode {
                        assert!(shown, "{} in {mode:?} at {width}x{height}:\n{help}", binding.labels());
                    }
                    if shown {
                        told.push((section, binding.action));
                    }
                }
            }
        }
    }
    // The path's field has a help of its own, with F1.
    for mode in ALL_MODES.into_iter().filter(|m| !matches!(m, Mode::Source | Mode::Setup)) {
        for binding in in_mode(mode) {
            assert!(told.contains(&(mode, binding.action)), "{} in {mode:?} stands in no help", binding.labels());
        }
    }
}

#[test]
fn the_footer_always_says_how_to_go_on_and_where_help_is() {
    for (width, height) in [(80, 24), (40, 10), (120, 40)] {
        for model in everywhere(width, height) {
            let mode = model.mode();
            let screen = cells(&paint(&model));
            let footer = screen.lines().last().unwrap();
            let named = |b: &crate::tui::keymap::Binding| footer.contains(&format!("{} ", b.keys[0].label()));
            assert!(in_mode(mode).any(named), "{mode:?} at {width}x{height}: {footer}");
            if in_mode(mode).any(|b| b.action == Action::Help) {
                assert!(footer.contains(" help"), "{mode:?} at {width}x{height}: {footer}");
            }
        }
    }
}

/// Where a row of the table is listened to, for the README.
fn places(modes: &[Mode]) -> String {
    if modes.len() > 9 {
        return "everywhere".to_owned();
    }
    let name = |mode: &Mode| match mode {
        Mode::Checking => "checks",
        Mode::Setup => "setup",
        Mode::Source => "path field",
        Mode::Preview => "preview",
        Mode::Filter => "filter",
        Mode::Diff => "diff",
        Mode::News => "what's new",
        Mode::Progress => "progress",
        Mode::Log => "log",
        Mode::Page => "about a phase",
        Mode::Conflict => "conflicts",
        Mode::Files => "list of conflicts",
        Mode::Search => "search",
        Mode::Report => "report",
        Mode::Unfinished => "unfinished",
        Mode::Help => "help",
        Mode::Leave => "leaving",
        Mode::Confirm => "yes or no",
        Mode::Asked => "question",
    };
    modes.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn table() -> String {
    let mut out = "| key | where | what |\n|---|---|---|\n".to_owned();
    for binding in BINDINGS {
        let keys: Vec<String> = binding.keys.iter().map(|k| format!("`{}`", k.label())).collect();
        out += &format!("| {} | {} | {} |\n", keys.join(" "), places(binding.modes), binding.help.replace('|', "\\|"));
    }
    out
}

#[test]
fn the_manual_has_the_table_of_keys() {
    generated::holds("keys", "keys", &table());
}

#[test]
fn paths_are_copied_whole_and_only_where_one_is_shown() {
    let copied = |sample: fn(Theme, u16, u16) -> Model, typed: &str| {
        let mut model = after(sample(MONO, 40, 10), typed);
        match &press(&mut model, KeyCode::Char('C'))[..] {
            [Effect::Copy(path)] => {
                assert!(cells(&paint(&model)).contains("Copied, if"), "{path}");
                Some(path.strip_prefix("/home/ada/shop/.praxis-os").unwrap().to_owned())
            }
            other => {
                assert!(other.is_empty(), "{other:?}");
                None
            }
        }
    };
    let first = "/standards/universal/ai-safety/git-safety-rules.md";
    assert_eq!(copied(samples::preview, "").as_deref(), Some(first));
    assert_eq!(copied(samples::preview, "d").as_deref(), Some(first));
    assert_eq!(copied(samples::conflict, "").as_deref(), Some(first));
    assert_eq!(copied(samples::report, "").as_deref(), Some("/.backups/2026-11-22-103045"));
    assert_eq!(copied(samples::unfinished, "").as_deref(), Some(""));
    assert_eq!(copied(samples::progress, ""), None);
    let mut empty = after(samples::preview(MONO, 80, 24), "/no such path");
    press(&mut empty, KeyCode::Enter);
    assert!(press(&mut empty, KeyCode::Char('C')).is_empty());
}

#[test]
fn the_wheel_scrolls_and_answers_nothing() {
    for model in everywhere(80, 24) {
        let mode = model.mode();
        let mut turned = model.clone();
        for up in [false, false, true] {
            let effects = samples::feed(&mut turned, Msg::Wheel { up });
            assert!(effects.iter().all(|e| matches!(e, Effect::LoadTexts { .. })), "{mode:?} {effects:?}");
        }
        assert_eq!(turned.mode(), mode);
    }
    let mut help = after(samples::conflict(MONO, 80, 24), "?");
    let before = cells(&paint(&help));
    samples::feed(&mut help, Msg::Wheel { up: false });
    assert_ne!(cells(&paint(&help)), before);
}
