//! Parts of the manual that the program writes.

/// Holds a generated part of a page against what the program says; with `POS_README` set, writes it there.
///
/// # Panics
/// Where the page has another text between its marks.
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
