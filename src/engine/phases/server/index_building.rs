//! A server in the middle of building its index, where it tells: it is not stopped without a word, since the work of minutes
//! would be lost.

use std::time::{Duration, Instant};

use crate::core::phase::Phase;
use crate::core::question::{Question, Way};
use crate::core::task::Task;
use crate::engine::phases::validation::table::{self, filled, table};
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::host::server::mcp::Client;
use crate::host::server::{self, Owner, Running};

const PHASE: Phase = Phase::Content;
/// How often a server is asked how far it is.
const EVERY: Duration = Duration::from_secs(1);
/// A build that stands still for so long is not waited for any more.
const STILL: Duration = Duration::from_secs(120);
/// How long its answer may take; one that takes longer is not waited for.
const ANSWER: Duration = Duration::from_secs(10);
/// What is searched for, only to hear whether there is something to search in.
const ANYTHING: &str = "index";

/// Asks, where the server that will be stopped builds its index, whether to wait until it has done that; and waits.
///
/// # Errors
/// [`Stop`] if that is what was asked; nothing was changed.
pub(crate) fn settle(run: &mut Run) -> Result<(), Stop> {
    if !run.session.server.as_ref().is_some_and(|before| before.was_running) {
        return Ok(());
    }
    let Running::Yes(live) = server::find(&run.session.install) else { return Ok(()) };
    if matches!(live.owner, Owner::Editor | Owner::Supervised) {
        return Ok(());
    }
    let pid = live.process.pid;
    let (mut waits, mut last) = (false, (String::new(), Instant::now()));
    while let Some((percent, message)) = run.runtime.block_on(building(&live.url)) {
        if !waits {
            match run.ask(question(pid, percent, &message))? {
                Way::Stop => return Ok(()),
                Way::RollBack => return Err(Stop::RollBack),
                _ => waits = true,
            }
        }
        let now = format!("{percent} {message}");
        if now != last.0 {
            last = (now, Instant::now());
        }
        if last.1.elapsed() > STILL {
            run.warn(
                "server",
                format!("the index that the server (pid {pid}) builds does not grow; it is not waited for"),
            );
            return Ok(());
        }
        run.progress(PHASE, Task::Rehearsal, percent, 100, format!("your server builds its index: {message}"));
        run.check()?;
        std::thread::sleep(EVERY);
    }
    Ok(())
}

fn question(pid: u32, percent: u64, message: &str) -> Question {
    Question::new("index_building", "Your server is building its search index", Way::GoOn)
        .saying([
            format!("The server (pid {pid}) is at {percent} %: {}", crate::core::visible::start_of(message, 60)),
            "It has to be stopped for the upgrade. Stopped now, what it built so far is lost.".to_owned(),
        ])
        .offering(Way::GoOn, "Wait for it", "the upgrade goes on when the index is built")
        .offering(Way::Stop, "Stop it now", "an index that is not whole is built anew")
        .offering(Way::RollBack, "Give up", "nothing in the install was changed")
}

/// How far a server is, in percent and in its words; none where it does not say that it builds one.
async fn building(url: &str) -> Option<(u64, String)> {
    let search = &table().search;
    let client = Client::connect(url).await.ok()?;
    let told = async {
        let tools = client.tools().await.ok()?;
        let known = |way: &table::Way| {
            let tool = way.tools.iter().find(|tool| tools.contains(tool))?;
            Some((tool.clone(), filled(&way.arguments, &[("{sentence}", ANYTHING)])))
        };
        let (tool, arguments) = search.ways.iter().find_map(known)?;
        search.building(&client.call(&tool, arguments, ANSWER).await.ok()?)
    }
    .await;
    client.close().await;
    told
}
