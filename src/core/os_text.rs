//! Paths, and what else the system gives as bytes, where text is needed: in files, in JSON, in commands for people to
//! copy. Such bytes need not be UTF-8, and none of them may be lost on the way.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::visible;

/// What stands before bytes that are no text.
const CODED: &str = "base64:";

/// Text that stands for exactly these bytes: themselves where they are UTF-8, else `base64:<the bytes>`. What begins so
/// itself is written in the second way too, so that [`decode`] is never wrong.
pub fn encode(bytes: impl AsRef<OsStr>) -> String {
    let bytes = bytes.as_ref();
    match bytes.to_str() {
        Some(text) if !text.starts_with(CODED) => text.to_owned(),
        _ => format!("{CODED}{}", STANDARD.encode(bytes.as_bytes())),
    }
}

/// The bytes that [`encode`] made text of. Any other text stands for itself.
pub fn decode(text: &str) -> OsString {
    let coded = text.strip_prefix(CODED).and_then(|coded| STANDARD.decode(coded).ok());
    coded.map_or_else(|| OsString::from(text), OsString::from_vec)
}

/// The base64 form of what isn't UTF-8; none for text.
pub fn base64(bytes: impl AsRef<OsStr>) -> Option<String> {
    let bytes = bytes.as_ref();
    bytes.to_str().is_none().then(|| STANDARD.encode(bytes.as_bytes()))
}

/// The bytes of a lossy text and the base64 form beside it, if there is one.
pub fn exact(lossy: &str, base64: Option<&str>) -> OsString {
    base64.and_then(|coded| STANDARD.decode(coded).ok()).map_or_else(|| OsString::from(lossy), OsString::from_vec)
}

/// Puts a path into a JSON object for others: `key` has it as text, lossy if need be; `<key>_base64` has the very bytes
/// where the text does not tell them.
pub fn put(object: &mut Map<String, Value>, key: &str, path: &Path) {
    object.insert(key.to_owned(), Value::from(path.to_string_lossy()));
    if let Some(coded) = base64(path) {
        object.insert(format!("{key}_base64"), Value::from(coded));
    }
}

/// An object of JSON with the schema and the install that it is about, in front of what `more` has.
pub fn about(install: &Path, more: Value) -> Value {
    let mut object = Map::new();
    object.insert("schema".to_owned(), Value::from(1));
    put(&mut object, "install", install);
    if let Value::Object(more) = more {
        object.extend(more);
    }
    Value::Object(object)
}

/// A text with its placeholders replaced by the bytes that they stand for, byte for byte.
pub(crate) fn filled(text: &str, placeholders: &[(&str, &OsStr)]) -> OsString {
    let (mut out, mut rest) = (OsString::new(), text);
    while !rest.is_empty() {
        let next = placeholders.iter().filter_map(|(name, bytes)| Some((rest.find(name)?, name, bytes))).min();
        let Some((at, name, bytes)) = next else { break };
        out.push(&rest[..at]);
        out.push(bytes);
        rest = &rest[at + name.len()..];
    }
    out.push(rest);
    out
}

/// A command line for people, of words that [`encode`] made.
pub(crate) fn command_line(words: &[String]) -> String {
    words.iter().map(|word| decode(word).to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// A word for a shell's command line that stands for exactly these bytes: as it is where nothing in it is special, else
/// in quotes. Bytes that can't be shown, or would do something to a terminal, are escaped as `$'…'`, which bash, zsh and
/// ksh read.
pub fn quoted(bytes: impl AsRef<OsStr>) -> String {
    let bytes = bytes.as_ref();
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"_-./+:,@%=".contains(b) || *b >= 0x80;
    match bytes.to_str() {
        Some(text) if !visible::has_unsafe(text) => {
            if !text.is_empty() && text.bytes().all(|b| plain(&b)) {
                text.to_owned()
            } else {
                format!("'{}'", text.replace('\'', "'\\''"))
            }
        }
        _ => {
            let mut out = String::from("$'");
            for chunk in bytes.as_bytes().utf8_chunks() {
                for c in chunk.valid().chars() {
                    match c {
                        '\n' => out.push_str("\\n"),
                        '\t' => out.push_str("\\t"),
                        '\\' | '\'' => out.extend(['\\', c]),
                        c if visible::is_unsafe(c) => {
                            let mut room = [0; 4];
                            c.encode_utf8(&mut room).bytes().for_each(|b| out.push_str(&format!("\\x{b:02x}")));
                        }
                        c => out.push(c),
                    }
                }
                chunk.invalid().iter().for_each(|b| out.push_str(&format!("\\x{b:02x}")));
            }
            out.push('\'');
            out
        }
    }
}

/// Text for a field that people type a path into: what is no UTF-8 or can't be shown stands as `\xNN`, as does the
/// backslash of what looks so itself. [`unescaped`] is the way back.
pub fn escaped(bytes: impl AsRef<OsStr>) -> String {
    let mut out = String::new();
    for chunk in bytes.as_ref().as_bytes().utf8_chunks() {
        let mut chars = chunk.valid().chars().peekable();
        while let Some(c) = chars.next() {
            if visible::is_unsafe(c) || (c == '\\' && chars.peek() == Some(&'x')) {
                let mut room = [0; 4];
                c.encode_utf8(&mut room).bytes().for_each(|b| out.push_str(&format!("\\x{b:02x}")));
            } else {
                out.push(c);
            }
        }
        chunk.invalid().iter().for_each(|b| out.push_str(&format!("\\x{b:02x}")));
    }
    out
}

/// The bytes that a typed text means: each `\xNN` is one.
pub(crate) fn unescaped(text: &str) -> OsString {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some(at) = rest.find("\\x") {
        let code = rest.get(at + 2..at + 4).and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|b| *b != 0);
        out.extend_from_slice(&rest.as_bytes()[..at]);
        match code {
            Some(byte) => out.push(byte),
            None => out.extend_from_slice(b"\\x"),
        }
        rest = &rest[at + if code.is_some() { 4 } else { 2 }..];
    }
    out.extend_from_slice(rest.as_bytes());
    OsString::from_vec(out)
}

/// For serde: a path as one string, see [`encode`]. Strings of before are read as they are.
pub(crate) mod path {
    use std::path::{Path, PathBuf};

    use serde::{Deserialize as _, Deserializer, Serializer};

    /// Writes it.
    ///
    /// # Errors
    /// The serializer's.
    pub(crate) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::encode(path))
    }

    /// Reads it.
    ///
    /// # Errors
    /// The deserializer's.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        String::deserialize(deserializer).map(|text| super::decode(&text).into())
    }
}

/// The same for a path that may be absent.
pub(crate) mod optional_path {
    use std::path::PathBuf;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    /// Writes it.
    ///
    /// # Errors
    /// The serializer's.
    pub(crate) fn serialize<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
        path.as_ref().map(super::encode).serialize(serializer)
    }

    /// Reads it.
    ///
    /// # Errors
    /// The deserializer's.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        Ok(text.map(|text| super::decode(&text).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ODD: [&[u8]; 9] = [
        b"/plain/path",
        b"/with a space/it's \"quoted\"",
        b"/caf\xe9/\xff\xfe",
        b"/line\nbreak/\x1b[31m\t\\",
        "/größe/日本".as_bytes(),
        b"base64:AAAA",
        "/a\u{202e}b\u{200b}/\u{85}".as_bytes(),
        b"",
        b"$HOME/`id`/*?~!#&;|<>()[]{}",
    ];

    #[test]
    fn text_keeps_every_byte() {
        for bytes in ODD {
            let there = OsStr::from_bytes(bytes);
            assert_eq!(decode(&encode(there)), there, "{bytes:?}");
            assert_eq!(unescaped(&escaped(there)), there, "{bytes:?}");
            assert_eq!(exact(&there.to_string_lossy(), base64(there).as_deref()), there, "{bytes:?}");
        }
        assert_eq!(decode("base64:not coded"), "base64:not coded");
        assert_eq!(escaped(OsStr::from_bytes(b"caf\xe9/\\x41")), "caf\\xe9/\\x5cx41");
        assert_eq!(unescaped("a\\x, \\xg1 and \\x00"), "a\\x, \\xg1 and \\x00");
    }

    #[test]
    fn a_shell_reads_a_quoted_word_as_the_very_bytes() {
        for bytes in ODD {
            let word = quoted(OsStr::from_bytes(bytes));
            assert!(!visible::has_unsafe(&word), "{word:?}");
            let run = std::process::Command::new("bash").args(["-c", &format!("printf %s {word}")]).output();
            assert_eq!(run.unwrap().stdout, bytes, "{word}");
        }
        assert_eq!(quoted("/plain/path-1.0_x"), "/plain/path-1.0_x");
    }
}
