//! Which release a file came from: older bytes, leftovers, ties, arrivals on the user's files, shallow clones.

use pos_upgrade_tui::core::plan::{Kind, ReleaseEvidence};

use crate::matrix::seen::Effect::{Nothing, Remove};
use crate::matrix::seen::write;
use crate::matrix::world::{World, each};

const TEXT: &str = "a text\nthat is long\nenough to be\nrecognised\nwhen it moves\n";

fn edited() -> String {
    TEXT.replace("a text", "my text")
}

fn changed() -> String {
    TEXT.replace("moves", "moved")
}

fn merged() -> String {
    edited().replace("moves", "moved")
}

mod older_bytes {
    use super::*;

    // Bytes of any release are nobody's edit, also where a baseline names another release. A branch that was upgraded
    // elsewhere and merged leaves such files, and called an edit they would stay old for ever. Who went back to an older
    // version on purpose reads in the plan that it is upgraded again.
    #[test]
    fn put_back_to_an_older_release_is_pristine() {
        each(|world| {
            let world = world.release(&[("f.md", "1\n")]).release(&[("f.md", "2\n")]);
            let planned = world.release(&[("f.md", "3\n")]).install(1).edit("f.md", "1\n").plan();
            let seen = planned.at("f.md").is(Kind::Update).stays();
            let seen = seen.why(&["pristine from {0}, where {1} has another version", "source changed it"]);
            seen.does(write("3\n"));
        });
    }

    #[test]
    fn and_comes_back_if_the_source_did_not_change_it() {
        each(|world| {
            let world = world.release(&[("f.md", "1\n")]).release(&[("f.md", "2\n")]);
            let planned = world.release(&[("f.md", "2\n"), ("g.md", "g\n")]).install(1).edit("f.md", "1\n").plan();
            let seen = planned.at("f.md").is(Kind::Update);
            seen.why(&["pristine from {0}", "where {1} has another version; that one comes back"]).does(write("2\n"));
        });
    }

    #[test]
    fn a_newer_version_than_the_baselines_is_pristine_too() {
        let world = World::with_baseline().release(&[("f.md", "1\n")]).release(&[("f.md", "2\n")]);
        let world = world.release(&[("f.md", "3\n")]).install(0).edit("f.md", "2\n");
        let planned = world.plan();
        planned.at("f.md").is(Kind::Update).why(&["pristine from {1}, where {0} has"]).does(write("3\n"));
        let world = World::with_baseline().release(&[("f.md", "1\n")]).release(&[("f.md", "2\n")]).install(0);
        world.edit("f.md", "2\n").plan().at("f.md").is(Kind::Unchanged).does(Nothing);
    }

    #[test]
    fn and_moves_on_with_its_page() {
        each(|world| {
            let world = world.release(&[("f.md", TEXT)]).release(&[("f.md", &*changed())]);
            let planned = world.release(&[("g.md", &*changed())]).install(1).edit("f.md", TEXT).plan();
            planned.at("g.md").is(Kind::Move).from("f.md").does(write(&changed()));
        });
    }

    #[test]
    fn an_older_version_of_what_the_source_removed_goes() {
        each(|world| {
            let world = world.release(&[("f.md", "1\n")]).release(&[("f.md", "2\n")]);
            let planned = world.release(&[("g.md", "g\n")]).install(1).edit("f.md", "1\n").plan();
            planned.at("f.md").is(Kind::Remove).why(&["pristine from {0}", "source removed it"]).does(Remove);
        });
    }

    #[test]
    fn what_stands_there_says_nothing_about_what_was_deleted() {
        let world = World::with_baseline().release(&[("f.md", "1\n"), ("g.md", "1\n")]);
        let world = world.release(&[("f.md", "2\n"), ("g.md", "2\n")]);
        let planned =
            world.release(&[("f.md", "2\n"), ("g.md", "3\n")]).install(1).delete("f.md").delete("g.md").plan();
        planned.at("f.md").is(Kind::StaysDeleted).why(&["you deleted this since {1}"]).does(Nothing);
        planned.at("g.md").is(Kind::Conflict).why(&["you deleted this since {1}", "source changed it"]);
    }

    #[test]
    fn the_source_went_back_to_older_bytes() {
        each(|world| {
            let world = world.release(&[("f.md", "1\n")]).release(&[("f.md", "2\n")]).release(&[("f.md", "1\n")]);
            world.install(1).plan().at("f.md").is(Kind::Update).does(write("1\n"));
        });
    }

    #[test]
    fn an_upgrade_over_several_releases_is_one_step() {
        each(|world| {
            let world = world.release(&[("f.md", "1\n"), ("g.md", "1\n")]).release(&[("f.md", "2\n")]);
            let planned = world.release(&[("f.md", "3\n"), ("g.md", "3\n")]).install(0).plan();
            planned.at("f.md").is(Kind::Update).why(&["pristine from {0}"]).does(write("3\n"));
            planned.at("g.md").is(Kind::Update).does(write("3\n"));
        });
    }

    #[test]
    fn a_leftover_of_an_older_release_goes() {
        each(|world| {
            let world = world.release(&[("f.md", "f\n"), ("old.md", "1\n")]).release(&[("f.md", "f\n")]);
            let planned = world.release(&[("f.md", "f\n")]).install(1).edit("old.md", "1\n").plan();
            planned.at("old.md").is(Kind::Remove).why(&["pristine from {0}", "source removed it"]).does(Remove);
        });
    }

    #[test]
    fn an_edited_leftover_stays_the_users() {
        each(|world| {
            let world = world.release(&[("f.md", "f\n"), ("old.md", "1\n")]).release(&[("f.md", "f\n")]);
            let planned = world.release(&[("f.md", "f\n")]).install(1).edit("old.md", "mine\n").plan();
            let seen = planned.at("old.md").is(Kind::LocalOnly);
            seen.why(&["left from an earlier release", "edited by you"]).does(Nothing);
        });
    }

    #[test]
    fn an_edit_of_a_path_that_came_back_has_the_closest_version_as_base() {
        let world = World::without_baseline().release(&[("f.md", TEXT)]).release(&[("other.md", "other\n")]);
        let planned = world.release(&[("f.md", &*changed())]).install(1).edit("f.md", edited()).plan();
        let seen = planned.at("f.md").is(Kind::AutoMerge);
        seen.why(&["you edited this since {0} (the closest version)", "none overlap"]).does(write(&merged()));
    }

    #[test]
    fn nothing_of_the_source_is_installed() {
        let world = World::without_baseline().release(&[("f.md", TEXT)]).release(&[("f.md", &*changed())]).install(0);
        let world = (1..=3).fold(world, |w, n| w.delete(format!("anchors/{n}.md")));
        let planned = world.edit("f.md", edited()).plan();
        assert_eq!(planned.plan.install.release_evidence, ReleaseEvidence::None);
        assert_eq!(planned.plan.install.release, None);
        planned.at("anchors/1.md").is(Kind::New);
        planned.at("f.md").is(Kind::AutoMerge).why(&["the closest version"]).does(write(&merged()));
    }
}

mod arrivals {
    use super::*;

    #[test]
    fn a_pristine_file_moved_onto_a_file_of_the_user() {
        each(|world| {
            let world = world.release(&[("f.md", TEXT)]).release(&[("g.md", TEXT)]).install(0).edit("g.md", "mine\n");
            let planned = world.plan();
            planned.at("f.md").is(Kind::Remove).stays().does(Remove);
            let seen = planned.at("g.md").is(Kind::Conflict).stays().hunks(1).why(&["a file of your own"]);
            seen.keep(Nothing).take(write(TEXT));
        });
    }

    #[test]
    fn an_edited_file_moved_onto_a_file_of_the_user() {
        each(|world| {
            let world = world.release(&[("f.md", TEXT)]).release(&[("g.md", &*changed())]).install(0);
            let planned = world.edit("f.md", edited()).edit("g.md", "mine\n").plan();
            planned.at("f.md").is(Kind::Conflict).stays().keep(Nothing).take(Remove);
            planned.at("g.md").is(Kind::Conflict).stays().keep(Nothing).take(write(&changed()));
        });
    }

    #[test]
    fn a_deleted_file_moved_onto_a_file_of_the_user() {
        each(|world| {
            let world = world.release(&[("f.md", TEXT)]).release(&[("g.md", TEXT)]).install(0);
            let planned = world.delete("f.md").edit("g.md", "mine\n").plan();
            planned.at("f.md").is(Kind::Unchanged).does(Nothing);
            planned.at("g.md").is(Kind::Conflict).keep(Nothing).take(write(TEXT));
        });
    }

    #[test]
    fn the_user_moved_the_file_as_the_source_did() {
        each(|world| {
            let world = world.release(&[("f.md", TEXT)]).release(&[("g.md", TEXT)]).install(0);
            let planned = world.delete("f.md").edit("g.md", TEXT).plan();
            planned.at("f.md").is(Kind::Unchanged).does(Nothing);
            planned.at("g.md").is(Kind::Unchanged).does(Nothing);
        });
    }

    #[test]
    fn the_user_moved_it_and_the_source_moved_and_changed_it() {
        each(|world| {
            let world = world.release(&[("f.md", TEXT)]).release(&[("g.md", &*changed())]).install(0);
            let planned = world.delete("f.md").edit("g.md", TEXT).plan();
            planned.at("f.md").is(Kind::Unchanged).does(Nothing);
            planned.at("g.md").is(Kind::Update).does(write(&changed()));
        });
    }
}

mod arrivals_of_the_users_own_moves {
    use super::*;

    #[test]
    fn moved_as_the_source_did_and_edited() {
        each(|world| {
            let world = world.release(&[("f.md", TEXT)]).release(&[("g.md", TEXT)]).install(0);
            let planned = world.delete("f.md").edit("g.md", edited()).plan();
            planned.at("f.md").is(Kind::Unchanged).does(Nothing);
            planned.at("g.md").is(Kind::LocalOnly).why(&["you edited this since {0}"]).does(Nothing);
        });
    }

    #[test]
    fn moved_as_the_source_did_and_both_edited() {
        each(|world| {
            let world = world.release(&[("f.md", TEXT)]).release(&[("g.md", &*changed())]).install(0);
            let planned = world.delete("f.md").edit("g.md", edited()).plan();
            planned.at("f.md").is(Kind::Unchanged).does(Nothing);
            planned.at("g.md").is(Kind::AutoMerge).why(&["you edited this since {0}"]).does(write(&merged()));
        });
    }

    #[test]
    fn moved_elsewhere() {
        each(|world| {
            let world = world.release(&[("f.md", TEXT)]).release(&[("f.md", &*changed())]).install(0);
            let planned = world.delete("f.md").edit("ours.md", TEXT).plan();
            planned.at("f.md").is(Kind::Conflict).why(&["you deleted this"]).keep(Nothing).take(write(&changed()));
            assert_eq!(planned.paths(), ["standards/universal/f.md"]);
        });
    }
}

mod a_baseline_of_a_release_that_the_source_does_not_have {
    use super::*;

    const OTHER: &str = "another text\nthat only\nmoves\n";

    /// The source was rewritten since; the baseline's release and its bytes are not in it.
    fn world() -> World {
        let world = World::with_baseline().release(&[("f.md", TEXT), ("g.md", OTHER), ("x.md", "x\n")]);
        let world = world.release(&[("f.md", &*changed()), ("there/g.md", OTHER), ("x.md", "y\n")]).install(0);
        let world = world.edit("f.md", edited()).edit("g.md", "mine\n").shallow();
        world.noted(|noted| noted["release"] = "1234567890123456789012345678901234567890".into())
    }

    #[test]
    fn still_tells_pristine_from_edited() {
        let planned = world().plan();
        planned.at("x.md").is(Kind::Update).why(&["pristine from 1234567"]).does(write("y\n"));
        planned.at("f.md").is(Kind::Conflict).why(&["you edited this since 1234567"]).keep(Nothing);
        planned.at("there/g.md").is(Kind::Move).from("g.md").does(write("mine\n"));
    }

    #[test]
    fn merges_with_the_kept_bytes() {
        world().keep_base(TEXT).plan().at("f.md").is(Kind::AutoMerge).does(write(&merged()));
    }
}

mod ties {
    use super::*;

    #[test]
    fn missing_from_every_tied_release_stays_deleted() {
        let same = [("a.md", "a\n"), ("b.md", "b\n")];
        let world = World::without_baseline().bare().release(&same);
        // Another release with the same managed files: equally near.
        let world = world.release(&[("a.md", "a\n"), ("b.md", "b\n"), ("docs/x.md", "x\n")]);
        world.install(0).delete("b.md").plan().at("b.md").is(Kind::StaysDeleted).does(Nothing);
    }

    #[test]
    fn missing_from_only_some_tied_releases_is_new() {
        let world = World::without_baseline().bare().release(&[("a.md", "a\n")]);
        let world = world.release(&[("a.md", "a\n"), ("b.md", "b\n"), ("c.md", "c\n")]);
        let planned =
            world.release(&[("a.md", "a\n"), ("b.md", "b\n"), ("c.md", "c\n")]).install(1).delete("b.md").plan();
        // With c and without b the second release is as near as the first: (a, c) - b = (a).
        planned.at("b.md").is(Kind::New).does(write("b\n"));
        planned.at("c.md").is(Kind::Unchanged);
    }

    #[test]
    fn missing_and_tied_and_changed_in_between_is_asked() {
        let world = World::without_baseline().bare().release(&[("a.md", "a\n"), ("b.md", "1\n")]);
        let world = world.release(&[("a.md", "a\n"), ("b.md", "2\n")]).install(0).delete("b.md");
        world.plan().at("b.md").is(Kind::Conflict).why(&["you deleted this", "source changed it"]).take(write("2\n"));
    }

    #[test]
    fn an_edit_takes_the_most_alike_of_the_tied_versions_as_base() {
        let theirs = changed().replace("enough", "more than enough");
        let world = World::without_baseline().bare().release(&[("a.md", "a\n"), ("f.md", TEXT)]);
        let world = world.release(&[("a.md", "a\n"), ("f.md", &theirs)]).install(0).edit("f.md", edited());
        let planned = world.plan();
        let merged = theirs.replace("a text", "my text");
        planned.at("f.md").is(Kind::AutoMerge).why(&["since {0} (of the releases that fit"]).does(write(&merged));
    }

    #[test]
    fn a_baseline_knows_no_ties() {
        let world = World::with_baseline().bare().release(&[("a.md", "a\n")]);
        let world = world.release(&[("a.md", "a\n"), ("b.md", "b\n"), ("c.md", "c\n")]);
        let planned =
            world.release(&[("a.md", "a\n"), ("b.md", "b\n"), ("c.md", "c\n")]).install(1).delete("b.md").plan();
        planned.at("b.md").is(Kind::StaysDeleted).does(Nothing);
        assert_eq!(planned.plan.install.release_evidence, ReleaseEvidence::Baseline);
    }
}

mod shallow {
    use super::*;
    use crate::matrix::content::{LINES, with};
    use crate::matrix::world::file;

    fn world(baseline: bool) -> World {
        let (before, after) = ([("f.md", TEXT), ("g.md", "1\n")], [("f.md", &*changed()), ("g.md", "2\n")]);
        World::new(baseline).release(&before).release(&after).install(0).edit("f.md", edited()).shallow()
    }

    #[test]
    fn with_baseline_and_its_bytes_all_is_known() {
        let planned = world(true).keep_base(TEXT).plan();
        assert!(planned.plan.source.shallow);
        planned.at("g.md").is(Kind::Update).does(write("2\n"));
        planned.at("f.md").is(Kind::AutoMerge).does(write(&merged()));
    }

    #[test]
    fn with_baseline_but_without_its_bytes_an_edit_is_asked() {
        let planned = world(true).plan();
        planned.at("g.md").is(Kind::Update).does(write("2\n"));
        let seen = planned.at("f.md").is(Kind::Conflict).hunks(1).why(&["you edited this", "not in this clone"]);
        seen.keep(Nothing).take(write(&changed()));
    }

    #[test]
    fn without_baseline_what_is_not_the_sources_is_asked() {
        let planned = world(false).plan();
        assert_eq!(planned.plan.install.release_evidence, ReleaseEvidence::None);
        planned.at("f.md").is(Kind::Conflict).keep(Nothing).take(write(&changed()));
        // Nothing tells that this one is pristine: the commit that shipped it is not in the clone.
        planned.at("g.md").is(Kind::Conflict).keep(Nothing).take(write("2\n"));
    }

    #[test]
    fn a_forgotten_manifest_tells_what_is_pristine() {
        let world = World::without_baseline();
        let sum = pos_upgrade_tui::core::blob::sha256(LINES.as_bytes());
        let listed =
            format!("{{\"version\":\"1\",\"files\":{{\"standards/f.md\":{{\"checksum\":\"sha256:{sum}\"}}}}}}");
        let theirs = with("two", "TWO");
        let manifest = file("universal/.universal-manifest.json", &listed);
        let first = [file("f.md", LINES), file("g.md", LINES), manifest.clone()];
        let second = [file("f.md", &theirs), file("g.md", &theirs), manifest];
        let planned = world.release(&first).release(&second).install(0).shallow().plan();
        assert_eq!(planned.plan.install.release_evidence, ReleaseEvidence::Manifest);
        planned.at("f.md").is(Kind::Update).does(write(&theirs));
        planned.at("g.md").is(Kind::Conflict).why(&["does not hold"]);
    }

    #[test]
    fn an_install_of_the_shallow_commit_is_recognised() {
        let world = World::without_baseline().release(&[("f.md", TEXT)]).release(&[("f.md", &*changed())]).install(1);
        let planned = world.shallow().plan();
        assert_eq!(planned.plan.install.release.as_deref(), Some(planned.world.full_id(1)));
        planned.at("f.md").is(Kind::Unchanged).does(Nothing);
    }

    #[test]
    fn an_unchanged_file_that_moved_is_recognised_by_its_bytes() {
        let world = World::with_baseline().release(&[("f.md", TEXT)]).release(&[("there/f.md", TEXT)]).install(0);
        let planned = world.edit("f.md", edited()).shallow().plan();
        planned.at("there/f.md").is(Kind::Move).from("f.md").does(write(&edited()));
    }

    #[test]
    fn a_changed_file_that_moved_is_not() {
        let world =
            World::with_baseline().release(&[("f.md", TEXT)]).release(&[("there/f.md", &*changed())]).install(0);
        let planned = world.edit("f.md", edited()).shallow().plan();
        planned.at("f.md").is(Kind::Conflict).why(&["source removed it"]).keep(Nothing).take(Remove);
        planned.at("there/f.md").is(Kind::New).does(write(&changed()));
    }
}
