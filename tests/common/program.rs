//! The program on trial. Built with debug assertions it knows the words of tests: crash points, planted faults, less patience.
//! Where `POS_SHIPPED` names a release build, whatever needs none of these words is tried on that one: it is what people get,
//! and quicker.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The variables that tests set. All but pip's mean something to a build with debug assertions alone.
pub const WORDS: [&str; 12] = [
    "POS_BUG",
    "POS_CRASH_AT",
    "POS_CRASH_LOG",
    "POS_ELICIT_MS",
    "POS_HISTORY_ROWS",
    "POS_INDEX_PATIENCE",
    "POS_LOSE",
    "POS_LOSE_LINE",
    "POS_PIP_SILENCE",
    "POS_SERVER_PATIENCE",
    "POS_WATCHER_PATIENCE",
    "POS_WITHOUT",
];

/// The program as cargo built it for tests.
pub fn built() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_pos-upgrade-tui"))
}

fn shipped() -> Option<&'static Path> {
    static SHIPPED: OnceLock<Option<PathBuf>> = OnceLock::new();
    let named = SHIPPED.get_or_init(|| std::env::var_os("POS_SHIPPED").map(PathBuf::from));
    named.as_deref()
}

/// The program: whichever fits the environment that it is started in. In place of itself it starts nothing: it has the pid of
/// what was started.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| shipped().map_or_else(|| built().to_owned(), launcher))
}

/// The same for who follows the calls of what is started: the program itself, as the environment of this command asks.
pub fn direct(command: &Command) -> &'static Path {
    let has_word = command.get_envs().any(|(name, value)| value.is_some() && WORDS.iter().any(|word| *word == name));
    shipped().filter(|_| !has_word).unwrap_or_else(built)
}

fn launcher(shipped: &Path) -> PathBuf {
    let any: String = WORDS.map(|word| format!("${word}")).concat();
    let text = format!(
        "#!/bin/sh\nif [ -n \"{any}\" ]; then exec '{}' \"$@\"; fi\nexec '{}' \"$@\"\n",
        built().display(),
        shipped.display()
    );
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut file = tempfile::NamedTempFile::new_in(folder).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o755)).unwrap();
    // Another process of tests writes the same.
    let place = folder.join("pos-upgrade-tui");
    file.persist(&place).unwrap();
    place
}
