//! Whether two texts differ in their form alone: what formatters change and no person means. Sources are copied before
//! their own formatter ran, so real installs hold such files.

use super::path::RelPath;

/// Whether two texts of a file say the same: blanks at the ends of lines don't count; in Python also how a line is
/// broken within brackets, and a comma before a closing one. Blank lines and line ends count, because people
/// choose them.
pub(crate) fn is_same(path: &RelPath, one: &[u8], other: &[u8]) -> bool {
    let (Ok(one), Ok(other)) = (std::str::from_utf8(one), std::str::from_utf8(other)) else { return false };
    let ends = |text: &str| (text.ends_with('\n'), text.contains('\r'));
    if ends(one) != ends(other) {
        return false;
    }
    if path.name().ends_with(b".py") {
        return matches!((python(one), python(other)), (Some(one), Some(other)) if one == other);
    }
    lines(one).eq(lines(other))
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').map(|line| line.trim_end_matches([' ', '\t']))
}

/// The logical lines of Python: each with its indentation, without white space that means nothing. None for a text whose
/// brackets or quotes don't close.
fn python(text: &str) -> Option<Vec<String>> {
    let (mut done, mut line) = (Vec::new(), String::new());
    // How many commas each open bracket has.
    let mut open: Vec<usize> = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        match c {
            '\n' if open.is_empty() => {
                done.push(std::mem::take(&mut line));
            }
            '#' => {
                taken = rest.find('\n').unwrap_or(rest.len());
                line.push_str(rest[..taken].trim_end());
            }
            '"' | '\'' => {
                taken = quoted(rest, c)?;
                line.push_str(&rest[..taken]);
            }
            '(' | '[' | '{' => {
                open.push(0);
                line.push(c);
            }
            ')' | ']' | '}' => {
                let commas = open.pop()?;
                // One comma in round brackets makes a tuple.
                if line.ends_with(',') && (c != ')' || commas > 1) {
                    line.pop();
                }
                line.push(c);
            }
            // White space that parts two words means something, and so does that before the first.
            _ if c.is_whitespace() => {
                taken = rest.find(|c: char| !c.is_whitespace() || (c == '\n' && open.is_empty())).unwrap_or(rest.len());
                let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
                if open.is_empty() && line.trim().is_empty() {
                    line.push_str(&rest[..taken]);
                } else if word(line.chars().next_back()) && word(rest[taken..].chars().next()) {
                    line.push(' ');
                }
            }
            _ => {
                if let Some(commas) = open.last_mut().filter(|_| c == ',') {
                    *commas += 1;
                }
                line.push(c);
            }
        }
        rest = &rest[taken..];
    }
    if !line.trim().is_empty() {
        done.push(line);
    }
    open.is_empty().then(|| done.iter().map(|line| line.trim_end().to_owned()).collect())
}

/// The length of a text in quotes; none if it is not closed.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let triple: String = [quote; 3].iter().collect();
    let end = if text.starts_with(&triple) { triple } else { quote.to_string() };
    let mut at = end.len();
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with(&end) {
            return Some(at + end.len());
        }
        let c = rest.chars().next()?;
        if c == '\n' && end.len() == 1 {
            return None;
        }
        at += if c == '\\' { 1 + rest.chars().nth(1).map_or(0, char::len_utf8) } else { c.len_utf8() };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(path: &str, one: &str, other: &str) -> bool {
        is_same(&path.parse().unwrap(), one.as_bytes(), other.as_bytes())
    }

    #[test]
    fn what_formatters_change() {
        assert!(same("a.md", "a  \n \nb\n", "a\n\nb\n"));
        assert!(same("a.yaml", "a: 1 \n  b: 2\n", "a: 1\n  b: 2\n"));
        let long = "def f(\n    a,\n    b\n):\n    return g( a,b )  # why \n";
        assert!(same("a.py", long, "def f(a, b):\n    return g(a, b) # why\n"));
        assert!(same("a.py", "f(\n    a,\n    b,\n)\n", "f(a, b)\n"));
        assert!(same("a.py", "x = [\n    1,\n    2,\n]\n", "x = [1, 2]\n"));
    }

    #[test]
    fn what_people_mean() {
        assert!(!same("a.md", "a\nb\n", "a\n\nb\n") && !same("a.py", "a\n\nb\n", "a\nb\n"));
        assert!(
            !same("a.md", "a\nb\n", "a\nb") && !same("a.md", "a\r\nb\r\n", "a\nb\n") && !same("a.py", "a\r\n", "a\n")
        );
        assert!(!same("a.md", "a\nb\n", "a b\n") && !same("a.md", "- a\n", "  - a\n") && !same("a.md", "a\n", "A\n"));
        assert!(!same("a.yaml", "a:\n  b: 1\n", "a:\nb: 1\n"));
        // Python's indentation, texts, and tuples of one.
        assert!(!same("a.py", "if a:\n    b()\n    c()\n", "if a:\n    b()\nc()\n"));
        assert!(
            !same("a.py", "a = 'x y'\n", "a = 'xy'\n")
                && !same("a.py", "a = \"\"\"\n x\n\"\"\"\n", "a = \"\"\"\nx\n\"\"\"\n")
        );
        assert!(!same("a.py", "a = (1,)\n", "a = (1)\n") && !same("a.py", "not a\n", "nota\n"));
        assert!(!same("a.py", "# a\nb\n", "# a b\n") && !same("a.py", "f(\n  # a\n  b)\n", "f(\n  # c\n  b)\n"));
        assert!(!same("a.py", "a = (\n", "a = (\n "), "what can't be read is not compared");
        assert!(!same("a.py", "a\nb\n", "ab\n"));
    }
}
