//! Of which generation a server is: by the package that it is.

use std::path::Path;

use crate::core::layout::{ServerLayout, layouts};

/// What makes a package one that Python can run.
const MAIN: &str = "__main__.py";

/// How the server of an install is laid out: by the package that stands there, the newest generation's before others; as
/// the folder's generation has it where none does.
pub(crate) fn layout_of(install: &Path) -> &'static ServerLayout {
    let whole = |server: &&ServerLayout| server.package.under(install).join(MAIN).is_file();
    let there = |server: &&ServerLayout| server.package.under(install).is_dir();
    let found = layouts().servers().find(whole).or_else(|| layouts().servers().find(there));
    found.unwrap_or_else(|| layouts().server())
}

/// The server that a command line's module is.
pub(super) fn named(module: &str) -> Option<&'static ServerLayout> {
    layouts().servers().find(|server| server.package.as_bytes() == module.as_bytes())
}
