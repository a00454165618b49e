use proptest::prelude::*;

use super::*;
use crate::core::merge::{Elsewhere, RegionSides};
use crate::core::session::Decision;

fn merge(base: &str, mine: &str, theirs: &str) -> Merge {
    let [base, mine, theirs] = [base, mine, theirs].map(|t| t.as_bytes().into());
    Merge::three_way(base, mine, theirs).unwrap()
}

fn of(path: &str, base: &str, mine: &str, theirs: &str) -> Vec<Option<Offer>> {
    let merge = merge(base, mine, theirs);
    let all = offers(&path.parse().unwrap(), &merge);
    assert_eq!(all.len(), merge.conflicts());
    all
}

/// The whole file with the only hunk's offer, and its kind.
fn with(path: &str, base: &str, mine: &str, theirs: &str) -> Option<(OfferKind, String)> {
    let all = of(path, base, mine, theirs);
    let [offer] = &all[..] else { panic!("{} hunks, not one", all.len()) };
    let offer = offer.as_ref()?;
    let result = merge(base, mine, theirs).result(&[Some(offer.choice())]).unwrap();
    Some((offer.kind, String::from_utf8(result).unwrap()))
}

fn words(base: &str, mine: &str, theirs: &str) -> Option<String> {
    let (kind, text) = with("a.md", base, mine, theirs)?;
    assert_eq!(kind, OfferKind::Words);
    Some(text)
}

#[test]
fn different_words_of_a_line_are_combined() {
    let base = "Run the tests before each commit.\n";
    let both = words(base, "Run all tests before each commit.\n", "Run the tests before each push.\n");
    assert_eq!(both.as_deref(), Some("Run all tests before each push.\n"));
    // A word added, a word removed, a line end of its own, no line end.
    let both = words("a b c d\r\n", "a x b c d\r\n", "a b c\r\n");
    assert_eq!(both.as_deref(), Some("a x b c\r\n"));
    assert_eq!(words("a b c", "1 b c", "a b 3").as_deref(), Some("1 b 3"));
    // A change that both made stands there once.
    assert_eq!(words("a b c d e\n", "1 b 3 d e\n", "1 b c d 5\n").as_deref(), Some("1 b 3 d 5\n"));
    // Whole lines next to each other.
    assert_eq!(words("one\ntwo\n", "eins\ntwo\n", "one\nzwei\n").as_deref(), Some("eins\nzwei\n"));
    assert_eq!(words("Straße äöü 1\n", "Straßen äöü 1\n", "Straße äöü 2\n").as_deref(), Some("Straßen äöü 2\n"));
}

#[test]
fn words_that_overlap_or_touch_are_not_combined() {
    let none =
        |base: &str, mine: &str, theirs: &str| assert_eq!(words(base, mine, theirs), None, "{mine:?} {theirs:?}");
    none("a b c\n", "a x c\n", "a y c\n");
    none("a b c\n", "a x c\n", "a b y\n");
    none("a b c\n", "a x b c\n", "a y b c\n");
    none("a b, c\n", "a x, c\n", "a b, y\n");
    // Parts of one path.
    none("see a/b/c for it\n", "see x/b/c for it\n", "see a/b/y for it\n");
    // What one side removed and the other one changed.
    none("a b c d\n", "a d\n", "a b x d\n");
    none("a\nb\nc\n", "c\n", "a\nx\nc\n");
    none("a b c\n", "", "a b x\n");
    // A line that goes beside one that changes.
    none("one\ntwo\nthree\n", "one\nthree\n", "one\ntwo\ndrei\n");
    // Lines that were written anew, and have a word in common with the old ones.
    none("a b c d e f\n", "x y c d z w v\n", "a b c 4 e f\n");
    // The same thought in two places.
    none("a b c\n", "never on a friday a b c\n", "a b c never on a friday\n");
}

#[test]
fn what_is_no_text_or_has_no_base_gets_no_offer() {
    let side = |text: &[u8]| text.into();
    let bytes = Merge::three_way(side(b"a b c\xff\n"), side(b"1 b c\xff\n"), side(b"a b 3\xff\n")).unwrap();
    assert_eq!(offers(&"a.md".parse().unwrap(), &bytes), [None]);
    let two = Merge::two_way(side(b"a b c\n"), side(b"a b d\n")).unwrap();
    assert_eq!(offers(&"a.md".parse().unwrap(), &two), [None]);
    let config = of("config/mcp.yaml", "a: one two three\n", "a: 1 two three\n", "a: one two 3\n");
    assert_eq!(config, [None], "it is merged key by key");
}

#[test]
fn a_result_that_can_not_be_read_is_no_offer() {
    let (base, mine) = ("{\n  \"a\": 1, \"b\": 2\n}\n", "{\n  \"c\": 1, \"b\": 2\n}\n");
    let theirs = "{\n  \"a\": 1, \"c\": 2\n}\n";
    assert_eq!(of("a.json", base, mine, theirs), [None], "a key would stand there twice");
    let theirs = "{\n  \"a\": 1, \"d\": 2\n}\n";
    assert!(with("a.json", base, mine, theirs).is_some());
}

#[test]
fn entries_that_both_added_stand_in_order() {
    let case = |path: &str, base: &str, mine: &str, theirs: &str, result: &str| {
        let found = with(path, base, mine, theirs);
        assert_eq!(found, Some((OfferKind::Entries, result.to_owned())), "{path}");
    };
    case(
        "a.md",
        "# A\n- a\n\nend\n",
        "# A\n- a\n- m\n  more\n\nend\n",
        "# A\n- a\n- t\n\nend\n",
        "# A\n- a\n- m\n  more\n- t\n\nend\n",
    );
    // One that both have stands there once.
    case("a.md", "- a\n", "- a\n- m\n- x\n", "- a\n- x\n- t\n", "- a\n- m\n- x\n- t\n");
    let table = "| a | b |\n|---|---|\n| 1 | 2 |\n";
    case(
        "a.md",
        table,
        &format!("{table}| m | 3 |\n"),
        &format!("{table}| t | 4 |\n"),
        &format!("{table}| m | 3 |\n| t | 4 |\n"),
    );
    case(
        "a.py",
        "import os\n\nx\n",
        "import os\nimport re\n\nx\n",
        "import os\nfrom a import b\n\nx\n",
        "import os\nimport re\nfrom a import b\n\nx\n",
    );
    case("requirements.txt", "a>=1", "a>=1\nm==2", "a>=1\nt", "a>=1\nm==2\nt");
    case(
        "a.json",
        "{\n  \"a\": 1\n}\n",
        "{\n  \"a\": 1,\n  \"m\": {\n    \"x\": 1\n  }\n}\n",
        "{\n  \"a\": 1,\n  \"t\": {\n    \"x\": 2\n  }\n}\n",
        "{\n  \"a\": 1,\n  \"m\": {\n    \"x\": 1\n  },\n  \"t\": {\n    \"x\": 2\n  }\n}\n",
    );
    case("a.yaml", "a: 1\n", "a: 1\nm:\n  x: 1\n", "a: 1\nt: 2\n", "a: 1\nm:\n  x: 1\nt: 2\n");
    case("a.yml", "a:\n  - 1\n", "a:\n  - 1\n  - 2\n", "a:\n  - 1\n  - 3\n", "a:\n  - 1\n  - 2\n  - 3\n");
}

#[test]
fn entries_that_are_not_sure_are_not_offered() {
    let none = |path: &str, base: &str, mine: &str, theirs: &str| {
        assert_eq!(with(path, base, mine, theirs), None, "{path}: {mine:?} {theirs:?}");
    };
    // Nearly the same entry, numbers, prose, another list.
    none("a.md", "- a\n", "- a\n- Do it.\n", "- a\n- do it\n");
    none("a.md", "- a\n", "- a\n- Estimates of the time\n", "- a\n- Estimates of the whole time\n");
    none("a.md", "1. a\n", "1. a\n2. m\n", "1. a\n2. t\n");
    none("a.md", "a\n", "a\nmine\n", "a\ntheirs\n");
    none("a.md", "a\n", "a\n- m\n", "a\n- t\n");
    none("a.md", "- a\n", "- a\n- m\n", "- a\n* t\n");
    let table = "| a | b |\n|---|---|\n";
    none("a.md", table, &format!("{table}| m | 3 |\n"), &format!("{table}| M | 4 |\n"));
    none("a.md", table, &format!("{table}| m | 3 |\n"), &format!("{table}| t | 4 | 5 |\n"));
    none("a.py", "import os\n", "import os\nimport a as x\n", "import os\nfrom b import x\n");
    none("a.py", "x = 1\n", "x = 1\ny = 2\n", "x = 1\nz = 3\n");
    none("requirements.txt", "a\n", "a\nmy_pkg==1\n", "a\nmy-pkg==2\n");
    none("a.json", "{\n  \"a\": 1\n}\n", "{\n  \"a\": 1,\n  \"x\": 2\n}\n", "{\n  \"a\": 1,\n  \"x\": 3\n}\n");
    none("a.yaml", "a: 1\n", "a: 1\nx: 1\n", "a: 1\nx: 2\n");
    none("a.txt", "- a\n", "- a\n- m\n", "- a\n- t\n");
}

/// A block, what stands around it, and the block with a change.
const BLOCK: &str = "## Moved\none\ntwo\nthree\n";
const CHANGED: &str = "## Moved\none\nzwei\nthree\n";
const REST: &str = "## Other\na\nb\nc\nd\ne\nf\n";

#[test]
fn a_change_of_moved_lines_goes_where_they_stand_now() {
    let base = format!("# T\n\n{BLOCK}\n{REST}end\n");
    let moved = format!("# T\n\n{REST}\n{BLOCK}end\n");
    let changed = base.replace(BLOCK, CHANGED);
    let wanted = moved.replace(BLOCK, CHANGED);
    for (mine, theirs) in [(&moved, &changed), (&changed, &moved)] {
        let found = with("a.md", &base, mine, theirs);
        assert_eq!(found, Some((OfferKind::Moved, wanted.clone())));
    }
    let all = of("a.md", &base, &moved, &changed);
    assert_eq!(all[0].as_ref().unwrap().reason, "you moved these lines to line 11, they changed them");
    // Two places are none, and what is too short may stand there by chance.
    let twice = format!("{moved}{BLOCK}");
    assert_eq!(with("a.md", &base, &twice, &changed), None);
    let gone = base.replace(&format!("{BLOCK}\n"), "");
    assert_eq!(with("a.md", &base, &gone, &changed), None);
    let short = |text: &str| text.replace("one\n", "").replace("three\n", "");
    assert_eq!(with("a.md", &short(&base), &short(&moved), &short(&changed)), None);
}

#[test]
fn a_taken_offer_is_kept_with_its_text() {
    let base = format!("# T\n\n{BLOCK}\n{REST}end\n");
    let moved = format!("# T\n\n{REST}\n{BLOCK}end\n");
    let all = of("a.md", &base, &moved, &base.replace(BLOCK, CHANGED));
    let decision = Decision::Merge(vec![Some(all[0].as_ref().unwrap().choice())]);
    let text = serde_json::to_string(&decision).unwrap();
    assert_eq!(serde_json::from_str::<Decision>(&text).unwrap(), decision);
    // A region that is not there changes nothing.
    let merge = merge("a\n", "b\n", "c\n");
    let there = Elsewhere { region: 99, text: b"x".to_vec() };
    let forged = Choice::Combined(Combined { text: b"y\n".to_vec(), elsewhere: Some(there) });
    assert_eq!(merge.result(&[Some(forged)]).unwrap(), b"y\n");
}

fn text() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(
        prop_oneof![4 => "[a-z]{1,5}", 1 => Just("\n".to_owned()), 1 => Just(",".to_owned())],
        1..40,
    )
}

proptest! {
    /// Words of one text that each side replaces by words that occur nowhere else, with at least a word between them.
    #[test]
    fn disjoint_changes_of_words_are_both_there(count in 3_usize..30, who in proptest::collection::vec(0..4_u8, 30), crlf: bool) {
        let end = if crlf { "\r\n" } else { "\n" };
        let written = |side: Option<u8>| {
            let mut out = String::new();
            for (n, who) in who.iter().copied().enumerate().take(count) {
                // Only every third word changes.
                let by = if n % 3 == 0 { who } else { 3 };
                match side {
                    // 2: both, alike.
                    Some(side) if by == side || by == 2 || (side == 9 && by != 3) => out += &format!("new{n}x{}", if by == 2 { 2 } else { by }),
                    _ => out += &format!("word{n}"),
                }
                out += if n % 7 == 6 { end } else { " " };
            }
            out
        };
        let (base, mine, theirs, both) = (written(None), written(Some(0)), written(Some(1)), written(Some(9)));
        let sides = |mine, theirs| RegionSides { base: base.as_bytes(), mine, theirs };
        let (mine, theirs) = (mine.as_bytes(), theirs.as_bytes());
        prop_assert_eq!(words::combined(sides(mine, theirs)), Some(both.clone().into_bytes()));
        prop_assert_eq!(words::combined(sides(theirs, mine)), Some(both.into_bytes()));
    }

    /// Whatever the sides are: it doesn't matter which is whose, and what only one of them changed is that side's.
    #[test]
    fn it_does_not_matter_whose_a_side_is(base in text(), mine in text(), theirs in text()) {
        let [base, mine, theirs] = [base, mine, theirs].map(|t| t.join(" ").into_bytes());
        let combined = |mine: &[u8], theirs: &[u8]| words::combined(RegionSides { base: &base, mine, theirs });
        prop_assert_eq!(combined(&mine, &theirs), combined(&theirs, &mine));
        prop_assert_eq!(combined(&mine, &base).unwrap_or_else(|| mine.clone()), mine.clone());
        prop_assert_eq!(combined(&mine, &mine).unwrap_or_else(|| mine.clone()), mine.clone());
    }

    /// Where one side removes words of which the other one changes one, there is no offer.
    #[test]
    fn what_one_side_removed_and_the_other_changed_is_not_offered(count in 4_usize..20, from in 0_usize..20, len in 1_usize..20, at in 0_usize..20) {
        let from = from % (count - 1);
        let len = (len % (count - from)).max(1);
        let at = from + at % len;
        let all: Vec<String> = (0..count).map(|n| format!("w{n}")).collect();
        let base = all.join(" ") + "\n";
        let removed: Vec<String> = [&all[..from], &all[from + len..]].concat();
        let mut changed = all.clone();
        changed[at] = "changed".to_owned();
        let (removed, changed) = (removed.join(" ") + "\n", changed.join(" ") + "\n");
        let sides = |mine, theirs| RegionSides { base: base.as_bytes(), mine, theirs };
        prop_assert_eq!(words::combined(sides(removed.as_bytes(), changed.as_bytes())), None);
        prop_assert_eq!(words::combined(sides(changed.as_bytes(), removed.as_bytes())), None);
    }

    /// No side is lost, whatever the texts are: each line of a result comes from the texts, and what is offered is sound.
    #[test]
    fn an_offer_is_made_for_each_hunk_or_none(base in text(), mine in text(), theirs in text()) {
        let [base, mine, theirs] = [base, mine, theirs].map(|t| t.join(" "));
        for name in ["a.md", "a.py", "a.json", "a.yaml", "requirements.txt"] {
            let merge = merge(&base, &mine, &theirs);
            let all = offers(&name.parse().unwrap(), &merge);
            prop_assert_eq!(all.len(), merge.conflicts());
            for offer in all.into_iter().flatten() {
                prop_assert!(std::str::from_utf8(offer.text()).is_ok());
            }
        }
    }
}
