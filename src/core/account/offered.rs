//! The user's lines, where an offer was taken that changes a region which nobody was asked about.

use super::lines::Made;
use crate::core::merge::{Choice, Merge};
use crate::core::offer::offers;

const BLOCK: &str = "## Moved\none\ntwo\nthree\n";
const CHANGED: &str = "## Moved\none\nzwei\nthree\n";

/// The lines that are missing from a result, and from the result without a line.
fn missing(base: &str, mine: &str, theirs: &str, line: &str) -> (Vec<String>, Vec<String>) {
    let [b, m, t] = [base, mine, theirs].map(|text| text.as_bytes().into());
    let merge = Merge::three_way(b, m, t).unwrap();
    let all = offers(&"a.md".parse().unwrap(), &merge);
    let choices: Vec<Option<Choice>> = all.iter().map(|offer| Some(offer.as_ref().unwrap().choice())).collect();
    assert!(!choices.is_empty());
    let made = Made { merge: &merge, choices: &choices, by_key: false, base: Some(base.as_bytes()), renamed: None };
    let result = merge.result(&choices).unwrap();
    let found = made.find(&result);
    assert_eq!(found.yours, found.found + found.given_up);
    let text = String::from_utf8(result).unwrap();
    assert_eq!(text.matches(line).count(), 1, "{text}");
    (found.missing, made.find(text.replace(line, "").as_bytes()).missing)
}

#[test]
fn lines_are_looked_for_where_an_offer_put_them() {
    let rest = "## Other\na\nb\nc\nd\ne\nf\n";
    let base = format!("# T\n\n{BLOCK}\n{rest}end\n");
    let moved = format!("# T\n\n{rest}\n{BLOCK}end\n");
    let changed = base.replace(BLOCK, CHANGED);
    // Mine was changed, and stands where they moved it.
    assert_eq!(missing(&base, &changed, &moved, "zwei\n"), (vec![], vec!["zwei".to_owned()]));
    // Mine was moved, with their change in it.
    assert_eq!(missing(&base, &moved, &changed, "three\n"), (vec![], vec!["three".to_owned()]));
    // Words of both in one line, entries of both in one list.
    let (nothing, _) = missing("a b c\n", "1 b c\n", "a b 3\n", "1 b 3\n");
    assert_eq!(nothing, Vec::<String>::new());
    let entries = missing("- a\n", "- a\n- mine\n", "- a\n- theirs\n", "- mine\n");
    assert_eq!(entries, (vec![], vec!["- mine".to_owned()]));
}
