//! Carrying a journal out: each step can be come back to, whatever was done to its path before or since.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::RenameFlags;
use rustix::io::Errno;

use crate::core::path::RelPath;
use crate::host::files::aside;
use crate::host::files::batch::Batch;
use crate::host::files::crash_points::{EXCHANGE, RESCUE, around};
use crate::host::files::error::{Doing, FsError};
use crate::host::files::folder::{Folder, Found};
use crate::host::files::fs;
use crate::host::files::journal::{ASIDE, Applied, Journal, JournalError, STAGE, State, Step, remove_empty_folders};
use crate::host::files::rename;
use crate::host::install::locked::LockedInstall;

/// How a path may change under a step, before it is said that it does not come to rest.
const TRIES: usize = 8;

/// How far a step is.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    /// What it puts there stands there.
    Reached,
    /// It was not done.
    ToDo,
    /// It was done, and somebody wrote there since.
    Since,
    /// It was not done, and can't be: what it puts there is gone.
    Lost,
}

/// Where steps are carried out.
struct Place<'a> {
    install: &'a LockedInstall,
    root: Folder,
    stage: Folder,
    rescue: &'a RelPath,
}

impl Journal {
    /// Carries the steps out, skipping those that are done, and tells how far it is. What stands in the way goes to
    /// `rescue`, whatever it is; only a link where a folder must be does not. What was written at a path since its step
    /// was done stays: it was written into the result.
    ///
    /// # Errors
    /// [`JournalError`]; what is done so far stays, and can be continued or rolled back.
    pub fn apply(
        &self,
        install: &LockedInstall,
        rescue: &RelPath,
        progress: &mut dyn FnMut(usize, &RelPath),
    ) -> Result<Applied, JournalError> {
        if self.is_done() {
            // Staging goes only after everything was applied and verified.
            return Ok(Applied::default());
        }
        let at = self.place(install, rescue)?;
        // What is exchanged with the staging lies on the same file system, or the kernel refuses.
        let batch = Batch::begin(&self.install)?;
        let mut applied = Applied::default();
        for (number, step) in self.steps.iter().enumerate() {
            progress(number, &step.path);
            match self.standing(&at, number, step)? {
                Standing::Reached => {}
                Standing::Since => applied.since.push(step.path.clone()),
                Standing::Lost => return Err(self.lost(step)),
                Standing::ToDo => {
                    self.step(&at, number, step, &mut applied)?;
                    applied.changed += 1;
                }
            }
            self.rescue(&at, number, &mut applied)?;
        }
        let Place { root, stage, .. } = &at;
        let paths = || self.steps.iter().map(|step| &step.path);
        for folder in paths().filter_map(RelPath::parent).collect::<BTreeSet<_>>() {
            batch.folder(|| match root.below(&folder, false) {
                Ok(open) => open.sync(),
                // One that is gone, or no folder of ours any more, has nothing to be made durable.
                Err(e) if e.is_no_folder() || fs::is_absence(&e.source) => Ok(()),
                Err(e) => Err(e),
            })?;
        }
        batch.folder(|| stage.sync())?;
        batch.finish()?;
        for step in self.steps.iter().filter(|s| s.new == State::Absent) {
            remove_empty_folders(root, &step.path)?;
        }
        Ok(applied)
    }

    /// The staging is reached without a link: what is exchanged with it must not land elsewhere.
    fn place<'a>(&self, install: &'a LockedInstall, rescue: &'a RelPath) -> Result<Place<'a>, JournalError> {
        let damaged = || JournalError::Damaged(self.folder.clone());
        let root = Folder::open(&self.install)?;
        let below = self.folder.strip_prefix(&self.install).map_err(|_| damaged())?;
        let path = RelPath::new(below.join(STAGE).as_os_str().as_bytes()).map_err(|_| damaged())?;
        let stage = root.below(&path, false)?;
        Ok(Place { install, root, stage, rescue })
    }

    fn lost(&self, step: &Step) -> JournalError {
        JournalError::StagingLost { path: step.path.clone(), folder: self.folder.clone() }
    }

    /// What is staged under a name.
    fn staged(&self, at: &Place<'_>, slot: &str) -> Result<Found, JournalError> {
        let path = RelPath::new(slot).map_err(|_| JournalError::Damaged(self.folder.clone()))?;
        Ok(at.stage.look(&path)?)
    }

    /// What the staging tells of a step, and the live path. As long as the new bytes are staged, the step was not done:
    /// nothing else takes them out.
    fn standing(&self, at: &Place<'_>, number: usize, step: &Step) -> Result<Standing, JournalError> {
        let live = at.root.look(&step.path)?;
        if step.new.matches(&live) {
            return Ok(Standing::Reached);
        }
        let staged = self.staged(at, &number.to_string())?;
        if step.new == State::Absent {
            return Ok(match (live, staged) {
                // The file went, now or before a crash, and a folder came in its place.
                (Found::Folder | Found::Absent, _) => Standing::Reached,
                (_, Found::Absent) => Standing::ToDo,
                // It came out once already.
                _ => Standing::Since,
            });
        }
        if step.new.matches(&staged) {
            return Ok(Standing::ToDo);
        }
        let came_out = step.old.matches(&staged) || step.old.matches(&self.staged(at, &format!("{number}{ASIDE}"))?);
        Ok(match &step.old {
            // Where nothing was, nothing came out either.
            State::Absent if staged == Found::Absent => Standing::Since,
            State::File { .. } if came_out => Standing::Since,
            old if old.matches(&live) => Standing::Lost,
            _ => Standing::Since,
        })
    }

    /// Moves what came out of the live tree in one step, now or before a crash, to the rescued files, if it is neither
    /// the plan's old file nor the new one: somebody wrote it since.
    fn rescue(&self, at: &Place<'_>, number: usize, applied: &mut Applied) -> Result<(), JournalError> {
        let step = &self.steps[number];
        for slot in [number.to_string(), format!("{number}{ASIDE}")] {
            let out = self.staged(at, &slot)?;
            if out == Found::Absent || step.old.matches(&out) || step.new.matches(&out) {
                continue;
            }
            let (folder, name, to) = aside::free_place(&at.root, at.rescue, &step.path)?;
            around(RESCUE, || at.stage.place(OsStr::new(&slot), &folder, &name))
                .doing("rescue to", to.under(&self.install))?;
            folder.sync()?;
            applied.rescued.push((step.path.clone(), to));
        }
        Ok(())
    }

    /// Rescues what a crash left in the staging of a journal that will not be carried out to its end.
    ///
    /// # Errors
    /// [`JournalError`].
    pub(crate) fn rescue_left(
        &self,
        install: &LockedInstall,
        rescue: &RelPath,
    ) -> Result<Vec<(RelPath, RelPath)>, JournalError> {
        if !fs::is_there(&self.folder.join(STAGE))? {
            return Ok(Vec::new());
        }
        let at = self.place(install, rescue)?;
        let mut applied = Applied::default();
        for number in 0..self.steps.len() {
            self.rescue(&at, number, &mut applied)?;
        }
        // The staging may go next: what was moved out of it must not go with it.
        at.stage.sync()?;
        Ok(applied.rescued)
    }

    fn step(&self, at: &Place<'_>, number: usize, step: &Step, applied: &mut Applied) -> Result<(), JournalError> {
        let Place { root, stage, .. } = at;
        let wants_file = step.new != State::Absent;
        let slot = OsString::from(number.to_string());
        // A file may appear or go between looking and renaming, and a hollow folder before that.
        for _ in 0..TRIES {
            let (folder, name) = match root.parent_of(&step.path, wants_file) {
                Ok(found) => found,
                Err(e) if e.is_link() => return Err(JournalError::NoFolder { path: step.path.clone(), at: e.path }),
                Err(e) if e.is_no_folder() && wants_file => {
                    self.make_way(at, &e, applied)?;
                    continue;
                }
                // Nothing is below what is no folder.
                Err(e) if !wants_file && (e.is_no_folder() || e.source.kind() == std::io::ErrorKind::NotFound) => {
                    return Ok(());
                }
                Err(e) => return Err(e.into()),
            };
            let found = root.look(&step.path)?;
            let done = match (&found, wants_file) {
                (Found::Folder | Found::Absent, false) => return Ok(()),
                // A folder whose files went in earlier steps.
                (Found::Folder, true) if folder.remove_hollow(name) => continue,
                (Found::Absent, true) => around(EXCHANGE, || stage.place(&slot, &folder, name)),
                // A link or a folder is somebody's work as a file is: it goes out itself, and never what is behind it.
                (_, true) => match around(EXCHANGE, || stage.rename(&slot, &folder, name, RenameFlags::EXCHANGE)) {
                    Err(errno) if rename::is_unsupported(errno) => {
                        self.in_two_steps(at, number, (&folder, name), applied)?
                    }
                    done => done,
                },
                (_, false) => around(EXCHANGE, || match folder.rename(name, stage, &slot, RenameFlags::NOREPLACE) {
                    // Nobody else writes in the staging, and nothing is at this place there.
                    Err(errno) if rename::is_unsupported(errno) => {
                        folder.rename(name, stage, &slot, RenameFlags::empty())
                    }
                    done => done,
                }),
            };
            match done {
                Ok(()) => return Ok(()),
                Err(Errno::EXIST) if wants_file => {}
                Err(Errno::EXIST) => return Err(JournalError::Damaged(self.folder.clone())),
                Err(Errno::NOENT) if found != Found::Absent && root.look(&step.path)? == Found::Absent => {}
                Err(Errno::NOENT) if self.staged(at, &number.to_string())? == Found::Absent => {
                    return Err(self.lost(step));
                }
                Err(other) => return Err(other).doing("replace", step.path.under(&self.install))?,
            }
        }
        Err(JournalError::Blocked(step.path.clone()))
    }

    /// Moves what is neither folder nor link out of a folder's place.
    fn make_way(&self, at: &Place<'_>, in_the_way: &FsError, applied: &mut Applied) -> Result<(), JournalError> {
        let Some(path) = aside::relative(&self.install, &in_the_way.path) else {
            return Err(JournalError::Damaged(self.folder.clone()));
        };
        let to = aside::set_aside(at.install, &at.root, &path, at.rescue)?;
        applied.rescued.extend(to.map(|to| (path, to)));
        Ok(())
    }

    /// For file systems without exchange: what stands there goes beside the staged file, which then goes where nothing
    /// is any more. What comes there in that moment is seen, and the next try takes it out too.
    fn in_two_steps(
        &self,
        at: &Place<'_>,
        number: usize,
        (folder, name): (&Folder, &OsStr),
        applied: &mut Applied,
    ) -> Result<rustix::io::Result<()>, JournalError> {
        let (slot, out) = (OsString::from(number.to_string()), OsString::from(format!("{number}{ASIDE}")));
        let stage = &at.stage;
        if stage.kind(&out)?.is_some() {
            // A crash left it there, or the try before; the user's goes from here, and of all else there is the backup.
            self.rescue(at, number, applied)?;
            if stage.kind(&out)?.is_some() {
                stage.remove(&out)?;
            }
        }
        if let Err(errno) = around(EXCHANGE, || folder.rename(name, stage, &out, RenameFlags::empty())) {
            return Ok(Err(errno));
        }
        if let Err(errno) = around(EXCHANGE, || stage.place(&slot, folder, name)) {
            return Ok(Err(errno));
        }
        Ok(around(EXCHANGE, || stage.rename(&out, stage, &slot, RenameFlags::empty())))
    }
}
