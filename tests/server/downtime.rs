//! How long nobody answers in an upgrade and in a rollback, beside what the server itself takes to stop and to start. All of it
//! is measured in one run, so a slow machine is slow for both.

use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pos_upgrade_tui::host::process::proc;
use serde_json::json;

use crate::common::{eventually, text, tools};
use crate::server::world::World;

/// Between two looks from outside.
const LOOK: Duration = Duration::from_millis(50);
/// What may come on top of stop, start and apply. Busy machines get more than quiet ones.
const ROOM: f64 = 1.0;

impl World {
    /// The longest time in which no server of this install could be reached, while something was done; none if it never
    /// came back.
    fn unreachable(&self, work: impl FnOnce()) -> f64 {
        let (over, longest) = (AtomicBool::new(false), Mutex::new(Duration::ZERO));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut last = Instant::now();
                while !over.load(Ordering::Relaxed) {
                    let port = self.state()["port"].as_u64().and_then(|port| u16::try_from(port).ok());
                    let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
                    if port.is_some_and(|port| TcpStream::connect_timeout(&at(port), LOOK).is_ok()) {
                        let mut longest = longest.lock().unwrap();
                        *longest = longest.max(last.elapsed());
                        last = Instant::now();
                    }
                    std::thread::sleep(LOOK);
                }
                assert!(last.elapsed() < Duration::from_secs(5), "nobody answers at the end");
            });
            work();
            over.store(true, Ordering::Relaxed);
        });
        longest.into_inner().unwrap().as_secs_f64()
    }

    /// Seconds without an answer where the server is only stopped and started, with an index that fits; and how many of them
    /// it takes to end.
    fn bare(&mut self) -> (f64, f64) {
        let pid = u32::try_from(self.state()["pid"].as_u64().unwrap()).unwrap();
        let (server, begun) = (self.server(), Instant::now());
        let mut stop = 0.0;
        let mut child = None;
        let all = self.unreachable(|| {
            let mut server = server;
            proc::stop(&proc::look(pid).unwrap(), Duration::from_secs(10));
            stop = begun.elapsed().as_secs_f64();
            child = Some(server.spawn().unwrap());
            eventually("it answers", || tools(&self.install).is_some());
        });
        self.adopt(child.unwrap());
        (all, stop)
    }
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// `POS_ROUNDS` of them, 3 by default.
#[test]
fn nobody_waits_longer_than_the_server_itself_takes() {
    let rounds: usize = std::env::var("POS_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(3);
    let (mut forth, mut back, mut bares, mut stops, mut applies) = (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..rounds {
        let Some(mut world) = World::new() else { return };
        // As a real one takes its time for the first index, and keeps it.
        world.misbehaves(&json!({"kept_index": true, "seconds_a_page": 1}));
        world.start();
        world.release(&json!({"kept_index": true, "seconds_a_page": 1}));
        let mut done = None;
        forth.push(world.unreachable(|| done = Some(world.rehearsed_upgrade(&[]))));
        let done = done.unwrap();
        assert_eq!((done.code, done.task("rehearsal").0.as_str()), (0, "done"), "{}", done.said);
        let spent = |task: &str| {
            let ended = done.events.iter().find(|e| e["event"] == "task_finished" && e["task"] == task).unwrap();
            ended["seconds"].as_f64().unwrap()
        };
        applies.push(["apply", "verify", "version_files", "copy_server", "verify_server"].map(spent).iter().sum());
        back.push(world.unreachable(|| {
            let output = world.rehearsing(&["rollback", "--yes"]).output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
        }));
        eventually("the old server answers", || tools(&world.install).is_some());
        let (bare, stop) = world.bare();
        bares.push(bare);
        stops.push(stop);
    }
    let [forth, back, bare, stop, apply] = [forth, back, bares, stops, applies].map(median);
    let over = |total: f64| total - bare;
    println!(
        "medians of {rounds}, in seconds: nobody answered for {forth:.2} in an upgrade, {back:.2} in a rollback; a bare \
         stop and start takes {bare:.2}, of which the stop {stop:.2}; the apply takes {apply:.2}; on top: {:.2} and {:.2}",
        over(forth),
        over(back)
    );
    assert!(over(forth) <= ROOM + apply, "an upgrade");
    assert!(over(back) <= ROOM + apply, "a rollback");
}
