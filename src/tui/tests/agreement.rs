//! What the conflict screen believes to be settled and what the engine has can't differ: every word of some keys, with the
//! engine's own store on the other side.

use std::collections::HashMap;
use std::sync::Arc;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::samples;
use super::support::conflict_file;
use crate::core::outcome::merge_of;
use crate::core::path::RelPath;
use crate::core::session::{Decision, Decisions};
use crate::engine::events::{Command, ConflictFile, Event};
use crate::tui::message::{Effect, Msg};
use crate::tui::model::{Model, Screen};
use crate::tui::theme::{Depth, Theme};

/// The longest words, in keys; `POS_WORDS` says otherwise: 6 takes minutes.
const LONGEST: usize = 5;

/// Hears what the real one hears, and keeps it as that does.
#[derive(Debug, Clone, Default)]
struct Engine {
    decisions: Decisions,
    finished: bool,
}

impl Engine {
    fn decide(&mut self, files: &[ConflictFile], all: Vec<(RelPath, Decision)>) {
        for (path, decision) in all {
            let file = files.iter().find(|f| f.path == path).expect("a conflict");
            let sides = file.sides();
            self.decisions.decide(&path, &decision, |answer| match answer {
                Decision::Merge(choices) if merge_of(&path, &sides).is_none_or(|m| m.conflicts() != choices.len()) => {
                    Err("another number of hunks".to_owned())
                }
                _ => Ok(()),
            });
        }
    }

    /// What it says to a command.
    fn hear(&mut self, files: &[ConflictFile], command: Command) -> Option<Event> {
        match command {
            Command::Decide(all) => self.decide(files, all),
            Command::Finish(all) => {
                self.decide(files, all);
                if files.iter().all(|f| self.decisions.answers().contains_key(&f.path)) {
                    self.finished = true;
                    return None;
                }
                let open = |f: &ConflictFile| ConflictFile {
                    answered: self.decisions.answers().contains_key(&f.path),
                    ..f.clone()
                };
                return Some(Event::ConflictsOpen { files: Arc::new(files.iter().map(open).collect()) });
            }
            other => panic!("{other:?}"),
        }
        None
    }
}

fn files(count: usize) -> Vec<ConflictFile> {
    let side = |word: &str| Some(Arc::<[u8]>::from(format!("a\n{word}\nc\n").as_bytes()));
    let file = |n: usize| conflict_file(&format!("standards/{n}.md"), side("base"), side("mine"), side("theirs"));
    (0..count).map(file).collect()
}

/// Presses a key, and lets the engine hear what comes of it.
fn press(model: &mut Model, engine: &mut Engine, files: &[ConflictFile], key: KeyEvent) {
    for effect in samples::feed(model, Msg::Key(key)) {
        if let Effect::Send(command) = effect
            && let Some(event) = engine.hear(files, command)
        {
            samples::feed(model, Msg::Event(event));
        }
    }
}

fn check(model: &Model, engine: &Engine, files: &[ConflictFile], word: &str) {
    assert_eq!(model.screen, Screen::Conflict, "{word}");
    for (file, settled) in files.iter().zip(model.conflicts.settling.files()) {
        let answer = engine.decisions.answers().get(&file.path);
        assert_eq!(Some(&settled.decision).filter(|d| d.is_resolved()), answer, "{word}: {}", file.path);
        assert_eq!(settled.is_settled(), answer.is_some(), "{word}: {}", file.path);
    }
    if model.conflicts.settling.open_files() == 0 {
        let (mut model, mut engine) = (model.clone(), engine.clone());
        press(&mut model, &mut engine, files, KeyEvent::new(KeyCode::Char('F'), KeyModifiers::SHIFT));
        assert!(engine.finished && model.screen == Screen::Progress, "{word}: all is settled, and F does not finish");
    }
}

#[test]
fn settled_on_the_screen_means_that_finish_finishes() {
    let longest = std::env::var("POS_WORDS").ok().and_then(|n| n.parse().ok()).unwrap_or(LONGEST);
    let plain = |code| KeyEvent::new(code, KeyModifiers::NONE);
    let mut keys: Vec<(&str, KeyEvent)> = ["k", "t", "m", "1", ".", "u", "F"]
        .iter()
        .map(|key| (*key, plain(KeyCode::Char(key.chars().next().unwrap()))))
        .collect();
    keys.push(("Enter ", plain(KeyCode::Enter)));
    keys.push(("Ctrl-r ", KeyEvent::new(KeyCode::Char('r'), KeyModifiers::CONTROL)));
    for count in [1, 2] {
        let files = files(count);
        let mut model = samples::fresh(Theme { depth: Depth::Mono, light: false, ascii: false }, 80, 24);
        model.running = true;
        samples::feed(&mut model, Msg::Event(Event::ConflictsOpen { files: Arc::new(files.clone()) }));
        // States that several words lead to go on as one, with the number of these words.
        let mut level = vec![(model, Engine::default(), String::new(), 1_u64)];
        let (mut words, mut states, mut finished) = (0, 0, 0);
        for _ in 0..longest {
            let mut next: HashMap<String, (Model, Engine, String, u64)> = HashMap::new();
            for (model, engine, word, ways) in level {
                for (name, key) in &keys {
                    let (mut model, mut engine, word) = (model.clone(), engine.clone(), format!("{word}{name}"));
                    press(&mut model, &mut engine, &files, *key);
                    words += ways;
                    if engine.finished {
                        finished += ways;
                        continue;
                    }
                    let state = format!("{:?} {:?} {engine:?}", model.conflicts.settling, model.conflicts.compare);
                    match next.get_mut(&state) {
                        Some(known) => known.3 += ways,
                        None => {
                            check(&model, &engine, &files, &word);
                            next.insert(state, (model, engine, word, ways));
                        }
                    }
                }
            }
            states += next.len();
            level = next.into_values().collect();
        }
        println!("{count} conflicts: {words} words of up to {longest} keys, {states} states, {finished} finished");
        assert!(finished > 0);
    }
}
