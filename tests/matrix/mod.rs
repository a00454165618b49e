//! The classification table, cell by cell: what a person's install has meets what the source ships, on real
//! repositories and real files. Then what the table's words leave open, by subject.
//!
//! The table's empty cells can't be built: what is pristine, edited or deleted was shipped before, so its path is not
//! new, and where nothing was shipped nothing can be changed, removed or renamed.

mod bytes;
mod config;
mod content;
mod generations;
mod history;
mod paths;
mod releases;
mod roots;
mod seen;
mod world;

use crate::common;
use pos_upgrade_tui::core::merge::Choice;
use pos_upgrade_tui::core::plan::Kind;
use seen::Effect::{self, Nothing, Remove, WriteOnly};
use seen::write;
use world::each;

macro_rules! text {
    ($third:literal, $tenth:literal) => {
        concat!(
            "# Title\n\nThe ",
            $third,
            " line.\n\nSome words that stay.\n\nMore of them.\n\nAnd the ",
            $tenth,
            " line.\n\nThe end.\n"
        )
    };
}

const BASE: &str = text!("third", "ninth");
/// The user's edit.
const MINE: &str = text!("user's", "ninth");
/// The source's change, away from the user's.
const AWAY: &str = text!("third", "source's");
/// The source's change, in the same line.
const SAME_LINE: &str = text!("source's", "ninth");
/// The user's edit and the source's change away from it.
const MERGED: &str = text!("user's", "source's");

/// What is installed.
#[derive(Clone, Copy)]
enum Mine {
    Pristine,
    Edited,
    Deleted,
    Own,
    OwnButEqual,
    Absent,
}

/// What the source did since the installed release.
#[derive(Clone, Copy)]
enum Theirs {
    AsBase,
    Changed(&'static str),
    Removed,
    Renamed(&'static str),
    NewPath,
}

/// What the plan has to say and to do.
struct Cell {
    kind: Kind,
    why: &'static [&'static str],
    then: Then,
}

enum Then {
    Does(Effect<'static>),
    /// By answer: keep, take, merge with my hunks, merge with theirs.
    Asks([Effect<'static>; 4]),
}

fn does(kind: Kind, effect: Effect<'static>, why: &'static [&'static str]) -> Cell {
    Cell { kind, why, then: Then::Does(effect) }
}

fn asks(answers: [Effect<'static>; 4], why: &'static [&'static str]) -> Cell {
    Cell { kind: Kind::Conflict, why, then: Then::Asks(answers) }
}

fn check(mine: Mine, theirs: Theirs, cell: &Cell) {
    each(|world| {
        let (before, after): (&[_], &[_]) = match theirs {
            Theirs::AsBase => (&[("f.md", BASE)], &[("f.md", BASE)]),
            Theirs::Changed(text) => (&[("f.md", BASE)], &[("f.md", text)]),
            Theirs::Removed => (&[("f.md", BASE)], &[]),
            Theirs::Renamed(text) => (&[("f.md", BASE)], &[("new/g.md", text)]),
            Theirs::NewPath => (&[], &[("f.md", BASE)]),
        };
        let world = world.release(before).release(after).install(0);
        let world = match mine {
            Mine::Pristine | Mine::Absent => world,
            Mine::Edited | Mine::Own => world.edit("f.md", MINE),
            Mine::OwnButEqual => world.edit("f.md", BASE),
            Mine::Deleted => world.delete("f.md"),
        };
        let before = common::snapshot(&world.folder());
        let planned = world.plan();
        common::assert_same(&before, &common::snapshot(&planned.world.folder()));
        let seen = match theirs {
            Theirs::Renamed(_) => planned.at("new/g.md").from("f.md"),
            _ => planned.at("f.md").stays(),
        };
        let seen = seen.is(cell.kind).why(cell.why);
        assert_eq!(planned.paths().len(), 1, "one path, one entry");
        match cell.then {
            Then::Does(effect) => seen.does(effect).hunks(0),
            Then::Asks([keep, take, mine, theirs]) => {
                let seen = seen.hunks(1).keep(keep).take(take);
                seen.merge(Choice::Mine, mine).merge(Choice::Theirs, theirs)
            }
        };
        // The anchors are pristine and change with every release: the plan is about the whole install.
        assert_eq!(planned.plan.install.release.as_deref(), Some(planned.world.full_id(0)));
        planned.at("anchors/1.md").is(Kind::Update).why(&["pristine from {0}"]).does(write("anchor 1\nrelease 1\n"));
    });
}

macro_rules! row {
    ($(#[$about:meta])* $row:ident = $mine:ident { $($column:ident: $theirs:expr => $cell:expr;)+ }) => {
        $(#[$about])*
        mod $row {
            use super::*;
            $(
                #[test]
                fn $column() {
                    check(Mine::$mine, $theirs, &$cell);
                }
            )+
        }
    };
}

use Kind::{AutoMerge, LocalOnly, Move, New, StaysDeleted, Unchanged, Update};
use Theirs::{AsBase, Changed, NewPath, Removed, Renamed};

row! {
    /// Mine is exactly what the release shipped: never a question.
    pristine = Pristine {
        as_base: AsBase => does(Unchanged, Nothing, &["pristine from {0}", "source has the same"]);
        changed: Changed(AWAY) => does(Update, write(AWAY), &["pristine from {0}", "source changed it"]);
        removed: Removed => does(Kind::Remove, Remove, &["pristine from {0}", "source removed it"]);
        renamed: Renamed(BASE) => does(Move, write(BASE), &["pristine from", "source moved it"]);
        renamed_and_changed: Renamed(AWAY) => does(Move, write(AWAY), &["pristine from {0}", "source moved it"]);
    }
}

row! {
    /// The user changed a line.
    edited = Edited {
        as_base: AsBase => does(LocalOnly, Nothing, &["you edited this since {0}", "source did not change it"]);
        changed_elsewhere: Changed(AWAY) => does(AutoMerge, write(MERGED), &["you edited this since {0} (1 hunk", "none overlap"]);
        changed_in_the_same_line: Changed(SAME_LINE) => asks(
            [Nothing, write(SAME_LINE), write(MINE), write(SAME_LINE)],
            &["you edited this since {0} (1 hunk", "source changed 1; 1 overlap"],
        );
        removed: Removed => asks([Nothing, Remove, Nothing, Nothing], &["you edited this since {0}", "source removed it"]);
        renamed: Renamed(BASE) => does(Move, write(MINE), &["you edited this since {0}", "your edit follows"]);
        renamed_and_changed_elsewhere: Renamed(AWAY) => does(AutoMerge, write(MERGED), &["since {0} (1 hunk", "none overlap"]);
        renamed_and_changed_in_the_same_line: Renamed(SAME_LINE) => asks(
            [write(MINE), write(SAME_LINE), write(MINE), write(SAME_LINE)],
            &["you edited this since {0} (1 hunk", "1 overlap"],
        );
    }
}

row! {
    /// The user deleted what the release shipped.
    deleted = Deleted {
        as_base: AsBase => does(StaysDeleted, Nothing, &["you deleted this since {0}", "source did not change it"]);
        changed: Changed(AWAY) => asks(
            [Nothing, write(AWAY), Nothing, Nothing],
            &["you deleted this since {0}", "source changed it"],
        );
        removed: Removed => does(Unchanged, Nothing, &["not there", "source removed it"]);
        renamed: Renamed(BASE) => asks(
            [Nothing, WriteOnly(BASE.as_bytes()), Nothing, Nothing],
            &["you deleted this since {0}", "source moved it"],
        );
        renamed_and_changed: Renamed(AWAY) => asks(
            [Nothing, WriteOnly(AWAY.as_bytes()), Nothing, Nothing],
            &["you deleted this since {0}", "source moved it"],
        );
    }
}

row! {
    /// The release shipped nothing there, the user put a file there. Only a new path can meet that.
    own = Own {
        new_path: NewPath => asks(
            [Nothing, write(BASE), write(MINE), write(BASE)],
            &["a file of your own stands where the source ships one"],
        );
    }
}

row! {
    /// The same, with exactly the source's bytes.
    own_but_equal = OwnButEqual {
        new_path: NewPath => does(Unchanged, Nothing, &["source has the same"]);
    }
}

row! {
    /// Nobody put anything there.
    nothing_there = Absent {
        new_path: NewPath => does(New, write(BASE), &["new in the source"]);
    }
}
