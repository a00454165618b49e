//! Whether the installed workflows are listed, and this session is read back through the server.

use std::path::Path;
use std::time::Instant;

use serde_json::json;

use super::probing::{Probing, shortened};
use crate::core::phase::{Fact, NotApplicable};
use crate::core::session::WORKFLOW_TYPE;
use crate::engine::phases::validation::table::{filled, table};
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;

impl Probing<'_> {
    /// The installed workflows are listed.
    pub(super) fn workflows(&mut self, run: &mut Run) -> Result<Fact<String>, Stop> {
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
    pub(super) fn session(&mut self, run: &mut Run) -> Result<bool, Stop> {
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
}

fn is_unsupported(complaint: &str) -> bool {
    let complaint = complaint.to_lowercase();
    table().unsupported.iter().any(|words| complaint.contains(words))
}

fn installed_workflows(install: &Path) -> usize {
    let folders = std::fs::read_dir(install.join("workflows")).into_iter().flatten().flatten();
    folders.filter(|f| f.path().join("metadata.json").is_file()).count()
}
