//! Arguments to a face, errors to a report, results to an exit code.

use std::process::ExitCode;
use std::time::Duration;

use pos_upgrade_tui::core::exit::Exit;
use pos_upgrade_tui::engine::at_work;

/// How long what only looks may take to end by itself, with the programs and the folders that it has.
const TO_LOOK: Duration = Duration::from_millis(500);

/// Reports of errors and panics. The usual hook panics itself where standard error is gone, and that aborts.
fn install_reports() {
    let plain = color_eyre::config::Theme::new();
    let (panics, errors) = color_eyre::config::HookBuilder::default().theme(plain).into_hooks();
    // Only fails if called twice.
    let _ = errors.install();
    std::panic::set_hook(Box::new(move |info| {
        pos_upgrade_tui::cli::report(&panics.panic_report(info));
    }));
}

fn main() -> ExitCode {
    install_reports();
    if let Some(code) = pos_upgrade_tui::cli::rehearse() {
        return ExitCode::from(code.code());
    }
    if let Some(code) = pos_upgrade_tui::cli::complete() {
        return ExitCode::from(code.code());
    }
    // While there is one thread only: the kernel keeps the rights of each by itself.
    if let Some(code) = pos_upgrade_tui::cli::become_owner() {
        return ExitCode::from(code.code());
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            pos_upgrade_tui::cli::cannot_start(&e);
            return ExitCode::from(Exit::Bug.code());
        }
    };
    let code = runtime.block_on(pos_upgrade_tui::cli::run());
    at_work::wait();
    // What runs still only looks, and nobody waits for what it sees: two large texts may be compared for minutes.
    runtime.shutdown_timeout(TO_LOOK);
    ExitCode::from(code.code())
}
