//! What YAML says, apart from how it is written. Equal values have the same number, over all the texts that are
//! compared: so an alias costs nothing to compare, however much it stands for.

use std::collections::HashMap;

/// The number of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ValueId(usize);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// An integer or a fraction, in one way of writing it.
    Number(String),
    Text(String),
    /// A plain word that YAML 1.1 and 1.2 read differently (`yes`, `0o17`, a date): equal only if written the same.
    Word(String),
    Tagged(String, Box<Value>),
    List(Vec<ValueId>),
    /// Sorted by key, because order does not count.
    Map(Vec<(ValueId, ValueId)>),
}

/// All values that were met.
#[derive(Debug, Clone, Default)]
pub(super) struct Values(HashMap<Value, ValueId>);

impl Values {
    pub(crate) fn id(&mut self, value: Value) -> ValueId {
        let next = ValueId(self.0.len());
        *self.0.entry(value).or_insert(next)
    }

    pub(crate) fn map(&mut self, mut pairs: Vec<(ValueId, ValueId)>) -> ValueId {
        pairs.sort_unstable();
        self.id(Value::Map(pairs))
    }
}

/// What a plain scalar says.
pub(super) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_number = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let is_whole = |s: &str| is_number(s) && (s == "0" || !s.starts_with('0'));
    let sign = if text.starts_with('-') { "-" } else { "" };
    if is_whole(digits) {
        return Value::Number(if digits == "0" { "0".to_owned() } else { format!("{sign}{digits}") });
    }
    if let Some((whole, part)) = digits.split_once('.')
        && is_whole(whole)
        && is_number(part)
    {
        let part = part.trim_end_matches('0');
        return Value::Number(format!("{sign}{whole}.{part}"));
    }
    if may_be_special(text) { Value::Word(text.to_owned()) } else { Value::Text(text.to_owned()) }
}

/// Whether some reader of YAML takes a plain word for more than a text. It may say so of a text that none does.
fn may_be_special(text: &str) -> bool {
    let words = ["yes", "no", "on", "off", "y", "n", "true", "false", "null", "=", "<<"];
    let number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+');
    words.iter().any(|w| text.eq_ignore_ascii_case(w)) || text.starts_with(number)
}
