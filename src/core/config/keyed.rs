//! Config files that are merged key by key, whatever their format.

use std::sync::Arc;

use super::yaml::{self, Stretch, Why, YamlMerge};
use super::{ConfigMerge, KeyChoice};
use crate::core::merge::{Merge, RegionKind};

/// The format of a config file, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `*.json`
    Json,
    /// `*.yaml`, `*.yml`
    Yaml,
}

impl Format {
    /// None for files that are no config.
    pub fn of(name: &[u8]) -> Option<Self> {
        let ends = |end: &str| name.ends_with(end.as_bytes());
        match () {
            () if ends(".json") => Some(Self::Json),
            () if ends(".yaml") || ends(".yml") => Some(Self::Yaml),
            () => None,
        }
    }

    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Yaml => "YAML",
        }
    }

    /// Whether a text can be read.
    ///
    /// # Errors
    /// What is wrong with it, in words that follow "it".
    pub fn check(self, text: &[u8]) -> Result<(), String> {
        match self {
            Self::Json => serde_json::from_slice::<serde::de::IgnoredAny>(text)
                .map(drop)
                .map_err(|e| format!("is not valid JSON: {e}")),
            Self::Yaml => yaml::check(text).map_err(|problem| format!("is not YAML that can be relied on: {problem}")),
        }
    }

    /// Whether a text can be read, and no map of it has a key twice.
    pub(crate) fn has_each_key_once(self, text: &[u8]) -> bool {
        match self {
            Self::Json => super::text::Doc::parse(text).is_ok(),
            Self::Yaml => yaml::check(text).is_ok(),
        }
    }
}

/// The keys, as JSON pointers, that `theirs` has and `mine` hasn't.
///
/// # Errors
/// Why the files can't be compared key by key.
pub(crate) fn lacking(format: Format, mine: &[u8], theirs: &[u8]) -> Result<Vec<String>, String> {
    Ok(match format {
        Format::Json => ConfigMerge::new(None, mine, theirs).map_err(|e| e.to_string())?.changes,
        Format::Yaml => {
            let merge = YamlMerge::new(None, mine, theirs).map_err(|e| e.to_string())?;
            let absent = merge.conflicts.into_iter().filter(|c| c.mine.is_empty() && !c.theirs.is_empty());
            absent.map(|c| c.pointer).chain(merge.changes).collect()
        }
    })
}

/// Three config files, merged key by key.
#[derive(Debug, Clone)]
pub struct Keyed {
    /// A region for each change and for each question.
    pub merge: Merge,
    /// The keys that both sides changed: JSON pointers.
    pub conflicts: Vec<String>,
    /// The keys that the template has no more and the user still has: asked about as well.
    pub dropped: Vec<String>,
    /// The keys that only might be news, because no base tells: asked about as well.
    pub offered: Vec<String>,
    /// The keys that theirs brings, changes or removes without anybody being asked: JSON pointers.
    pub changes: Vec<String>,
}

impl Keyed {
    /// Merges, three-way where there is a base.
    ///
    /// # Errors
    /// Why the files can't be merged key by key.
    pub fn new(format: Format, base: Option<&[u8]>, mine: &Arc<[u8]>, theirs: &[u8]) -> Result<Self, String> {
        match format {
            Format::Json => Self::json(base, mine, theirs),
            Format::Yaml => Self::yaml(base, mine, theirs),
        }
    }

    fn json(base: Option<&[u8]>, mine: &Arc<[u8]>, theirs: &[u8]) -> Result<Self, String> {
        let keyed = ConfigMerge::new(base, mine, theirs).map_err(|e| e.to_string())?;
        let taken = keyed.result(&vec![KeyChoice::Theirs; keyed.conflicts.len()]);
        let merge =
            Merge::found(mine.clone(), keyed.result(&[]).into(), taken.into()).ok_or("one of them is binary")?;
        let conflicts = keyed.conflicts.into_iter().map(|c| c.pointer).collect();
        Ok(Self { merge, conflicts, dropped: Vec::new(), offered: Vec::new(), changes: keyed.changes })
    }

    fn yaml(base: Option<&[u8]>, mine: &[u8], theirs: &[u8]) -> Result<Self, String> {
        let keyed = YamlMerge::new(base, mine, theirs).map_err(|e| e.to_string())?;
        let part = |s: &'_ Stretch| match (s.settled, s.current == s.mine) {
            (true, true) => RegionKind::Unchanged,
            (true, false) => RegionKind::Theirs,
            (false, _) => RegionKind::Conflict,
        };
        let parts = keyed.stretches.iter().map(|s| {
            let base = if s.settled { &s.current } else { &s.base };
            (part(s), [base.as_bytes(), s.mine.as_bytes(), s.theirs.as_bytes()])
        });
        let merge = Merge::of_parts(parts).ok_or("one of them is binary")?;
        let of = |why| keyed.conflicts.iter().filter(|c| c.why == why).map(|c| c.pointer.clone()).collect();
        let (conflicts, dropped, offered) = (of(Why::Both), of(Why::Dropped), of(Why::Offered));
        Ok(Self { merge, conflicts, dropped, offered, changes: keyed.changes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_that_are_not_there_are_lacking() {
        let json = |mine: &str, theirs: &str| lacking(Format::Json, mine.as_bytes(), theirs.as_bytes());
        assert_eq!(json(r#"{"a": 1, "x": 0}"#, r#"{"a": 2}"#), Ok(vec![]));
        assert_eq!(
            json(r#"{"a": {"b": 1}}"#, r#"{"a": {"b": 2, "c": 3}, "d": 4}"#),
            Ok(vec!["/a/c".into(), "/d".into()])
        );
        let yaml = |mine: &str, theirs: &str| lacking(Format::Yaml, mine.as_bytes(), theirs.as_bytes());
        assert_eq!(yaml("a: 1\nx: 0\n", "# why\na: 2\n"), Ok(vec![]));
        assert_eq!(yaml("a:\n  b: 1\n", "a:\n  b: 2\n  c: 3\nd: 4\n"), Ok(vec!["/a/c".into(), "/d".into()]));
        assert!(json("{", "{}").is_err() && yaml("a: [", "a: 1\n").is_err());
    }
}
