//! What has to change in a settings file, value by value.

use std::ops::Range;

use serde::Serialize;

use super::entry::{Starts, Way};
use super::jsonc::{self, Node, Problem};
use crate::core::config::below;

/// A value that is replaced by another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub(crate) struct Edit {
    /// Where: a JSON pointer.
    pub(crate) pointer: String,
    /// What stands there, as it is written.
    pub(crate) old: String,
    /// What belongs there.
    pub(crate) new: String,
    /// Where that is in the file, in bytes.
    #[serde(skip)]
    pub(crate) at: Range<usize>,
}

/// An entry that starts this install's server in a way that only a person can mend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub(crate) struct ByHand {
    /// Its name.
    pub(crate) entry: String,
    /// What is wrong with it.
    pub(crate) why: String,
}

/// What a settings file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Looked {
    /// The values that have to change, in their order.
    pub(crate) edits: Vec<Edit>,
    /// What a person has to change.
    pub(crate) by_hand: Vec<ByHand>,
    /// The file with the edits.
    pub(crate) bytes: Vec<u8>,
}

/// Looks for entries that start this install's server, and for what is wrong with them. `places` are the keys, from the
/// outside in, of objects whose members are servers; the first that is there counts.
///
/// # Errors
/// [`Problem`]. Then nothing in the file can be told, or written.
pub(crate) fn look(bytes: &[u8], places: &[Vec<String>], starts: &Starts) -> Result<Looked, Problem> {
    let (text, root) = jsonc::parse(bytes)?;
    let mut looked = Looked::default();
    for place in places {
        let (mut node, mut pointer) = (Some(&root), String::new());
        for key in place {
            node = node.map(|node| node.get(key)).transpose()?.flatten();
            pointer = below(&pointer, key);
        }
        let Some(servers) = node else { continue };
        for (name, entry) in servers.members() {
            servers.get(name)?;
            one(text, name, &below(&pointer, name), entry, starts, &mut looked)?;
        }
        break;
    }
    looked.edits.sort_by_key(|edit| edit.at.start);
    looked.bytes = with_edits(text, &looked.edits).into_bytes();
    Ok(looked)
}

/// A text with some of its values replaced; they are in its order.
pub(crate) fn with_edits(text: &str, edits: &[Edit]) -> String {
    let (mut out, mut end) = (String::with_capacity(text.len()), 0);
    for edit in edits {
        out.push_str(&text[end..edit.at.start]);
        out.push_str(&edit.new);
        end = edit.at.end;
    }
    out + &text[end..]
}

fn one(
    text: &str,
    name: &str,
    pointer: &str,
    entry: &Node,
    starts: &Starts,
    looked: &mut Looked,
) -> Result<(), Problem> {
    let module = match starts.way(entry)? {
        None => return Ok(()),
        Some(Way::Script(file)) => {
            let next = starts.next.first().map_or("", String::as_str);
            let why = format!("it runs {file}, which releases do not have any more; they are run by -m {next}");
            looked.by_hand.push(ByHand { entry: name.to_owned(), why });
            return Ok(());
        }
        Some(Way::Module(module)) => module,
    };
    let mut edit = |pointer: String, node: &Node, new: String| {
        let at = node.at.clone();
        looked.edits.push(Edit { pointer, old: text[at.clone()].to_owned(), new, at });
    };
    let mut value = |pointer: String, node: &Node| {
        let Some(old) = node.text() else { return };
        let wrong = std::ptr::eq(node, module) && !starts.next.iter().any(|known| known == old);
        let next = starts.next.first().filter(|_| wrong).map(|next| quoted(next));
        let new = next.or_else(|| moved(&text[node.at.clone()], old, starts));
        if let Some(new) = new {
            edit(pointer, node, new);
        }
    };
    for key in ["command", "cwd"] {
        if let Some(node) = entry.get(key)? {
            value(below(pointer, key), node);
        }
    }
    let args = below(pointer, "args");
    for (at, node) in entry.get("args")?.map_or(&[][..], Node::items).iter().enumerate() {
        value(below(&args, &at.to_string()), node);
    }
    let env = below(pointer, "env");
    for (name, node) in entry.get("env")?.map_or(&[][..], Node::members) {
        value(below(&env, name), node);
    }
    for key in &starts.approvals {
        let Some(list) = entry.get(key)? else { continue };
        if let Some(new) = approved(text, list, starts) {
            edit(below(pointer, key), list, new);
        }
    }
    Ok(())
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A value with the folders that moved; none if it names none. What is written as it is read stays written so.
fn moved(written: &str, value: &str, starts: &Starts) -> Option<String> {
    let moved = starts.moved(value);
    if moved.is_empty() {
        return None;
    }
    let (mut out, mut end) = (String::new(), 0);
    for (at, new) in moved {
        out.push_str(&value[end..at.start]);
        out.push_str(new);
        end = at.end;
    }
    out.push_str(&value[end..]);
    let plain = written.len() == value.len() + 2;
    Some(if plain && !out.contains(['"', '\\']) { format!("\"{out}\"") } else { quoted(&out) })
}

/// A list of tools with the names that they have now; none if it is right. Only those that do the same and no more: who let
/// a tool run without a question did not mean another one.
fn approved(text: &str, list: &Node, starts: &Starts) -> Option<String> {
    let renamed = |old: &str| starts.moves.tools.iter().find(|tool| tool.equal && tool.from == old);
    let items = list.items();
    let mut names: Vec<&str> = items.iter().filter_map(Node::text).filter(|name| renamed(name).is_none()).collect();
    let (mut out, mut end, mut changed) = (String::new(), list.at.start, false);
    for (at, item) in items.iter().enumerate() {
        let Some(tool) = item.text().and_then(renamed) else { continue };
        changed = true;
        if !names.contains(&tool.to.as_str()) {
            names.push(&tool.to);
            out.push_str(&text[end..item.at.start]);
            out.push_str(&quoted(&tool.to));
            end = item.at.end;
            continue;
        }
        // It is there already: the item goes, with the comma on one of its sides, unless somebody wrote between them.
        let bare = |part: Range<usize>| text.get(part).is_some_and(|t| t.trim().trim_matches(',').trim().is_empty());
        let before = at.checked_sub(1).map(|before| items[before].at.end);
        let after = items.get(at + 1).map(|after| after.at.start);
        match (before, after) {
            (Some(before), _) if before >= end && bare(before..item.at.start) => {
                out.push_str(&text[end..before]);
                end = item.at.end;
            }
            (None, Some(after)) if bare(item.at.end..after) => {
                out.push_str(&text[end..item.at.start]);
                end = after;
            }
            _ => {}
        }
    }
    out.push_str(&text[end..list.at.end]);
    (changed && out != text[list.at.clone()]).then_some(out)
}
