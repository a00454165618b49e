//! The manual, embedded: pages of Markdown that `help` prints and the README links.

use include_dir::{Dir, include_dir};

static PAGES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/assets/docs");

/// The pages in the order in which a reader needs them. What is not named comes behind these, by its name.
const ORDER: [&str; 9] =
    ["commands", "recipes", "your-files", "project-files", "rehearsal", "undo", "keys", "settings", "exit-codes"];

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

/// Holds a generated part of a page against what the program says; with `POS_README` set, writes it there.
///
/// # Panics
/// Where the page has another text between its marks.
#[cfg(test)]
pub(crate) fn holds(topic: &str, mark: &str, wanted: &str) {
    let path = format!("{}/assets/docs/{topic}.md", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {mark}: begin -->\n"), format!("<!-- {mark}: end -->"));
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{topic}.md has no place for {mark}"));
    let (written, behind) = rest.split_once(&end).unwrap();
    let wanted = format!("\n{wanted}\n");
    if std::env::var_os("POS_README").is_some() {
        std::fs::write(&path, format!("{before}{begin}{wanted}{end}{behind}")).unwrap();
    } else {
        assert!(
            written == wanted,
            "{topic}.md: {mark} are not those of the program; write them anew: POS_README=1 cargo test --lib manual"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::exit;

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
        holds("exit-codes", "exit codes", &format!("| code | means |\n|---|---|\n{rows}"));
    }
}
