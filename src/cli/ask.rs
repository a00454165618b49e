//! Asks a person at the terminal.

use std::io::IsTerminal as _;

use crate::cli::args;
use crate::cli::print;
use crate::cli::refusal::Refusal;
use crate::core::error_code::Code;

/// Whether a person can be shown a screen and asked.
pub(super) fn at_a_terminal() -> bool {
    std::io::stdin().is_terminal() && print::at_a_terminal()
}

/// Asks for a yes, unless `--yes` gave it.
///
/// # Errors
/// [`Refusal`] where nobody can be asked, or the answer is no.
pub(super) fn ask(common: &args::Common, question: &str, command: &str) -> Result<(), Refusal> {
    if common.yes {
        return Ok(());
    }
    if !at_a_terminal() {
        return Err(Refusal::usage(
            Code::NeedsTerminal,
            "there is no terminal to ask at, and --yes is not given; nothing was changed",
            format!("pos-upgrade-tui {command} --yes"),
        ));
    }
    if confirmed(question) { Ok(()) } else { Err(Refusal::refused(Code::SaidNo, "not done; nothing was changed", "")) }
}

/// Asks for a yes; only at a terminal.
pub(super) fn confirmed(question: &str) -> bool {
    // What nobody could read, nobody confirms.
    if !print::question(&format!("{question} [y/N]")) {
        return false;
    }
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line).is_ok();
    read && matches!(line.trim(), "y" | "Y" | "yes")
}
