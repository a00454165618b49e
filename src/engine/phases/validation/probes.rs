//! What is tried on the new server, one capability after the other.

use crate::core::task::Task;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::core::phase::{Fact, NotApplicable};
use crate::core::session::WORKFLOW_TYPE;
use crate::core::visible::{self, Shown as _};
use crate::engine::phases::server::{not_started, target};
use crate::engine::phases::validation::seen::{PHASE, Seen, Server, failure, read_log};
use crate::engine::phases::validation::table;
use crate::engine::phases::validation::table::{Groups, Way, filled, table};
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::engine::session::task::{TaskResult, done, not_applicable, warned};
use crate::host::process::proc;
use crate::host::server;
use crate::host::server::mcp::{Client, McpError};
use crate::host::server::search_index;

/// How long a server that does nothing may take to notice the index flag; one that computes may go on.
const INDEX_IDLE: Duration = Duration::from_secs(60);
/// However busy it is.
const INDEX_LONGEST: Duration = Duration::from_secs(30 * 60);
/// The embedding of one large page takes seconds, on a slow machine a minute.
const INDEX_STILL: Duration = Duration::from_secs(300);
/// How long an index that is just being built may find nothing.
const INDEX_BUILDING: Duration = Duration::from_secs(60);

/// The tool group of the browser.
const BROWSER: &str = "browser";
/// Tools that are named one by one in a sentence.
const NAMED: usize = 30;
/// Errors of a log, and warnings, that are kept.
const ERRORS: usize = 200;
/// Files that are named one by one in warnings.
const SHOWN: usize = 5;

/// What the probes found.
pub(super) struct Facts {
    /// Tools that answer.
    pub(crate) registered: Fact<u64>,
    /// Tools that should.
    pub(crate) expected: Fact<u64>,
    /// Search.
    pub(crate) search: Fact<String>,
    /// Workflows.
    pub(crate) workflows: Fact<String>,
    /// The server has the browser tools.
    pub(crate) browser_enabled: bool,
    /// Browser.
    pub(crate) browser: Fact<String>,
    /// The flag was taken.
    pub(crate) watcher: Fact<bool>,
    /// The index is current.
    pub(crate) index: Fact<bool>,
}

struct Probing<'a> {
    client: &'a Client,
    server: &'a Server,
    groups: &'a Groups,
    tools: Vec<String>,
    /// What the last call answered, complaint or not.
    last: Value,
    seen: &'a mut Seen,
    /// Parts of the log that our own questions caused, which the release could not answer.
    excused: Vec<(u64, u64)>,
}

/// How many tools are registered, and how many should be.
type Counts = (Fact<u64>, Fact<u64>);

/// What a tool answered: what was asked for, or its complaint.
type Answer = Result<Value, String>;

/// Runs all probes; without a server each says why there is none.
///
/// # Errors
/// [`Stop`] of the first that fails.
pub(crate) fn all(
    run: &mut Run,
    asked: Option<(&Server, &Client)>,
    groups: &Groups,
    seen: &mut Seen,
) -> Result<Facts, Stop> {
    let Some((server, client)) = asked else { return none(run, groups) };
    let mut probing =
        Probing { client, server, groups, tools: Vec::new(), last: Value::Null, seen, excused: Vec::new() };
    let (registered, expected) = run.task(PHASE, Task::Tools, |run| probing.tools(run))?;
    let (search, workflows) = run.task(PHASE, Task::Smoke, |run| {
        let search = probing.search(run)?;
        let workflows = probing.workflows(run)?;
        let session = probing.session(run)?;
        let also = if session { ", and this session is read back" } else { "" };
        done(format!("search and workflows answer{also}"), (search, workflows))
    })?;
    let browser = run.task(PHASE, Task::Browser, |run| probing.browser(run))?;
    let watcher = run.task(PHASE, Task::Watcher, |run| probing.watcher(run))?;
    let index = run.task(PHASE, Task::Index, |run| probing.log(run))?;
    let browser_enabled = groups.on.contains(BROWSER) || probing.browser_tool().is_some();
    Ok(Facts { registered, expected, search, workflows, browser_enabled, browser, watcher, index })
}

fn none(run: &mut Run, groups: &Groups) -> Result<Facts, Stop> {
    let why = not_started(run);
    for task in [Task::Tools, Task::Smoke, Task::Browser, Task::Watcher, Task::Index] {
        run.task(PHASE, task, |_| not_applicable(why, ()))?;
    }
    Ok(Facts {
        registered: Fact::NotApplicable(why),
        expected: Fact::NotApplicable(why),
        search: Fact::NotApplicable(why),
        workflows: Fact::NotApplicable(why),
        browser_enabled: groups.on.contains(BROWSER),
        browser: Fact::NotApplicable(why),
        watcher: Fact::NotApplicable(why),
        index: Fact::NotApplicable(why),
    })
}

/// Names that a server gave, for a sentence: not more than a person would read.
fn names(of: &[String]) -> String {
    let mut all: Vec<String> = of.iter().take(NAMED).map(|name| visible::start_of(name, 80)).collect();
    if of.len() > NAMED {
        all.push(format!("{} more", of.len() - NAMED));
    }
    all.join(", ")
}

impl Probing<'_> {
    fn passed(&mut self, probe: &str, begun: Instant, saw: impl Into<Value>) -> Fact<String> {
        self.seen.saw(probe, begun, "passed", saw);
        Fact::Is("passed".to_owned())
    }

    fn absent(&mut self, probe: &str, why: NotApplicable) -> Fact<String> {
        self.seen.saw(probe, Instant::now(), "not_applicable", why.reason());
        Fact::NotApplicable(why)
    }

    fn failed<T>(&mut self, probe: &str, begun: Instant, what: String, saw: impl Into<Value>) -> Result<T, Stop> {
        self.seen.saw(probe, begun, "failed", saw);
        Err(Stop::Failed { what, next: Some(read_log(self.server).into()) })
    }

    /// A tool's answer; what the connection itself does wrong is a failure.
    fn call(&mut self, run: &Run, probe: &str, tool: &str, arguments: Value, seconds: u64) -> Result<Answer, Stop> {
        let begun = Instant::now();
        let before = self.log_length();
        let answer = run.runtime.block_on(self.client.call(tool, arguments, Duration::from_secs(seconds)));
        let answer = match answer {
            Ok(value) => {
                self.last = value.clone();
                match table().complaints.of(&value) {
                    Some(complaint) => Err(complaint),
                    None => Ok(value),
                }
            }
            Err(McpError::Tool { text, .. }) => Err(text),
            Err(e) => {
                self.seen.saw(probe, begun, "failed", e.to_string());
                return Err(failure(self.server, &e));
            }
        };
        if answer.is_err() {
            // It may log its refusal a moment later.
            std::thread::sleep(Duration::from_millis(50));
            self.excused.push((before, self.log_length()));
        }
        Ok(answer)
    }

    fn log_length(&self) -> u64 {
        std::fs::metadata(&self.server.log).map_or(0, |m| m.len())
    }

    fn way<'w>(&self, ways: &'w [Way]) -> Option<(&'w str, &'w Value)> {
        ways.iter().find_map(|w| Some((self.registered(&w.tools)?, &w.arguments)))
    }

    fn registered<'n>(&self, names: &'n [String]) -> Option<&'n str> {
        names.iter().find(|n| self.tools.contains(n)).map(String::as_str)
    }

    /// Registered against expected, and against what the old server had.
    fn tools(&mut self, run: &mut Run) -> TaskResult<Counts> {
        let begun = Instant::now();
        let listed = run.runtime.block_on(self.client.tools());
        self.tools = listed.map_err(|e| failure(self.server, &e))?;
        let files = &run.session.plan().files;
        let shipped: BTreeSet<&str> =
            files.iter().filter(|f| f.theirs.is_some()).filter_map(|f| f.path.to_str()).collect();
        // Behind a link to another folder the plan knows no files.
        let package = format!("{}/", target(run).package);
        let linked = !shipped.iter().any(|path| path.starts_with(&package));
        let is_shipped = |path: &str| linked || shipped.contains(path);
        let expected = table::expected_tools(&run.session.install, &self.groups.on, is_shipped);
        let expected = expected.unwrap_or_else(|e| {
            run.warn("tools", format!("the server's code could not be read for its tools: {e}"));
            table::Expected::default()
        });
        let missing_of =
            |of: &BTreeSet<String>| -> Vec<String> { of.iter().filter(|t| !self.tools.contains(t)).cloned().collect() };
        let missing = missing_of(&expected.tools);
        let before: BTreeSet<String> = run.session.server.iter().flat_map(|s| s.tools.clone()).collect();
        let lost = missing_of(&before);
        let saw = json!({
            "registered": self.tools, "expected": expected.tools, "missing": missing, "no_longer_there": lost,
        });
        if !missing.is_empty() {
            let had: Vec<String> = missing.iter().filter(|t| lost.contains(t)).cloned().collect();
            let had = if had.is_empty() { String::new() } else { format!("; the old one had {}", names(&had)) };
            let what = format!("the new server does not register {}, as its code says{had}", names(&missing));
            return self.failed("tools", begun, what, saw);
        }
        let counts = (self.tools.len() as u64, expected.tools.len() as u64);
        self.seen.saw("tools", begun, "passed", saw);
        let facts = (Fact::Is(counts.0), Fact::Is(counts.1));
        let told = format!("{} registered, {} expected", counts.0, counts.1);
        // That they go is the release's own wish; whoever used them should know.
        let (switched_off, gone): (Vec<String>, Vec<String>) = lost.into_iter().partition(|t| expected.all.contains(t));
        if !gone.is_empty() {
            run.warn("tools", format!("this release's server has no {} any more, on purpose", names(&gone)));
        }
        if !switched_off.is_empty() {
            run.warn(
                "tools",
                format!("{} was there before; config.json does not enable its group", names(&switched_off)),
            );
        }
        if gone.is_empty() && switched_off.is_empty() { done(told, facts) } else { warned(told, facts) }
    }

    /// A sentence of an installed standard is found.
    fn search(&mut self, run: &mut Run) -> Result<Fact<String>, Stop> {
        let probe = &table().search;
        let Some((tool, arguments)) = self.way(&probe.ways) else {
            return Ok(self.absent("search", NotApplicable::NoSuchTool));
        };
        let Some(sentence) = a_sentence(&run.session.install) else {
            return Ok(self.absent("search", NotApplicable::NoSuchTool));
        };
        let begun = Instant::now();
        let flag = index_flag(run);
        let mut built = (String::new(), Instant::now());
        loop {
            let arguments = filled(arguments, &[("{sentence}", &sentence)]);
            let answer = self.call(run, "search", tool, arguments, probe.seconds)?;
            let hits = match &answer {
                Ok(answer) => probe.found(answer).unwrap_or_else(|| usize::from(mentions(answer, &sentence))),
                // A server that builds its index in the background answers from its start on.
                Err(complaint) if probe.building(&self.last).is_some() => {
                    let (percent, message) = probe.building(&self.last).unwrap_or_default();
                    let now = format!("{percent} {message}");
                    if now != built.0 {
                        built = (now, Instant::now());
                    }
                    if built.1.elapsed() > index_patience() {
                        let what = format!(
                            "{tool} can't search: the index is not built, and nothing moves: {}",
                            shortened(complaint)
                        );
                        return self.failed("search", begun, what, self.last.clone());
                    }
                    run.progress(PHASE, Task::Smoke, percent, 100, format!("the server builds its index: {message}"));
                    run.check()?;
                    std::thread::sleep(Duration::from_millis(300));
                    continue;
                }
                Err(complaint) => {
                    let what = format!("{tool} can't search: {}", shortened(complaint));
                    return self.failed("search", begun, what, json!({"query": sentence, "error": complaint}));
                }
            };
            if hits > 0 {
                return Ok(self.passed("search", begun, json!({"tool": tool, "query": sentence, "hits": hits})));
            }
            // An index that is being built anew finds nothing yet.
            if let Some(flag) = flag.as_ref().filter(|f| f.exists()) {
                self.flag_is_taken(flag, begun)?;
            }
            let building = flag.as_ref().is_some_and(|f| f.exists());
            if !building || begun.elapsed() > INDEX_BUILDING {
                let what = format!(
                    "{tool} finds nothing for \"{}\", which an installed standard says",
                    visible::start_of(&sentence, 200)
                );
                return self.failed("search", begun, what, json!({"query": sentence, "hits": 0}));
            }
            run.check()?;
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// The installed workflows are listed.
    fn workflows(&mut self, run: &mut Run) -> Result<Fact<String>, Stop> {
        let probe = &table().workflows;
        let Some((tool, arguments)) = self.way(&probe.ways) else {
            return Ok(self.absent("workflows", NotApplicable::NoSuchTool));
        };
        let begun = Instant::now();
        let installed = installed_workflows(&run.session.install);
        let answer = match self.call(run, "workflows", tool, arguments.clone(), probe.seconds)? {
            Ok(answer) => answer,
            Err(complaint) => {
                let what = format!("{tool} can't list the workflows: {}", shortened(&complaint));
                return self.failed("workflows", begun, what, complaint);
            }
        };
        let listed = probe.found(&answer);
        let saw = json!({"tool": tool, "listed": listed, "installed": installed});
        if listed.unwrap_or(1) == 0 && installed > 0 {
            let what = format!("{tool} lists no workflow, but {installed} are installed");
            return self.failed("workflows", begun, what, saw);
        }
        Ok(self.passed("workflows", begun, saw))
    }

    /// Our own session, read back through the server; false where the release has no way to.
    fn session(&mut self, run: &mut Run) -> Result<bool, Stop> {
        let probe = &table().session;
        let Some((tool, arguments)) = self.way(&probe.ways) else {
            self.absent("session", NotApplicable::NoSuchTool);
            return Ok(false);
        };
        // The server writes such files too: what it reads must be ours.
        run.save()?;
        let begun = Instant::now();
        let id = run.session.session_id.clone();
        let arguments = filled(arguments, &[("{session_id}", &id)]);
        match self.call(run, "session", tool, arguments, probe.seconds)? {
            Ok(answer) => {
                let text = answer.to_string();
                let saw = json!({"tool": tool, "session_id": id, "workflow_type": text.contains(WORKFLOW_TYPE)});
                if !text.contains(&id) {
                    let what = format!("{tool} does not give back this session: {}", shortened(&text));
                    return self.failed("session", begun, what, saw);
                }
                self.passed("session", begun, saw);
                Ok(true)
            }
            Err(complaint) if is_unsupported(&complaint) => {
                self.absent("session", NotApplicable::NoSuchTool);
                Ok(false)
            }
            Err(complaint) => {
                let what = format!("{tool} can't read this session: {}", shortened(&complaint));
                self.failed("session", begun, what, complaint)
            }
        }
    }

    /// The browser's tool, where its group is on or the release decides that.
    fn browser_tool(&self) -> Option<&'static str> {
        let may_be = self.groups.on.contains(BROWSER) || self.groups.optional.contains(BROWSER);
        self.registered(&table().browser.tools).filter(|_| may_be)
    }

    /// A page opens and closes, where there is a browser.
    fn browser(&mut self, run: &mut Run) -> TaskResult<Fact<String>> {
        let probe = &table().browser;
        let Some(tool) = self.browser_tool() else {
            let why = NotApplicable::BrowserGroupOff;
            let fact = self.absent("browser", why);
            return not_applicable(why, fact);
        };
        let begun = Instant::now();
        let id = run.session.session_id.clone();
        for arguments in [&probe.open, &probe.close] {
            let answer = self.call(run, "browser", tool, filled(arguments, &[("{session_id}", &id)]), probe.seconds)?;
            let Err(complaint) = answer else { continue };
            if probe.not_there.iter().any(|words| complaint.contains(words)) {
                let why = NotApplicable::NoBrowser;
                let fact = self.absent("browser", why);
                run.warn(
                    "browser",
                    "the browser tools have no browser: venv/bin/python -m playwright install chromium".into(),
                );
                return not_applicable(why, fact);
            }
            let what = format!("{tool} can't open and close a page: {}", shortened(&complaint));
            return self.failed("browser", begun, what, complaint);
        }
        let fact = self.passed("browser", begun, json!({"tool": tool, "page": "opened and closed"}));
        done("opened and closed", fact)
    }

    /// While the flag stands an error in the log is why: releases look at it once, before they answer at all, and say
    /// what went wrong.
    fn flag_is_taken(&mut self, flag: &Path, begun: Instant) -> Result<(), Stop> {
        let (errors, ..) = self.said();
        let Some(first) = errors.first().filter(|_| flag.exists()) else { return Ok(()) };
        let what = format!("{}: the server did not take this flag; it logged: {}", flag.shown(), shortened(first));
        self.failed("index flag", begun, what, json!({"errors": errors}))
    }

    /// The flag that phase 3 left must go: only a live watcher takes it away, after rebuilding the index.
    fn watcher(&mut self, run: &mut Run) -> TaskResult<Fact<bool>> {
        let begun = Instant::now();
        let Some(flag) = index_flag(run) else {
            let why = match target(run).rebuild_flag {
                Some(_) => NotApplicable::StandardsElsewhere,
                None => NotApplicable::NoIndexFlag,
            };
            self.absent("index flag", why);
            return not_applicable(why, Fact::NotApplicable(why));
        };
        let (mut used, mut busy) = (0.0, Instant::now());
        while flag.exists() {
            run.check()?;
            self.flag_is_taken(&flag, begun)?;
            let Some(now) = proc::seconds_used(self.server.pid) else {
                let last = server::last_lines(&self.server.log, self.server.log_from, 8);
                let what = format!("the server ended before it took the index flag; its log ends with:\n{last}");
                return self.failed("index flag", begun, what, "the server has ended");
            };
            self.no_flood(begun)?;
            // A large index takes minutes, of which none is idle.
            if now - used > 1.0 {
                (used, busy) = (now, Instant::now());
            }
            if busy.elapsed() > INDEX_IDLE || begun.elapsed() > INDEX_LONGEST {
                let seconds = begun.elapsed().as_secs();
                let what = format!("{}: the server did not take this flag within {seconds} s", flag.shown());
                return self.failed("index flag", begun, what, "still there");
            }
            let last = server::last_lines(&self.server.log, self.server.log_from, 1);
            let waiting = if last.is_empty() { "waiting for the server to rebuild its index" } else { &last };
            run.progress(PHASE, Task::Watcher, begun.elapsed().as_secs(), 0, waiting);
            std::thread::sleep(Duration::from_millis(50));
        }
        self.seen.saw("index flag", begun, "passed", "taken by the server");
        done("index flag taken", Fact::Is(true))
    }

    /// A log that grows without end would fill the disk.
    fn no_flood(&mut self, begun: Instant) -> Result<(), Stop> {
        match server::log::floods(&self.server.log, self.server.log_from) {
            Some(flood) => self.failed("server log", begun, format!("the server {flood}"), "without end"),
            None => Ok(()),
        }
    }

    /// What the log says since the start, but for what our own questions caused: errors, warnings about single files,
    /// and how many lines that were.
    fn said(&self) -> (Vec<String>, Vec<String>, usize) {
        let (mut errors, mut warnings, mut lines) = (Vec::new(), Vec::new(), 0);
        let mut from = self.server.log_from;
        for (to, next) in self.excused.iter().copied().chain([(u64::MAX, u64::MAX)]) {
            let text = server::log::between(&self.server.log, from, to);
            lines += text.lines().count();
            let room = ERRORS.saturating_sub(errors.len());
            errors.extend(table().log.errors(&text).into_iter().take(room).map(|line| visible::start_of(line, 2_000)));
            let room = ERRORS.saturating_sub(warnings.len());
            warnings.extend(table().log.warnings(&text).into_iter().take(room));
            from = next;
        }
        // An index that is built twice complains twice.
        warnings.sort();
        warnings.dedup();
        (errors, warnings, lines)
    }

    /// No errors in the log since the start, and the server still lives.
    fn log(&mut self, run: &mut Run) -> TaskResult<Fact<bool>> {
        let begun = Instant::now();
        self.no_flood(begun)?;
        let (errors, warnings, lines) = self.said();
        if let Some(first) = errors.first() {
            let what = format!("the server logged an error since its start: {}", shortened(first));
            return self.failed("server log", begun, what, json!({"errors": errors}));
        }
        if proc::start_ticks(self.server.pid).is_none() {
            let last = server::last_lines(&self.server.log, self.server.log_from, 8);
            let what = format!("the server ended while it was tried; its log ends with:\n{last}");
            return self.failed("server log", begun, what, "the server has ended");
        }
        for warning in warnings.iter().take(SHOWN) {
            run.warn("index", shortened(warning));
        }
        if warnings.len() > SHOWN {
            run.warn("index", format!("and {} more, which {} names", warnings.len() - SHOWN, self.server.log.shown()));
        }
        if warnings.is_empty() {
            self.seen.saw("server log", begun, "passed", format!("{lines} lines, no error"));
            return done("current, no errors in the server's log", Fact::Is(true));
        }
        let told = format!("current but for {} files or indexes that the server can't use", warnings.len());
        self.seen.saw("server log", begun, "passed", json!({"lines": lines, "warnings": warnings}));
        warned(told, Fact::Is(true))
    }
}

/// Where the flag stands that the server has to take; none where it has its standards elsewhere.
/// How long the progress of an index may stand still. Builds for tests can be told to be less patient, in seconds.
fn index_patience() -> Duration {
    let told = std::env::var("POS_INDEX_PATIENCE").ok().filter(|_| cfg!(debug_assertions));
    told.and_then(|t| t.parse().ok()).map_or(INDEX_STILL, Duration::from_secs)
}

fn index_flag(run: &Run) -> Option<PathBuf> {
    let install = &run.session.install;
    search_index::places(install).flag().map(|flag| flag.under(install))
}

fn is_unsupported(complaint: &str) -> bool {
    let complaint = complaint.to_lowercase();
    table().unsupported.iter().any(|words| complaint.contains(words))
}

fn shortened(text: &str) -> String {
    visible::start_of(text, 300)
}

/// Whether an answer that can't be counted speaks of what was asked.
fn mentions(answer: &Value, sentence: &str) -> bool {
    let text = answer.to_string().to_lowercase();
    sentence.to_lowercase().split_whitespace().filter(|w| w.len() > 3).any(|word| text.contains(word))
}

fn installed_workflows(install: &Path) -> usize {
    let folders = std::fs::read_dir(install.join("workflows")).into_iter().flatten().flatten();
    folders.filter(|f| f.path().join("metadata.json").is_file()).count()
}

/// The first heading of an installed standard: something that a search must find.
fn a_sentence(install: &Path) -> Option<String> {
    let files = walkdir::WalkDir::new(install.join("standards")).sort_by_file_name().into_iter().flatten();
    let standards = files.filter(|e| e.path().extension().is_some_and(|x| x == "md"));
    standards.filter_map(|e| String::from_utf8(crate::host::files::fs::read_if_there(e.path()).ok()??).ok()).find_map(
        |text| text.lines().find_map(|l| l.strip_prefix("# ")).map(|l| l.trim().to_owned()).filter(|l| !l.is_empty()),
    )
}
