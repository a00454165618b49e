//! What the setup screen knows: the source while it is typed, what was found there, and the options. No I/O.

use std::path::{Path, PathBuf};

use crate::core::os_text;
use crate::core::plan::Only;
use crate::core::policy::OnConflict;
use crate::engine::planning::sources::{Candidate, Found, Standing};

use super::launch::Launch;

/// A line of text with a cursor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Field {
    text: String,
    /// In bytes, at a character's border.
    at: usize,
    /// Chosen as a whole: the first character typed replaces it.
    pub(crate) whole: bool,
}

impl Field {
    /// A text that was put there, with the cursor at its end.
    pub(crate) fn offered(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { at: text.len(), whole: !text.is_empty(), text }
    }

    /// The text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What stands before the cursor.
    pub(crate) fn before(&self) -> &str {
        self.text.get(..self.at).unwrap_or_default()
    }

    /// Types or pastes.
    pub(crate) fn insert(&mut self, typed: &str) {
        if self.whole {
            self.clear();
        }
        self.text.insert_str(self.at, typed);
        self.at += typed.len();
        // One slash is as good as two, and what is shown of the path has one.
        while let Some(double) = self.text.find("//") {
            self.text.remove(double);
            self.at -= usize::from(self.at > double);
        }
    }

    /// Erases the character before the cursor.
    pub(crate) fn erase(&mut self) {
        self.whole = false;
        if let Some(c) = self.before().chars().next_back() {
            self.at -= c.len_utf8();
            self.text.remove(self.at);
        }
    }

    /// Erases the character under the cursor.
    pub(crate) fn erase_next(&mut self) {
        self.whole = false;
        if self.at < self.text.len() {
            self.text.remove(self.at);
        }
    }

    /// Erases back to the last `/` before the cursor.
    pub(crate) fn erase_part(&mut self) {
        self.whole = false;
        let kept = self.before().trim_end_matches('/').rfind('/').map_or(0, |slash| slash + 1);
        self.text.replace_range(kept..self.at, "");
        self.at = kept;
    }

    /// Erases all.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Moves the cursor by a character.
    pub(crate) fn step(&mut self, forward: bool) {
        self.whole = false;
        let next = match forward {
            true => self.text.get(self.at..).and_then(|rest| rest.chars().next()),
            false => self.before().chars().next_back(),
        };
        let width = next.map_or(0, char::len_utf8);
        self.at = if forward { self.at + width } else { self.at - width };
    }

    /// Moves the cursor to an end.
    pub(crate) fn jump(&mut self, forward: bool) {
        self.whole = false;
        self.at = if forward { self.text.len() } else { 0 };
    }
}

/// What was found for a text of the field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// The text.
    pub(crate) typed: String,
    /// What is there.
    pub(crate) found: Found,
    /// Folders that the text may become.
    pub(crate) folders: Vec<Candidate>,
}

/// An option of the setup screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// All, content, server.
    Part,
    /// Who settles conflicts.
    Conflicts,
    /// Stop and start the server.
    Restart,
    /// Change editors' entries that would not start the new server.
    Editors,
    /// Bring the release's text into rules files.
    Rules,
    /// Run the test command.
    Tests,
    /// Try the new release before anything changes.
    Rehearsal,
    /// Whether a failing post-install step stops the upgrade.
    PostInstall,
    /// How many backups stay.
    Backups,
    /// Commit afterwards.
    Commit,
    /// An older release.
    Downgrade,
    /// Only look.
    DryRun,
}

impl Choice {
    /// In the order of the screen.
    pub(crate) const ALL: [Choice; 12] = [
        Choice::Part,
        Choice::Conflicts,
        Choice::Restart,
        Choice::Editors,
        Choice::Rules,
        Choice::Tests,
        Choice::Rehearsal,
        Choice::PostInstall,
        Choice::Backups,
        Choice::Commit,
        Choice::Downgrade,
        Choice::DryRun,
    ];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Choice::Part => "upgrade",
            Choice::Conflicts => "conflicts",
            Choice::Restart => "restart the server",
            Choice::Editors => "editors' entries",
            Choice::Rules => "rules files",
            Choice::Tests => "run the tests",
            Choice::Rehearsal => "try it first",
            Choice::PostInstall => "a failing download",
            Choice::Backups => "keep backups",
            Choice::Commit => "commit afterwards",
            Choice::Downgrade => "older release",
            Choice::DryRun => "only look",
        }
    }

    /// What its present value means.
    pub(crate) fn meaning(self, launch: &Launch) -> &'static str {
        let options = &launch.options;
        match self {
            Choice::Part => match launch.only {
                None => "standards, workflows, scripts and the server",
                Some(Only::Content) => "standards, workflows and scripts",
                Some(Only::Server) => "the server and its packages",
            },
            Choice::Conflicts => match launch.on_conflict {
                OnConflict::Ask => "you decide where both changed the same lines",
                OnConflict::Keep => "a file in conflict stays yours, whole",
                OnConflict::Take => "a file in conflict becomes theirs, whole",
                OnConflict::MergeKeep => "where lines collide, yours stay",
                OnConflict::MergeTake => "where lines collide, theirs win",
                OnConflict::Park => "yours stay for now, `resolve` asks later",
            },
            Choice::Restart if options.auto_restart => "stop the running server, start the new code",
            Choice::Restart => "a running server keeps its old code for now",
            Choice::Editors if options.editor_config => "one that would not start the new server is changed",
            Choice::Editors => "they stay, and the report says what to change",
            Choice::Rules if options.rules => "those with an older release's text get this one's",
            Choice::Rules => "they stay, with an older release's text",
            Choice::Tests if options.skip_tests => "the install's own tests are left out",
            Choice::Tests => "the install's own tests run, if it has any",
            Choice::Rehearsal if options.no_rehearsal => "what fails after the switch is taken back",
            Choice::Rehearsal => "the new server is started before anything changes",
            Choice::PostInstall if options.allow_post_install_failure => "a browser, say, can be fetched later",
            Choice::PostInstall => "a browser, say, that can't be fetched",
            Choice::Backups => "the older ones go afterwards; ← → change it",
            Choice::Commit if options.git_commit_after => "the changed paths go into your repository",
            Choice::Commit => "nothing is committed, that is left to you",
            Choice::Downgrade if options.allow_downgrade => "it may replace a newer one of yours",
            Choice::Downgrade => "a newer one of yours is never replaced",
            Choice::DryRun if options.dry_run => "the plan is shown, and can't be started",
            Choice::DryRun => "the plan is shown, and starts when you say so",
        }
    }

    /// Its present value: on or off, or a word.
    pub(crate) fn value(self, launch: &Launch) -> Result<bool, String> {
        let options = &launch.options;
        Ok(match self {
            Choice::Part => {
                return Err(match launch.only {
                    None => "everything",
                    Some(Only::Content) => "content only",
                    Some(Only::Server) => "server only",
                }
                .to_owned());
            }
            Choice::Conflicts => return Err(policy_word(launch.on_conflict).to_owned()),
            Choice::Backups => return Err(options.keep_backups.to_string()),
            Choice::Restart => options.auto_restart,
            Choice::Editors => options.editor_config,
            Choice::Rules => options.rules,
            Choice::Tests => !options.skip_tests,
            Choice::Rehearsal => !options.no_rehearsal,
            Choice::PostInstall => {
                return Err(if options.allow_post_install_failure { "only warns" } else { "gives up" }.into());
            }
            Choice::Commit => options.git_commit_after,
            Choice::Downgrade => {
                return Err(if options.allow_downgrade { "allowed" } else { "refused" }.into());
            }
            Choice::DryRun => options.dry_run,
        })
    }

    /// Changes it: to the next value or the one before; on and off either way.
    pub(crate) fn change(self, launch: &mut Launch, forward: bool) {
        const PARTS: [Option<Only>; 3] = [None, Some(Only::Content), Some(Only::Server)];
        const POLICIES: [OnConflict; 6] = [
            OnConflict::Ask,
            OnConflict::MergeKeep,
            OnConflict::MergeTake,
            OnConflict::Keep,
            OnConflict::Take,
            OnConflict::Park,
        ];
        let options = &mut launch.options;
        match self {
            Choice::Part => launch.only = next(&PARTS, launch.only, forward),
            Choice::Conflicts => launch.on_conflict = next(&POLICIES, launch.on_conflict, forward),
            Choice::Backups if forward => options.keep_backups = (options.keep_backups + 1).min(99),
            Choice::Backups => options.keep_backups = options.keep_backups.saturating_sub(1).max(1),
            Choice::Restart => options.auto_restart = !options.auto_restart,
            Choice::Editors => options.editor_config = !options.editor_config,
            Choice::Rules => options.rules = !options.rules,
            Choice::Tests => options.skip_tests = !options.skip_tests,
            Choice::Rehearsal => options.no_rehearsal = !options.no_rehearsal,
            Choice::PostInstall => options.allow_post_install_failure = !options.allow_post_install_failure,
            Choice::Commit => options.git_commit_after = !options.git_commit_after,
            Choice::Downgrade => options.allow_downgrade = !options.allow_downgrade,
            Choice::DryRun => options.dry_run = !options.dry_run,
        }
    }
}

/// How conflicts are settled, in a few words.
pub(crate) fn policy_word(policy: OnConflict) -> &'static str {
    match policy {
        OnConflict::Ask => "ask me",
        OnConflict::Keep => "keep mine",
        OnConflict::Take => "take theirs",
        OnConflict::MergeKeep => "merge, mine first",
        OnConflict::MergeTake => "merge, theirs first",
        OnConflict::Park => "put off",
    }
}

fn next<T: Copy + PartialEq>(all: &[T], now: T, forward: bool) -> T {
    let at = all.iter().position(|v| *v == now).unwrap_or(0);
    let by = if forward { 1 } else { all.len().saturating_sub(1) };
    all.get((at + by) % all.len().max(1)).copied().unwrap_or(now)
}

/// Where the cursor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spot {
    /// The source's path.
    Source,
    /// An offered folder.
    Offer(usize),
    /// What is wrong with the install.
    Install,
    /// An option.
    Option(Choice),
}

/// The setup screen's state.
#[derive(Debug, Clone, PartialEq)]
pub struct Setup {
    /// The source's path.
    pub(crate) field: Field,
    /// Where the cursor is.
    pub(crate) spot: Spot,
    /// What was found, for the text it was looked at with.
    pub(crate) looked: Option<Looked>,
    /// How the install stands, seen from the source at this path.
    pub(crate) standing: Option<(String, Result<Standing, String>)>,
    /// What may be meant, before anything is typed.
    pub(crate) candidates: Vec<Candidate>,
    /// The folders offered below the field.
    pub(crate) offers: Vec<PathBuf>,
    /// What will be launched, once it is accepted.
    pub(crate) draft: Launch,
    /// `Tab` was pressed before the folders were known.
    pub(crate) completing: bool,
    /// The user's home, for reading and writing `~`.
    home: Option<String>,
    /// The path that the screen opened with: the one that was checked.
    opened: String,
}

impl Setup {
    /// A setup of what is launched now.
    pub(crate) fn new(launch: &Launch, spot: Spot, home: Option<&str>) -> Self {
        let text = launch.source.as_ref().map(|s| as_typed(s, home)).unwrap_or_default();
        Self {
            field: Field::offered(text.clone()),
            spot,
            looked: None,
            standing: None,
            candidates: Vec::new(),
            offers: Vec::new(),
            draft: launch.clone(),
            completing: false,
            home: home.map(str::to_owned),
            opened: text,
        }
    }

    /// Whether the field still has the path that the screen opened with.
    pub(crate) fn is_as_opened(&self) -> bool {
        self.field.text() == self.opened
    }

    /// The path in the field.
    pub(crate) fn path(&self) -> PathBuf {
        path_of(self.field.text(), self.home.as_deref(), &self.draft.here)
    }

    /// What was found for the text that is in the field now.
    pub(crate) fn looked_now(&self) -> Option<&Looked> {
        self.looked.as_ref().filter(|l| l.typed == self.field.text())
    }

    /// How the install stands, for the text that is in the field now.
    pub(crate) fn standing_now(&self) -> Option<&Result<Standing, String>> {
        self.standing.as_ref().filter(|(typed, _)| typed == self.field.text()).map(|s| &s.1)
    }

    /// Sets the offers anew: what was typed, completed; before anything is typed, what may be meant. Only while the
    /// cursor is at the path: further down, what it is at would move away under it.
    pub(crate) fn offer(&mut self) {
        if self.spot != Spot::Source {
            return;
        }
        let now = self.path();
        let here = |c: &&Candidate| c.path != now;
        self.offers = match self.looked_now() {
            _ if self.field.whole || self.field.text().is_empty() => {
                self.candidates.iter().filter(here).map(|c| c.path.clone()).collect()
            }
            Some(Looked { found: Found::Clone(_), .. }) | None => Vec::new(),
            Some(looked) => looked.folders.iter().filter(here).map(|c| c.path.clone()).collect(),
        };
    }

    /// Puts an offered folder into the field: a clone as it is, any other to go on from there.
    pub(crate) fn take(&mut self, offer: usize) {
        self.spot = Spot::Source;
        let Some(path) = self.offers.get(offer).cloned() else { return };
        let mut known = self.candidates.iter().chain(self.looked.iter().flat_map(|l| &l.folders));
        let is_source = known.any(|c| c.path == path && c.is_source);
        let typed = as_typed(&path, self.home.as_deref());
        // Among what may be meant another can still be chosen, or typed.
        let whole = is_source && (self.field.whole || self.field.text().is_empty());
        let text = if is_source { typed } else { typed + "/" };
        self.field = Field { whole, ..Field::offered(text) };
    }

    /// Completes the text as far as all folders that fit agree. What to say about it, if it did not get far.
    pub(crate) fn complete(&mut self) -> Option<String> {
        self.completing = self.looked_now().is_none();
        let looked = self.looked_now()?;
        let names: Vec<String> =
            looked.folders.iter().filter_map(|c| c.path.file_name().map(os_text::escaped)).collect();
        let text = self.field.text();
        let parent = text.rfind('/').map_or("", |slash| &text[..=slash]);
        let Some(first) = names.first() else {
            return Some(match self.looked_now().map(|l| &l.found) {
                Some(Found::Clone(_)) => "This is a clone of praxis-os: Enter goes on.".to_owned(),
                _ => "No folder begins like that.".to_owned(),
            });
        };
        let shared = names.iter().skip(1).fold(first.as_str(), |shared, name| common(shared, name));
        let slash = if names.len() == 1 { "/" } else { "" };
        let longer = format!("{parent}{shared}{slash}");
        if longer.len() <= text.len() && names.len() > 1 {
            return Some(format!("{} folders begin like that; ↓ chooses, or type on.", names.len()));
        }
        self.field = Field { at: longer.len(), text: longer, whole: false };
        None
    }
}

/// A path as a person would type it: the home folder as `~`, what can't be typed as [`os_text::escaped`] has it.
pub(crate) fn as_typed(path: &Path, home: Option<&str>) -> String {
    let text = os_text::escaped(path);
    match home.filter(|h| h.len() > 1).and_then(|h| text.strip_prefix(h)) {
        Some(rest) if rest.starts_with('/') => format!("~{rest}"),
        _ => text,
    }
}

/// What two names begin with.
fn common<'a>(a: &'a str, b: &str) -> &'a str {
    let end = a.char_indices().zip(b.chars()).find(|((_, x), y)| x != y).map(|((at, _), _)| at);
    &a[..end.unwrap_or(a.len().min(b.len()))]
}

/// What was typed as a path: `~` is the home folder, anything relative starts at `here`.
pub(crate) fn path_of(typed: &str, home: Option<&str>, here: &Path) -> PathBuf {
    let typed = typed.trim();
    let path = match (typed.strip_prefix('~'), home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            let mut path = std::ffi::OsString::from(home);
            path.push(os_text::unescaped(rest));
            PathBuf::from(path)
        }
        _ => PathBuf::from(os_text::unescaped(typed)),
    };
    // Without doubled slashes, which would be seen wherever the path is.
    here.join(path).components().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn looked(typed: &str, names: &[&str]) -> Looked {
        let parent = Path::new(typed).parent().unwrap_or(Path::new("")).to_owned();
        let candidate = |n: &&str| Candidate { path: parent.join(n), is_source: false, recent: false };
        Looked { typed: typed.to_owned(), found: Found::Nothing, folders: names.iter().map(candidate).collect() }
    }

    fn completed(typed: &str, names: &[&str]) -> (String, bool) {
        let mut setup = Setup::new(&crate::tui::tests::samples::launch(), Spot::Source, None);
        setup.field.clear();
        setup.field.insert(typed);
        setup.looked = Some(looked(typed, names));
        let said = setup.complete();
        (setup.field.text().to_owned(), said.is_some())
    }

    #[test]
    fn tab_completes_what_all_agree_on() {
        assert_eq!(completed("/src/pra", &["praxis-os"]), ("/src/praxis-os/".into(), false));
        assert_eq!(completed("/src/pr", &["praxis-a", "praxis-b"]), ("/src/praxis-".into(), false));
        assert_eq!(completed("/src/praxis-", &["praxis-a", "praxis-b"]), ("/src/praxis-".into(), true));
        assert_eq!(completed("/src/x", &[]), ("/src/x".into(), true));
        assert_eq!(completed("/src/é", &["éa", "éb"]), ("/src/é".into(), true));
        assert_eq!(completed("../so", &["source"]), ("../source/".into(), false));
    }

    #[test]
    fn tab_before_the_folders_are_known_completes_when_they_are() {
        let mut setup = Setup::new(&crate::tui::tests::samples::launch(), Spot::Source, None);
        setup.field.insert("/src/pra");
        assert_eq!(setup.complete(), None);
        assert!(setup.completing);
    }

    #[test]
    fn an_offered_path_is_replaced_by_typing_and_edited_by_moving() {
        let mut field = Field::offered("/a/b");
        field.insert("x");
        assert_eq!(field.text(), "x");
        let mut field = Field::offered("/a/b");
        field.step(false);
        field.insert("x");
        assert_eq!(field.text(), "/a/xb");
        field.erase_part();
        assert_eq!(field.text(), "/a/b");
        field.jump(true);
        field.erase_part();
        assert_eq!(field.text(), "/a/");
        field.erase_part();
        assert_eq!(field.text(), "/");
        field.insert("/a//b/");
        assert_eq!((field.text(), field.before()), ("/a/b/", "/a/b/"));
    }

    #[test]
    fn typed_paths_start_at_home_or_here() {
        let here = Path::new("/here");
        assert_eq!(path_of("~/x", Some("/home/ada"), here), Path::new("/home/ada/x"));
        assert_eq!(path_of("~", Some("/home/ada"), here), Path::new("/home/ada"));
        assert_eq!(path_of("~x", Some("/home/ada"), here), Path::new("/here/~x"));
        assert_eq!(path_of(" ../x ", None, here), Path::new("/here/../x"));
        assert_eq!(path_of("~//x/", Some("/home/ada"), here).to_str(), Some("/home/ada/x"));
    }

    #[test]
    fn every_option_can_be_changed_there_and_back() {
        for choice in Choice::ALL {
            let before = crate::tui::tests::samples::launch();
            let mut launch = before.clone();
            choice.change(&mut launch, true);
            assert_ne!(launch, before, "{choice:?}");
            assert!(choice.value(&launch) != choice.value(&before), "{choice:?}");
            choice.change(&mut launch, false);
            assert_eq!(launch, before, "{choice:?}");
        }
    }

    proptest! {
        #[test]
        fn the_cursor_stays_between_characters(steps in prop::collection::vec(0u8..7, 0..60)) {
            let mut field = Field::offered("/日本/é");
            for step in steps {
                match step {
                    0 => field.insert("ü/"),
                    1 => field.erase(),
                    2 => field.erase_next(),
                    3 => field.erase_part(),
                    4 => field.step(true),
                    5 => field.step(false),
                    _ => field.jump(step % 2 == 0),
                }
                prop_assert!(field.text().starts_with(field.before()));
            }
        }
    }
}
