//! The manual pages, as `man` and a checker of such pages take them.

use std::fs;
use std::process::Command;

use crate::common::ext::skipped;
use crate::common::{Sandbox, text};

/// What the checker may complain of: long lines, which nobody writes by hand here, and a title in its own letters.
const HARMLESS: [&str; 1] = ["STYLE"];

/// Without letters that are printed twice to be bold, or with a line below.
fn plain(page: &str) -> String {
    let mut letters = String::new();
    for letter in page.chars() {
        if letter == '\u{8}' {
            letters.pop();
        } else {
            letters.push(letter);
        }
    }
    letters
}

#[test]
fn every_subcommand_has_a_page_that_is_sound() {
    let sandbox = Sandbox::new();
    let folder = sandbox.path().join("share/man/man1");
    let (code, said) = text(&sandbox.run(&["man", folder.to_str().unwrap()]));
    assert_eq!(code, 0, "{said}");
    let mut pages: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    assert!(pages.len() > 25, "{pages:?}");
    let own = sandbox.run(&["man"]).stdout;
    assert_eq!(fs::read(folder.join("pos-upgrade-tui.1")).unwrap(), own);
    for (program, arguments) in [("mandoc", vec!["-Tlint"]), ("man", vec!["--warnings", "-E", "UTF-8", "-l", "-Tutf8"])]
    {
        for page in &pages {
            let Ok(output) = Command::new(program).args(&arguments).arg(page).env("MANWIDTH", "80").output() else {
                return skipped(&format!("no {program} here"));
            };
            let said = plain(&text(&output).1);
            let complaints =
                if program == "man" { String::from_utf8_lossy(&output.stderr).into_owned() } else { said.clone() };
            let bad: Vec<&str> =
                complaints.lines().filter(|l| !l.is_empty() && !HARMLESS.iter().any(|h| l.contains(h))).collect();
            assert!(bad.is_empty(), "{program} {}: {bad:#?}", page.display());
            if program == "man" {
                let name = page.file_stem().unwrap().to_str().unwrap();
                assert!(said.contains("NAME") && said.contains("SYNOPSIS") && said.contains(name), "{said}");
                let option = if name == "pos-upgrade-tui" { "--source" } else { "--project" };
                assert!(said.contains(option), "{name}: {said}");
            }
        }
    }
    // A second time, over what stands there.
    let (code, said) = text(&sandbox.run(&["man", folder.to_str().unwrap()]));
    assert_eq!(code, 0, "{said}");
    let (code, said) = text(&sandbox.run(&["man", "/proc/nothing/man1"]));
    assert!(code == 4 && said.contains("no install was changed"), "{said}");
}
