//! Where the time of a run went.

use serde::{Deserialize, Serialize};

/// Where the time of a run went, in seconds. Of a session that was interrupted: since it was taken up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Seconds {
    /// All of it.
    pub total: f64,
    /// What is left when all others are taken away: our own work.
    pub own: f64,
    /// pip, and the interpreter that it and the imports run in.
    pub pip: f64,
    /// The server: its end, its start, its answers.
    pub server: f64,
    /// git.
    pub git: f64,
    /// Other programs: post-install steps, tests, interpreters that check a file.
    pub programs: f64,
    /// For a person's answers.
    pub waiting: f64,
}

impl Seconds {
    /// A line for the report; what took no time is left out.
    pub fn line(&self) -> String {
        let others = [
            ("pip", self.pip),
            ("the server", self.server),
            ("git", self.git),
            ("other programs", self.programs),
            ("waiting for you", self.waiting),
        ];
        let shown = others.iter().filter(|(_, s)| *s >= 0.05).map(|(who, s)| format!("{who} {s:.1} s, "));
        format!("time: {:.1} s: {}our own work {:.1} s", self.total, shown.collect::<String>(), self.own)
    }
}
