//! What is tried on the new server, one capability after the other.

mod browser;
mod index;
mod probing;
mod search;
mod tools;
mod workflows;

use serde_json::Value;

use self::browser::BROWSER;
use self::probing::Probing;
use crate::core::phase::Fact;
use crate::core::task::Task;
use crate::engine::phases::server::not_started;
use crate::engine::phases::validation::seen::{PHASE, Seen, Server};
use crate::engine::phases::validation::table::Groups;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::engine::session::task::{done, not_applicable};
use crate::host::server::mcp::Client;

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
