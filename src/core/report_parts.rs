//! What a report on an upgrade consists of. Screens, pages and JSON choose by kind how each is shown, and which are left out.

use serde::{Serialize, Serializer};

/// A part of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Which install, from which release to which.
    Subject(String),
    /// What the lines behind it are about.
    Heading(String),
    /// A fact.
    Line(String),
    /// Something that a person should look at.
    Warning(String),
    /// How to take it all back: lines under a heading of their own, in JSON and on pages. A screen has a key for it.
    WayBack(Vec<String>),
}

impl Part {
    /// A fact.
    pub(crate) fn line(text: impl Into<String>) -> Self {
        Part::Line(text.into())
    }

    /// What the lines behind it are about.
    pub(crate) fn heading(text: impl Into<String>) -> Self {
        Part::Heading(text.into())
    }

    /// The same in lines of plain text, headings marked; in JSON a report is their list.
    pub(crate) fn plain(&self) -> Vec<String> {
        match self {
            Part::Subject(text) | Part::Line(text) => vec![text.clone()],
            Part::Heading(text) => vec![format!("# {text}")],
            Part::Warning(text) => vec![format!("warning: {text}")],
            Part::WayBack(lines) => std::iter::once("# The way back".to_owned()).chain(lines.iter().cloned()).collect(),
        }
    }

    /// The same with only headings and lines, for whoever shows all in one way.
    pub(crate) fn told(&self) -> Vec<Told> {
        match self {
            Part::Heading(text) => vec![Told::Heading(text.clone())],
            Part::WayBack(lines) => std::iter::once(Told::Heading("The way back".to_owned()))
                .chain(lines.iter().cloned().map(Told::Line))
                .collect(),
            other => other.plain().into_iter().map(Told::Line).collect(),
        }
    }
}

/// A heading or a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// What the lines behind it are about.
    Heading(String),
    /// A line.
    Line(String),
}

/// A report in lines of plain text.
pub(crate) fn lines(parts: &[Part]) -> Vec<String> {
    parts.iter().flat_map(Part::plain).collect()
}

/// Writes a report as a list of lines.
///
/// # Errors
/// Those of the serializer.
pub(crate) fn as_lines<S: Serializer>(parts: &[Part], to: S) -> Result<S::Ok, S::Error> {
    lines(parts).serialize(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_the_users_is_never_a_heading() {
        let parts = [
            Part::heading("Your edits"),
            Part::line("# not a heading"),
            Part::Warning("w".into()),
            Part::WayBack(vec!["undo: x".into()]),
        ];
        let plain: Vec<_> = parts.iter().flat_map(Part::plain).collect();
        assert_eq!(plain, ["# Your edits", "# not a heading", "warning: w", "# The way back", "undo: x"]);
        let headings = parts.iter().flat_map(Part::told).filter(|told| matches!(told, Told::Heading(_)));
        assert_eq!(headings.count(), 2);
    }
}
