//! Whether the browser's tools open and close a page.

use std::time::Instant;

use serde_json::json;

use super::probing::{Probing, shortened};
use crate::core::phase::{Fact, NotApplicable};
use crate::engine::phases::validation::table::{filled, table};
use crate::engine::session::context::Run;
use crate::engine::session::task::{TaskResult, done, not_applicable};

/// The tool group of the browser.
pub(super) const BROWSER: &str = "browser";

impl Probing<'_> {
    /// The browser's tool, where its group is on or the release decides that.
    pub(super) fn browser_tool(&self) -> Option<&'static str> {
        let may_be = self.groups.on.contains(BROWSER) || self.groups.optional.contains(BROWSER);
        self.registered(&table().browser.tools).filter(|_| may_be)
    }

    /// A page opens and closes, where there is a browser.
    pub(super) fn browser(&mut self, run: &mut Run) -> TaskResult<Fact<String>> {
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
}
