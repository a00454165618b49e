//! Arguments to a face, errors to a report, results to an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Only fails if called twice.
    let _ = color_eyre::install();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            pos_upgrade_tui::cli::cannot_start(&e);
            return ExitCode::from(1);
        }
    };
    ExitCode::from(runtime.block_on(pos_upgrade_tui::cli::run()))
}
