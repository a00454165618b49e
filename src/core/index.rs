//! The server's search index, as far as an upgrade has to do with it: where it is, and the note in it by which the server
//! tells whether it is current. That note goes by times, and a rollback brings old times back.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;
use serde_json::value::RawValue;

use super::layout::{IndexNote, ServerLayout};
use super::path::RelPath;

/// When no file was written yet, for a server that compares it with the time of each.
const LONG_AGO: &str = "1900-01-01T00:00:00";
/// The same as a number. No file has this time, while some tools give all of theirs 0.
const NEVER: &str = "-1";

/// Which of the times in the note still tell something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Those of the files: what was written since has another one.
    Files,
    /// None: old files came back with their old times.
    Nothing,
}

/// Where a server keeps what it searches. None for a folder outside of the install, which is not ours to touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Places {
    /// Whose they are.
    server: &'static ServerLayout,
    /// The folder of the standards.
    pub(crate) standards: Option<RelPath>,
    /// The folder of the index.
    pub(crate) index: Option<RelPath>,
}

impl Places {
    /// As the config says, where it can be understood; else as releases have it.
    pub(crate) fn of(server: &'static ServerLayout, config: Option<&[u8]>, install: &Path) -> Self {
        let config: Value = config.and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
        let layout = &server.index;
        let place = |keys: &[String], default: Option<RelPath>| {
            let named = keys.iter().try_fold(&config, |at, key| at.get(key)).and_then(Value::as_str);
            named.map_or(default, |text| inside(install, text))
        };
        Self {
            server,
            standards: place(&layout.standards_keys, Some(server.standards.clone())),
            index: place(&layout.folder_keys, Some(layout.folder.clone())),
        }
    }

    /// The file whose presence makes a starting server look for what changed.
    pub(crate) fn flag(&self) -> Option<RelPath> {
        self.standards.as_ref()?.join(self.server.rebuild_flag.as_ref()?.name()).ok()
    }

    /// The note.
    pub(crate) fn note(&self) -> Option<RelPath> {
        self.index.as_ref()?.join(self.server.index.note.as_ref()?.name.as_bytes()).ok()
    }

    /// Whether a file is in the index.
    pub(crate) fn is_page(&self, path: &RelPath) -> bool {
        let page = path.as_bytes().ends_with(self.server.index.pages.as_bytes());
        page && self.standards.as_ref().is_some_and(|folder| path.is_within(folder))
    }

    /// How the note says it; none for a server that has none.
    pub(crate) fn note_layout(&self) -> Option<&'static IndexNote> {
        self.server.index.note.as_ref()
    }

    /// The folders of the index that a server without a note builds one by one.
    pub(crate) fn parts(&self) -> impl Iterator<Item = RelPath> {
        let folder = self.index.as_ref().filter(|_| self.server.index.note.is_none());
        folder
            .into_iter()
            .flat_map(|folder| self.server.index.parts.iter().filter_map(|p| folder.join(p.as_bytes()).ok()))
    }

    /// The path of a file that the note names: it counts from the folder that the standards are in.
    pub(crate) fn noted(&self, name: &str) -> Option<RelPath> {
        match self.standards.as_ref()?.parent() {
            Some(above) => above.join(name.as_bytes()).ok(),
            None => RelPath::new(name).ok(),
        }
    }
}

/// A path of the config, relative to the install; none if it leads out of it. Links are not looked at here: who opens
/// it follows none.
fn inside(install: &Path, text: &str) -> Option<RelPath> {
    use std::os::unix::ffi::OsStrExt as _;
    let mut path = PathBuf::new();
    for part in install.parent()?.join(text).components() {
        match part {
            Component::ParentDir => drop(path.pop()),
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    RelPath::new(path.strip_prefix(install).ok()?.as_os_str().as_bytes()).ok()
}

/// Whether a note is marked as [`outdated`] leaves it: no server has looked at its files since.
pub(crate) fn is_marked(layout: &IndexNote, note: &[u8]) -> bool {
    let note: Value = serde_json::from_slice(note).unwrap_or_default();
    let built = &note[&layout.built];
    built.as_str() == Some(LONG_AGO) || built.as_i64() == Some(-1)
}

/// The note, changed so that the server looks at all files again; none if it is no such note. The names of the files
/// stay: by them the server sees which are gone. With [`Trust::Files`] one file that is `there` is marked as changed, for
/// a server that only sees that files are gone does not load its index again.
pub(crate) fn outdated(layout: &IndexNote, note: &[u8], trust: Trust, there: impl Fn(&str) -> bool) -> Option<Vec<u8>> {
    let raw = |text: &str| RawValue::from_string(text.to_owned()).ok();
    let mut all: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(note).ok()?;
    let built: Value = serde_json::from_str(all.get(&layout.built)?.get()).ok()?;
    // What is not changed stays as it is written: numbers lose something when they are read.
    let mut times: BTreeMap<String, Box<RawValue>> = serde_json::from_str(all.get(&layout.times)?.get()).ok()?;
    let built = match built {
        Value::String(_) => raw(&Value::from(LONG_AGO).to_string())?,
        Value::Number(_) => raw(NEVER)?,
        _ => return None,
    };
    all.insert(layout.built.clone(), built);
    let mut marked = false;
    for (name, time) in &mut times {
        if trust == Trust::Nothing || (!marked && there(name)) {
            marked = true;
            *time = raw(NEVER)?;
        }
    }
    all.insert(layout.times.clone(), serde_json::value::to_raw_value(&times).ok()?);
    serde_json::to_vec_pretty(&all).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::core::layout::layouts;

    fn layout() -> &'static IndexNote {
        layouts().server().index.note.as_ref().unwrap()
    }

    #[test]
    fn what_a_server_built_since_is_told_from_what_none_has_looked_at() {
        for built in [json!("2025-10-29T10:00:00"), json!(1_761_732_000.5)] {
            let note = json!({"build_time": built, "files_mtimes": {}}).to_string();
            assert!(!is_marked(layout(), note.as_bytes()));
            assert!(is_marked(layout(), &outdated(layout(), note.as_bytes(), Trust::Files, |_| true).unwrap()));
        }
        assert!(!is_marked(layout(), b"{}") && !is_marked(layout(), b"torn"));
    }

    fn rel(text: &str) -> RelPath {
        text.parse().unwrap()
    }

    #[test]
    fn the_config_says_where_the_index_is() {
        let install = Path::new("/p/.praxis-os");
        let places = |config: Value| Places::of(layouts().server(), Some(config.to_string().as_bytes()), install);
        let default = Places::of(layouts().server(), None, install);
        assert_eq!(default.flag(), Some(rel("standards/.rebuild_index")));
        assert_eq!(default.note(), Some(rel(".cache/vector_index/metadata.json")));
        for nothing in [json!({}), json!([]), json!({"rag": 3}), json!({"rag": {"standards_path": 3}})] {
            assert_eq!(places(nothing.clone()), default, "{nothing}");
        }
        assert_eq!(Places::of(layouts().server(), Some(b"no json"), install), default);
        let flag = |path: &str| places(json!({"rag": {"standards_path": path}})).flag();
        let other = Some(rel("standards/universal/.rebuild_index"));
        assert_eq!(flag(".praxis-os/standards/universal"), other);
        assert_eq!(flag("./.praxis-os/specs/../standards/universal/"), other);
        assert_eq!(flag("/p/.praxis-os/standards/universal"), other);
        for outside in ["standards", "docs", "/p/.praxis-os-2/standards", ".praxis-os/../docs", ".praxis-os", ""] {
            assert_eq!(flag(outside), None, "{outside}");
        }
        let moved = places(json!({"rag": {"index_path": ".praxis-os/.cache/other"}}));
        assert_eq!((moved.note(), moved.flag()), (Some(rel(".cache/other/metadata.json")), default.flag()));
        let narrow = places(json!({"rag": {"standards_path": ".praxis-os/standards/universal"}}));
        let is_page = |places: &Places| {
            ["standards/a.md", "standards/universal/b/c.md", "standards/universal/c.txt", "usage/d.md"]
                .map(|path| places.is_page(&rel(path)))
        };
        assert_eq!(is_page(&default), [true, true, false, false]);
        assert_eq!(is_page(&narrow), [false, true, false, false]);
        assert_eq!(default.noted("standards/a.md"), Some(rel("standards/a.md")));
        assert_eq!(narrow.noted("universal/a.md"), Some(rel("standards/universal/a.md")));
        assert_eq!(default.noted("../../etc/passwd"), None);
    }

    #[test]
    fn a_note_is_outdated_and_keeps_all_else() {
        let note = br#"{"build_time": "2025-10-29T10:00:00.5", "model": "m", "seconds": 1.10,
            "files_mtimes": {"standards/a.md": 1761734000.1234567, "standards/gone.md": 1761734000.1234567890123}}"#;
        let all = outdated(layout(), note, Trust::Nothing, |_| false).unwrap();
        let said: Value = serde_json::from_slice(&all).unwrap();
        assert_eq!(said["build_time"], LONG_AGO);
        assert_eq!(said["files_mtimes"], json!({"standards/a.md": -1, "standards/gone.md": -1}));
        assert_eq!((&said["model"], String::from_utf8_lossy(&all).contains("1.10")), (&json!("m"), true));
        assert_eq!(outdated(layout(), &all, Trust::Nothing, |_| false).unwrap(), all, "twice is as good as once");

        let some = outdated(layout(), note, Trust::Files, |name| name == "standards/a.md").unwrap();
        let text = String::from_utf8_lossy(&some);
        assert!(text.contains("1761734000.1234567890123") && text.contains(LONG_AGO), "{text}");
        let said: Value = serde_json::from_slice(&some).unwrap();
        assert_eq!(said["files_mtimes"]["standards/a.md"], -1);

        let number =
            outdated(layout(), br#"{"build_time": 17, "files_mtimes": {}}"#, Trust::Nothing, |_| true).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&number).unwrap()["build_time"], -1);
    }

    #[test]
    fn what_is_no_such_note_is_told() {
        for note in [
            &b""[..],
            b"[]",
            b"{",
            br#"{"build_time": "x"}"#,
            br#"{"files_mtimes": {}}"#,
            br#"{"build_time": null, "files_mtimes": {}}"#,
            br#"{"build_time": "x", "files_mtimes": []}"#,
            b"\xff",
        ] {
            assert_eq!(outdated(layout(), note, Trust::Nothing, |_| true), None, "{}", String::from_utf8_lossy(note));
        }
    }
}
