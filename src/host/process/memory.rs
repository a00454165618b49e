//! How much memory there is, and how much a process takes.

use std::fs;
use std::path::Path;

/// Bytes that can be had without swapping: what the machine has, or less where a control group limits this process. None
/// where the kernel does not say.
pub(crate) fn available() -> Option<u64> {
    let machine = field(&fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")?;
    let group =
        fs::read_to_string("/proc/self/cgroup").ok().and_then(|text| of_group(&text, Path::new("/sys/fs/cgroup")));
    Some(group.map_or(machine, |group| group.min(machine)))
}

/// Bytes in memory that a process takes. None for one that is gone.
pub(crate) fn of_process(pid: u32) -> Option<u64> {
    field(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?, "VmRSS:")
}

/// A value in kB as `/proc` writes it, in bytes.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// What a control group of version 2 still allows.
fn of_group(groups: &str, top: &Path) -> Option<u64> {
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let number = |name: &str| fs::read_to_string(top.join(group).join(name)).ok()?.trim().parse::<u64>().ok();
    Some(number("memory.max")?.saturating_sub(number("memory.current")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_may_allow_less_than_the_machine_has() {
        let top = tempfile::tempdir().unwrap();
        let group = top.path().join("a/b");
        fs::create_dir_all(&group).unwrap();
        fs::write(group.join("memory.max"), "1000\n").unwrap();
        fs::write(group.join("memory.current"), "400\n").unwrap();
        assert_eq!(of_group("1:name=x:/\n0::/a/b\n", top.path()), Some(600));
        assert_eq!(of_group("0::/a\n", top.path()), None);
        fs::write(group.join("memory.max"), "max\n").unwrap();
        assert_eq!(of_group("0::/a/b\n", top.path()), None);
        assert!(available() > Some(0) && of_process(std::process::id()) > Some(0));
        assert_eq!(of_process(u32::MAX), None);
    }
}
