//! Rules files: what becomes of them, and that nothing around a block changes.

use super::*;
use proptest::prelude::*;

const PAGE: &str = "rules/all";

fn shipped(next: &str, versions: &[&str]) -> Vec<Shipped> {
    let bytes = |text: &str| -> Arc<[u8]> { text.as_bytes().into() };
    let file = ".rules".parse().unwrap();
    vec![Shipped { page: PAGE.into(), file, next: bytes(next), versions: versions.iter().map(|v| bytes(v)).collect() }]
}

fn change(path: &str, mine: &[u8], next: &str) -> Result<Option<(How, Vec<u8>)>, String> {
    changed(&path.parse().unwrap(), mine, &shipped(next, &["one\ntwo\n", "one\ntwo\nmore\n", next]), true)
}

/// How, and the text.
fn becomes(path: &str, mine: &str, next: &str) -> (How, String) {
    let (how, new) = change(path, mine.as_bytes(), next).unwrap().unwrap();
    (how, String::from_utf8(new).unwrap())
}

#[test]
fn a_release_s_own_text_becomes_the_next_one_s() {
    assert_eq!(becomes("CLAUDE.md", "one\ntwo\n", "three\n"), (How::Whole, "three\n".into()));
    assert_eq!(becomes(".rules", "one\r\ntwo\r\n", "three\nfour\n"), (How::Whole, "three\r\nfour\r\n".into()));
    for current in ["three\n", "three\r\n", "mine\nthree\nmine"] {
        assert_eq!(change(".rules", current.as_bytes(), "three\n"), Ok(None), "{current}");
    }
}

#[test]
fn in_a_text_of_the_users_it_gets_markers() {
    let (how, new) = becomes("CLAUDE.md", "# Mine\n\none\ntwo\nmore\n\nend", "three\n");
    let [begin, end] = markers(&"CLAUDE.md".parse().unwrap(), PAGE);
    assert!(begin.starts_with("<!-- pos-upgrade-tui: begin rules/all ") && end.ends_with(" -->"));
    assert_eq!((how, &new), (How::Wrapped, &format!("# Mine\n\n{begin}\nthree\n{end}\n\nend")));
    let (how, later) = becomes("CLAUDE.md", &new, "four");
    assert_eq!((how, later), (How::Block, format!("# Mine\n\n{begin}\nfour\n{end}\n\nend")));
    assert_eq!(change("CLAUDE.md", new.as_bytes(), "three\n"), Ok(None));

    let [begin, end] = markers(&".rules".parse().unwrap(), PAGE);
    assert!(begin.starts_with("# pos-upgrade-tui: begin"));
    let (how, new) = becomes(".rules", "\u{feff}mine\r\nlast", "three\n");
    assert_eq!((how, new), (How::Added, format!("\u{feff}{begin}\r\nthree\r\n{end}\r\nmine\r\nlast")));
    assert_eq!(change("CLAUDE.md", b"mine", "three\n"), Ok(None), "its place is elsewhere");
    assert_eq!(changed(&".rules".parse().unwrap(), b"mine", &shipped("three", &[]), false), Ok(None));
}

#[test]
fn a_block_goes_with_its_markers_and_the_users_text_comes_back() {
    let path = |name: &str| -> RelPath { name.parse().unwrap() };
    for (name, mine) in [(".rules", "\u{feff}mine\r\nlast"), (".rules", "mine\n"), (".rules", "")] {
        let (_, with) = becomes(name, mine, "three\n");
        assert_eq!(without_blocks(&path(name), with.as_bytes(), &[PAGE]), Ok(Some(mine.into())), "{with}");
    }
    let (_, with) = becomes("CLAUDE.md", "# Mine\n\none\ntwo\nmore\n\nend", "three\n");
    assert_eq!(without_blocks(&path("CLAUDE.md"), with.as_bytes(), &[PAGE]), Ok(Some(b"# Mine\n\n\nend".into())));
    assert_eq!(without_blocks(&path("CLAUDE.md"), b"mine\n", &[PAGE]), Ok(None));
    let half = with.replace("end rules/all", "");
    assert!(without_blocks(&path("CLAUDE.md"), half.as_bytes(), &[PAGE]).is_err());
}

#[test]
fn forged_and_doubled_markers_are_refused() {
    let [begin, end] = markers(&"a.md".parse().unwrap(), PAGE);
    let block = format!("{begin}\nx\n{end}\n");
    for (text, why) in [
        (format!("{block}{block}"), "a second time"),
        (format!("{begin}\n{block}"), "a second time"),
        (format!("{end}\n{begin}\n"), "without its other one"),
        (format!("{block}{end}\n"), "without its other one"),
        (begin.clone(), "never ends"),
        (format!("{begin} \nx\n{end}\n"), "looks like a marker"),
        (format!("  {begin}\nx\n{end}\n"), "looks like a marker"),
        (begin.replace(PAGE, "rules/other"), "looks like a marker"),
        (block.replace("<!--", "#").replace(" -->", ""), "looks like a marker"),
        ("one\ntwo\nand\none\ntwo\n".to_owned(), "more than once"),
    ] {
        let said = change("a.md", text.as_bytes(), "three\n").unwrap_err();
        assert!(said.contains(why), "{text}: {said}");
    }
    let marked = format!("new\n{begin}\n");
    assert_eq!(change("a.md", b"mine\none\ntwo\n", &marked), Ok(None), "a text with markers is never written into one");
    assert_eq!(change("a.md", b"\xff\xfeo\0", "three"), Ok(None));
}

#[test]
fn only_rules_files_may_be_named() {
    let is = |path: &str| is_rules(&path.parse().unwrap());
    assert!(is(".cursorrules") && is("CLAUDE.md") && is("sub/CLAUDE.md") && is(".cursor/rules/a.mdc"));
    assert!(is(".claude/CLAUDE.md") && is(".github/copilot-instructions.md"));
    assert!(!is(".cursor/mcp.json") && !is(".mcp.json") && !is("README.md") && !is(".claude/run.sh"));
}

fn piece() -> impl Strategy<Value = String> {
    let [begin, end] = markers(&".rules".parse().unwrap(), PAGE);
    let fixed = [
        "one\ntwo\n",
        "one\ntwo\nmore\n",
        "three\n",
        "one\n",
        "two\n",
        "mine\n",
        "\n",
        "last",
        "\u{feff}",
        "# pos-upgrade-tui: \n",
    ];
    let fixed: Vec<String> = fixed.into_iter().map(str::to_owned).collect();
    prop_oneof![
        12 => proptest::sample::select(fixed),
        2 => Just(format!("{begin}\n")),
        2 => Just(format!("{end}\n")),
        3 => Just(format!("{begin}\none\ntwo\n{end}\n")),
        1 => Just(end),
        2 => "[a-z ]{0,8}\n?",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_around_a_block_stays(pieces in proptest::collection::vec(piece(), 0..10), crlf: bool, odd: bool) {
        let mut mine = pieces.concat().into_bytes();
        if odd {
            mine.extend(b"\xe9\xff");
        }
        if crlf {
            mine = LineEnds::Crlf.write(&mine).into_owned();
        }
        let path: RelPath = ".rules".parse().unwrap();
        let texts = shipped("three\n", &["one\ntwo\n", "one\ntwo\nmore\n", "three\n"]);
        let marks = lines(&mine).filter(|(_, line)| has_mark(line)).count();
        let Ok(done) = changed(&path, &mine, &texts, true) else {
            // Only markers, or a text that stands there twice.
            prop_assert!(marks > 0 || String::from_utf8_lossy(&mine).matches("one").count() > 1);
            return Ok(());
        };
        let Some((how, new)) = done else { return Ok(()) };
        // Once is enough, and what comes later is found again.
        if how != How::Whole {
            prop_assert_eq!(changed(&path, &new, &texts, true).unwrap(), None);
            let later = changed(&path, &new, &shipped("four\n", &["three\n"]), true).unwrap().unwrap();
            prop_assert_eq!(later.0, How::Block);
        }
        let inner = |text: &[u8]| super::blocks(&path, text, &[PAGE]).map(|mut all| all.pop().map(|(_, b)| b.inner));
        match how {
            How::Whole => prop_assert_eq!(marks, 0),
            How::Block => {
                let (was, is) = (inner(&mine).unwrap().unwrap(), inner(&new).unwrap().unwrap());
                prop_assert_eq!(&mine[..was.start], &new[..is.start]);
                prop_assert_eq!(&mine[was.end..], &new[is.end..]);
            }
            How::Wrapped | How::Added => {
                prop_assert_eq!(marks, 0);
                let is = inner(&new).unwrap().unwrap();
                let [begin, end] = markers(&path, PAGE);
                let ends = line_end(&mine).len();
                let front = &new[..is.start - begin.len() - ends];
                let back = &new[is.end + end.len()..];
                if how == How::Added {
                    prop_assert_eq!([front, &back[ends..]].concat(), mine);
                } else {
                    prop_assert!(mine.starts_with(front) && mine.ends_with(back));
                    let was = &mine[front.len()..mine.len() - back.len()];
                    let was = String::from_utf8(was.to_vec()).unwrap().replace("\r\n", "\n");
                    prop_assert!(["one\ntwo", "one\ntwo\nmore"].contains(&&was[..]), "{}", was);
                }
            }
        }
    }
}
