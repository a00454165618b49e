//! What is settled, undone and redone, without a screen.

use super::*;
use proptest::prelude::*;

fn settling(shapes: &[Shape]) -> Settling {
    let mut s = Settling::new(shapes.len());
    for (i, shape) in shapes.iter().enumerate() {
        s.set_shape(i, shape.clone());
    }
    s
}

#[test]
fn enter_never_decides() {
    let mut s = settling(&[Shape::Text(2), Shape::Whole("binary")]);
    for _ in 0..10 {
        assert_eq!(s.accept(), None);
    }
    assert_eq!(s.open_files(), 2);
    assert_eq!(s.file(), 0);
}

#[test]
fn choices_move_on_and_settle() {
    let mut s = settling(&[Shape::Text(2), Shape::Text(1)]);
    assert!(s.choose(Choice::Mine));
    assert_eq!((s.file(), s.hunk()), (0, 1));
    assert_eq!(s.accept(), None);
    assert!(s.choose(Choice::Both));
    assert_eq!((s.accept(), s.finish()), (Some(0), None));
    assert_eq!(s.file(), 1);
    s.decide(Decision::Take);
    let both = Decision::Merge(vec![Some(Choice::Mine), Some(Choice::Both)]);
    let all = vec![(0, both), (1, Decision::Take)];
    assert_eq!(s.finish(), Some(all.clone()));
    assert_eq!(s.finish(), Some(all), "as often as it is asked");
}

#[test]
fn each_change_is_told() {
    let mut s = settling(&[Shape::Text(1)]);
    s.decide(Decision::Keep);
    assert_eq!(s.untold(), [(0, Decision::Keep)]);
    assert!(s.accept().is_some());
    assert_eq!(s.untold(), [], "it decides nothing");
    s.decide(Decision::Take);
    assert_eq!(s.accept(), Some(0));
    assert_eq!(s.untold(), [(0, Decision::Take)]);
    s.undo();
    s.undo();
    assert_eq!(s.untold(), [(0, Decision::Open)]);
    // What does not fit the hunks that there are.
    s.restore(0, Decision::Merge(vec![Some(Choice::Mine); 3]));
    s.set_shape(0, Shape::Text(1));
    assert_eq!(s.untold(), [(0, Decision::Open)]);
}

#[test]
fn one_undo_takes_a_folder_back() {
    let mut s = settling(&[Shape::Text(1), Shape::Text(3), Shape::Whole("binary")]);
    s.decide_all(&[0, 1, 2], &Decision::Keep);
    assert_eq!(s.open_files(), 0);
    assert!(s.undo());
    assert_eq!(s.open_files(), 3);
    assert!(s.redo());
    assert_eq!(s.open_files(), 0);
}

#[test]
fn hunks_settled_before_the_whole_file_come_back() {
    let mut s = settling(&[Shape::Text(3)]);
    assert!(s.choose(Choice::Mine));
    assert!(s.choose(Choice::Edited(b"by hand".to_vec())));
    for whole in [Decision::Keep, Decision::Take, Decision::Park, Decision::Edited(b"all".to_vec())] {
        s.decide(whole);
    }
    s.go_to_hunk(0);
    assert!(s.merge());
    let kept = vec![Some(Choice::Mine), Some(Choice::Edited(b"by hand".to_vec())), None];
    assert_eq!((s.files[0].decision.clone(), s.hunk()), (Decision::Merge(kept.clone()), 2));
    // A choice for one hunk brings the others back, too.
    s.decide(Decision::Keep);
    assert!(s.choose(Choice::Base));
    let all = [kept[..2].to_vec(), vec![Some(Choice::Base)]].concat();
    assert_eq!(s.files[0].decision, Decision::Merge(all));
    // What is taken back is not kept aside.
    while s.undo() {}
    s.decide(Decision::Keep);
    assert!(s.merge());
    assert_eq!(s.files[0].open_hunks(), 3);
}

#[test]
fn whole_files_have_no_hunks() {
    let mut s = settling(&[Shape::Whole("binary"), Shape::Waiting]);
    assert!(!s.merge());
    assert!(!s.choose(Choice::Mine));
    assert!(s.step_open(true));
    assert_eq!(s.file(), 1);
    assert!(!s.merge());
}

#[derive(Debug, Clone)]
enum Do {
    Decide(Decision),
    Merge,
    Choose(Choice),
    All(Decision),
    Rule(bool, usize),
}

fn act() -> impl Strategy<Value = Do> {
    let whole = prop_oneof![
        Just(Decision::Keep),
        Just(Decision::Take),
        Just(Decision::Park),
        Just(Decision::Edited(b"all".to_vec()))
    ];
    let choice = prop_oneof![Just(Choice::Mine), Just(Choice::Theirs), Just(Choice::Both), Just(Choice::Base)];
    prop_oneof![
        whole.clone().prop_map(Do::Decide),
        Just(Do::Merge),
        choice.prop_map(Do::Choose),
        whole.prop_map(Do::All),
        (any::<bool>(), 0usize..3).prop_map(|(take, files)| Do::Rule(take, files))
    ]
}

fn perform(s: &mut Settling, act: &Do) {
    match act {
        Do::Decide(d) => s.decide(d.clone()),
        Do::Merge => drop(s.merge()),
        Do::Choose(c) => drop(s.choose(c.clone())),
        Do::All(d) => s.decide_all(&[0, 2], d),
        Do::Rule(take, files) => drop(s.make_rule((*take, format!("{files}")), &[0, 2][..*files])),
    }
}

fn seen(s: &Settling) -> (Vec<Decided>, BTreeSet<Rule>, Cursor) {
    (s.files.iter().map(|f| (f.decision.clone(), f.aside.clone())).collect(), s.rules.clone(), s.cursor)
}

/// The rules that the engine has, after having been told of each change.
fn told_rules(s: &mut Settling, known: &mut BTreeSet<Rule>) {
    for (rule, made) in s.untold_rules() {
        assert!(if made { known.insert(rule) } else { known.remove(&rule) });
    }
}

/// The hunks that are settled in a file, or were before all of it was.
fn settled_hunks(s: &Settling, file: usize) -> Option<Choices> {
    match &s.files[file].decision {
        Decision::Merge(choices) => Some(choices.clone()),
        _ => s.files[file].aside.clone(),
    }
}

proptest! {
    #[test]
    fn undo_is_the_inverse(acts in prop::collection::vec((act(), 0usize..3), 1..30)) {
        let mut s = settling(&[Shape::Text(2), Shape::Text(1), Shape::Whole("binary")]);
        let mut told = BTreeSet::new();
        for (act, file) in acts {
            s.go_to(file);
            let before = seen(&s);
            let (steps, hunks) = (s.undo.len(), settled_hunks(&s, file));
            perform(&mut s, &act);
            if !matches!(act, Do::Choose(_)) && hunks.is_some() {
                prop_assert_eq!(settled_hunks(&s, file), hunks, "a hunk's choice was lost");
            }
            let after = seen(&s);
            if s.undo.len() > steps {
                told_rules(&mut s, &mut told);
                prop_assert!(s.undo());
                prop_assert_eq!(seen(&s), before);
                told_rules(&mut s, &mut told);
                prop_assert_eq!(&told, &s.rules);
                prop_assert!(s.redo());
                prop_assert_eq!(seen(&s), after);
            } else {
                prop_assert_eq!((before.0, before.1), (after.0, after.1), "a change without an undo");
            }
        }
        while s.undo() {}
        prop_assert_eq!(s.open_files(), 3);
        told_rules(&mut s, &mut told);
        prop_assert!(told.is_empty());
    }
}
