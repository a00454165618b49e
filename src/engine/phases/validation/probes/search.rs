//! Whether a search finds what an installed standard says.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::probing::{Probing, index_flag, shortened};
use crate::core::phase::{Fact, NotApplicable};
use crate::core::task::Task;
use crate::core::visible;
use crate::engine::phases::validation::seen::PHASE;
use crate::engine::phases::validation::table::{filled, table};
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;

/// The embedding of one large page takes seconds, on a slow machine a minute.
const INDEX_STILL: Duration = Duration::from_secs(300);
/// How long an index that is just being built may find nothing.
const INDEX_BUILDING: Duration = Duration::from_secs(60);

impl Probing<'_> {
    /// A sentence of an installed standard is found.
    pub(super) fn search(&mut self, run: &mut Run) -> Result<Fact<String>, Stop> {
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
}

/// How long the progress of an index may stand still. Builds for tests can be told to be less patient, in seconds.
fn index_patience() -> Duration {
    let told = std::env::var("POS_INDEX_PATIENCE").ok().filter(|_| cfg!(debug_assertions));
    told.and_then(|t| t.parse().ok()).map_or(INDEX_STILL, Duration::from_secs)
}

/// Whether an answer that can't be counted speaks of what was asked.
fn mentions(answer: &Value, sentence: &str) -> bool {
    let text = answer.to_string().to_lowercase();
    sentence.to_lowercase().split_whitespace().filter(|w| w.len() > 3).any(|word| text.contains(word))
}

/// The first heading of an installed standard: something that a search must find.
fn a_sentence(install: &Path) -> Option<String> {
    let files = walkdir::WalkDir::new(install.join("standards")).sort_by_file_name().into_iter().flatten();
    let standards = files.filter(|e| e.path().extension().is_some_and(|x| x == "md"));
    standards.filter_map(|e| String::from_utf8(crate::host::files::read::read_if_there(e.path()).ok()??).ok()).find_map(
        |text| text.lines().find_map(|l| l.strip_prefix("# ")).map(|l| l.trim().to_owned()).filter(|l| !l.is_empty()),
    )
}
