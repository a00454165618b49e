//! Answers to conflicts that come from a file, or from another program: each says which three texts it is for.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::blob::BlobId;
use super::merge::Choice;
use super::offer::offers;
use super::outcome::{Sides, merge_of};
use super::path::RelPath;
use super::plan::FileEntry;
use super::session::Decision;

/// What `--answers FILE` reads:
///
/// ```json
/// {"schema":1,
///  "answers":{"standards/universal/x.md":{"ids":{"base":"<id>","mine":"<id>","theirs":"<id>"},"answer":"merge-keep"},
///             "standards/universal/y.md":{"ids":{"base":"<id>","mine":"<id>","theirs":null},
///                                         "answer":{"regions":["mine",{"text":"both, in other words\n"}]}}}}
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswersFile {
    /// 1.
    pub(crate) schema: u32,
    /// By the install's path, as the plan names it; each once.
    #[serde(deserialize_with = "each_once")]
    pub(crate) answers: BTreeMap<RelPath, Bound>,
}

/// Reads the answers; of two for one path nobody can tell which is meant.
fn each_once<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<RelPath, Bound>, D::Error> {
    struct Each;
    impl<'de> serde::de::Visitor<'de> for Each {
        type Value = BTreeMap<RelPath, Bound>;

        fn expecting(&self, form: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            form.write_str("answers by their paths")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut all = BTreeMap::new();
            while let Some((path, answer)) = map.next_entry::<RelPath, Bound>()? {
                if all.contains_key(&path) {
                    return Err(serde::de::Error::custom(format!("{path} has two answers")));
                }
                all.insert(path, answer);
            }
            Ok(all)
        }
    }
    deserializer.deserialize_map(Each)
}

/// An answer, and the texts that it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// The three blob ids, as `plan --json` and exit code 3 list them. For other bytes the answer does not count.
    pub(crate) ids: Ids,
    /// What is done.
    pub(crate) answer: Answer,
}

/// The three texts of a conflict, by their blob ids; null for one that is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ids {
    /// What the user started from.
    pub(crate) base: Option<BlobId>,
    /// What is installed.
    pub(crate) mine: Option<BlobId>,
    /// What the source ships.
    pub(crate) theirs: Option<BlobId>,
}

impl Ids {
    /// Those of a plan's entry.
    pub(crate) fn of(entry: &FileEntry) -> Self {
        Self { base: entry.base.clone(), mine: entry.mine.clone(), theirs: entry.theirs.clone() }
    }

    /// Which of them differ, in words; none if all are the same.
    fn difference(&self, now: &Ids) -> Option<String> {
        let sides =
            [("base", &self.base, &now.base), ("mine", &self.mine, &now.mine), ("theirs", &self.theirs, &now.theirs)];
        let other: Vec<&str> = sides.iter().filter(|(_, then, now)| then != now).map(|(name, ..)| *name).collect();
        (!other.is_empty()).then(|| other.join(" and "))
    }
}

/// How a conflict is settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Mine stays, whole.
    Keep,
    /// Theirs replaces it, whole.
    Take,
    /// Both are combined; where both changed the same lines, mine stays.
    MergeKeep,
    /// Both are combined; where both changed the same lines, theirs is taken.
    MergeTake,
    /// Put off: mine stays, and theirs is kept for `resolve`.
    Park,
    /// Both are combined, with a choice for each region that both changed, in their order.
    Regions(Vec<RegionAnswer>),
    /// The whole file.
    Text(String),
    /// The same, where it is not UTF-8: in base64.
    #[serde(rename = "text_base64")]
    TextBase64(String),
}

/// The words that need no more than themselves, and those that do: for whoever lists what can be answered.
pub(crate) const WAYS: [&str; 7] = ["keep", "take", "merge-keep", "merge-take", "park", "regions", "text"];

/// How one region is settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RegionAnswer {
    /// My lines.
    Mine,
    /// Their lines.
    Theirs,
    /// Mine, then theirs.
    Both,
    /// What is offered for it: refused where nothing is.
    Combined,
    /// The lines as they were before either changed them.
    Base,
    /// These lines instead.
    Text(String),
    /// The same, where they are not UTF-8: in base64.
    TextBase64(String),
}

fn decoded(text: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(text).map_err(|e| format!("the text is not base64 ({e})"))
}

impl Bound {
    /// The decision that the answer comes to for a conflict and its texts.
    ///
    /// # Errors
    /// Why it does not count here, in words without the path.
    pub(crate) fn decision(&self, entry: &FileEntry, sides: &Sides) -> Result<Decision, String> {
        if let Some(other) = self.ids.difference(&Ids::of(entry)) {
            return Err(format!("the answer is for other bytes: {other} is another one by now"));
        }
        let merge = || merge_of(&entry.path, sides).ok_or("there is nothing to combine: keep it or take theirs");
        let all = |choice: Choice| Ok(Decision::Merge(vec![Some(choice); merge()?.conflicts()]));
        match &self.answer {
            Answer::Keep => Ok(Decision::Keep),
            Answer::Take => Ok(Decision::Take),
            Answer::Park => Ok(Decision::Park),
            Answer::MergeKeep => all(Choice::Mine),
            Answer::MergeTake => all(Choice::Theirs),
            Answer::Text(text) => Ok(Decision::Edited(text.clone().into_bytes())),
            Answer::TextBase64(text) => Ok(Decision::Edited(decoded(text)?)),
            Answer::Regions(regions) => {
                let merge = merge()?;
                let offered =
                    if regions.contains(&RegionAnswer::Combined) { offers(&entry.path, &merge) } else { Vec::new() };
                if regions.len() != merge.conflicts() {
                    return Err(format!("it has {} regions, not {}", merge.conflicts(), regions.len()));
                }
                let choice = |(at, (region, answer)): (usize, (_, &RegionAnswer))| {
                    Ok(Some(match answer {
                        RegionAnswer::Mine => Choice::Mine,
                        RegionAnswer::Theirs => Choice::Theirs,
                        RegionAnswer::Both => Choice::Both,
                        RegionAnswer::Combined => match offered.get(at) {
                            Some(Some(offer)) => offer.choice(),
                            _ => return Err(format!("nothing is offered for region {}", at + 1)),
                        },
                        RegionAnswer::Base => Choice::Base,
                        RegionAnswer::Text(text) => Choice::Edited(merge.fitted(region, text.clone().into_bytes())),
                        RegionAnswer::TextBase64(text) => Choice::Edited(merge.fitted(region, decoded(text)?)),
                    }))
                };
                let choices: Result<Vec<_>, String> = merge.overlaps().zip(regions).enumerate().map(choice).collect();
                Ok(Decision::Merge(choices?))
            }
        }
    }
}

impl AnswersFile {
    /// Reads a file's text.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        let file: Self = serde_json::from_slice(text).map_err(|e| e.to_string())?;
        if file.schema == 1 { Ok(file) } else { Err(format!("schema {} is not known", file.schema)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::blob::ObjectFormat;
    use crate::core::outcome::{Outcome, outcome};
    use crate::core::plan::Kind;

    fn conflict() -> (FileEntry, Sides) {
        let texts = ["a\nb\nc\n", "a\nmine\nc\n", "a\ntheirs\nc\n"];
        let [base, mine, theirs] = texts.map(|t| Some(BlobId::of(t.as_bytes(), ObjectFormat::Sha1)));
        let entry = FileEntry {
            path: "standards/a.md".parse().unwrap(),
            path_base64: None,
            kind: Kind::Conflict,
            from: None,
            source_path: None,
            base,
            mine,
            theirs,
            conflict_hunks: 1,
            reason: String::new(),
            executable: false,
        };
        let [base, mine, theirs] = texts.map(|t| Some(t.as_bytes().into()));
        (entry, Sides { base, mine, theirs })
    }

    fn decided(answer: &str) -> Result<Decision, String> {
        let (entry, sides) = conflict();
        let answer: Answer = serde_json::from_str(answer).map_err(|e| e.to_string())?;
        Bound { ids: Ids::of(&entry), answer }.decision(&entry, &sides)
    }

    #[test]
    fn every_way_comes_to_a_decision() {
        assert_eq!(decided("\"keep\""), Ok(Decision::Keep));
        assert_eq!(decided("\"merge-take\""), Ok(Decision::Merge(vec![Some(Choice::Theirs)])));
        assert_eq!(decided("{\"text\":\"x\\n\"}"), Ok(Decision::Edited(b"x\n".to_vec())));
        assert_eq!(decided("{\"text_base64\":\"/w==\"}"), Ok(Decision::Edited(vec![0xff])));
        let edited = Decision::Merge(vec![Some(Choice::Edited(b"new\n".to_vec()))]);
        assert_eq!(decided("{\"regions\":[{\"text\":\"new\"}]}"), Ok(edited), "with the line end that its place needs");
        assert!(decided("{\"regions\":[]}").unwrap_err().contains("1 regions, not 0"));
        assert!(decided("{\"text_base64\":\"?\"}").unwrap_err().contains("base64"));
        assert!(decided("\"fail\"").is_err());
    }

    #[test]
    fn what_is_offered_can_be_the_answer_and_nothing_else_can() {
        let (mut entry, _) = conflict();
        let texts = ["one two three\n", "1 two three\n", "one two 3\n"];
        let [base, mine, theirs] = texts.map(|t| Some(t.as_bytes().into()));
        let sides = Sides { base, mine, theirs };
        let ids = Ids::of(&entry);
        let answer = || serde_json::from_str::<Answer>("{\"regions\":[\"combined\"]}").unwrap();
        let decision = Bound { ids: ids.clone(), answer: answer() }.decision(&entry, &sides).unwrap();
        entry.kind = Kind::Conflict;
        let Ok(Outcome::Write { bytes, .. }) = outcome(&entry, Some(&decision), &sides) else { panic!() };
        assert_eq!(&bytes[..], b"1 two 3\n");
        let problem = decided("{\"regions\":[\"combined\"]}").unwrap_err();
        assert!(problem.contains("nothing is offered for region 1"), "{problem}");
    }

    #[test]
    fn an_answer_for_other_bytes_does_not_count() {
        let (entry, sides) = conflict();
        let ids = Ids { mine: entry.base.clone(), theirs: None, ..Ids::of(&entry) };
        let problem = Bound { ids, answer: Answer::Take }.decision(&entry, &sides).unwrap_err();
        assert!(problem.contains("mine and theirs"), "{problem}");
    }

    #[test]
    fn a_file_says_what_is_wrong_with_it() {
        assert!(AnswersFile::parse(b"{\"schema\":1,\"answers\":{}}").is_ok());
        assert!(AnswersFile::parse(b"{\"schema\":2,\"answers\":{}}").unwrap_err().contains("schema 2"));
        assert!(AnswersFile::parse(b"{\"schema\":1,\"answer\":{}}").unwrap_err().contains("answer"));
        assert!(
            AnswersFile::parse(b"{\"schema\":1,\"answers\":{\"../x\":{}}}").is_err(),
            "it leads out of the install"
        );
        let one = r#""a.md":{"ids":{"base":null,"mine":null,"theirs":null},"answer":"keep"}"#;
        let twice = format!("{{\"schema\":1,\"answers\":{{{one},{one}}}}}");
        assert!(AnswersFile::parse(twice.as_bytes()).unwrap_err().contains("a.md has two answers"));
    }
}
