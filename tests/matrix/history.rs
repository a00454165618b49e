//! Shapes of history: renames in a row and in branches, merges, dates out of order, layouts, object formats.

use pos_upgrade_tui::core::plan::Kind;

use crate::matrix::seen::Effect::{Nothing, Remove, WriteOnly};
use crate::matrix::seen::{Planned, write};
use crate::matrix::world::{World, each, file};

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

mod renames {
    use super::*;

    #[test]
    fn twice_in_a_row() {
        each(|world| {
            let world = world.release(&[("f.md", TEXT)]).release(&[("g.md", &*changed())]);
            let planned = world.release(&[("h.md", &*changed())]).install(0).edit("f.md", edited()).plan();
            planned.at("h.md").is(Kind::AutoMerge).from("f.md").does(write(&merged()));
            assert_eq!(planned.paths(), ["standards/universal/h.md"]);
        });
    }

    #[test]
    fn there_and_back() {
        each(|world| {
            let world = world.release(&[("f.md", TEXT)]).release(&[("g.md", TEXT)]).release(&[("f.md", &*changed())]);
            let planned = world.install(0).edit("f.md", edited()).plan();
            planned.at("f.md").is(Kind::AutoMerge).stays().does(write(&merged()));
        });
    }

    #[test]
    fn the_older_name_of_a_renamed_file_tells_pristine() {
        // The user put the older release's bytes at the newer name.
        let world = World::without_baseline().release(&[("f.md", TEXT)]).release(&[("g.md", &*changed())]);
        let theirs = changed().replace("a text", "their text");
        let planned = world.release(&[("g.md", &theirs)]).install(1).edit("g.md", TEXT).plan();
        planned.at("g.md").is(Kind::Update).why(&["pristine from {0}"]).does(write(&theirs));
    }

    #[test]
    fn swapped_names() {
        each(|world| {
            let other = "quite another\ntext with as\nmany lines\nas the first\n";
            let world = world.release(&[("a.md", TEXT), ("b.md", other)]);
            let planned = world.release(&[("a.md", other), ("b.md", TEXT)]).install(0).plan();
            // Both names are still there: git sees two changes, no rename.
            planned.at("a.md").is(Kind::Update).stays().does(write(other));
            planned.at("b.md").is(Kind::Update).stays().does(write(TEXT));
        });
    }

    #[test]
    fn swapped_names_with_an_edit() {
        each(|world| {
            let other = "quite another\ntext with as\nmany lines\nas the first\n";
            let world = world.release(&[("a.md", TEXT), ("b.md", other)]);
            let planned = world.release(&[("a.md", other), ("b.md", TEXT)]).install(0).edit("a.md", edited()).plan();
            planned.at("a.md").is(Kind::Conflict).stays().keep(Nothing).take(write(other));
            planned.at("b.md").is(Kind::Update).stays().does(write(TEXT));
        });
    }

    #[test]
    fn onto_the_name_of_a_file_that_went_or_moved_on() {
        each(|world| {
            let other = "quite another\ntext with as\nmany lines\nas the first\n";
            let world = world.release(&[("a.md", TEXT), ("b.md", other)]);
            let planned = world.release(&[("b.md", TEXT), ("c.md", other)]).install(0).edit("a.md", edited()).plan();
            // git pairs b with c and a with b only when told to break pairs up; by name, b is b.
            planned.at("a.md").is(Kind::Conflict).why(&["source removed it"]).keep(Nothing).take(Remove);
            planned.at("b.md").is(Kind::Update).does(write(TEXT));
            planned.at("c.md").is(Kind::New).does(write(other));
        });
    }

    #[test]
    fn a_copy_is_a_new_file() {
        each(|world| {
            let world = world.release(&[("f.md", TEXT)]).release(&[("f.md", TEXT), ("g.md", TEXT)]).install(0);
            let planned = world.edit("f.md", edited()).plan();
            planned.at("f.md").is(Kind::LocalOnly).does(Nothing);
            planned.at("g.md").is(Kind::New).does(write(TEXT));
        });
    }

    #[test]
    fn a_folder() {
        each(|world| {
            let texts: Vec<String> = (0..8).map(|n| format!("{TEXT}number {n}\n")).collect();
            let at = |folder: &str| -> Vec<_> {
                texts.iter().enumerate().map(|(n, t)| file(format!("{folder}/{n}.md"), t)).collect()
            };
            let planned = world.release(&at("old")).release(&at("new")).install(0).edit("old/3.md", "mine\n").plan();
            assert_eq!(planned.plan.summary.r#move, 8);
            planned.at("new/3.md").from("old/3.md").does(write("mine\n"));
            planned.at("new/7.md").from("old/7.md").does(write(&texts[7]));
        });
    }

    #[test]
    fn between_server_and_content() {
        each(|world| {
            let world =
                world.release(&[("mcp_server/f.md", TEXT)]).release(&[("scripts/f.md", &*changed())]).install(0);
            let planned = world.edit("mcp_server/f.md", edited()).plan();
            planned.at("scripts/f.md").is(Kind::AutoMerge).from("mcp_server/f.md").does(write(&merged()));
        });
    }
}

mod branches {
    use super::*;

    #[test]
    fn a_rename_that_a_merge_brought() {
        each(|world| {
            let world = world.release(&[("f.md", TEXT)]);
            let world = world.release_on(vec![0], &[("g.md", TEXT)]); // 1: side
            let world = world.release_on(vec![0], &[("f.md", &*changed())]); // 2: main
            let world = world.release_on(vec![2, 1], &[("g.md", &*changed())]);
            let planned = world.install(0).edit("f.md", edited()).plan();
            planned.at("g.md").is(Kind::AutoMerge).from("f.md").does(write(&merged()));
        });
    }

    #[test]
    fn an_install_of_a_commit_on_the_side_branch() {
        each(|world| {
            let world = world.release(&[("f.md", TEXT), ("x.md", "1\n")]);
            let world = world.release_on(vec![0], &[("g.md", TEXT), ("x.md", "side\n")]);
            let world = world.release_on(vec![0], &[("f.md", &*changed()), ("x.md", "main\n")]);
            let world = world.release_on(vec![2, 1], &[("g.md", &*changed()), ("x.md", "main\n")]);
            let planned = world.install(1).edit("g.md", edited()).plan();
            assert_eq!(planned.plan.install.release.as_deref(), Some(planned.world.full_id(1)));
            planned.at("g.md").is(Kind::AutoMerge).stays().does(write(&merged()));
            planned.at("x.md").is(Kind::Update).why(&["pristine from {1}"]).does(write("main\n"));
        });
    }

    #[test]
    fn bytes_that_only_the_side_branch_had_are_pristine() {
        let world = World::without_baseline().release(&[("f.md", "1\n")]);
        let world = world.release_on(vec![0], &[("f.md", "side\n")]);
        let world = world.release_on(vec![0], &[("f.md", "main\n")]);
        let planned = world.release_on(vec![2, 1], &[("f.md", "both\n")]).install(2).edit("f.md", "side\n").plan();
        planned.at("f.md").is(Kind::Update).why(&["pristine from {1}"]).does(write("both\n"));
    }

    #[test]
    fn a_rename_that_the_merge_did_not_take() {
        each(|world| {
            let world = world.release(&[("f.md", TEXT)]);
            let world = world.release_on(vec![0], &[("nowhere.md", TEXT)]);
            let world = world.release_on(vec![0, 1], &[("f.md", TEXT)]);
            let planned = world.release(&[("g.md", &*changed())]).install(0).edit("f.md", edited()).plan();
            planned.at("g.md").is(Kind::AutoMerge).from("f.md").does(write(&merged()));
        });
    }

    #[test]
    fn both_branches_renamed_it_and_the_merge_took_one() {
        each(|world| {
            let world = world.release(&[("f.md", TEXT)]);
            let world = world.release_on(vec![0], &[("side.md", TEXT)]);
            let world = world.release_on(vec![0], &[("main.md", TEXT)]);
            let planned =
                world.release_on(vec![2, 1], &[("main.md", &*changed())]).install(0).edit("f.md", edited()).plan();
            planned.at("main.md").is(Kind::AutoMerge).from("f.md").does(write(&merged()));
        });
    }

    #[test]
    fn dates_do_not_order_releases() {
        each(|world| {
            let world = world.release(&[("f.md", TEXT)]);
            let world = world.release_on(vec![0], &[("g.md", TEXT)]).dated_back(5);
            let world = world.release_on(vec![0], &[("f.md", TEXT), ("x.md", "x\n")]).dated_back(900);
            let world = world.release_on(vec![2, 1], &[("g.md", TEXT), ("x.md", "x\n")]).dated_back(3);
            let planned = world.release(&[("h.md", &*changed()), ("x.md", "y\n")]).dated_back(40).install(2);
            let planned = planned.edit("f.md", edited()).plan();
            planned.at("h.md").is(Kind::AutoMerge).from("f.md").does(write(&merged()));
            planned.at("x.md").is(Kind::Update).why(&["pristine from {2}"]);
        });
    }

    #[test]
    fn many_interleaved_branches() {
        each(|world| {
            let (old, new) = ([("f.md", TEXT), ("x.md", "0\n")], [("g.md", TEXT), ("x.md", "0\n")]);
            let mut world = world.release(&old);
            let mut main = 0;
            for round in 1..=6_usize {
                let side = 2 * round - 1;
                // In the fourth round the side branch renames.
                let (mine, theirs) = (if round > 4 { &new } else { &old }, if round >= 4 { &new } else { &old });
                world = world
                    .release_on(vec![main], theirs)
                    .release_on(vec![main, side], if round >= 4 { theirs } else { mine });
                main = 2 * round;
            }
            let world = world.release(&[("g.md", &*changed()), ("x.md", "1\n")]).install(4).edit("f.md", edited());
            let planned = world.plan();
            assert_eq!(planned.plan.install.release.as_deref(), Some(planned.world.full_id(4)));
            planned.at("g.md").is(Kind::AutoMerge).from("f.md").does(write(&merged()));
        });
    }
}

mod object_formats {
    use super::*;

    #[test]
    fn sha_256() {
        each(|world| {
            let world =
                world.sha256().release(&[("f.md", TEXT), ("g.md", "1\n"), ("old.md", "some old\ntext that\nmoves\n")]);
            let world =
                world.release(&[("f.md", &*changed()), ("g.md", "2\n"), ("new.md", "some old\ntext that\nmoves\n")]);
            let planned = world.install(0).edit("f.md", edited()).plan();
            let seen = planned.at("f.md").is(Kind::AutoMerge).does(write(&merged()));
            assert_eq!(seen.entry.theirs.as_ref().unwrap().to_string().len(), 64);
            planned.at("g.md").is(Kind::Update).why(&["pristine from {0}"]).does(write("2\n"));
            planned.at("new.md").is(Kind::Move).from("old.md");
        });
    }
}

mod layouts {
    use super::*;

    fn legacy() -> Planned {
        let before = [
            ("a.md", TEXT),
            ("edited.md", TEXT),
            ("deep/moved.md", TEXT),
            ("universal/usage/guide.md", "how to\nuse it\nin three lines\n"),
            ("universal/usage/mine.md", "the other\nguide\nof three lines\n"),
            ("universal/workflows/w.md", "1\n"),
            ("mcp_server/s.py", "1\n"),
        ];
        let after = [
            ("a.md", TEXT),
            ("edited.md", &*changed()),
            ("universal/standards/usage/guide.md", "how to\nuse it\nin three lines\n"),
            ("universal/standards/usage/mine.md", "the other\nguide\nof three lines\n"),
            ("deep/moved.md", TEXT),
            ("universal/workflows/w.md", "2\n"),
            ("mcp_server/s.py", "2\n"),
            ("scripts/x.py", "new\n"),
        ];
        let world = World::without_baseline().release(&before).release(&after).install_legacy(0);
        let world = world.edit("standards/edited.md", edited()).edit("usage/mine.md", "the other\nguide\nof mine\n");
        world.delete("standards/deep/moved.md").plan()
    }

    #[test]
    fn pristine_files_move_into_the_current_layout() {
        let planned = legacy();
        assert_eq!(planned.plan.install.layout, "legacy");
        assert_eq!(planned.plan.install.release.as_deref(), Some(planned.world.full_id(0)));
        planned.at("a.md").is(Kind::Move).from("standards/a.md").does(write(TEXT));
        planned.at("anchors/1.md").is(Kind::Move).from("standards/anchors/1.md").does(write("anchor 1\nrelease 1\n"));
    }

    #[test]
    fn edits_follow() {
        legacy().at("edited.md").is(Kind::AutoMerge).from("standards/edited.md").does(write(&merged()));
    }

    #[test]
    fn usage_follows_its_rename_into_the_standards() {
        let planned = legacy();
        let guide = planned.at("standards/universal/usage/guide.md").is(Kind::Move).from("usage/guide.md");
        guide.does(write("how to\nuse it\nin three lines\n"));
        let mine = planned.at("standards/universal/usage/mine.md").is(Kind::Move).from("usage/mine.md");
        mine.does(write("the other\nguide\nof mine\n"));
    }

    #[test]
    fn what_has_one_place_in_both_layouts_is_updated_there() {
        let planned = legacy();
        planned.at("workflows/w.md").is(Kind::Update).stays().does(write("2\n"));
        planned.at("mcp_server/s.py").is(Kind::Update).stays().does(write("2\n"));
        planned.at("scripts/x.py").is(Kind::New).does(write("new\n"));
    }

    #[test]
    fn a_file_deleted_in_the_old_layout_stays_deleted() {
        let planned = legacy();
        let seen = planned.at("deep/moved.md").is(Kind::StaysDeleted).stays().does(Nothing);
        seen.why(&["you deleted this since {0}", "source did not change it"]);
    }

    #[test]
    fn a_file_deleted_in_the_old_layout_is_asked_where_the_source_did_something_to_it() {
        let before = [("changed.md", TEXT), ("universal/usage/renamed.md", "how to\nuse it\nin three lines\n")];
        let after =
            [("changed.md", &*changed()), ("universal/standards/usage/renamed.md", "how to\nuse it\nin three lines\n")];
        let world = World::without_baseline().release(&before).release(&after).install_legacy(0);
        let planned = world.delete("standards/changed.md").delete("usage/renamed.md").plan();
        let seen = planned.at("changed.md").is(Kind::Conflict).from("standards/changed.md");
        seen.why(&["you deleted this", "source changed it"]).keep(Nothing).take(WriteOnly(changed().as_bytes()));
        let seen = planned.at("standards/universal/usage/renamed.md").is(Kind::Conflict).from("usage/renamed.md");
        let seen = seen.why(&["you deleted this", "source moved it"]).keep(Nothing);
        seen.take(WriteOnly(b"how to\nuse it\nin three lines\n"));
    }

    #[test]
    fn the_users_own_files_stay_where_they_are() {
        let world = World::without_baseline().release(&[("a.md", TEXT)]).release(&[("a.md", TEXT)]).install_legacy(0);
        let world = world.edit("standards/development/ours.md", "x\n").edit("standards/our-own.md", "x\n");
        assert_eq!(world.plan().paths(), ["standards/universal/a.md"]);
    }
}
