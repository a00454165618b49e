//! `known-releases`: prints the table of known releases for a clone, in the form of the embedded one.
//!
//! `assets/praxis-os-releases.tsv` is its output for a whole clone of the public praxis-os. Hidden: only who builds this
//! program has a use for it.

use crate::cli::args::KnownArgs;
use crate::cli::diff;
use crate::cli::refusal::Refusal;
use crate::core::blob::ObjectFormat;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::known_releases;
use crate::core::visible::Shown as _;
use crate::host::git::Repo;

/// Runs the subcommand.
///
/// # Errors
/// [`Refusal`] for a source that can't be read whole.
pub(crate) fn run(arguments: &KnownArgs) -> Result<Exit, Refusal> {
    let source = arguments.source.shown();
    let refused = |e: crate::host::git::GitError| {
        Refusal::refused(
            Code::NotASource,
            format!("{e}; nothing was changed"),
            "name a clone of praxis-os: --source DIR",
        )
    };
    let repo = Repo::open(&arguments.source).map_err(refused)?;
    if repo.shallow {
        let what = format!("{source}: a shallow clone does not know every release; nothing was changed");
        return Err(Refusal::refused(
            Code::NotASource,
            what,
            format!("fetch the rest first: git -C {source} fetch --unshallow"),
        ));
    }
    if repo.format != ObjectFormat::Sha1 {
        let what = format!("{source}: names its objects by SHA-256, the table is of SHA-1 ids; nothing was changed");
        return Err(Refusal::refused(Code::NotASource, what, "name a clone of the public praxis-os: --source DIR"));
    }
    let commit = repo.resolve("HEAD").map_err(refused)?;
    let table = known_releases::table(&repo.history_of_all(&repo.blobs().map_err(refused)?, &commit).map_err(refused)?);
    diff::to_stdout(|paper| table.lines().try_for_each(|line| paper.with_tabs(line)))?;
    Ok(Exit::Done)
}
