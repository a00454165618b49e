//! Who would miss a running server, by what it talks over and where its descriptors lead.

use std::collections::BTreeMap;

use super::launch;
use crate::host::process::{self, Process};

/// Who started a running server, and would miss it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Nobody holds it: it can be stopped and started.
    Nobody,
    /// An editor holds its standard input, and would lose it.
    Editor,
    /// A person started it by hand, on a terminal that shows what it says.
    Terminal,
}

impl Owner {
    pub(super) fn of(process: &Process) -> Self {
        Self::by(launch::reads_stdin(&process.command), &process::descriptors(process.pid))
    }

    /// A server that reads its standard input ends with it: as long as it lives somebody is there, wherever descriptor 0
    /// leads. Newer MCP libraries move what stood there to a free number and leave `/dev/null` behind, and let 1 lead
    /// where 2 does: by then only the moved one tells a terminal from an editor that was itself started on one.
    fn by(reads_stdin: bool, open: &BTreeMap<u32, String>) -> Self {
        let at = |number: u32| open.get(&number).map_or("", String::as_str);
        if at(0).starts_with("pipe:") || at(0).starts_with("socket:") {
            return Owner::Editor;
        }
        let mut elsewhere = if reads_stdin { open.range(3..) } else { open.range(1..3) };
        if is_terminal(at(0)) || elsewhere.any(|(_, leads)| is_terminal(leads)) {
            return Owner::Terminal;
        }
        if reads_stdin { Owner::Editor } else { Owner::Nobody }
    }

    /// In a few words, for screens and evidence.
    pub fn words(self) -> &'static str {
        match self {
            Owner::Nobody => "running, ours to restart",
            Owner::Editor => "running, owned by an editor",
            Owner::Terminal => "running, started by hand on a terminal",
        }
    }
}

/// Whether a descriptor leads to a terminal that is still there: one that was closed shows nothing to anybody.
fn is_terminal(leads: &str) -> bool {
    let kinds = ["/dev/pts/", "/dev/tty", "/dev/console"];
    kinds.iter().any(|kind| leads.starts_with(kind)) && !leads.ends_with(" (deleted)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(reads_stdin: bool, open: &[(u32, &str)]) -> Owner {
        Owner::by(reads_stdin, &open.iter().map(|(n, leads)| (*n, (*leads).to_owned())).collect())
    }

    #[test]
    fn who_holds_a_server_over_http_is_seen_at_its_first_descriptors() {
        let (null, log, pts) = ("/dev/null", "/p/.praxis-os/.cache/mcp_server.log", "/dev/pts/3");
        assert_eq!(owner(false, &[(0, null), (1, log), (2, log), (3, "socket:[7]")]), Owner::Nobody);
        assert_eq!(owner(false, &[(0, "pipe:[5]"), (1, log), (2, log)]), Owner::Editor);
        assert_eq!(owner(false, &[(0, "socket:[5]"), (1, "socket:[5]"), (2, pts)]), Owner::Editor);
        assert_eq!(owner(false, &[(0, pts), (1, log), (2, log)]), Owner::Terminal);
        assert_eq!(owner(false, &[(0, null), (1, pts), (2, pts)]), Owner::Terminal, "it shows there what it says");
        let gone = "/dev/pts/3 (deleted)";
        assert_eq!(owner(false, &[(0, gone), (1, gone), (2, gone)]), Owner::Nobody, "the terminal was closed");
    }

    #[test]
    fn a_server_that_reads_its_standard_input_is_never_nobodys() {
        let (null, pts) = ("/dev/null", "/dev/pts/3");
        // As the MCP library of 1.x leaves it.
        assert_eq!(owner(true, &[(0, "pipe:[5]"), (1, "pipe:[6]"), (2, "pipe:[7]")]), Owner::Editor);
        assert_eq!(owner(true, &[(0, pts), (1, pts), (2, pts)]), Owner::Terminal);
        // As that of 2.x does.
        let moved = [(0, null), (1, "pipe:[7]"), (2, "pipe:[7]"), (3, "socket:[8]"), (9, "pipe:[5]"), (10, "pipe:[6]")];
        assert_eq!(owner(true, &moved), Owner::Editor);
        assert_eq!(owner(true, &[(0, null), (1, pts), (2, pts), (9, pts), (10, pts)]), Owner::Terminal);
        let shown = [(0, null), (1, pts), (2, pts), (9, "socket:[5]"), (10, "socket:[5]")];
        assert_eq!(owner(true, &shown), Owner::Editor, "an editor that was started on a terminal");
        assert_eq!(owner(true, &[]), Owner::Editor, "what can't be seen is left alone");
    }
}
