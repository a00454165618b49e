//! Who would miss a running server, by what it talks over and where its descriptors lead.

use std::collections::{BTreeMap, BTreeSet};

use crate::host::process::proc;
use crate::host::process::proc::{Descriptor, Process};
use crate::host::server::launch;
use crate::host::server::supervisor::Supervisor;

/// Who started a running server, and would miss it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Nobody holds it: it can be stopped and started.
    Nobody,
    /// An editor holds its standard input, and would lose it.
    Editor,
    /// A person started it by hand, on a terminal that shows what it says.
    Terminal,
    /// A supervisor runs it, and would start it again.
    Supervised,
}

impl Owner {
    pub(super) fn of(process: &Process) -> Self {
        if Supervisor::of(process).is_some() {
            return Owner::Supervised;
        }
        let (open, sockets) = (proc::descriptors(process.pid), proc::nameless_sockets(process.pid));
        Self::by(launch::reads_stdin(&process.command), &open, sockets.as_ref())
    }

    /// Newer MCP libraries move what stood at descriptor 0 to a free number and leave `/dev/null` behind, and let 1 lead
    /// where 2 does: by then only the moved one tells a terminal from an editor that was itself started on one.
    fn by(reads_stdin: bool, open: &BTreeMap<u32, Descriptor>, sockets: Option<&BTreeSet<u64>>) -> Self {
        let at = |number: u32| open.get(&number).map_or("", |d| d.leads.as_str());
        if at(0).starts_with("pipe:") || at(0).starts_with("socket:") {
            return Owner::Editor;
        }
        let mut elsewhere = if reads_stdin { open.range(3..) } else { open.range(1..3) };
        if is_terminal(at(0)) || elsewhere.any(|(_, d)| is_terminal(&d.leads)) {
            return Owner::Terminal;
        }
        // What can't be seen is left alone.
        let held = at(0) != "/dev/null" || sockets.is_none_or(|sockets| is_held(open, sockets));
        if reads_stdin && held { Owner::Editor } else { Owner::Nobody }
    }

    /// In a few words, for screens and evidence.
    pub fn words(self) -> &'static str {
        match self {
            Owner::Nobody => "running, ours to restart",
            Owner::Editor => "running, owned by an editor",
            Owner::Terminal => "running, started by hand on a terminal",
            Owner::Supervised => "running, restarted by its supervisor",
        }
    }
}

/// Whether somebody else may hold the other end of a pipe or of a pair of sockets: of such that a process makes for
/// itself, it has both ends. The two of a pair are numbered one after the other.
fn is_held(open: &BTreeMap<u32, Descriptor>, sockets: &BTreeSet<u64>) -> bool {
    let number = |leads: &str, kind: &str| -> Option<u64> { leads.strip_prefix(kind)?.strip_suffix(']')?.parse().ok() };
    let own: BTreeSet<u64> = open.values().filter_map(|d| number(&d.leads, "socket:[")).collect();
    open.range(3..).any(|(_, d)| match (number(&d.leads, "pipe:["), number(&d.leads, "socket:[")) {
        (Some(_), _) => d.reads && !open.values().any(|other| other.leads == d.leads && other.writes),
        (_, Some(n)) => sockets.contains(&n) && !own.contains(&(n + 1)) && !own.contains(&n.wrapping_sub(1)),
        _ => false,
    })
}

/// Whether a descriptor leads to a terminal that is still there: one that was closed shows nothing to anybody.
fn is_terminal(leads: &str) -> bool {
    let kinds = ["/dev/pts/", "/dev/tty", "/dev/console"];
    kinds.iter().any(|kind| leads.starts_with(kind)) && !leads.ends_with(" (deleted)")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is only read begins with `<` here, what is only written with `>`.
    fn owner(reads_stdin: bool, open: &[(u32, &str)]) -> Owner {
        let descriptor = |leads: &str| Descriptor {
            leads: leads.trim_start_matches(['<', '>']).to_owned(),
            reads: !leads.starts_with('>'),
            writes: !leads.starts_with('<'),
        };
        let local = BTreeSet::from([5, 40, 41]);
        Owner::by(reads_stdin, &open.iter().map(|(n, leads)| (*n, descriptor(leads))).collect(), Some(&local))
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
    fn a_server_that_reads_its_standard_input_is_nobodys_only_where_nobody_can_hold_it() {
        let (null, pts) = ("/dev/null", "/dev/pts/3");
        // As the MCP library of 1.x leaves it.
        assert_eq!(owner(true, &[(0, "pipe:[5]"), (1, "pipe:[6]"), (2, "pipe:[7]")]), Owner::Editor);
        assert_eq!(owner(true, &[(0, pts), (1, pts), (2, pts)]), Owner::Terminal);
        // As that of 2.x does.
        let moved =
            [(0, null), (1, "pipe:[7]"), (2, "pipe:[7]"), (3, "socket:[8]"), (9, "<pipe:[5]"), (10, ">pipe:[6]")];
        assert_eq!(owner(true, &moved), Owner::Editor);
        assert_eq!(owner(true, &[(0, null), (1, pts), (2, pts), (9, pts), (10, pts)]), Owner::Terminal);
        let shown = [(0, null), (1, pts), (2, pts), (9, "socket:[5]"), (10, "socket:[5]")];
        assert_eq!(owner(true, &shown), Owner::Editor, "an editor that was started on a terminal");
        assert_eq!(owner(true, &[]), Owner::Editor, "what can't be seen is left alone");
        // Started with nothing there: what it has besides it made for itself, or listens to.
        let log = "/p/server.log";
        let own = [(0, null), (1, log), (2, log), (3, "socket:[40]"), (4, "socket:[41]"), (5, "socket:[9]")];
        assert_eq!(owner(true, &own), Owner::Nobody);
        let pipe = [(0, null), (1, log), (2, ">pipe:[7]"), (6, "<pipe:[8]"), (7, ">pipe:[8]")];
        assert_eq!(owner(true, &pipe), Owner::Nobody);
        let half = [(0, null), (1, log), (2, log), (3, "socket:[40]"), (4, "<pipe:[8]")];
        assert_eq!(owner(true, &half), Owner::Editor);
        assert_eq!(owner(true, &half[..4]), Owner::Editor, "one end of a pair");
        let unseen = BTreeMap::from([(0, Descriptor { leads: null.to_owned(), reads: true, writes: true })]);
        assert_eq!(Owner::by(true, &unseen, None), Owner::Editor);
    }
}
