//! Whether what is planned can stand on a file system at all: lengths of names and paths, names that it refuses, and two
//! names that are one there. Pure: what a file system allows is measured elsewhere.

use std::collections::BTreeMap;
use std::fmt;

use super::path::RelPath;

/// The longest whole path that the system takes in one piece, in bytes, its end left out.
pub const LONGEST_PATH: usize = 4095;

/// Before a path in the install: where copies of it go, by the longest names that those places can have. People and
/// other programs must be able to name them.
const COPIES: [(&str, &str); 2] = [
    ("the copy of it in a backup", ".backups/YYYY-MM-DD-HHMMSS-NN/files/"),
    ("the place where your own text of it is set aside", "rescued/YYYY-MM-DD-HHMMSS-rollback/"),
];

/// What a file system allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a name.
    pub name: usize,
    /// Names that differ in case only are one.
    pub folds: bool,
    /// It keeps its names as Windows does.
    pub windows: bool,
}

/// Why a path can't stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// A name in it is too long: its bytes, and how many may be.
    Name(String, usize, usize),
    /// The whole path, or that of a copy, is too long: which, its bytes.
    Path(&'static str, usize),
    /// The file system refuses this name, and why.
    Refused(String, &'static str),
    /// Another path of the release is the same there.
    SameAs(RelPath),
    /// A file of the release has the name of a folder in it.
    FileIsFolder(RelPath),
    /// Something of another name stands there already, which this file system takes for the same.
    Taken,
    /// It was tried, and this is what the system said.
    Tried(String),
}

/// A path that can't stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impossible {
    /// Relative to the install.
    pub path: RelPath,
    /// Why.
    pub why: Why,
}

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = Short(&self.path);
        match &self.why {
            Why::Name(name, has, may) => {
                write!(f, "{path}: the name {} has {has} bytes, {may} are allowed there", short(name))
            }
            Why::Path(what, has) => write!(f, "{path}: {what} has a path of {has} bytes, {LONGEST_PATH} are allowed"),
            Why::Refused(name, why) => write!(f, "{path}: this file system refuses the name {} ({why})", short(name)),
            Why::SameAs(other) => write!(f, "{path}: is one and the same file as {} there", Short(other)),
            Why::FileIsFolder(folder) => write!(f, "{path}: {} would be a file and a folder there", Short(folder)),
            Why::Taken => write!(f, "{path}: this file system takes another name that stands there for the same"),
            Why::Tried(said) => write!(f, "{path}: a file of this name can't be made there ({said})"),
        }
    }
}

/// A path for a sentence: of one that is very long, its beginning and its end.
struct Short<'a>(&'a RelPath);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&short(&self.0.to_string()))
    }
}

fn short(text: &str) -> String {
    const ENDS: usize = 60;
    let chars: Vec<char> = text.chars().collect();
    match chars.len() > 3 * ENDS {
        true => chars[..ENDS].iter().chain(&['…']).chain(&chars[chars.len() - ENDS..]).collect(),
        false => text.to_owned(),
    }
}

/// Which of the paths that a plan makes anew can't stand in the install. `install` is the length of its own path in
/// bytes; `limits` says what is allowed in the folder of a path; `stays` are the paths of the release that are there
/// already, and stay.
pub(crate) fn impossible(
    install: usize,
    limits: &dyn Fn(&RelPath) -> Limits,
    new: &[RelPath],
    stays: &[RelPath],
) -> Vec<Impossible> {
    let mut found = Vec::new();
    let mut names = Names::default();
    for path in stays {
        names.add(path, limits(path).folds);
    }
    for path in new {
        let allowed = limits(path);
        let clash = names.add(path, allowed.folds);
        let why = name_of(path, allowed).or_else(|| length_of(install, path)).or(clash);
        found.extend(why.map(|why| Impossible { path: path.clone(), why }));
    }
    found
}

/// What is wrong with a name in a path.
fn name_of(path: &RelPath, allowed: Limits) -> Option<Why> {
    path.parts().find_map(|part| {
        let shown = || String::from_utf8_lossy(part).escape_debug().to_string();
        if part.len() > allowed.name {
            return Some(Why::Name(shown(), part.len(), allowed.name));
        }
        let refused = allowed.windows.then(|| refused_by_windows(part)).flatten();
        refused.map(|why| Why::Refused(shown(), why))
    })
}

/// What is wrong with a whole path.
fn length_of(install: usize, path: &RelPath) -> Option<Why> {
    let whole = install + 1 + path.as_bytes().len();
    if whole > LONGEST_PATH {
        return Some(Why::Path("it", whole));
    }
    let copies = COPIES.iter().map(|(what, folder)| (*what, whole + folder.len()));
    copies.into_iter().find(|(_, length)| *length > LONGEST_PATH).map(|(what, length)| Why::Path(what, length))
}

/// Why a file system that keeps its names as Windows does refuses one.
fn refused_by_windows(name: &[u8]) -> Option<&'static str> {
    const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
    let stem = name.split(|b| *b == b'.').next().unwrap_or(name);
    let stem = String::from_utf8_lossy(stem).to_ascii_lowercase();
    let numbered = |prefix: &str| {
        let number = stem.strip_prefix(prefix);
        number.is_some_and(|n| n.len() == 1 && n.bytes().all(|b| (b'1'..=b'9').contains(&b)))
    };
    if name.iter().any(|b| b"\"*:<>?|\\".contains(b) || *b < 0x20) {
        Some("it has one of the characters \" * : < > ? | \\ or a control character")
    } else if matches!(name.last(), Some(b'.' | b' ')) {
        Some("it ends in a dot or a space")
    } else if std::str::from_utf8(name).is_err() {
        Some("it is no UTF-8")
    } else if DEVICES.contains(&stem.as_str()) || numbered("com") || numbered("lpt") {
        Some("it is the name of a device")
    } else {
        None
    }
}

/// The names of files, and of the folders that they are in, as a file system tells them apart.
#[derive(Default)]
struct Names {
    files: BTreeMap<Vec<u8>, RelPath>,
    folders: BTreeMap<Vec<u8>, RelPath>,
}

impl Names {
    /// Adds a file; what it is the same as, if it can't be there beside the others.
    fn add(&mut self, path: &RelPath, folds: bool) -> Option<Why> {
        let key = |path: &RelPath| folded(path, folds);
        let above: Vec<RelPath> = std::iter::successors(path.parent(), RelPath::parent).collect();
        let same = self.files.get(&key(path)).filter(|other| *other != path).cloned().map(Why::SameAs);
        let in_file = || above.iter().find(|folder| self.files.contains_key(&key(folder))).cloned();
        let is_folder = || self.folders.get(&key(path)).cloned();
        let why = same.or_else(|| in_file().or_else(is_folder).map(Why::FileIsFolder));
        self.files.entry(key(path)).or_insert_with(|| path.clone());
        for folder in above {
            self.folders.entry(key(&folder)).or_insert(folder);
        }
        why
    }
}

fn folded(path: &RelPath, folds: bool) -> Vec<u8> {
    match (folds, path.to_str()) {
        (true, Some(text)) => text.to_lowercase().into_bytes(),
        (true, None) => path.as_bytes().to_ascii_lowercase(),
        (false, _) => path.as_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Limits = Limits { name: 255, folds: false, windows: false };

    fn rel(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    fn of(limits: Limits, new: &[&str], stays: &[&str]) -> Vec<String> {
        let [new, stays] = [new, stays].map(|all| all.iter().map(|text| rel(text)).collect::<Vec<_>>());
        impossible(20, &|_| limits, &new, &stays).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_and_paths_may_be_as_long_as_they_may_be_and_no_longer() {
        for most in [255, 143] {
            let limits = Limits { name: most, ..PLAIN };
            assert!(of(limits, &[&"x".repeat(most), &format!("d/{}/f", "é".repeat(most / 2))], &[]).is_empty());
            let found = of(limits, &[&"x".repeat(most + 1)], &[]);
            assert!(found[0].contains(&format!("{} bytes, {most} are allowed", most + 1)), "{found:?}");
        }
        // Beside the install's own path, and what stands before a copy.
        let path = |length: usize| {
            let mut text = "y/".repeat(length / 2);
            text.push_str(if length.is_multiple_of(2) { "" } else { "y" });
            if text.ends_with('/') {
                text.pop();
                text.push('y');
            }
            text
        };
        let longest_copy = COPIES.iter().map(|(_, folder)| folder.len()).max().unwrap();
        let fits = LONGEST_PATH - 21 - longest_copy;
        assert!(of(PLAIN, &[&path(fits)], &[]).is_empty());
        assert!(of(PLAIN, &[&path(fits + 1)], &[])[0].contains("4096 bytes, 4095 are allowed"));
        let live = LONGEST_PATH - 21;
        assert!(of(PLAIN, &[&path(live)], &[])[0].contains("the copy of it in a backup"));
        assert!(of(PLAIN, &[&path(live + 1)], &[])[0].contains(": it has a path of 4096 bytes"));
    }

    #[test]
    fn two_names_that_are_one_are_found_where_they_are() {
        let folds = Limits { folds: true, ..PLAIN };
        let both = ["standards/Readme.md", "standards/README.md"];
        assert!(of(PLAIN, &both, &[]).is_empty());
        assert_eq!(
            of(folds, &both, &[]),
            ["standards/README.md: is one and the same file as standards/Readme.md there"]
        );
        assert_eq!(of(folds, &both[..1], &both[1..]).len(), 1);
        assert_eq!(of(folds, &["ÄRGER.md"], &["ärger.md"]).len(), 1);
        assert!(of(folds, &["Docs/a", "docs/b"], &[]).is_empty(), "one folder, two files");
        let as_folder = of(folds, &["A/x"], &["a"]);
        assert_eq!(as_folder, ["A/x: A would be a file and a folder there"]);
        assert_eq!(of(PLAIN, &["a"], &["a/x"]), ["a: a would be a file and a folder there"]);
        assert!(of(PLAIN, &["A/x"], &["a"]).is_empty());
    }

    #[test]
    fn what_windows_refuses_is_told() {
        let windows = Limits { windows: true, folds: true, ..PLAIN };
        for bad in ["a:b", "what?", "d/x.", "d /x", "nul", "Com1.txt", "a\\b", "tab\tx", "pipe|"] {
            assert_eq!(of(windows, &[bad], &[]).len(), 1, "{bad}");
            assert!(of(PLAIN, &[bad], &[]).is_empty(), "{bad}");
        }
        assert!(of(windows, &["com10", "console.md", "a b.md", ".hidden", "größe.md"], &[]).is_empty());
        let bytes = [RelPath::new(&b"\xff"[..]).unwrap()];
        assert_eq!(impossible(20, &|_| windows, &bytes, &[]).len(), 1);
    }

    #[test]
    fn a_very_long_path_is_told_in_a_line() {
        let long = of(PLAIN, &[&"x".repeat(3_000)], &[]);
        assert!(long[0].chars().count() < 400 && long[0].contains("3000 bytes"), "{}", long[0]);
    }
}
