//! Whether the tools that the release's code promises are registered.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::json;

use super::probing::Probing;
use crate::core::phase::Fact;
use crate::core::visible;
use crate::engine::phases::server::target;
use crate::engine::phases::validation::seen::failure;
use crate::engine::phases::validation::table;
use crate::engine::session::context::Run;
use crate::engine::session::task::{TaskResult, done, warned};

/// Tools that are named one by one in a sentence.
const NAMED: usize = 30;

/// How many tools are registered, and how many should be.
pub(super) type Counts = (Fact<u64>, Fact<u64>);

/// Names that a server gave, for a sentence: not more than a person would read.
fn names(of: &[String]) -> String {
    let mut all: Vec<String> = of.iter().take(NAMED).map(|name| visible::start_of(name, 80)).collect();
    if of.len() > NAMED {
        all.push(format!("{} more", of.len() - NAMED));
    }
    all.join(", ")
}

impl Probing<'_> {
    /// Registered against expected, and against what the old server had.
    pub(super) fn tools(&mut self, run: &mut Run) -> TaskResult<Counts> {
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
}
