//! Which lines of a server's log tell of an error, and which only of a client that hung up.

use serde::Deserialize;

/// What to look for: the table `log` in `assets/smoke-tests.json`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Patterns {
    /// The words for levels, as logs have them: the first one in a line is the line's level.
    pub(crate) levels: Vec<String>,
    /// Those among them that tell of an error.
    pub(crate) bad_levels: Vec<String>,
    /// Those that may carry a traceback without being an error.
    pub(crate) excused_levels: Vec<String>,
    /// Keys of the level in logs of JSON lines.
    pub(crate) json_keys: Vec<String>,
    /// What stands above a traceback.
    pub(crate) traceback: String,
    /// What wraps other exceptions, and says nothing itself.
    pub(crate) wrappers: Vec<String>,
    /// How lines begin that go on with the message above them, whatever levels they name.
    #[serde(default)]
    pub(crate) continued: Vec<String>,
    /// The one among them behind which the reason stands.
    #[serde(default)]
    pub(crate) reason: String,
    /// Exceptions of a connection whose other end is gone.
    pub(crate) hang_ups: Vec<String>,
    /// Parts of lines that are no error although they look like one.
    pub(crate) tolerated: Vec<String>,
    /// Errors about one file, or about an index that search can do without, after which the server goes on: each is a
    /// warning that names it.
    pub(crate) warned: Vec<Warned>,
}

/// How a line tells of a file, or of an index, that the server could not use.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Warned {
    /// What stands before the file's path; all of it where no file is named.
    pub(crate) says: String,
    /// What stands behind it, and before the reason.
    pub(crate) behind: String,
    /// What is said of it.
    pub(crate) means: String,
}

impl Warned {
    /// What could not be used, and why.
    fn of(&self, line: &str) -> Option<(String, String)> {
        let (_, rest) = line.split_once(&self.says)?;
        let (file, why) = rest.split_once(&self.behind).unwrap_or((rest, "the log does not say why"));
        Some((format!("{} {}", file.trim(), self.means).trim().to_owned(), why.trim().to_owned()))
    }
}

/// A line with a level, and the traceback below it.
#[derive(Default)]
struct Record<'t> {
    head: &'t str,
    levelled: bool,
    /// An error by its level, or by a traceback that nobody excused.
    bad: bool,
    /// The first reason that stands below the head.
    reason: Option<&'t str>,
    exceptions: Vec<(&'t str, &'t str)>,
}

impl Patterns {
    /// The errors of a log: for each the line that says it best.
    pub(crate) fn errors<'t>(&self, text: &'t str) -> Vec<&'t str> {
        let bad = self.bad(text).into_iter().filter(|r| self.warning(r.head).is_none());
        bad.map(|r| r.best_line()).collect()
    }

    /// The last error that a log has by its level, with what goes on below it up to a traceback: a server that ends for it
    /// says other things behind it. Not more than `most` lines.
    pub(crate) fn last_told<'t>(&self, text: &'t str, most: usize) -> Vec<&'t str> {
        let mut told: Vec<&str> = Vec::new();
        let mut open = false;
        for line in text.lines() {
            let goes_on = self.continued.iter().any(|start| line.starts_with(start.as_str()));
            let level = if goes_on { None } else { self.level(line) };
            if level.as_ref().is_some_and(|level| self.bad_levels.contains(level)) && self.begins(line) {
                (told, open) = (vec![line], true);
            } else if level.is_some() || line.contains(&self.traceback) {
                open = false;
            } else if open && told.len() < most && !line.trim().is_empty() {
                told.push(line);
            }
        }
        told
    }

    /// Whether a line is a record's first: what an exception says can name a level, too.
    fn begins(&self, line: &str) -> bool {
        exception(line).is_none_or(|class| self.levels.contains(&class.to_owned()))
    }

    /// What a log tells of single files, and of indexes, that the server could not use: once for each, as it was said first.
    pub(crate) fn warnings(&self, text: &str) -> Vec<String> {
        let mut told: Vec<(String, String)> = Vec::new();
        for record in self.bad(text) {
            let Some((what, why)) = self.warning(record.head) else { continue };
            if told.iter().all(|(other, _)| *other != what) {
                let why = record.reason.map_or(why.clone(), |reason| format!("{why} ({reason})"));
                told.push((what, why));
            }
        }
        told.into_iter().map(|(what, why)| format!("{what}: {why}")).collect()
    }

    fn warning(&self, line: &str) -> Option<(String, String)> {
        self.warned.iter().find_map(|w| w.of(line))
    }

    /// What is an error by its level or a traceback, and not harmless.
    fn bad<'t>(&self, text: &'t str) -> Vec<Record<'t>> {
        let mut records: Vec<Record<'t>> = Vec::new();
        let mut in_traceback = false;
        let mut excused_above = false;
        for line in text.lines() {
            // It goes on with the message above, or with what an exception says, and may name levels itself.
            if self.continued.iter().any(|start| line.starts_with(start.as_str())) {
                let reason = line.strip_prefix(self.reason.as_str()).filter(|_| !self.reason.is_empty());
                if let Some(record) = records.last_mut().filter(|r| r.reason.is_none()) {
                    record.reason = reason.map(str::trim);
                }
                continue;
            }
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

    /// As the server of the third generation logs a parser that can't be loaded: messages of several lines, some with the
    /// word for a level within.
    const NO_PARSER: &str = "WARNING:server.rag.graph:Failed to parse /p/src/app.py: ERROR: Load parser for python\n\n\
        Reason: Download error: no address\n\nRemediation: Check the package\n\
        Traceback (most recent call last):\n  File \"x\"\npack.DownloadError: no address\n\n\
        The above exception was the direct cause of the following exception:\n\n\
        Traceback (most recent call last):\n  File \"x\"\nerrors.ActionableError: ERROR: Load parser for python\n\n\
        Reason: Download error: no address\n\nRemediation: Check the package\nINFO:server.rag:done\n";

    #[test]
    fn a_traceback_below_a_warning_of_several_lines_is_the_warnings() {
        assert_eq!(patterns().errors(NO_PARSER), Vec::<&str>::new());
        assert_eq!(patterns().warnings(NO_PARSER), Vec::<String>::new());
        // What only stands below it is not excused.
        let other = NO_PARSER.replace("Remediation: Check the package\nTrace", "Exception in thread x:\nTrace");
        assert_eq!(patterns().errors(&other).len(), 1, "{other}");
    }

    #[test]
    fn an_index_that_search_can_do_without_is_a_warning_and_told_once() {
        let built = "ERROR:server.rag.index_manager:Failed to rebuild code index: ERROR: Build graph index\n\n\
            Reason: no symbols found\n\nRemediation: Check the paths\n\
            Traceback (most recent call last):\n  File \"x\"\nerrors.ActionableError: ERROR: Build graph index\n\n\
            Reason: no symbols found\nINFO:server.tools:next\n\
            ERROR:server.rag.index_manager:  \u{274c} Failed to build code index: ERROR: rebuild_index(code)\n\n\
            Reason: ERROR: Build graph index\n\nReason: no symbols found\n";
        assert_eq!(patterns().errors(built), Vec::<&str>::new());
        let told = "the code index could not be built, and the server goes on without it: ERROR: Build graph index (no \
            symbols found)";
        assert_eq!(patterns().warnings(built), [told]);
        // Without the standards' index search finds nothing.
        let standards = built.replace("code index", "standards index");
        assert_eq!((patterns().errors(&standards).len(), patterns().warnings(&standards).len()), (2, 0));
    }

    #[test]
    fn what_a_server_ended_for_is_told_without_what_it_said_behind_it() {
        let text = "INFO:server:Loading\nERROR:__main__:Server failed: ERROR: Configuration\n\n\
            Reason: 1 validation error\norientation\n  Extra inputs are not permitted\n\nRemediation: Fix it\n\
            Traceback (most recent call last):\n  File \"x\"\nerrors.ActionableError: ERROR: Configuration\n\n\
            Reason: 1 validation error\norientation\nINFO:__main__:Lock released\nINFO:__main__:Done\n";
        let told = [
            "ERROR:__main__:Server failed: ERROR: Configuration",
            "Reason: 1 validation error",
            "orientation",
            "  Extra inputs are not permitted",
            "Remediation: Fix it",
        ];
        assert_eq!(patterns().last_told(text, 8), told);
        assert_eq!(patterns().last_told(text, 2), told[..2]);
        assert_eq!(patterns().last_told("INFO: fine\nnot an error\n", 8), Vec::<&str>::new());
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
