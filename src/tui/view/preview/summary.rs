//! What the plan comes to, in words: all of it in a sentence, and what each kind means.

use crate::core::plan::{Kind, Plan, Summary};
use crate::core::policy::OnConflict;
use crate::engine::planning::inspect::Inspection;
use crate::tui::setup::policy_word;
use crate::tui::text;
use crate::tui::theme::Role;

/// The mark, the short word and the role of a kind.
pub(crate) fn kind_look(kind: Kind) -> (&'static str, &'static str, Role) {
    let (mark, role) = match kind {
        Kind::Conflict => ("!", Role::Bad),
        Kind::AutoMerge => ("~", Role::Warn),
        Kind::Update => ("*", Role::Accent),
        Kind::New => ("+", Role::Good),
        Kind::Move => (">", Role::Theirs),
        Kind::Remove => ("-", Role::Bad),
        Kind::LocalOnly => ("=", Role::Mine),
        Kind::StaysDeleted => ("x", Role::Dim),
        Kind::Linked => ("@", Role::Dim),
        Kind::Unchanged => (" ", Role::Dim),
    };
    (mark, kind.label(), role)
}

/// What conflicts have an answer already.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Settled {
    /// By standing rules.
    ruled: u64,
    /// In an earlier upgrade.
    earlier: u64,
    /// Which doesn't count now.
    again: bool,
}

impl Settled {
    pub(super) fn of(inspection: &Inspection) -> Self {
        let earlier = inspection.answered_before();
        let ruled = (inspection.prior.len() as u64).saturating_sub(earlier);
        Self { ruled, earlier, again: inspection.ask_again }
    }
}

/// What will happen, in plain words; `settled` conflicts will not be asked, nor any others where `policy` settles them.
pub(super) fn sentence(s: &Summary, settled: Settled, policy: OnConflict) -> String {
    if s.pending() == 0 {
        return "No file needs to change. Start checks dependencies and server, and installs what they lack."
            .to_owned();
    }
    let verb = |n: u64, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    let mut quiet = Vec::new();
    if s.update > 0 {
        quiet.push(format!("{} the new version", verb(s.update, "file gets", "files get")));
    }
    if s.new > 0 {
        quiet.push(verb(s.new, "is new", "are new"));
    }
    if s.r#move > 0 {
        quiet.push(verb(s.r#move, "moves", "move"));
    }
    if s.remove > 0 {
        quiet.push(verb(s.remove, "goes", "go"));
    }
    let mut out = String::new();
    if !quiet.is_empty() {
        out = format!("{} (untouched by you; the backup keeps them).", quiet.join(", "));
    }
    let merges = match s.auto_merge {
        0 => None,
        1 => Some("1 of your edits merges by itself".to_owned()),
        n => Some(format!("{n} of your edits merge by themselves")),
    };
    let ruled = (settled.ruled > 0).then(|| format!("{} settled by your rules", verb(settled.ruled, "is", "are")));
    let earlier = (settled.earlier > 0 && !settled.again)
        .then(|| format!("{} settled by your earlier answers (a asks again)", verb(settled.earlier, "is", "are")));
    let again = if settled.again && settled.earlier > 0 { " (a takes your earlier answers)" } else { "" };
    let known = settled.ruled + if settled.again { 0 } else { settled.earlier };
    let asks = match s.conflict.saturating_sub(known) {
        0 => None,
        n if policy != OnConflict::Ask => {
            Some(format!("{} settled as you chose ({}){again}", verb(n, "is", "are"), policy_word(policy)))
        }
        1 => Some(format!("1 needs you{again}")),
        n => Some(format!("{n} need you{again}")),
    };
    let edits: Vec<String> = merges.into_iter().chain(ruled).chain(earlier).chain(asks).collect();
    if !edits.is_empty() {
        out.push_str(&format!(" {}.", edits.join(", ")));
    }
    out.trim_start().to_owned()
}

/// What is said of an install that is what the source ships.
pub(super) fn nothing_to_do(plan: &Plan) -> String {
    let commit = text::short(&plan.source.commit);
    let release = text::visible_str(&plan.source.version, false);
    format!("Nothing to do: this install is at {release} ({commit}) already, its environment and its server too.")
}

/// What a kind means for the person, in a few words.
pub(super) fn meaning(kind: Kind) -> &'static str {
    match kind {
        Kind::Conflict => "you and the source changed the same place",
        Kind::AutoMerge => "you and the source changed different places, both are kept",
        Kind::Update => "you did not change it, the source did",
        Kind::New => "the source added it",
        Kind::Move => "the source moved it",
        Kind::Remove => "you did not change it, the source removed it",
        Kind::LocalOnly => "you changed it, the source did not: it stays as it is",
        Kind::StaysDeleted => "you deleted it: it stays deleted",
        Kind::Linked => "it is behind a symbolic link, which is left alone",
        Kind::Unchanged => "it is what the source ships",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rules_settle_is_not_said_to_need_a_person() {
        let summary = Summary { conflict: 3, auto_merge: 1, ..Summary::default() };
        let say =
            |settled, policy| sentence(&summary, settled, policy).replace("1 of your edits merges by itself, ", "");
        let ruled = Settled { ruled: 1, ..Settled::default() };
        assert_eq!(say(ruled, OnConflict::Ask), "1 is settled by your rules, 2 need you.");
        let earlier = Settled { ruled: 1, earlier: 2, again: false };
        assert_eq!(
            say(earlier, OnConflict::Ask),
            "1 is settled by your rules, 2 are settled by your earlier answers (a asks again)."
        );
        let again = Settled { again: true, ..earlier };
        assert_eq!(
            say(again, OnConflict::Ask),
            "1 is settled by your rules, 2 need you (a takes your earlier answers)."
        );
        assert_eq!(
            say(again, OnConflict::Park),
            "1 is settled by your rules, 2 are settled as you chose (put off) (a takes your earlier answers)."
        );
    }
}
