//! Phase 4: proves over real MCP that the new release works, and writes the report.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use super::server::{start_again, stop_orphan};
use crate::core::layout::layouts;
use crate::core::phase::{Fact, NotApplicable, Phase, ValidationEvidence};
use crate::engine::events::Level;
use crate::engine::run::{Run, Stop, Told, done, not_applicable, now};
use crate::host::fs;
use crate::host::mcp::{Client, McpError};
use crate::host::server::{self, Running};

const PHASE: Phase = Phase::Validation;
/// How long the server may take to notice the index flag and rebuild.
const INDEX_LIMIT: Duration = Duration::from_secs(180);

/// Names and arguments of what is tried, by capability: `assets/smoke-tests.json`.
#[derive(Deserialize)]
struct Table {
    tools: Vec<KnownTool>,
    default_groups: Vec<String>,
    search: Probe,
    workflows: Probe,
    browser: BrowserProbe,
}

#[derive(Deserialize)]
struct KnownTool {
    name: String,
    group: Option<String>,
}

#[derive(Deserialize)]
struct Probe {
    tools: Vec<String>,
    #[serde(default)]
    arguments: Value,
}

#[derive(Deserialize)]
struct BrowserProbe {
    tools: Vec<String>,
    open: Value,
    close: Value,
}

fn table() -> &'static Table {
    static TABLE: LazyLock<Table> = LazyLock::new(|| {
        // Embedded at build time and read by a test: it can't be broken by input.
        #[allow(clippy::expect_used)]
        serde_json::from_str(include_str!("../../../assets/smoke-tests.json")).expect("smoke-tests.json is valid")
    });
    &TABLE
}

/// What is tried, against what, and what was seen: for the report.
struct Probing<'a> {
    client: Option<&'a Client>,
    url: String,
    tools: Vec<String>,
    seen: Vec<Value>,
}

impl Probing<'_> {
    fn saw(&mut self, probe: &str, begun: Instant, outcome: &str, saw: impl Into<Value>) {
        let seconds = begun.elapsed().as_secs_f64();
        self.seen.push(json!({"probe": probe, "outcome": outcome, "seconds": seconds, "saw": saw.into()}));
    }
}

/// Runs the probes. A server that was only started for this is stopped at the end.
///
/// # Errors
/// [`Stop`].
pub fn run(run: &mut Run) -> Result<ValidationEvidence, Stop> {
    let install = run.session.install.clone();
    let url = address(run)?;
    let client = match &url {
        Some(url) => Some(run.runtime.block_on(Client::connect(url)).map_err(|e| failure(run, &e))?),
        None => None,
    };
    let log_from = run.server.as_ref().map(|s| s.log_from);
    let mut probing =
        Probing { client: client.as_ref(), url: url.unwrap_or_default(), tools: Vec::new(), seen: Vec::new() };
    let groups = groups(&install);
    let browser_on = groups.contains("browser");
    let evidence = probes(run, &mut probing, &groups, log_from);
    let Probing { seen, url, .. } = probing;
    if let Some(client) = client {
        run.runtime.block_on(client.close());
    }
    let (tools, search, workflows, browser, watcher, index) = evidence?;
    run.task(PHASE, "unit_tests", |_| not_applicable(NotApplicable::TestsSkipped, ()))?;
    let path = install.join(format!(".cache/upgrade-validation-{}.json", &run.session.stamp[..10]));
    let validation_report = run.task(PHASE, "validation_report", |run| {
        let report = json!({
            "schema": 1, "session_id": run.session.session_id, "created_at": now(),
            "server_version": run.session.source_commit, "url": url, "probes": seen,
        });
        let mut bytes = serde_json::to_vec_pretty(&report).unwrap_or_default();
        bytes.push(b'\n');
        fs::create_folders(&install.join(".cache"))?;
        fs::write_durable(&path, &bytes, 0o644)?;
        done(run.shown(&path), run.shown(&path))
    })?;
    Ok(ValidationEvidence {
        server_version: run.session.source_commit.clone(),
        tools_registered: tools.0,
        expected_tools: tools.1,
        browser_tools_enabled: browser_on,
        browser_smoke_test: browser,
        rag_search_test: search,
        workflow_engine_test: workflows,
        file_watchers_active: watcher,
        rag_index_current: index,
        unit_tests_passed: Fact::NotApplicable(NotApplicable::TestsSkipped),
        validation_report,
    })
}

/// The server to talk to: the one started in phase 3, or after an interruption the one that runs, or a new one.
fn address(run: &mut Run) -> Result<Option<String>, Stop> {
    if let Some(started) = &run.server {
        return Ok(Some(started.url.clone()));
    }
    let was_running = run.session.server.as_ref().is_some_and(|s| s.was_running);
    match server::find(&run.session.install) {
        Running::Yes(live) if was_running => Ok(Some(live.url)),
        _ => {
            stop_orphan(run);
            start_again(run)
        }
    }
}

fn failure(run: &Run, error: &McpError) -> Stop {
    let log = server::log_path(&run.session.install);
    Stop::Failed { what: error.to_string(), next: Some(format!("read the server's log: {}", log.display())) }
}

/// The tool groups that `config.json` enables.
fn groups(install: &Path) -> BTreeSet<String> {
    let config = std::fs::read(install.join("config.json")).unwrap_or_default();
    let config: Value = serde_json::from_slice(&config).unwrap_or_default();
    match config["mcp"]["enabled_tool_groups"].as_array() {
        Some(list) => list.iter().filter_map(|g| g.as_str().map(str::to_owned)).collect(),
        None => table().default_groups.iter().cloned().collect(),
    }
}

/// Tools registered and expected.
type Counts = (Fact<u64>, Fact<u64>);
type Facts = (Counts, Fact<String>, Fact<String>, Fact<String>, Fact<bool>, Fact<bool>);

fn probes(
    run: &mut Run,
    probing: &mut Probing<'_>,
    groups: &BTreeSet<String>,
    log_from: Option<u64>,
) -> Result<Facts, Stop> {
    let Some(client) = probing.client else {
        let has_code = layouts().server.package.under(&run.session.install).is_dir();
        let why = if has_code { NotApplicable::NoVenv } else { NotApplicable::NoServerCode };
        for task in ["tools", "smoke", "browser", "watcher", "index"] {
            run.task(PHASE, task, |_| not_applicable(why, ()))?;
        }
        let none = || Fact::NotApplicable(why);
        return Ok((
            (Fact::NotApplicable(why), Fact::NotApplicable(why)),
            none(),
            none(),
            none(),
            Fact::NotApplicable(why),
            Fact::NotApplicable(why),
        ));
    };
    let tools = run.task(PHASE, "tools", |run| tools(run, client, probing, groups))?;
    let (search, workflows) = run.task(PHASE, "smoke", |run| {
        let search = search(run, client, probing)?;
        let workflows = workflows(run, client, probing)?;
        done("search and workflows answer", (search, workflows))
    })?;
    let browser = run.task(PHASE, "browser", |run| browser(run, client, probing, groups))?;
    let watcher = run.task(PHASE, "watcher", |run| watcher(run, probing))?;
    let index = run.task(PHASE, "index", |run| {
        let begun = Instant::now();
        let log = server::log_path(&run.session.install);
        let text = log_from.map(|from| server::written_since(&log, from)).unwrap_or_default();
        let error = text.lines().find(|l| l.contains("ERROR") || l.contains("Traceback (most recent call last)"));
        if let Some(line) = error {
            probing.saw("server log", begun, "failed", line);
            let what = format!("the server logged an error since its start: {}", fs::visible(line));
            return Err(Stop::Failed { what, next: Some(format!("read the server's log: {}", log.display())) });
        }
        probing.saw("server log", begun, "passed", format!("{} lines, no error", text.lines().count()));
        done("current, no errors in the server's log", Fact::Is(true))
    })?;
    Ok((tools, search, workflows, browser, watcher, index))
}

/// Tools that the new code registers for the enabled groups, among those that releases are known to have.
fn expected_tools(install: &Path, groups: &BTreeSet<String>) -> BTreeSet<&'static str> {
    let package = layouts().server.package.under(install);
    let files = walkdir::WalkDir::new(&package).into_iter().flatten();
    let code: Vec<String> = files
        .filter(|e| e.path().extension().is_some_and(|x| x == "py"))
        .filter_map(|e| std::fs::read(e.path()).ok())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect();
    let named = |name: &str| {
        let forms = [format!("\"{name}\""), format!("'{name}'"), format!("def {name}(")];
        code.iter().any(|text| forms.iter().any(|form| text.contains(form)))
    };
    let wanted = |tool: &&KnownTool| tool.group.as_ref().is_none_or(|g| groups.contains(g)) && named(&tool.name);
    table().tools.iter().filter(wanted).map(|t| t.name.as_str()).collect()
}

fn tools(
    run: &mut Run,
    client: &Client,
    probing: &mut Probing<'_>,
    groups: &BTreeSet<String>,
) -> Result<Told<Counts>, Stop> {
    let begun = Instant::now();
    let registered = run.runtime.block_on(client.tools()).map_err(|e| failure(run, &e))?;
    let expected = expected_tools(&run.session.install, groups);
    let missing: Vec<&str> = expected.iter().filter(|t| !registered.iter().any(|r| r == *t)).copied().collect();
    probing.tools.clone_from(&registered);
    if !missing.is_empty() {
        probing.saw("tools", begun, "failed", json!({"registered": registered, "missing": missing}));
        let what = format!("the new server does not register {}", missing.join(", "));
        return Err(Stop::Failed { what, next: None });
    }
    let before = run.session.server.as_ref().map(|s| s.tools.clone()).unwrap_or_default();
    let lost: Vec<String> = before.into_iter().filter(|t| !registered.contains(t)).collect();
    if !lost.is_empty() {
        run.log(Level::Info, "tools", &format!("no longer there: {}", lost.join(", ")));
    }
    probing.saw("tools", begun, "passed", json!({"registered": registered, "no_longer_there": lost}));
    let counts = (registered.len() as u64, expected.len() as u64);
    done(format!("{} registered, {} expected", counts.0, counts.1), (Fact::Is(counts.0), Fact::Is(counts.1)))
}

fn registered<'t>(probing: &Probing<'_>, names: &'t [String]) -> Option<&'t String> {
    names.iter().find(|n| probing.tools.contains(n))
}

/// The first heading of an installed standard: something that a search must find.
fn a_sentence(install: &Path) -> Option<String> {
    let files = walkdir::WalkDir::new(install.join("standards")).sort_by_file_name().into_iter().flatten();
    let standards = files.filter(|e| e.path().extension().is_some_and(|x| x == "md"));
    standards.filter_map(|e| std::fs::read_to_string(e.path()).ok()).find_map(|text| {
        text.lines().find_map(|l| l.strip_prefix("# ")).map(|l| l.trim().to_owned()).filter(|l| !l.is_empty())
    })
}

fn search(run: &mut Run, client: &Client, probing: &mut Probing<'_>) -> Result<Fact<String>, Stop> {
    let begun = Instant::now();
    let Some(tool) = registered(probing, &table().search.tools) else {
        return Ok(Fact::NotApplicable(NotApplicable::NoSuchTool));
    };
    let Some(query) = a_sentence(&run.session.install) else {
        return Ok(Fact::NotApplicable(NotApplicable::NoSuchTool));
    };
    let call = client.call(tool, json!({"query": query, "n_results": 3}));
    let answer = run.runtime.block_on(call).map_err(|e| failure(run, &e))?;
    let hits = match &answer {
        Value::Object(o) => o.get("results").and_then(Value::as_array).map_or(o.len(), Vec::len),
        Value::Array(a) => a.len(),
        Value::String(s) => s.trim().len(),
        _ => 0,
    };
    if hits == 0 {
        probing.saw("search", begun, "failed", json!({"query": query, "hits": 0}));
        return Err(Stop::failed(format!("{tool} finds nothing for \"{query}\", which an installed standard says")));
    }
    probing.saw("search", begun, "passed", json!({"query": query, "hits": hits}));
    Ok(Fact::Is("passed".into()))
}

fn workflows(run: &mut Run, client: &Client, probing: &mut Probing<'_>) -> Result<Fact<String>, Stop> {
    let begun = Instant::now();
    let Some(tool) = registered(probing, &table().workflows.tools) else {
        return Ok(Fact::NotApplicable(NotApplicable::NoSuchTool));
    };
    let call = client.call(tool, table().workflows.arguments.clone());
    let answer = run.runtime.block_on(call).map_err(|e| failure(run, &e))?;
    let text = answer.to_string();
    if answer.is_null() || answer.get("error").is_some() {
        probing.saw("workflows", begun, "failed", answer);
        return Err(Stop::failed(format!("{tool} cannot list the workflows: {}", fs::visible(&text))));
    }
    probing.saw("workflows", begun, "passed", format!("{} bytes", text.len()));
    Ok(Fact::Is("passed".into()))
}

fn browser(
    run: &mut Run,
    client: &Client,
    probing: &mut Probing<'_>,
    groups: &BTreeSet<String>,
) -> Result<Told<Fact<String>>, Stop> {
    let begun = Instant::now();
    let tool = registered(probing, &table().browser.tools).filter(|_| groups.contains("browser"));
    let Some(tool) = tool else {
        let why = NotApplicable::BrowserGroupOff;
        return not_applicable(why, Fact::NotApplicable(why));
    };
    for arguments in [&table().browser.open, &table().browser.close] {
        run.runtime.block_on(client.call(tool, arguments.clone())).map_err(|e| failure(run, &e))?;
    }
    probing.saw("browser", begun, "passed", "opened and closed");
    done("opened and closed", Fact::Is("passed".into()))
}

/// The flag that phase 3 left must go: only a live watcher takes it away, after rebuilding the index.
fn watcher(run: &mut Run, probing: &mut Probing<'_>) -> Result<Told<Fact<bool>>, Stop> {
    let begun = Instant::now();
    let flag = layouts().server.rebuild_flag.under(&run.session.install);
    while flag.exists() {
        run.check()?;
        if begun.elapsed() > INDEX_LIMIT {
            probing.saw("index flag", begun, "failed", "still there");
            let what =
                format!("{}: the server did not take this flag within {} s", flag.display(), INDEX_LIMIT.as_secs());
            return Err(Stop::Failed { what, next: None });
        }
        let waited = begun.elapsed().as_secs();
        run.progress(PHASE, "watcher", waited, 0, "waiting for the server to rebuild its index");
        std::thread::sleep(Duration::from_millis(50));
    }
    probing.saw("index flag", begun, "passed", "taken by the server");
    done("index flag taken", Fact::Is(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_valid_and_expectations_follow_code_and_groups() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("mcp_server")).unwrap();
        std::fs::write(
            dir.path().join("mcp_server/t.py"),
            "async def pos_workflow(\n'search_standards'\n\"pos_browser\"\n# aos_workflow\n",
        )
        .unwrap();
        let groups = groups(dir.path());
        assert_eq!(expected_tools(dir.path(), &groups), ["pos_workflow", "search_standards"].into());
    }
}
