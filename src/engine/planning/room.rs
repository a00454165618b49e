//! Whether there is room for an upgrade: on the disk, for backup, trial and environment; in memory, for a second server.

use std::path::Path;

use crate::core::error_code::Code;
use crate::core::settings::Options;
use crate::core::visible::Shown as _;
use crate::engine::refusal::{Problem, problem};
use crate::host::backup::scope::{self, Scope};
use crate::host::files::fs;
use crate::host::files::walk;
use crate::host::process::memory;
use crate::host::python::venv;
use crate::host::server::search_index;

/// What is said, and bytes: available, required.
type Room = (String, (u64, u64));

/// What an upgrade writes to the disk before anything is given back, in bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Needed {
    /// What is copied: once by the backup, once where the new files wait.
    copies: u64,
    /// The search index: the copy that the new server begins with, and what it makes of it.
    index: u64,
    /// An environment that is made anew.
    environment: u64,
}

impl Needed {
    fn total(self) -> u64 {
        self.copies.saturating_add(self.index).saturating_add(self.environment)
    }

    /// The parts, for people.
    fn parts(self) -> String {
        let parts = [
            (self.copies, "for what is copied twice"),
            (self.index, "for the trial's search index"),
            (self.environment, "for a new environment"),
        ];
        let needed = parts.iter().filter(|(bytes, _)| *bytes > 0);
        needed.map(|(bytes, what)| format!("{} {what}", fs::human_size(*bytes))).collect::<Vec<_>>().join(", ")
    }
}

/// Whether the disk has room; `is_tried` says that a server will be started for the trial, `scope` what a backup copies,
/// where that is known.
///
/// # Errors
/// [`Problem`] where it has not, or that can't be told.
pub(crate) fn on_disk(
    install: &Path,
    options: &Options,
    is_tried: bool,
    scope: Option<Scope>,
) -> Result<Room, Problem> {
    let next = "free some space there, then try again";
    let found = scope.map_or_else(|| scope::look(install), Ok);
    let Scope { bytes, .. } = found.map_err(|e| problem(Code::Files, e, next))?;
    let index = search_index::places(install).index.filter(|_| is_tried);
    let needed = Needed {
        copies: bytes.saturating_mul(2),
        index: index.map_or(0, |place| size_of(&place.under(install))).saturating_mul(2),
        environment: options.python.as_ref().map_or(0, |_| size_of(&venv::live(install))),
    };
    let available = fs::free_space(install).map_err(|e| problem(Code::Files, e, next))?;
    judged(install, available, needed).map_err(|what| problem(Code::DiskFull, what, next))
}

fn judged(install: &Path, available: u64, needed: Needed) -> Result<Room, String> {
    let required = needed.total();
    let sizes = format!("{} free, {} needed", fs::human_size(available), fs::human_size(required));
    if available < required {
        return Err(format!("{}: {sizes} ({})", install.shown(), needed.parts()));
    }
    Ok((sizes, (available, required)))
}

/// Bytes of the files in a folder; what can't be looked at counts as nothing, since this is an estimate.
fn size_of(folder: &Path) -> u64 {
    let files = walk::below(folder, |_| true).unwrap_or_default().into_iter().filter(|(_, kind)| kind.is_file());
    files.filter_map(|(path, _)| Some(walk::metadata(folder, &path).ok()?.len())).sum()
}

/// Says where there may be too little memory for a second server beside the one that runs.
pub(crate) fn in_memory(pid: u32) -> Option<String> {
    let (available, used) = (memory::available()?, memory::of_process(pid)?);
    (available < used).then(|| {
        format!(
            "the new release is tried beside the running server, which takes {} of memory; {} are available: end \
             other programs, or leave the trial out (--no-rehearsal)",
            fs::human_size(used),
            fs::human_size(available)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_said_part_by_part() {
        let needed = Needed { copies: 2 << 20, index: 4 << 20, environment: 1 << 30 };
        let said = judged(Path::new("/p/.praxis-os"), 1 << 20, needed).unwrap_err();
        for part in [
            "/p/.praxis-os: ",
            "2.1 MB for what is copied twice",
            "4.2 MB for the trial",
            "1.1 GB for a new environment",
        ] {
            assert!(said.contains(part), "{part:?}: {said}");
        }
        let only_copies = judged(Path::new("/p"), 0, Needed { copies: 1, ..Needed::default() }).unwrap_err();
        assert!(!only_copies.contains("index") && !only_copies.contains("environment"), "{only_copies}");
        let (_, sizes) = judged(Path::new("/p"), needed.total(), needed).unwrap();
        assert_eq!(sizes, (needed.total(), needed.total()));
    }

    #[test]
    fn the_size_of_a_folder_is_that_of_its_files() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(folder.path().join("a/b"), [0; 700]).unwrap();
        std::fs::write(folder.path().join("c"), [0; 300]).unwrap();
        std::os::unix::fs::symlink("c", folder.path().join("d")).unwrap();
        assert_eq!(size_of(folder.path()), 1000);
        assert_eq!(size_of(&folder.path().join("nothing")), 0);
    }

    #[test]
    fn this_process_fits_into_memory() {
        assert_eq!(in_memory(std::process::id()), None);
    }
}
