//! `.upgrade-baseline.json`: what the last upgrade installed, committed with the project.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::blob::BlobId;
use super::json;
use super::path::RelPath;
use super::release_history::Shipped;

/// The file's name in the install.
pub const FILE: &str = ".upgrade-baseline.json";

/// The release's bytes at every path it ships: never what was written, so that a merged or kept file is still known
/// as the user's next time.
///
/// It is committed with the project, so git has to merge it: each path stands on a line of its own, sorted. Two upgrades
/// to one release are the same file; of two releases git conflicts at least in the line that names the release.
///
/// ```json
/// {
/// "schema": 1,
/// "release": "<commit>",
/// "layout": "current",
/// "files": {
/// "standards/universal/x.md": {"source_path":"universal/standards/x.md","blob":"<id>"}
/// }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// 1.
    pub schema: u32,
    /// The commit that was installed.
    pub release: String,
    /// The layout's name.
    pub layout: String,
    /// By install path.
    pub files: BTreeMap<RelPath, BaselineFile>,
}

/// One path of the release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaselineFile {
    /// Where the source has it.
    pub source_path: RelPath,
    /// The release's content.
    pub blob: BlobId,
    /// The release it is from, where that is another one than the baseline's: an upgrade of only a part leaves the
    /// rest as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Whether the release ships it executable.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub executable: bool,
}

impl Baseline {
    /// The file's text.
    ///
    /// # Errors
    /// [`json::Unwritable`].
    pub(crate) fn to_json(&self) -> Result<String, json::Unwritable> {
        let head = [
            format!("\"schema\": {}", self.schema),
            format!("\"release\": {}", json::compact(&self.release)?),
            format!("\"layout\": {}", json::compact(&self.layout)?),
        ];
        let line =
            |(path, file): (&RelPath, &BaselineFile)| Ok(format!("{}: {}", json::compact(path)?, json::compact(file)?));
        let files = self.files.iter().map(line).collect::<Result<Vec<String>, json::Unwritable>>()?;
        Ok(format!("{{\n{},\n\"files\": {{\n{}\n}}\n}}\n", head.join(",\n"), files.join(",\n")))
    }
}

/// How the lines begin with which git marks two sides that it could not merge: the first and the second side, and
/// between them, where it is asked for, what both came from.
const MARKERS: [&[u8]; 4] = [b"<<<<<<<", b"|||||||", b"=======", b">>>>>>>"];

/// Which of [`MARKERS`] a line is.
fn mark(line: &[u8]) -> Option<usize> {
    let bare = |rest: &[u8]| rest.is_empty() || rest.starts_with(b" ") || rest.starts_with(b"\r");
    MARKERS.iter().position(|mark| line.strip_prefix(*mark).is_some_and(bare))
}

/// The first line, counted from one, at which git left two sides of a merge: a block with all of its markers in order.
pub fn marker(text: &[u8]) -> Option<usize> {
    let mut begun: Option<(usize, bool)> = None;
    for (at, line) in text.split(|b| *b == b'\n').enumerate() {
        match (mark(line), begun) {
            (Some(0), _) => begun = Some((at + 1, false)),
            (Some(2), Some((first, false))) => begun = Some((first, true)),
            (Some(3), Some((first, true))) => return Some(first),
            _ => {}
        }
    }
    None
}

/// The two baselines that git left in one file, each as far as it can be read: what stands outside of the marked blocks is
/// in both.
pub fn sides(text: &[u8]) -> [Option<Baseline>; 2] {
    [0, 2].map(|wanted| {
        let mut part = None;
        let mut lines: Vec<&[u8]> = Vec::new();
        for line in text.split(|b| *b == b'\n') {
            match mark(line) {
                Some(3) => part = None,
                Some(mark) => part = Some(mark),
                None if part.is_none_or(|part| part == wanted) => lines.push(line),
                None => {}
            }
        }
        serde_json::from_slice(&with_commas(&lines)).ok()
    })
}

/// Lines of JSON with commas where they belong: a line that was the last of its side may no longer be.
fn with_commas(lines: &[&[u8]]) -> Vec<u8> {
    let lines: Vec<&[u8]> = lines.iter().map(|line| line.trim_ascii()).filter(|line| !line.is_empty()).collect();
    let mut text = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let bare = line.strip_suffix(b",").unwrap_or(line);
        text.extend_from_slice(bare);
        let more = lines.get(at + 1).is_some_and(|next| next.starts_with(b"\""));
        if more && !bare.ends_with(b"{") {
            text.push(b',');
        }
        text.push(b'\n');
    }
    text
}

impl BaselineFile {
    /// A path of a release.
    pub fn of(source_path: &RelPath, file: &Shipped) -> Self {
        let (source_path, blob) = (source_path.clone(), file.blob.clone());
        Self { source_path, blob, release: None, executable: file.executable }
    }

    /// As a file of a release.
    pub fn shipped(&self) -> Shipped {
        Shipped { blob: self.blob.clone(), executable: self.executable }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::blob::ObjectFormat;

    fn baseline(release: &str, files: &[(&str, &str)]) -> Baseline {
        let file = |(path, text): &(&str, &str)| {
            let path: RelPath = path.parse().unwrap();
            let blob = BlobId::of(text.as_bytes(), ObjectFormat::Sha1);
            let source_path = RelPath::new(format!("universal/{path}")).unwrap();
            (path, BaselineFile { source_path, blob, release: None, executable: text.is_empty() })
        };
        let files = files.iter().map(file).collect();
        Baseline { schema: 1, release: release.into(), layout: "current".into(), files }
    }

    #[test]
    fn one_line_a_path_and_read_as_it_was_written() {
        let one = baseline("r", &[("a \"b\"", "1"), ("c", ""), ("d", "2")]);
        let text = one.to_json().unwrap();
        assert_eq!(serde_json::from_str::<Baseline>(&text).unwrap(), one);
        assert_eq!(text.lines().count(), 5 + 3 + 2, "{text}");
        // As earlier builds wrote it.
        assert_eq!(serde_json::from_slice::<Baseline>(&serde_json::to_vec_pretty(&one).unwrap()).unwrap(), one);
        let none = baseline("r", &[]);
        assert_eq!(serde_json::from_slice::<Baseline>(none.to_json().unwrap().as_bytes()).unwrap(), none);
    }

    #[test]
    fn two_sides_are_read_apart() {
        let (one, two) =
            (baseline("r1", &[("a", "1"), ("b", "1")]), baseline("r2", &[("a", "2"), ("b", "1"), ("c", "2")]));
        for write in
            [|b: &Baseline| b.to_json().unwrap().into_bytes(), |b: &Baseline| serde_json::to_vec_pretty(b).unwrap()]
        {
            let texts = [write(&one), write(&two)].map(|text| String::from_utf8(text).unwrap());
            let [ours, theirs] = texts.each_ref().map(|text| text.lines().collect::<Vec<_>>());
            let (mut merged, last) = (String::new(), ours.len() - 2);
            // Everything but the first line and the last ones conflicts.
            merged.push_str(&format!("{}\n<<<<<<< HEAD\n{}\n", ours[0], ours[1..last].join("\n")));
            merged.push_str(&format!("||||||| base\nnonsense\n=======\n{}\n", theirs[1..theirs.len() - 2].join("\n")));
            merged.push_str(&format!(">>>>>>> theirs\n{}\n", ours[last..].join("\n")));
            assert_eq!(marker(merged.as_bytes()), Some(2));
            assert_eq!(sides(merged.as_bytes()), [Some(one.clone()), Some(two.clone())]);
        }
        assert_eq!(marker(b"<<<<<<< a\n>>>>>>> b\n"), None, "no second side");
        assert_eq!(marker(b"x\n=======\n"), None, "a heading");
    }
}
