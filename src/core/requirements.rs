//! What a `requirements.txt` asks for, as far as that can be told without pip. What can't be told is said to be so.

use std::cmp::Ordering;

/// One requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Requirement {
    /// The package, in the normal form of its name.
    pub(crate) name: String,
    /// The extras that are asked for.
    pub(crate) extras: Vec<String>,
    /// What its version must fulfil, as written: `>=1.0,<2`; empty if anything will do.
    pub(crate) versions: String,
    /// When it applies, as written behind the `;`.
    pub(crate) marker: Option<String>,
}

/// A package's name as it is compared: lower case, with single dashes.
pub(crate) fn normal(name: &str) -> String {
    let mut out = String::new();
    for c in name.trim().chars() {
        match c {
            '-' | '_' | '.' if out.ends_with('-') => {}
            '-' | '_' | '.' => out.push('-'),
            other => out.extend(other.to_lowercase()),
        }
    }
    out
}

/// The requirements of a file, and whether that is all that it asks for: lines that lead to other files, folders or
/// addresses are left out.
pub(crate) fn of_file(text: &str) -> (Vec<Requirement>, bool) {
    let mut all = Vec::new();
    let mut complete = true;
    for line in text.replace("\\\r\n", " ").replace("\\\n", " ").lines() {
        let line = line.split(" #").next().unwrap_or_default().trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with('-') {
            // Where packages come from says nothing about which; all other options do.
            let places =
                ["--no-index", "--find-links", "-f", "--index-url", "-i", "--extra-index-url", "--prefer-binary"];
            let option = line.split([' ', '=']).next().unwrap_or_default();
            complete &= places.contains(&option) || option == "--trusted-host";
            continue;
        }
        match Requirement::parse(line.split(" --").next().unwrap_or_default()) {
            Some(one) => all.push(one),
            None => complete = false,
        }
    }
    (all, complete)
}

impl Requirement {
    /// Reads `name[extra]>=1,<2; marker`, with or without parentheses; none for addresses and paths.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (text, marker) = match text.split_once(';') {
            Some((text, marker)) => (text, Some(marker.trim().to_owned())),
            None => (text, None),
        };
        let text = text.trim();
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(text.len());
        let (name, mut rest) = text.split_at(end);
        rest = rest.trim_start();
        let mut extras = Vec::new();
        if let Some(inner) = rest.strip_prefix('[') {
            let (list, behind) = inner.split_once(']')?;
            extras = list.split(',').map(normal).filter(|e| !e.is_empty()).collect();
            rest = behind;
        }
        let versions = rest.trim().trim_start_matches('(').trim_end_matches(')').trim();
        let sound = versions.is_empty() || versions.starts_with(['=', '<', '>', '!', '~']);
        let named = name.starts_with(|c: char| c.is_ascii_alphanumeric());
        let is_path = name.ends_with(".whl") || name.ends_with(".zip") || name.ends_with(".gz");
        (sound && named && !is_path).then(|| Self { name: normal(name), extras, versions: versions.to_owned(), marker })
    }

    /// Whether a version will do; none if that takes more than comparing plain numbers.
    pub(crate) fn allows(&self, version: &str) -> Option<bool> {
        if self.versions.is_empty() {
            return Some(true);
        }
        let have = numbers(version.split('+').next().unwrap_or_default())?;
        let mut all = true;
        for clause in self.versions.split(',').map(str::trim).filter(|c| !c.is_empty()) {
            let at = clause.find(|c: char| !"=<>!~".contains(c))?;
            let (operator, wanted) = (&clause[..at], clause[at..].trim());
            let (wanted, prefix) = match wanted.strip_suffix(".*") {
                Some(cut) => (cut, true),
                None => (wanted, false),
            };
            let want = numbers(wanted)?;
            let starts = |n: usize| (0..n).all(|i| part(&have, i) == part(&want, i));
            let order = compare(&have, &want);
            all &= match (operator, prefix) {
                ("==", true) => starts(want.len()),
                ("!=", true) => !starts(want.len()),
                ("==", false) => order.is_eq(),
                ("!=", false) => order.is_ne(),
                (">=", false) => order.is_ge(),
                ("<=", false) => order.is_le(),
                (">", false) => order.is_gt(),
                ("<", false) => order.is_lt(),
                ("~=", false) if want.len() > 1 => order.is_ge() && starts(want.len() - 1),
                _ => return None,
            };
        }
        Some(all)
    }
}

/// A version of numbers and dots; none for everything that has more.
fn numbers(version: &str) -> Option<Vec<u64>> {
    let version = version.trim().trim_start_matches('v');
    version.split('.').map(|n| n.parse().ok()).collect()
}

fn part(version: &[u64], i: usize) -> u64 {
    version.get(i).copied().unwrap_or(0)
}

fn compare(a: &[u64], b: &[u64]) -> Ordering {
    let parts = (0..a.len().max(b.len())).map(|i| part(a, i).cmp(&part(b, i)));
    parts.into_iter().find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_pip_does() {
        let says = |line: &str, version: &str| Requirement::parse(line).unwrap().allows(version);
        for (line, version, expected) in [
            ("a", "0.1", Some(true)),
            ("a==1.0", "1", Some(true)),
            ("a==1.0", "1.0.1", Some(false)),
            ("a==1.*", "1.9.3", Some(true)),
            ("a!=1.*", "1.9.3", Some(false)),
            ("a~=0.25.0", "0.25.3", Some(true)),
            ("a~=0.25.0", "0.26.0", Some(false)),
            ("a~=1.4", "1.9", Some(true)),
            ("a>=1.40.0", "1.9", Some(false)),
            ("a >= 1.2 , < 2", "1.10", Some(true)),
            ("a (>=1,<2)", "2.0", Some(false)),
            ("a>1", "1.0.0", Some(false)),
            ("a==1.0", "1.0+cpu", Some(true)),
            ("a>=1.0", "1.0rc1", None),
            ("a===1.0", "1.0", None),
            ("a>=1.0b1", "2.0", None),
        ] {
            assert_eq!(says(line, version), expected, "{line} with {version}");
        }
    }

    #[test]
    fn files_are_read_and_what_they_leave_open_is_said() {
        let (all, complete) = of_file(
            "# head\n--find-links wheels\nFast_MCP[ws,Http]>=0.2 # why\nx==1 \\\n  --hash=sha256:00\ny; python_version < '3'\n",
        );
        assert!(complete);
        let names: Vec<_> = all.iter().map(|r| r.name.as_str()).collect();
        assert_eq!(names, ["fast-mcp", "x", "y"]);
        assert_eq!(all[0].extras, ["ws", "http"]);
        assert_eq!(all[2].marker.as_deref(), Some("python_version < '3'"));
        for open in ["-r more.txt", "-c limits.txt", "-e .", "./here", "a @ https://x.invalid/a.whl", "--pre", "b.whl"]
        {
            assert!(!of_file(open).1, "{open}");
        }
    }
}
