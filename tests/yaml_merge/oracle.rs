//! What a merge has to say, told by the values that another library reads.

use std::collections::BTreeMap;

use serde_yaml_ng::{Mapping, Value};

/// Which side a question was answered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    Base,
    Mine,
    Theirs,
}

pub struct Oracle<'a> {
    /// Without a base every difference is a question.
    pub has_base: bool,
    /// What was asked, and the answers.
    pub asked: &'a BTreeMap<String, Pick>,
}

impl Oracle<'_> {
    /// The expected value of a key. Panics if something was asked, or was not, that should have been otherwise.
    pub fn expect(
        &self,
        at: &str,
        base: Option<&Value>,
        mine: Option<&Value>,
        theirs: Option<&Value>,
    ) -> Option<Value> {
        let asked = self.asked.get(at);
        if mine == theirs || base == theirs {
            assert!(asked.is_none(), "{at:?} is asked about, though only mine changed it");
            return mine.cloned();
        }
        let map = |v: Option<&Value>| v.and_then(Value::as_mapping).filter(|m| !m.is_empty()).cloned();
        if let (Some(mine), Some(theirs), None) = (map(mine), map(theirs), asked) {
            return Some(Value::Mapping(self.map(at, base, &mine, &theirs)));
        }
        // What the template dropped is asked about as well.
        let dropped = theirs.is_none() || map(base).is_some();
        match asked {
            Some(Pick::Base) => base.cloned(),
            Some(Pick::Mine) => mine.cloned(),
            Some(Pick::Theirs) => theirs.cloned(),
            None => {
                assert!(self.has_base && base == mine && !dropped, "{at:?} is taken without being asked about");
                theirs.cloned()
            }
        }
        .inspect(|_| {
            let one_sided = self.has_base && base == mine && !dropped;
            assert!(asked.is_none() || !one_sided, "{at:?} is asked about, though only theirs changed it");
        })
    }

    fn map(&self, at: &str, base: Option<&Value>, mine: &Mapping, theirs: &Mapping) -> Mapping {
        let mut out = Mapping::new();
        for key in mine.keys().chain(theirs.keys().filter(|k| !mine.contains_key(*k))) {
            let path = format!("{at}/{}", name(key));
            let base = base.and_then(Value::as_mapping).and_then(|b| b.get(key));
            if let Some(value) = self.expect(&path, base, mine.get(key), theirs.get(key)) {
                out.insert(key.clone(), value);
            }
        }
        out
    }
}

pub fn name(key: &Value) -> String {
    match key {
        Value::String(text) => text.clone(),
        other => format!("{other:?}"),
    }
}

/// The value at a path of keys.
pub fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('/').skip(1).try_fold(value, |value, key| value.as_mapping()?.get(key))
}
