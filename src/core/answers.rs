//! Questions that need not be asked: answers given before to the very same three texts, and standing rules by glob.

use std::collections::BTreeMap;

use globset::GlobMatcher;
use serde::{Deserialize, Serialize};

use super::layout::layouts;
use super::path::RelPath;
use super::plan::FileEntry;
use super::session::Decision;
use super::settings::Options;
use crate::core::glob::glob;
use crate::core::json;

/// The file's name in `.upgrade/`.
pub(crate) const FILE: &str = "answers.json";

/// Answers that a person gave, by base, mine and theirs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Remembered {
    /// 1.
    schema: u32,
    answers: BTreeMap<String, Decision>,
}

/// The three texts' ids; the path doesn't matter.
fn key(entry: &FileEntry) -> String {
    let id = |id: &Option<super::blob::BlobId>| id.as_ref().map_or("none".to_owned(), ToString::to_string);
    format!("{} {} {}", id(&entry.base), id(&entry.mine), id(&entry.theirs))
}

impl Remembered {
    /// Reads the file's text; a damaged file remembers nothing, which costs questions but no bytes.
    pub(crate) fn parse(text: &[u8]) -> Self {
        serde_json::from_slice(text).unwrap_or_default()
    }

    /// The file's text.
    ///
    /// # Errors
    /// [`json::Unwritable`].
    pub(crate) fn to_json(&self) -> Result<String, json::Unwritable> {
        json::pretty(self)
    }

    /// Keeps an answer. One that puts the question off is none: it is asked again.
    pub(crate) fn remember(&mut self, entry: &FileEntry, answer: &Decision) {
        self.schema = 1;
        match answer {
            Decision::Park => self.answers.remove(&key(entry)),
            _ => self.answers.insert(key(entry), answer.clone()),
        };
    }
}

/// `always_keep` and `always_take`, compiled.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    keep: Vec<(String, GlobMatcher)>,
    take: Vec<(String, GlobMatcher)>,
}

impl Rules {
    /// The rules of the settings. Globs that don't compile were refused when the settings were read.
    pub(crate) fn of(options: &Options) -> Self {
        let all = |list: &[String]| list.iter().filter_map(|p| Some((p.clone(), glob(p).ok()?))).collect();
        Self { keep: all(&options.always_keep), take: all(&options.always_take) }
    }

    /// What a rule says to a path, and which. Keeping wins. The user's config is taken only by a rule that names it:
    /// `**/*.json` was not written with it in mind.
    fn answer(&self, path: &RelPath) -> Option<(Decision, String)> {
        let named = |rules: &[(String, GlobMatcher)]| {
            rules.iter().find(|(_, glob)| glob.is_match(path.as_path())).map(|(pattern, _)| pattern.clone())
        };
        let keep = named(&self.keep).map(|p| (Decision::Keep, format!("your rule always_keep \"{p}\"")));
        let take = named(&self.take).filter(|p| !layouts().is_config(path) || path.to_str() == Some(p));
        keep.or_else(|| take.map(|p| (Decision::Take, format!("your rule always_take \"{p}\""))))
    }
}

/// The answer that a conflict has already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prior {
    /// What.
    pub(crate) answer: Decision,
    /// What settles it, in words.
    pub(crate) why: String,
    /// It was answered before, rather than ruled: it can be asked again.
    pub(crate) earlier: bool,
}

/// The answer that a conflict has already: by a standing rule first, then what was answered before.
pub(crate) fn prior(entry: &FileEntry, rules: &Rules, remembered: &Remembered) -> Option<Prior> {
    let ruled = rules.answer(&entry.path).map(|(answer, why)| Prior { answer, why, earlier: false });
    let earlier = |answer: &Decision| Prior { answer: answer.clone(), why: EARLIER.to_owned(), earlier: true };
    ruled.or_else(|| remembered.answers.get(&key(entry)).map(earlier))
}

const EARLIER: &str = "your earlier answer";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::plan::Kind;

    fn entry(path: &str, mine: &str) -> FileEntry {
        let id = |text: &str| super::super::blob::BlobId::of(text.as_bytes(), super::super::blob::ObjectFormat::Sha1);
        FileEntry {
            path: path.parse().unwrap(),
            path_base64: None,
            kind: Kind::Conflict,
            from: None,
            source_path: None,
            base: Some(id("base")),
            mine: Some(id(mine)),
            theirs: Some(id("theirs")),
            conflict_hunks: 1,
            reason: String::new(),
            executable: false,
        }
    }

    #[test]
    fn the_same_three_texts_are_not_asked_twice() {
        let mut remembered = Remembered::default();
        remembered.remember(&entry("a", "mine"), &Decision::Take);
        let remembered = Remembered::parse(remembered.to_json().unwrap().as_bytes());
        let none = Rules::default();
        assert_eq!(
            prior(&entry("b", "mine"), &none, &remembered).unwrap().answer,
            Decision::Take,
            "wherever it stands"
        );
        assert!(prior(&entry("a", "edited again"), &none, &remembered).is_none());
        assert_eq!(Remembered::parse(b"{torn"), Remembered::default());
    }

    #[test]
    fn a_glob_that_is_too_much_is_an_error() {
        for bad in
            ["{".repeat(300) + &"}".repeat(300), "{a,".repeat(40_000), "a".repeat(5_000), "a\0".into(), "[".into()]
        {
            assert!(glob(&bad).is_err(), "{}", &bad[..1]);
        }
        let wild = "{*?[a-z]**/[!b]*,".repeat(30) + "c" + &"}".repeat(30);
        // Whatever comes of it, it is no panic.
        let _ = glob(&wild);
        assert!(glob("{a,b{c,d}}/**/*.md").is_ok());
        assert!(!glob("\u{1b}[31m{").unwrap_err().contains('\u{1b}'));
    }

    #[test]
    fn rules_match_by_glob_and_keeping_wins() {
        let options = Options {
            always_keep: vec!["standards/universal/ai-safety/**".into()],
            always_take: vec!["**/*.md".into(), "scripts/*".into()],
            ..Options::default()
        };
        let rules = Rules::of(&options);
        let say = |path: &str| prior(&entry(path, "m"), &rules, &Remembered::default());
        assert_eq!(say("standards/universal/ai-safety/x.md").unwrap().answer, Decision::Keep);
        let taken = say("workflows/a/b.md").unwrap();
        assert_eq!((taken.answer, taken.earlier), (Decision::Take, false));
        assert_eq!(taken.why, "your rule always_take \"**/*.md\"");
        assert!(say("scripts/deep/x.py").is_none(), "one star stays within a folder");
    }
}
