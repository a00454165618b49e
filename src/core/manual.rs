//! The manual, embedded: pages of Markdown that `help` prints and the README links.

use include_dir::{Dir, include_dir};

static PAGES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/assets/docs");

/// The pages in the order in which a reader needs them. What is not named comes behind these, by its name.
const ORDER: [&str; 11] = [
    "commands",
    "recipes",
    "your-files",
    "project-files",
    "rehearsal",
    "undo",
    "life",
    "keys",
    "settings",
    "exit-codes",
    "errors",
];

/// One page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    /// What is typed behind `help`: the file's name without its ending.
    pub(crate) topic: &'static str,
    /// The whole text.
    pub(crate) text: &'static str,
}

impl Page {
    /// Its heading.
    pub(crate) fn title(&self) -> &'static str {
        self.text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or(self.topic)
    }
}

/// A piece of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A heading.
    Heading(String),
    /// A paragraph as one line.
    Paragraph(String),
    /// An item of a list as one line.
    Item(String),
    /// A row of a table, its cells one behind the other.
    Row(Vec<String>),
    /// A line that stands as it was written.
    Code(String),
}

/// Every page of the folder's top, in the order of [`ORDER`].
pub(crate) fn pages() -> Vec<Page> {
    let page = |file: &'static include_dir::File<'static>| {
        let topic = file.path().file_stem()?.to_str()?;
        Some(Page { topic, text: file.contents_utf8()? })
    };
    let mut pages: Vec<Page> = PAGES.files().filter_map(page).collect();
    let place = |topic: &str| ORDER.iter().position(|one| *one == topic).unwrap_or(ORDER.len());
    pages.sort_by_key(|page| (place(page.topic), page.topic));
    pages
}

/// The page of a topic, with or without `.md`.
pub(crate) fn find(topic: &str) -> Option<Page> {
    let topic = topic.strip_suffix(".md").unwrap_or(topic).to_lowercase();
    pages().into_iter().find(|page| page.topic == topic)
}

/// Where the pages of errors stand.
const ERRORS: &str = "errors";

/// The pages of errors by their file's name, an area each.
fn areas() -> Vec<(&'static str, &'static str)> {
    let files = PAGES.get_dir(ERRORS).into_iter().flat_map(Dir::files);
    let mut areas: Vec<_> =
        files.filter_map(|file| Some((file.path().file_name()?.to_str()?, file.contents_utf8()?))).collect();
    areas.sort_unstable();
    areas
}

/// The sections of the pages of errors: the file, and the text from a heading to the next.
fn sections() -> impl Iterator<Item = (&'static str, &'static str)> {
    areas().into_iter().flat_map(|(file, text)| {
        let starts: Vec<usize> = text.match_indices("\n## ").map(|(at, _)| at + 1).collect();
        let ends: Vec<usize> = starts.iter().skip(1).copied().chain([text.len()]).collect();
        starts.into_iter().zip(ends).filter_map(move |(from, to)| Some((file, text.get(from..to)?)))
    })
}

/// What is said of an error, by its code: the file, and the text from its heading on.
fn section(code: &str) -> Option<(&'static str, &'static str)> {
    let heading = format!("## {code}: ");
    sections().find(|(_, text)| text.starts_with(&heading))
}

/// The same as a page.
pub(crate) fn error_page(code: &str) -> Option<&'static str> {
    section(code).map(|(_, text)| text.trim_end())
}

/// The headings of all errors, without their marks.
#[cfg(test)]
pub(crate) fn error_titles() -> Vec<&'static str> {
    sections().filter_map(|(_, text)| text.lines().next()?.strip_prefix("## ")).collect()
}

/// The file that says something of an error; empty where none does.
#[cfg(test)]
pub(crate) fn error_file(code: &str) -> &'static str {
    section(code).map_or("", |(file, _)| file)
}

/// The pieces of a page, in order. Comments and the lines that only shape a table are left out.
pub(crate) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    // The words of a paragraph or an item go on in the next line.
    let mut open = false;
    let mut in_code = false;
    for line in text.lines() {
        let bare = line.trim();
        if bare.starts_with("```") {
            (in_code, open) = (!in_code, false);
        } else if in_code {
            pieces.push(Piece::Code(line.to_owned()));
        } else if bare.is_empty() || bare.starts_with("<!--") {
            open = false;
        } else if bare.starts_with('#') {
            pieces.push(Piece::Heading(bare.trim_start_matches('#').trim().to_owned()));
            open = false;
        } else if let Some(row) = bare.strip_prefix('|') {
            let row = row.strip_suffix('|').unwrap_or(row);
            if row.contains(|c: char| !matches!(c, '-' | '|' | ':' | ' ')) {
                pieces.push(Piece::Row(cells(row)));
            }
            open = false;
        } else if let Some(item) = bare.strip_prefix("- ") {
            pieces.push(Piece::Item(item.to_owned()));
            open = true;
        } else {
            match pieces.last_mut() {
                Some(Piece::Paragraph(words) | Piece::Item(words)) if open => {
                    words.push(' ');
                    words.push_str(bare);
                }
                _ => pieces.push(Piece::Paragraph(bare.to_owned())),
            }
            open = true;
        }
    }
    pieces
}

/// The cells of a row; `\|` in one is a bar.
fn cells(row: &str) -> Vec<String> {
    let row = row.replace("\\|", "\u{0}");
    row.split('|').map(|cell| cell.trim().replace('\u{0}', "|")).filter(|cell| !cell.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::exit;
    use crate::tui::tests::generated;

    #[test]
    fn a_page_falls_into_pieces() {
        let text =
            "# A\n\nOne\ntwo.\n- x\n  y\n- z\n\n| a | b\\|c |\n|---|---|\n<!-- no -->\n```sh\n  ls  # all\n```\nEnd\n";
        let words = |w: &str| w.to_owned();
        assert_eq!(
            pieces(text),
            [
                Piece::Heading(words("A")),
                Piece::Paragraph(words("One two.")),
                Piece::Item(words("x y")),
                Piece::Item(words("z")),
                Piece::Row(vec![words("a"), words("b|c")]),
                Piece::Code(words("  ls  # all")),
                Piece::Paragraph(words("End")),
            ]
        );
    }

    #[test]
    fn pages_have_a_title_and_are_found() {
        let pages = pages();
        assert_eq!(pages[..ORDER.len()].iter().map(|p| p.topic).collect::<Vec<_>>(), ORDER);
        for page in pages {
            assert!(page.text.starts_with("# ") && page.title() != page.topic, "{}", page.topic);
            assert_eq!(find(&format!("{}.MD", page.topic).to_lowercase()), Some(page));
        }
        assert_eq!(find("nothing"), None);
    }

    #[test]
    fn manual_has_every_exit_code() {
        let row = |(exit, meaning): &(exit::Exit, &str)| format!("| {} | {meaning} |\n", exit.code());
        let rows: String = exit::MEANINGS.iter().map(row).collect();
        generated::holds("exit-codes", "exit codes", &format!("| code | means |\n|---|---|\n{rows}"));
    }
}
