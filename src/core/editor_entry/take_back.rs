//! The way back: the values that were replaced, in a file that may have changed since.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::change::{Edit, with_edits};
use super::jsonc::{self, Node, Problem, Shape};
use crate::core::layout::layouts;
use crate::core::path::RelPath;

/// A settings file that was written, as a session keeps it: noted before it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Saved {
    /// The sha256 of what stood there.
    pub(crate) before: String,
    /// That of what was written.
    pub(crate) after: String,
    /// What was replaced: by pointer, the old value and the new one, as they are written.
    pub(crate) edits: BTreeMap<String, (String, String)>,
}

/// A value that could not be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    /// Its pointer.
    pub(crate) pointer: String,
    /// What it was, as it is written.
    pub(crate) old: String,
}

/// Whether a path is that of settings which may have an entry: no session may name another one.
pub(crate) fn is_settings(path: &RelPath) -> bool {
    layouts().outside.editors.iter().any(|editor| editor.path == *path)
}

impl Saved {
    /// What [`take_back`] takes back, the other way round.
    pub(crate) fn reversed(&self) -> Self {
        let edits = self.edits.iter().map(|(pointer, (old, new))| (pointer.clone(), (new.clone(), old.clone())));
        Self { before: self.after.clone(), after: self.before.clone(), edits: edits.collect() }
    }

    /// Whether it is what this program writes.
    pub(crate) fn is_sound(&self) -> bool {
        let sum = |sum: &String| sum.len() == 64 && sum.bytes().all(|b| b.is_ascii_hexdigit());
        let value = |text: &String| jsonc::parse(text.as_bytes()).is_ok_and(|(_, node)| node.at == (0..text.len()));
        let edit =
            |(pointer, (old, new)): (&String, &(String, String))| pointer.starts_with('/') && value(old) && value(new);
        sum(&self.before) && sum(&self.after) && self.edits.iter().all(edit)
    }
}

/// A file with the old values again where the new ones still stand; what else stands in their places is the user's, and
/// stays.
///
/// # Errors
/// [`Problem`]: it can't be read any more.
pub(crate) fn take_back(bytes: &[u8], saved: &Saved) -> Result<(Vec<u8>, Vec<Left>), Problem> {
    let (text, root) = jsonc::parse(bytes)?;
    let (mut edits, mut left): (Vec<Edit>, Vec<Left>) = (Vec::new(), Vec::new());
    for (pointer, (old, new)) in &saved.edits {
        let stands = |node: &Node, what: &str| text[node.at.clone()] == *what;
        let spot = at(&root, pointer)?;
        match spot.map(|spot| spot.find(|node| stands(node, new))) {
            Some(Some(node)) if !edits.iter().any(|edit| edit.at.start == node.at.start) => {
                edits.push(Edit { pointer: pointer.clone(), old: new.clone(), new: old.clone(), at: node.at.clone() });
            }
            // Somebody put it back before, or took the whole entry out.
            None => {}
            Some(_) if at(&root, pointer)?.is_some_and(|spot| spot.find(|node| stands(node, old)).is_some()) => {}
            Some(_) => left.push(Left { pointer: pointer.clone(), old: old.clone() }),
        }
    }
    edits.sort_by_key(|edit| edit.at.start);
    Ok((with_edits(text, &edits).into_bytes(), left))
}

/// Where a value may stand: at a key, or in a list, where others may have come in front of it.
enum Spot<'n> {
    Value(&'n Node),
    Item(&'n [Node], usize),
}

impl<'n> Spot<'n> {
    fn find(&self, is: impl Fn(&Node) -> bool) -> Option<&'n Node> {
        match self {
            Spot::Value(node) => Some(*node).filter(|node| is(node)),
            Spot::Item(items, at) => {
                let here = items.get(*at).filter(|node| is(node));
                let mut elsewhere = items.iter().filter(|node| is(node));
                here.or_else(|| elsewhere.next().filter(|_| elsewhere.next().is_none()))
            }
        }
    }
}

/// The spot that a pointer leads to; none if something on the way is not there any more.
fn at<'n>(root: &'n Node, pointer: &str) -> Result<Option<Spot<'n>>, Problem> {
    let keys: Vec<String> = pointer.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~")).collect();
    let mut node = root;
    for (depth, key) in keys.iter().enumerate() {
        if let (Shape::List(items), Ok(number)) = (&node.shape, key.parse::<usize>()) {
            return Ok((depth + 1 == keys.len()).then_some(Spot::Item(items, number)));
        }
        match node.get(key)? {
            Some(inner) => node = inner,
            None => return Ok(None),
        }
    }
    Ok(Some(Spot::Value(node)))
}
