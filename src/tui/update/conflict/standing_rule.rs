//! Standing rules: an answer for all files of a kind, from now on.

use crate::core::layout::layouts;
use crate::core::path::RelPath;

use super::decide::decided;
use super::display::{led_to, other_file};
use crate::tui::conflict::Decision;
use crate::tui::message::Effect;
use crate::tui::model::{Model, Overlay, Question};
use crate::tui::text;
use crate::tui::update::navigation::ask;

/// The globs that could be meant for a path: itself, its folder, and each folder above with all below it.
fn patterns(path: &RelPath) -> Vec<String> {
    // What stands for something in a glob stands for itself here.
    let plain = |path: &RelPath| {
        let mut out = String::new();
        for c in path.to_str()?.chars() {
            match c {
                '*' | '?' | '[' | ']' | '{' | '}' | '\\' => {
                    out.push('[');
                    out.push(c);
                    out.push(']');
                }
                _ => out.push(c),
            }
        }
        Some(out)
    };
    let mut all: Vec<String> = plain(path).into_iter().collect();
    if layouts().is_config(path) {
        return all;
    }
    let mut folder = path.parent();
    while let Some(here) = folder {
        all.extend(plain(&here).map(|p| format!("{p}/**")));
        folder = here.parent();
    }
    all
}

/// Asks, showing what the rule would cover.
pub(super) fn ask_for(model: &mut Model) -> Vec<Effect> {
    let c = &model.conflicts;
    let (Some(file), Some(settled)) = (c.file(), c.settling.current()) else { return vec![] };
    let take = match settled.decision {
        Decision::Keep => false,
        Decision::Take => true,
        _ => {
            let what = "A rule always keeps or always takes whole files: press k or t first, then i.";
            model.status = Some(what.to_owned());
            return vec![];
        }
    };
    let patterns = patterns(&file.path);
    if patterns.is_empty() {
        model.status = Some("This name can't stand in a rule.".to_owned());
        return vec![];
    }
    ask(model, Overlay::Confirm(Question::Rule { take, patterns, at: 0 }))
}

/// Makes the rule, and settles what is open and covered by it.
pub(crate) fn add(model: &mut Model, take: bool, pattern: Option<&String>) -> Vec<Effect> {
    let Some(pattern) = pattern.cloned() else { return vec![] };
    let c = &mut model.conflicts;
    let open: Vec<usize> =
        c.covered(take, &pattern).into_iter().filter(|i| !c.settling.files()[*i].is_settled()).collect();
    let before = c.settling.file();
    if !c.settling.make_rule((take, pattern.clone()), &open) {
        model.status = Some("This rule is made already. F writes it, u takes it back.".to_owned());
        return vec![];
    }
    if !open.is_empty() {
        c.compare = None;
    }
    let also = match open.len() {
        0 => String::new(),
        n => format!(" It settled {}.", text::count(n as u64, "more file", "more files")),
    };
    let to = led_to(c, before);
    other_file(c, before);
    let key = crate::core::settings::rule_key(take);
    let effects = decided(model);
    model.status = Some(format!("With F this goes into upgrade.json: {key} \"{pattern}\".{also}{to}"));
    effects
}
