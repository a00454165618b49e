//! `completions`: what a shell needs to complete this program's arguments.

use clap_complete::env::Shells;

use crate::cli::complete;
use crate::cli::print;
use crate::cli::refusal::Refusal;
use crate::core::error_code::Code;
use crate::core::exit::Exit;

/// zsh reads a file of `fpath` when Tab is pressed for the first time, as the function that is to answer.
const AT_ONCE: &str = "
if [[ $funcstack[1] == _pos-upgrade-tui ]]; then
    _clap_dynamic_completer_pos_upgrade_tui \"$@\"
fi
";

/// Runs the subcommand: a few lines that ask this program, each time, what fits.
///
/// # Errors
/// [`Refusal`] where the output can't be written.
pub(crate) fn run(shell: clap_complete::Shell) -> Result<Exit, Refusal> {
    let name = shell.to_string();
    let shells = Shells::builtins();
    let Some(adapter) = shells.completer(&name) else {
        return Err(Refusal::usage(
            Code::Usage,
            format!("{name}: no completions for this shell; nothing was changed"),
            "",
        ));
    };
    let mut script = Vec::new();
    // By its name: whichever is first on the PATH then, also after an update.
    match adapter.write_registration(complete::ASKED, complete::NAME, complete::NAME, complete::NAME, &mut script) {
        Ok(()) => {
            let more = if shell == clap_complete::Shell::Zsh { AT_ONCE } else { "" };
            print::much(|out| out.write_all(&script).and_then(|()| out.write_all(more.as_bytes()))).map(|()| Exit::Done)
        }
        Err(e) => Err(Refusal::refused(
            Code::Files,
            format!("{name}: no completions could be made ({e}); nothing was changed"),
            "",
        )),
    }
}
