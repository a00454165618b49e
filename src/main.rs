//! Arguments to a face, errors to a report, results to an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Only fails if called twice.
    let _ = color_eyre::install();
    // While there is one thread only: the kernel keeps the rights of each by itself.
    if let Some(code) = pos_upgrade_tui::cli::become_owner() {
        return ExitCode::from(code);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            pos_upgrade_tui::cli::cannot_start(&e);
            return ExitCode::from(1);
        }
    };
    ExitCode::from(runtime.block_on(pos_upgrade_tui::cli::run()))
}
