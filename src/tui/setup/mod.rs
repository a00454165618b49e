//! What the setup screen knows: the source while it is typed, what was found there, and the options. No I/O.

mod choice;
mod field;

use std::path::{Path, PathBuf};

pub(crate) use self::choice::{Choice, policy_word};
pub(crate) use self::field::Field;
use crate::core::os_text;
use crate::engine::planning::sources::{Candidate, Found, Standing};
use crate::host::git::address;

use super::launch::Launch;

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
    /// An address is being fetched: git's words, once there are some.
    pub(crate) fetching: Option<String>,
    /// The text whose address could not be fetched, and why.
    pub(crate) unfetched: Option<(String, String)>,
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
            fetching: None,
            unfetched: None,
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

    /// Why the address in the field could not be fetched.
    pub(crate) fn unfetched_now(&self) -> Option<&str> {
        self.unfetched.as_ref().filter(|(typed, _)| typed == self.field.text()).map(|(_, why)| why.as_str())
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
            // What was fetched before is a choice once nothing newer can be had.
            Some(Looked { found: Found::Address(address), .. }) => match &address.fetched {
                Some((clone, _)) if self.unfetched_now().is_some() => vec![clone.clone()],
                _ => Vec::new(),
            },
            Some(looked) => looked.folders.iter().filter(here).map(|c| c.path.clone()).collect(),
        };
    }

    /// Puts an offered folder into the field: a clone as it is, any other to go on from there.
    pub(crate) fn take(&mut self, offer: usize) {
        self.spot = Spot::Source;
        let Some(path) = self.offers.get(offer).cloned() else { return };
        let mut known = self.candidates.iter().chain(self.looked.iter().flat_map(|l| &l.folders));
        let is_fetched = matches!(self.looked_now().map(|l| &l.found), Some(Found::Address(_)));
        let is_source = is_fetched || known.any(|c| c.path == path && c.is_source);
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
                Some(Found::Address(_)) => "This is an address: Enter fetches it.".to_owned(),
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

/// What was typed as a path: `~` is the home folder, anything relative starts at `here`. An address stays as it is.
pub(crate) fn path_of(typed: &str, home: Option<&str>, here: &Path) -> PathBuf {
    let typed = typed.trim();
    if address::is_address(Path::new(typed)) {
        return PathBuf::from(typed);
    }
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
    fn typed_paths_start_at_home_or_here() {
        let here = Path::new("/here");
        assert_eq!(path_of("~/x", Some("/home/ada"), here), Path::new("/home/ada/x"));
        assert_eq!(path_of("~", Some("/home/ada"), here), Path::new("/home/ada"));
        assert_eq!(path_of("~x", Some("/home/ada"), here), Path::new("/here/~x"));
        assert_eq!(path_of(" ../x ", None, here), Path::new("/here/../x"));
        for address in ["https://h.invalid/x.git", "git@h.invalid:x/y"] {
            assert_eq!(path_of(address, Some("/home/ada"), here), Path::new(address));
        }
        assert_eq!(path_of("~//x/", Some("/home/ada"), here).to_str(), Some("/home/ada/x"));
    }
}
