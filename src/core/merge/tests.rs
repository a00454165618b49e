use super::*;
use proptest::prelude::*;

fn merge(base: &str, mine: &str, theirs: &str) -> Merge {
    Merge::three_way(base.as_bytes().into(), mine.as_bytes().into(), theirs.as_bytes().into()).unwrap()
}

#[test]
fn far_apart_changes_merge() {
    let m = merge("a\nb\nc\nd\ne\n", "A\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\n");
    assert_eq!(m.conflicts(), 0);
    assert_eq!(m.result(&[]).unwrap(), b"A\nb\nc\nd\nE\n");
}

#[test]
fn touching_changes_conflict_as_in_git() {
    let m = merge("a\nb\nc\n", "A\nb\nc\n", "a\nB\nc\n");
    assert_eq!(m.conflicts(), 1);
    assert_eq!(m.result(&[Some(Choice::Both)]).unwrap(), b"A\nb\na\nB\nc\n");
    assert!(m.result(&[None]).is_none());
}

#[test]
fn the_same_change_is_no_question() {
    assert_eq!(merge("a\nb\n", "a\nB\n", "a\nB\n").conflicts(), 0);
}

#[test]
fn without_a_base_every_difference_is_asked() {
    let m = Merge::two_way(b"a\nmine\nz\n"[..].into(), b"a\ntheirs\nz\n"[..].into()).unwrap();
    assert_eq!(m.conflicts(), 1);
    assert_eq!(m.result_all(&Choice::Theirs), b"a\ntheirs\nz\n");
}

#[test]
fn binary_is_not_merged() {
    assert!(Merge::three_way(b"a"[..].into(), b"\0"[..].into(), b"b"[..].into()).is_none());
}

#[test]
fn an_editors_crlf_is_no_change() {
    let crlf = |text: &str| text.replace('\n', "\r\n");
    let (base, mine, theirs) = ("a\nb\nc\nd\ne\n", "A\nb\nc\nd\ne\n", "a\nb\nc\nd\nE");
    let merged = merge(base, mine, theirs).result(&[]).unwrap();
    let there = merge(base, &crlf(mine), theirs);
    assert_eq!((there.conflicts(), there.changed_by_mine(), there.changed_by_theirs()), (0, 1, 1));
    assert_eq!(there.result(&[]).unwrap(), b"A\r\nb\r\nc\r\nd\r\nE", "mine's line ends, theirs' missing one");
    assert_eq!(merge(&crlf(base), mine, &crlf(theirs)).result(&[]).unwrap(), merged);
    // What has both, or what the source itself changed, is told line by line.
    assert_eq!(merge(base, "A\r\nb\nc\nd\r\ne\n", theirs).conflicts(), 1);
    assert_eq!(merge(&crlf(base), &crlf(mine), theirs).conflicts(), 1);

    let two = Merge::two_way(crlf("a\nmine\nz\n").into_bytes().into(), b"a\ntheirs\nz\n"[..].into()).unwrap();
    assert_eq!(two.conflicts(), 1);
    assert_eq!(two.result_all(&Choice::Both), b"a\r\nmine\r\ntheirs\r\nz\r\n");
}

#[test]
fn both_of_an_unended_line_adds_the_files_line_end() {
    let both = |mine: &str, theirs: &str| merge("x\r\na", mine, theirs).result_all(&Choice::Both);
    assert_eq!(both("x\r\nb", "x\r\nc"), b"x\r\nb\r\nc");
    let without = merge("", "mine", "theirs\r\n").result_all(&Choice::Both);
    assert_eq!(without, b"mine\r\ntheirs\r\n");
}

fn text() -> impl Strategy<Value = String> {
    let line = prop_oneof![Just("a\n"), Just("b\n"), Just("c\r\n"), Just("\n"), Just("d e\n")];
    (prop::collection::vec(line, 0..12), prop_oneof![Just(""), Just("tail")]).prop_map(|(l, t)| l.concat() + t)
}

/// Texts with LF only.
fn lines() -> impl Strategy<Value = String> {
    let line = prop_oneof![Just("a\n"), Just("b\n"), Just("c\n"), Just("\n"), Just("d e\n")];
    (prop::collection::vec(line, 0..12), prop_oneof![Just(""), Just("a"), Just("tail")])
        .prop_map(|(l, t)| l.concat() + t)
}

fn choice() -> impl Strategy<Value = Choice> {
    prop_oneof![Just(Choice::Mine), Just(Choice::Theirs), Just(Choice::Both), Just(Choice::Base)]
}

proptest! {
    #[test]
    fn all_of_one_side_gives_that_side(base in text(), mine in text(), theirs in text()) {
        let m = merge(&base, &mine, &theirs);
        // Regions cover each side without a gap, so choosing one side everywhere rebuilds it.
        let (mut b, mut o, mut t) = (Vec::new(), Vec::new(), Vec::new());
        for RegionSides { base, mine, theirs } in m.regions().iter().map(|r| m.sides(r)) {
            b.extend_from_slice(base);
            o.extend_from_slice(mine);
            t.extend_from_slice(theirs);
        }
        // Mine is never touched; the others are written in its line ends where only these differ.
        let ends = LineEnds::of(mine.as_bytes());
        let wanted = |other: &str| match ends.only_these_differ(&[base.as_bytes(), theirs.as_bytes()]) {
            true => ends.write(other.as_bytes()).into_owned(),
            false => other.as_bytes().to_vec(),
        };
        prop_assert_eq!((&b[..], &o[..], &t[..]), (&wanted(&base)[..], mine.as_bytes(), &wanted(&theirs)[..]));
    }

    #[test]
    fn line_ends_are_those_of_mine(
        texts in [lines(), lines(), lines()], crlf in any::<bool>(), choices in prop::collection::vec(choice(), 12),
    ) {
        let [base, mine, theirs] = texts;
        let as_is = merge(&base, &mine, &theirs);
        let turned = |text: &str| text.replace('\n', "\r\n");
        let other = match crlf {
            true => merge(&base, &turned(&mine), &theirs),
            false => merge(&turned(&base), &mine, &turned(&theirs)),
        };
        // The same regions and questions as without the other line ends, and the same result in mine's.
        let kinds = |m: &Merge| m.regions().iter().map(|r| r.kind).collect::<Vec<_>>();
        let choices: Vec<_> = choices.into_iter().take(as_is.conflicts()).map(Some).collect();
        if mine.contains('\n') && (base.contains('\n') || theirs.contains('\n')) {
            prop_assert_eq!(kinds(&as_is), kinds(&other));
            let plain = String::from_utf8(as_is.result(&choices).unwrap()).unwrap();
            let result = other.result(&choices).unwrap();
            let wanted = if crlf { turned(&plain) } else { plain };
            prop_assert_eq!(&result[..], wanted.as_bytes());
            let ends = if crlf { LineEnds::Crlf } else { LineEnds::Lf };
            prop_assert!([ends, LineEnds::None].contains(&LineEnds::of(&result)));
        }
    }

    #[test]
    fn the_end_of_the_file_is_that_of_the_side_that_has_it(
        texts in [lines(), lines(), lines()], choices in prop::collection::vec(choice(), 12),
    ) {
        let [base, mine, theirs] = texts;
        let m = merge(&base, &mine, &theirs);
        let mut choices = choices.into_iter();
        let mut chosen = Vec::new();
        let mut last = Vec::new();
        for region in m.regions() {
            let RegionSides { base: b, mine: o, theirs: t } = m.sides(region);
            let side = match region.kind {
                RegionKind::Conflict => {
                    let choice = choices.next().unwrap();
                    let side = match choice { Choice::Base => b, Choice::Theirs => t, Choice::Both if !t.is_empty() => t, _ => o };
                    chosen.push(Some(choice));
                    side
                }
                RegionKind::Theirs => t,
                _ => o,
            };
            if !side.is_empty() {
                last = side.to_vec();
            }
        }
        let result = m.result(&chosen).unwrap();
        prop_assert_eq!(result.ends_with(b"\n"), last.ends_with(b"\n"));
        // And no line that was one has become part of another.
        let all = [&base, &mine, &theirs].map(|t| t.lines().map(str::to_owned).collect::<Vec<_>>()).concat();
        let result = String::from_utf8(result).unwrap();
        prop_assert!(result.lines().all(|line| all.iter().any(|l| l == line)));
    }

    #[test]
    fn an_untouched_side_never_conflicts(base in text(), other in text()) {
        let ends = LineEnds::of(base.as_bytes());
        let wanted = match ends.only_these_differ(&[base.as_bytes(), other.as_bytes()]) {
            true => ends.write(other.as_bytes()).into_owned(),
            false => other.as_bytes().to_vec(),
        };
        prop_assert_eq!(merge(&base, &other, &base).result(&[]).unwrap(), other.as_bytes());
        prop_assert_eq!(merge(&base, &base, &other).result(&[]).unwrap(), wanted);
    }
}

fn side(text: &str) -> Arc<[u8]> {
    Arc::from(text.as_bytes())
}

#[test]
fn open_regions_are_marked_for_editing() {
    let merge = Merge::three_way(side("a\nb\nc\n"), side("a\nmine\nc\n"), side("a\ntheirs\nc\nd\n")).unwrap();
    let marked = merge.marked(&[None], "");
    let wanted = "a\n<<<<<<< mine\nmine\n||||||| base\nb\n=======\ntheirs\n>>>>>>> theirs\nc\nd\n";
    assert_eq!(String::from_utf8(marked).unwrap(), wanted);
    let hinted = String::from_utf8(merge.marked(&[None], " (a hint)")).unwrap();
    assert_eq!(hinted, wanted.replace("<<<<<<< mine", "<<<<<<< mine (a hint)"));
    let twice = Merge::two_way(side("a\nb\nc\n"), side("x\nb\ny\n")).unwrap().marked(&[None, None], " (a hint)");
    assert_eq!(String::from_utf8(twice).unwrap().matches(" (a hint)\n").count(), 1, "it stands there once");
    assert_eq!(merge.marked(&[Some(Choice::Theirs)], " hint"), b"a\ntheirs\nc\nd\n");
}

#[test]
fn what_is_written_for_a_region_fits_into_the_file() {
    let merge = Merge::three_way(side("a\r\nb\r\nc\r\n"), side("a\r\nm\r\nc\r\n"), side("a\r\nt\r\nc\r\n")).unwrap();
    let region = merge.overlaps().next().unwrap().clone();
    assert_eq!(merge.fitted(&region, b"x\ny".to_vec()), b"x\r\ny\r\n");
    assert_eq!(merge.fitted(&region, Vec::new()), b"");
    let merge = Merge::three_way(side("a\nb"), side("a\nm"), side("a\nt")).unwrap();
    let region = merge.overlaps().next().unwrap().clone();
    assert_eq!(merge.fitted(&region, b"x".to_vec()), b"x", "the last line needs no end");
}
