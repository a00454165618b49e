//! Globs over paths in the install, with limits.

use globset::{GlobBuilder, GlobMatcher, GlobSet};

use crate::core::visible;

/// No path is longer.
pub(crate) const LONGEST: usize = 4096;

/// Alternatives in a glob: each doubles what has to be tried, and deep ones are too much for who compiles them.
pub(crate) const BRACES: usize = 32;

/// Compiles a glob over paths in the install. `*` stays within a folder, `**` crosses folders.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn glob(pattern: &str) -> Result<GlobMatcher, String> {
    let shown = visible::start_of(pattern, 60);
    if pattern.len() > LONGEST {
        return Err(format!("the glob \"{shown}\" is longer than {LONGEST} bytes"));
    }
    if pattern.contains('\0') {
        return Err(format!("the glob \"{shown}\" has a NUL byte, which no path has"));
    }
    let opened = |depth: usize, c: char| if c == '{' { depth + 1 } else { depth };
    if pattern.chars().fold(0, opened) > BRACES {
        return Err(format!("the glob \"{shown}\" has more than {BRACES} braces"));
    }
    let built = GlobBuilder::new(pattern).literal_separator(true).build().map_err(|e| visible::line(&e.to_string()))?;
    // Compiling alone would panic over one that is too large for it; as a set it says so.
    GlobSet::new([&built]).map_err(|e| visible::start_of(&e.to_string(), 200))?;
    Ok(built.compile_matcher())
}
