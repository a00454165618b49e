//! Who listens on a TCP port of this machine, by `/proc`.

use std::collections::BTreeSet;

use crate::host::process::proc;

/// The state of a listening socket in `/proc/net/tcp`.
const LISTENING: &str = "0A";

/// Inodes of the sockets that listen on a port, on whatever address.
fn sockets(port: u16) -> BTreeSet<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|t| std::fs::read_to_string(t).unwrap_or_default());
    let wanted = format!(":{port:04X}");
    let lines = tables.iter().flat_map(|t| t.lines());
    let inode = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let listens = fields.get(3) == Some(&LISTENING) && fields.get(1)?.ends_with(&wanted);
        listens.then(|| fields.get(9).map(|i| format!("socket:[{i}]"))).flatten()
    };
    lines.filter_map(inode).collect()
}

fn holds(pid: u32, sockets: &BTreeSet<String>) -> bool {
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    files.filter_map(|f| std::fs::read_link(f.path()).ok()).any(|l| l.to_str().is_some_and(|l| sockets.contains(l)))
}

/// Whether a process, or one that descends from it, listens on a port. What can't be seen is not its own.
pub fn is_owned_by(port: u16, pid: u32) -> bool {
    let sockets = sockets(port);
    !sockets.is_empty() && (holds(pid, &sockets) || proc::descendants(pid).iter().any(|p| holds(*p, &sockets)))
}

/// The processes that listen on a port, as far as this user may see them.
pub fn owners(port: u16) -> Vec<u32> {
    let sockets = sockets(port);
    if sockets.is_empty() { Vec::new() } else { proc::all().filter(|p| holds(*p, &sockets)).collect() }
}

/// Whether anybody listens on a port.
pub fn is_open(port: u16) -> bool {
    !sockets(port).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_owned_by_who_listens_on_it() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let own = std::process::id();
        assert!(is_open(port) && is_owned_by(port, own) && owners(port).contains(&own));
        let mut other = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        assert!(!is_owned_by(port, other.id()), "not a child of who listens");
        other.kill().unwrap();
        other.wait().unwrap();
        drop(listener);
        assert!(!is_open(port) && !is_owned_by(port, own));
    }
}
