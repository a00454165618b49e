//! Random config values, random edits of them, and random ways to write them: order, indentation, quotes, blocks and
//! braces, comments at every place.

/// A number a step; the same seed gives the same case.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum V {
    /// As it is written plainly.
    Word(&'static str),
    Text(&'static str),
    List(Vec<V>),
    Map(Vec<(String, V)>),
}

const WORDS: [&str; 8] = ["1", "200", "-7", "0.3", "true", "false", "null", "4242"];
const TEXTS: [&str; 16] = [
    "info",
    "a b",
    "",
    "yes",
    "12",
    "a: b",
    "x #y",
    "- z",
    "é 🚀",
    "it's",
    "say \"so\"",
    "*.py",
    "[a, b]",
    "one\ntwo\n",
    "one\n\n  two\n",
    "#",
];
const KEYS: [&str; 12] = ["a", "b", "log", "size", "a b", "é", "12", "x-y", "k_1", "yes", "q'r", "m.n"];

pub fn value(random: &mut Random, depth: usize) -> V {
    match random.below(if depth == 0 { 5 } else { 9 }) {
        0 | 1 => V::Word(random.pick(&WORDS)),
        2..=4 => V::Text(random.pick(&TEXTS)),
        5 | 6 => V::List((0..random.below(4)).map(|_| value(random, depth - 1)).collect()),
        _ => map(random, depth - 1, 0),
    }
}

pub fn map(random: &mut Random, depth: usize, least: usize) -> V {
    let mut keys = KEYS.to_vec();
    let count = least + random.below(5);
    let entry = |random: &mut Random, keys: &mut Vec<&str>| {
        let key = keys.remove(random.below(keys.len())).to_owned();
        (key, value(random, depth))
    };
    V::Map((0..count).map(|_| entry(random, &mut keys)).collect())
}

/// Some changes, at some places.
pub fn edited(random: &mut Random, old: &V, depth: usize) -> V {
    match old {
        V::Map(entries) if !entries.is_empty() && !random.one_in(12) => {
            let mut new: Vec<(String, V)> = Vec::new();
            for (key, value) in entries {
                match random.below(12) {
                    0 => {}
                    1..=3 => new.push((key.clone(), edited(random, value, depth.saturating_sub(1)))),
                    _ => new.push((key.clone(), value.clone())),
                }
            }
            for _ in 0..random.below(3) {
                let key = random.pick(&KEYS).to_owned();
                if new.iter().all(|(k, _)| *k != key) {
                    let at = random.below(new.len() + 1);
                    new.insert(at, (key, value(random, depth.saturating_sub(1))));
                }
            }
            V::Map(new)
        }
        V::List(items) if !items.is_empty() && !random.one_in(4) => {
            let mut items = items.clone();
            let at = random.below(items.len());
            if random.one_in(2) {
                drop(items.remove(at))
            } else {
                items.insert(at, value(random, 0))
            }
            V::List(items)
        }
        _ => value(random, depth),
    }
}

/// One way to write a file.
pub struct Writer<'r> {
    random: &'r mut Random,
    newline: &'static str,
    step: usize,
    /// One line in so many has a comment; none without.
    comments: Option<usize>,
    anchors: bool,
    count: usize,
    /// Anchored values, with their names.
    known: Vec<(V, usize)>,
    out: String,
}

impl<'r> Writer<'r> {
    pub fn write(random: &'r mut Random, value: &V, anchors: bool) -> String {
        let newline = if random.one_in(4) { "\r\n" } else { "\n" };
        let (step, comments) = (random.pick(&[2, 2, 4, 3]), random.pick(&[None, Some(2), Some(5)]));
        let mut writer =
            Self { random, newline, step, comments, anchors, count: 0, known: Vec::new(), out: String::new() };
        if writer.random.one_in(4) {
            writer.line("# The head of a file.");
            writer.line("");
        }
        if writer.random.one_in(8) {
            writer.line("---");
        }
        match value {
            V::Map(entries) if !entries.is_empty() => writer.entries(entries, 0, ""),
            other => {
                let text = writer.braces(other);
                writer.line(&text);
            }
        }
        let mut out = std::mem::take(&mut writer.out);
        if writer.random.one_in(5) {
            out.truncate(out.trim_end().len());
        }
        if writer.random.one_in(16) { format!("\u{feff}{out}") } else { out }
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push_str(self.newline);
    }

    /// A comment that says whose it is.
    fn comment(&mut self, path: &str) -> Option<String> {
        let every = self.comments?;
        self.count += 1;
        self.random.one_in(every).then(|| format!("# c{} {path}", self.count))
    }

    fn entries(&mut self, entries: &[(String, V)], indent: usize, at: &str) {
        for (key, value) in entries {
            let path = format!("{at}/{key}");
            let pad = " ".repeat(indent);
            if self.comments.is_some() && self.random.one_in(4) {
                self.line("");
            }
            if let Some(comment) = self.comment(&path) {
                self.line(&format!("{pad}{comment}"));
            }
            let key = self.key(key);
            self.value(&format!("{pad}{key}:"), value, indent, &path);
        }
    }

    /// A value behind what its line begins with.
    fn value(&mut self, head: &str, value: &V, indent: usize, path: &str) {
        let mut head = head.to_owned();
        if self.anchors {
            if let Some((_, name)) = self.known.iter().find(|(known, _)| known == value)
                && self.random.one_in(2)
            {
                let line = format!("{head} *n{name}");
                return self.line(&line);
            }
            if self.random.one_in(6) {
                self.known.push((value.clone(), self.known.len()));
                head = format!("{head} &n{}", self.known.len() - 1);
            }
        }
        let behind = self.comment(path).map(|c| format!("  {c}")).unwrap_or_default();
        let pad = " ".repeat(indent);
        match value {
            V::Map(entries) if !entries.is_empty() && !self.random.one_in(5) => {
                self.line(&format!("{head}{behind}"));
                self.entries(entries, indent + self.step, path);
            }
            V::List(items) if !items.is_empty() && !self.random.one_in(3) => {
                self.line(&format!("{head}{behind}"));
                let inner = if self.random.one_in(3) { indent } else { indent + self.step };
                let pad = " ".repeat(inner);
                for item in items {
                    if let Some(comment) = self.comment(path) {
                        self.line(&format!("{pad}{comment}"));
                    }
                    match item {
                        V::Map(entries) if !entries.is_empty() && self.random.one_in(2) => {
                            let mut first = format!("{pad}- ");
                            for (key, value) in entries {
                                let text = self.braces(value);
                                let key = self.key(key);
                                self.line(&format!("{first}{key}: {text}"));
                                first = format!("{pad}  ");
                            }
                        }
                        item => {
                            let text = self.braces(item);
                            let behind = self.comment(path).map(|c| format!(" {c}")).unwrap_or_default();
                            self.line(&format!("{pad}- {text}{behind}"));
                        }
                    }
                }
            }
            V::List(items) if items.len() > 1 && self.random.one_in(2) => {
                let items: Vec<String> = items.iter().map(|item| self.braces(item)).collect();
                let gap = format!(",{}{pad}    ", self.newline);
                self.line(&format!("{head} [{}]{behind}", items.join(&gap)));
            }
            V::Text(text) if text.contains('\n') && text.trim_end().contains(char::is_alphanumeric) => {
                let style = if text.contains("  ") || self.random.one_in(2) { "|" } else { ">" };
                self.line(&format!("{head} {style}{behind}"));
                let inner = " ".repeat(indent + self.step);
                // A folded line break is written as a blank line.
                let text =
                    if style == ">" { text.trim_end().replace('\n', "\n\n") } else { text.trim_end().to_owned() };
                for line in text.split('\n') {
                    let line = if line.is_empty() { String::new() } else { format!("{inner}{line}") };
                    self.line(&line);
                }
            }
            V::Word("null") if self.random.one_in(3) => self.line(&format!("{head}{behind}")),
            other => {
                let text = self.braces(other);
                self.line(&format!("{head} {text}{behind}"));
            }
        }
    }

    fn key(&mut self, key: &str) -> String {
        // `12` and `yes` are texts only between quotes.
        if matches!(key, "12" | "yes") || self.random.one_in(6) { format!("{key:?}") } else { key.to_owned() }
    }

    /// A value on one line.
    fn braces(&mut self, value: &V) -> String {
        let joined = |all: Vec<String>| all.join(", ");
        match value {
            V::Word(word) => (*word).to_owned(),
            V::Text(text) => {
                let bare = matches!(*text, "info" | "a b" | "é 🚀" | "it's");
                match self.random.below(3) {
                    0 if bare => (*text).to_owned(),
                    1 if !text.contains('\n') => format!("'{}'", text.replace('\'', "''")),
                    _ => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")),
                }
            }
            V::List(items) => format!("[{}]", joined(items.iter().map(|item| self.braces(item)).collect())),
            V::Map(entries) => {
                let one = |(key, value): &(String, V)| {
                    let value = self.braces(value);
                    format!("{}: {value}", self.key(key))
                };
                format!("{{{}}}", joined(entries.iter().map(one).collect()))
            }
        }
    }
}
