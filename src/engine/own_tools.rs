//! Programs of the person's own that a text is given to: the editor, and the merge tool that git is set up with. The
//! texts lie in a temporary folder of their own; nothing in the install is opened by them.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::Duration;

use crate::core::visible;
use crate::host::files::read;
use crate::host::process::output::{SHORT, last_line, output};
use crate::host::process::{children, proc};

/// What a person writes as the text of one file is not larger.
const LARGEST: u64 = 256 << 20;

/// A program and what it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tool {
    /// `$VISUAL`, else `$EDITOR`, else `vi`, with this text.
    Editor(Vec<u8>),
    /// `git mergetool`, with the three sides and what is merged of them so far.
    MergeTool {
        /// The version both started from; empty if it isn't known.
        base: Arc<[u8]>,
        /// The user's.
        mine: Arc<[u8]>,
        /// The source's.
        theirs: Arc<[u8]>,
        /// Both, with marked blocks where they overlap.
        merged: Vec<u8>,
    },
}

/// A program that is ready to be run on the terminal.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// Gone with this.
    _folder: tempfile::TempDir,
    file: PathBuf,
    name: String,
    command: Option<Command>,
}

/// Lays the texts out. `name` is the file's name, so that the program knows what kind of text it is. `project` is where
/// git's settings are read. Blocking.
///
/// # Errors
/// A sentence: no such tool, or the temporary folder can't be written.
pub(crate) fn prepare(tool: &Tool, name: &str, project: &Path) -> Result<Prepared, String> {
    let failed = |e: std::io::Error| format!("A temporary file could not be written: {e}.");
    let folder = tempfile::Builder::new().prefix("pos-upgrade-tui-").tempdir().map_err(failed)?;
    let plain: String = name.chars().map(|c| if c.is_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect();
    let plain = if plain.starts_with(['.', '-']) { format!("file{plain}") } else { plain };
    let file = folder.path().join(&plain);
    let (name, command) = match tool {
        Tool::Editor(text) => {
            std::fs::write(&file, text).map_err(failed)?;
            let editor = editor(|name| std::env::var(name).ok());
            let mut command = children::command("sh");
            // As git does it: the variable may hold arguments.
            command.arg("-c").arg(format!("{editor} \"$@\"")).arg(&editor).arg(&file);
            (editor, command)
        }
        Tool::MergeTool { base, mine, theirs, merged } => {
            let tool = configured(project)?;
            unmerged(folder.path(), &plain, [base, mine, theirs], project)?;
            std::fs::write(&file, merged).map_err(failed)?;
            let mut command = git(folder.path());
            command.args(["mergetool", "--no-prompt", "--", &plain]);
            (tool, command)
        }
    };
    Ok(Prepared { _folder: folder, file, name, command: Some(command) })
}

impl Prepared {
    /// The program, to be run on the terminal; can be taken once.
    pub(crate) fn command(&mut self) -> Option<Command> {
        self.command.take()
    }

    /// What stands in the file now, however the program ended.
    pub(crate) fn saved(&self) -> Option<Vec<u8>> {
        std::fs::read(&self.file).ok()
    }

    /// What came out of it.
    ///
    /// # Errors
    /// A sentence saying that the program failed, or that the text is gone.
    pub(crate) fn result(self, ended: std::io::Result<ExitStatus>) -> Result<Vec<u8>, String> {
        let name = visible::start_of(&self.name, 80);
        match ended {
            Err(e) => Err(format!("{name} could not be started: {e}.")),
            Ok(status) if !status.success() => Err(match status.code() {
                Some(127) => format!("{name} could not be started: there is no such program."),
                Some(code) => format!("{name} ended with exit code {code}."),
                None => format!("{name} was killed."),
            }),
            Ok(_) => {
                read::read_at_most(&self.file, LARGEST).map_err(|e| format!("What {} wrote can't be read: {e}.", name))
            }
        }
    }
}

/// Ends a program that was started for a person, and what it started in turn, such as the editor behind its shell: TERM,
/// then KILL. Blocking, up to a few seconds.
pub(crate) fn end(pid: u32) {
    let all = std::iter::once(pid).chain(proc::descendants(pid)).filter_map(proc::look).collect::<Vec<_>>();
    // The innermost first: it may have something to save, and a shell that is gone can't wait for it.
    for process in all.iter().rev() {
        proc::stop(process, Duration::from_secs(1));
    }
}

fn editor(get: impl Fn(&str) -> Option<String>) -> String {
    let set = |name: &str| get(name).filter(|v| !v.trim().is_empty());
    set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".to_owned())
}

/// Git with the person's own settings, and without hooks or a file watcher.
fn git(dir: &Path) -> Command {
    let mut command = children::command("git");
    command.current_dir(dir).args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]);
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"] {
        command.env_remove(name);
    }
    command
}

fn said(mut command: Command) -> Result<String, String> {
    let output = output(&mut command, None, SHORT).map_err(|e| format!("git could not be run: {e}."))?;
    if !output.status.success() {
        return Err(last_line(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The merge tool's name.
fn configured(project: &Path) -> Result<String, String> {
    let mut command = git(project);
    command.args(["config", "--get", "merge.tool"]);
    match said(command) {
        Ok(tool) if !tool.trim().is_empty() => Ok(tool.trim().to_owned()),
        _ => Err("git has no merge tool: git config --global merge.tool vimdiff sets one.".to_owned()),
    }
}

/// A repository with nothing in it but one unmerged file, and the project's settings for merge tools.
fn unmerged(dir: &Path, name: &str, sides: [&Arc<[u8]>; 3], project: &Path) -> Result<(), String> {
    let mut init = git(dir);
    init.args(["init", "-q", "--template="]);
    said(init)?;
    let mut settings = git(project);
    settings.args(["config", "-z", "--get-regexp", r"^(merge\.tool|mergetool\..*)$"]);
    for setting in said(settings).unwrap_or_default().split('\0') {
        if let Some((key, value)) = setting.split_once('\n') {
            let mut set = git(dir);
            set.args(["config", "--replace-all", key, value]);
            said(set)?;
        }
    }
    // No second copy beside the file: the folder is thrown away.
    let mut set = git(dir);
    set.args(["config", "mergetool.keepBackup", "false"]);
    said(set)?;
    let mut stages = String::new();
    for (stage, bytes) in (1..).zip(sides) {
        let mut command = git(dir);
        command.args(["hash-object", "-w", "--stdin"]);
        let output = output(&mut command, Some(bytes.to_vec()), SHORT);
        let output = output.map_err(|e| format!("git could not take the texts: {e}."))?;
        let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        stages.push_str(&format!("100644 {id} {stage}\t{name}\n"));
    }
    let mut command = git(dir);
    command.args(["update-index", "--index-info"]);
    match output(&mut command, Some(stages.into_bytes()), SHORT) {
        Ok(answer) if answer.status.success() => Ok(()),
        _ => Err("git could not take the three sides.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_editor_is_the_persons_own() {
        let from = |vars: &[(&str, &str)]| {
            let vars: Vec<(String, String)> = vars.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect();
            editor(|name| vars.iter().find(|v| v.0 == name).map(|v| v.1.clone()))
        };
        assert_eq!(from(&[("VISUAL", "code --wait"), ("EDITOR", "ed")]), "code --wait");
        assert_eq!(from(&[("VISUAL", " "), ("EDITOR", "ed")]), "ed");
        assert_eq!(from(&[]), "vi");
    }

    #[test]
    fn names_lead_nowhere_and_say_what_kind_of_text_it_is() {
        for (name, wanted) in [("a b.md", "a_b.md"), ("-x.json", "file-x.json"), ("../.md", "file.._.md")] {
            let prepared = prepare(&Tool::Editor(b"x".to_vec()), name, Path::new("/")).unwrap();
            assert_eq!(prepared.file.file_name().unwrap().to_str().unwrap(), wanted);
        }
    }
}
