//! How a file of the user's fared, and the counts of all.

use serde::Serialize;

use crate::core::account::lines::Lines;
use crate::core::path::RelPath;

/// How a file fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    /// It is nowhere in the install, or a line of the user's is missing in it, and nobody else can have done that.
    Lost,
    /// Somebody changed it, or took it away, without this program.
    ChangedSince,
    /// It was merged with what the release changed.
    Merged,
    /// It was a conflict, and was settled as it was answered.
    Answered,
    /// It was a conflict that was put off: the user's stays.
    Parked,
    /// It stands in `rescued/`.
    Rescued,
    /// A second copy of a page went, as it was answered.
    RemovedAsCopy,
    /// It moved with its page.
    Moved,
    /// It stands where it stood, as it was.
    Unchanged,
}

impl Fate {
    /// All, what a person should look at first.
    pub(crate) const ALL: [Fate; 9] = [
        Fate::Lost,
        Fate::ChangedSince,
        Fate::Merged,
        Fate::Answered,
        Fate::Parked,
        Fate::Rescued,
        Fate::RemovedAsCopy,
        Fate::Moved,
        Fate::Unchanged,
    ];

    /// The word in JSON.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Fate::Lost => "lost",
            Fate::ChangedSince => "changed_since",
            Fate::Merged => "merged",
            Fate::Answered => "answered",
            Fate::Parked => "parked",
            Fate::Rescued => "rescued",
            Fate::RemovedAsCopy => "removed_as_copy",
            Fate::Moved => "moved",
            Fate::Unchanged => "unchanged",
        }
    }

    /// The words for people.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Fate::ChangedSince => "changed since, not by the upgrade",
            Fate::Parked => "put off",
            Fate::RemovedAsCopy => "removed as a second copy",
            other => other.word(),
        }
    }
}

/// How a conflict was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Settled {
    /// The user's stays.
    Kept,
    /// The release's took its place.
    Taken,
    /// Both were combined, region by region.
    Regions,
    /// The user wrote the file anew.
    Edited,
}

impl Settled {
    /// The words for people.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Settled::Kept => "kept yours",
            Settled::Taken => "took theirs",
            Settled::Regions => "chosen region by region",
            Settled::Edited => "your own text",
        }
    }
}

/// One file of the user's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Item {
    /// Where it stood, relative to the install.
    pub(crate) path: RelPath,
    /// How it fared.
    pub(crate) fate: Fate,
    /// How its conflict was settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) answer: Option<Settled>,
    /// Where its content stands now, relative to the install; none if it stands only in the backup.
    pub(crate) now: Option<RelPath>,
    /// Its content of before is no longer in the install as it was: it stands in the backup, under its old path.
    pub(crate) in_backup: bool,
    /// The user's lines in it, where it was merged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lines: Option<Lines>,
    /// What else there is to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

/// All of the user's files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Account {
    /// Sorted by path.
    pub(crate) items: Vec<Item>,
}

impl Account {
    /// Those that fared so.
    pub(crate) fn of(&self, fate: Fate) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |item| item.fate == fate)
    }

    /// How many fared so.
    pub(crate) fn count(&self, fate: Fate) -> usize {
        self.of(fate).count()
    }

    /// All in one line: what is unchanged first, what is lost last.
    pub(crate) fn line(&self) -> String {
        let unchanged = self.count(Fate::Unchanged);
        let files = if unchanged == 1 { "file" } else { "files" };
        let mut parts = vec![format!("{unchanged} {files} unchanged")];
        for fate in Fate::ALL.into_iter().rev() {
            let n = self.count(fate);
            match fate {
                Fate::Unchanged | Fate::Lost => {}
                _ if n == 0 => {}
                Fate::Merged => parts.push(format!("{n} merged with {}", self.merged_lines())),
                Fate::ChangedSince => parts.push(format!("{n} changed since the upgrade")),
                _ => parts.push(format!("{n} {}", fate.label())),
            }
        }
        parts.push(format!("{} lost", self.count(Fate::Lost)));
        format!("yours: {}", parts.join(", "))
    }

    fn merged_lines(&self) -> String {
        let all = || self.of(Fate::Merged).filter_map(|item| item.lines.as_ref());
        let yours: usize = all().map(|lines| lines.yours).sum();
        let word = if yours == 1 { "line" } else { "lines" };
        format!("{yours} {word} of yours all found")
    }
}
