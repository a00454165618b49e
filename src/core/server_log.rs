//! Which lines of a server's log tell of an error, and which only of a client that hung up.

use serde::Deserialize;

/// What to look for: the table `log` in `assets/smoke-tests.json`.
#[derive(Debug, Clone, Deserialize)]
pub struct Patterns {
    /// The words for levels, as logs have them: the first one in a line is the line's level.
    pub levels: Vec<String>,
    /// Those among them that tell of an error.
    pub bad_levels: Vec<String>,
    /// Those that may carry a traceback without being an error.
    pub excused_levels: Vec<String>,
    /// Keys of the level in logs of JSON lines.
    pub json_keys: Vec<String>,
    /// What stands above a traceback.
    pub traceback: String,
    /// What wraps other exceptions, and says nothing itself.
    pub wrappers: Vec<String>,
    /// Exceptions of a connection whose other end is gone.
    pub hang_ups: Vec<String>,
    /// Parts of lines that are no error although they look like one.
    pub tolerated: Vec<String>,
    /// Errors about one file, after which the server goes on: each is a warning that names the file.
    pub warned: Vec<Warned>,
}

/// How a line tells of a file that the server could not use.
#[derive(Debug, Clone, Deserialize)]
pub struct Warned {
    /// What stands before the file's path.
    pub says: String,
    /// What stands behind it, and before the reason.
    pub behind: String,
    /// What is said of the file.
    pub means: String,
}

impl Warned {
    fn of(&self, line: &str) -> Option<String> {
        let (_, rest) = line.split_once(&self.says)?;
        let (file, why) = rest.split_once(&self.behind).unwrap_or((rest, "the log does not say why"));
        Some(format!("{} {}: {}", file.trim(), self.means, why.trim()))
    }
}

/// A line with a level, and the traceback below it.
#[derive(Default)]
struct Record<'t> {
    head: &'t str,
    levelled: bool,
    /// An error by its level, or by a traceback that nobody excused.
    bad: bool,
    exceptions: Vec<(&'t str, &'t str)>,
}

impl Patterns {
    /// The errors of a log: for each the line that says it best.
    pub fn errors<'t>(&self, text: &'t str) -> Vec<&'t str> {
        let bad = self.bad(text).into_iter().filter(|r| self.warning(r.head).is_none());
        bad.map(|r| r.best_line()).collect()
    }

    /// What a log tells of single files that the server could not use.
    pub fn warnings(&self, text: &str) -> Vec<String> {
        self.bad(text).iter().filter_map(|r| self.warning(r.head)).collect()
    }

    fn warning(&self, line: &str) -> Option<String> {
        self.warned.iter().find_map(|w| w.of(line))
    }

    /// What is an error by its level or a traceback, and not harmless.
    fn bad<'t>(&self, text: &'t str) -> Vec<Record<'t>> {
        let mut records: Vec<Record<'t>> = Vec::new();
        let mut in_traceback = false;
        let mut excused_above = false;
        for line in text.lines() {
            let level = if in_traceback { None } else { self.level(line) };
            if line.contains(&self.traceback) {
                // One that follows another, as its cause, belongs to it.
                let continues = records.last().is_some_and(|r| r.bad || excused_above);
                if !continues {
                    records.push(Record { head: line, bad: true, ..Record::default() });
                }
                in_traceback = true;
            } else if let Some(level) = level {
                let bad = self.bad_levels.contains(&level);
                records.push(Record { head: line, levelled: true, bad, ..Record::default() });
                excused_above = self.excused_levels.contains(&level);
            } else if let Some(name) = exception(line).filter(|_| in_traceback) {
                if let Some(record) = records.last_mut() {
                    record.exceptions.push((name, line));
                }
                // In a group others may follow, which are marked as a part of it.
                in_traceback = line.trim_start().starts_with('|');
            } else if !in_traceback && !line.trim().is_empty() {
                // A traceback below something else is not that line's.
                excused_above = excused_above && line.starts_with(' ');
            }
        }
        records.retain(|r| r.bad && !self.is_harmless(r));
        records
    }

    fn is_harmless(&self, record: &Record<'_>) -> bool {
        let is = |names: &[String], name: &str| names.iter().any(|n| n == name);
        let last = record.exceptions.iter().rfind(|(name, _)| !is(&self.wrappers, name));
        let hung_up = match last {
            Some((name, _)) => is(&self.hang_ups, name),
            None => words(record.head).any(|w| is(&self.hang_ups, w)),
        };
        let lines = [record.head].into_iter().chain(record.exceptions.iter().map(|(_, line)| *line));
        hung_up || lines.into_iter().any(|l| self.tolerated.iter().any(|t| l.contains(t)))
    }

    fn level(&self, line: &str) -> Option<String> {
        if line.starts_with('{')
            && let Ok(serde_json::Value::Object(object)) = serde_json::from_str(line)
        {
            let level = self.json_keys.iter().find_map(|k| object.get(k)?.as_str());
            return level.map(str::to_ascii_uppercase).filter(|l| self.levels.contains(l));
        }
        // What is indented goes on with the line above.
        let starts = !line.starts_with([' ', '\t']);
        words(line).find(|w| starts && self.levels.iter().any(|l| l == w)).map(str::to_owned)
    }
}

impl<'t> Record<'t> {
    fn best_line(&self) -> &'t str {
        match self.exceptions.last() {
            Some((_, line)) if !self.levelled => line,
            _ => self.head,
        }
    }
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|w| !w.is_empty())
}

/// The class of the exception that a line of a traceback ends it with.
fn exception(line: &str) -> Option<&str> {
    // The parts of a group stand behind bars; all else in a traceback is indented.
    let inner = line.trim_start();
    let inner = if line.starts_with(' ') { inner.strip_prefix("| ")? } else { inner };
    let name = inner.split(": ").next()?.trim_end_matches(':');
    let class = name.rsplit('.').next()?;
    let sound = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.');
    (sound && class.starts_with(|c: char| c.is_ascii_uppercase())).then_some(class)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns() -> Patterns {
        let table: serde_json::Value = serde_json::from_str(include_str!("../../assets/smoke-tests.json")).unwrap();
        serde_json::from_value(table["log"].clone()).unwrap()
    }

    #[test]
    fn errors_are_told_by_level_and_by_traceback() {
        for (text, best) in [
            ("2026-11-22 10:00:00,1 ERROR mcp_server: no index", "no index"),
            ("[11/22/26 10:00:00] CRITICAL out of memory   server.py:12", "out of memory"),
            ("ERROR:    [Errno 98] address in use", "address in use"),
            ("{\"level\": \"error\", \"msg\": \"torn\"}", "torn"),
            (
                "INFO: fine\nException in thread watcher:\nTraceback (most recent call last):\n  File \"x\"\nKeyError: 1",
                "KeyError: 1",
            ),
            ("2026 ERROR x: failed\nTraceback (most recent call last):\n  File \"x\"\nValueError: bad", "x: failed"),
            ("INFO a\nTraceback (most recent call last):\n  File \"x\"\nValueError: bad", "ValueError: bad"),
            (
                "ERROR:    Exception in ASGI application\n  + Exception Group Traceback (most recent call last):\n  | ExceptionGroup: two\n    | Traceback (most recent call last):\n    | KeyError: 2\n",
                "ASGI",
            ),
        ] {
            let errors = patterns().errors(text);
            assert!(errors.len() == 1 && errors[0].contains(best), "{text}: {errors:?}");
        }
    }

    #[test]
    fn a_file_that_the_server_leaves_out_is_a_warning() {
        let text = "2026 [ERROR] scripts.build_rag_index: Failed to chunk /p/.praxis-os/standards/a: b.md: 'utf-8' codec\n\
            2026 ERROR x: Failed to chunk /p/c.md: no such file\nTraceback (most recent call last):\n  File \"x\"\nOSError: 2\n\
            2026 INFO x: Failed to chunk all\n2026 ERROR x: torn\n";
        let warnings = patterns().warnings(text);
        assert!(
            warnings.len() == 2 && warnings[1] == "/p/c.md is not in the search index: no such file",
            "{warnings:?}"
        );
        assert!(warnings[0].starts_with("/p/.praxis-os/standards/a"), "{warnings:?}");
        assert_eq!(patterns().errors(text), ["2026 ERROR x: torn"]);
    }

    #[test]
    fn what_is_no_error_passes() {
        for text in [
            "",
            "2026 INFO mcp_server: 'ERROR handling' found in 3 places",
            "2026 WARNING x: odd\nTraceback (most recent call last):\n  File \"x\"\nValueError: known",
            "2026 ERROR x: Exception in ASGI application\nTraceback (most recent call last):\n  File \"x\"\nConnectionResetError: [Errno 104] gone",
            "ERROR: send failed: BrokenPipeError",
            "ERROR:    Exception in ASGI application\n  + Exception Group Traceback (most recent call last):\n  |   File \"x\"\n  | ExceptionGroup: unhandled errors (1 sub-exception)\n  +-+---------------- 1 ----------------\n    | Traceback (most recent call last):\n    |   File \"x\"\n    | anyio.ClosedResourceError\n    +------------------------------------\n",
            "Exception occurred\nTraceback (most recent call last):\n  File \"x\"\n    raise ERROR\nKeyError: 1\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"x\"\nBrokenPipeError: [Errno 32] Broken pipe",
        ] {
            assert_eq!(patterns().errors(text), Vec::<&str>::new(), "{text}");
        }
    }
}
