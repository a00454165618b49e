//! Upgrades from one generation of praxis-os to a later one, and within the third, whose sources have two forms.

use pos_upgrade_tui::core::plan::{Kind, Plan};
use pos_upgrade_tui::engine::planning::make_plan::make_plan;
use pos_upgrade_tui::engine::planning::source::Source;

use super::world::{File, World, each, file};
use super::{AWAY, BASE, MINE, SAME_LINE};
use crate::matrix::seen::Effect::{Nothing, Remove};
use crate::matrix::seen::write;

/// Server code that is long enough to be recognised when it moves.
const CODE: &str =
    "import os\n\n\ndef start(port):\n    print(port)\n    return os.getpid()\n\n\ndef stop():\n    pass\n";
const TEMPLATE: &str = "# The server.\nversion: \"1.0\"\nindexes:\n  standards:\n    source_paths: [\"standards/\"]\n  code:\n    source_paths: [\"src/\"]\n";

/// The second generation: a server with two files, a page, a workflow, a script, an old template.
fn second() -> Vec<File> {
    vec![
        file("a.md", BASE),
        file("universal/workflows/w/metadata.json", "{}\n"),
        file("scripts/x.py", "1\n"),
        file("mcp_server/__main__.py", CODE),
        file("mcp_server/gone.py", "nothing\nlike\nany other\n"),
        file("mcp_server/requirements.txt", "fastmcp\n"),
    ]
}

/// A release of the third, with its pages in a folder of the source.
fn third_at(folder: &str, page: &str, template: &str) -> Vec<File> {
    vec![
        file(format!("{folder}/standards/a.md"), page),
        file(format!("{folder}/workflows/w/metadata.json"), "{\"version\": 3}\n"),
        file("scripts/x.py", "3\n"),
        file("dist/ouroboros/__main__.py", CODE.replace("port", "place")),
        file("dist/ouroboros/requirements.txt", "fastmcp\nduckdb\n"),
        file("dist/config/mcp.yaml", template),
    ]
}

/// The two forms that the third generation's sources have, and who holds the anchors.
const FORMS: [&str; 2] = ["dist/universal", "universal"];

fn third(form: &str) -> Vec<File> {
    let mut files = third_at(form, AWAY, TEMPLATE);
    // Those of the world stand where the first sources had them.
    files.extend(anchors(form, 1));
    files
}

fn anchors(form: &str, release: usize) -> impl Iterator<Item = File> + '_ {
    (1..=3).map(move |n| file(format!("{form}/standards/anchors/{n}.md"), format!("anchor {n}\nrelease {release}\n")))
}

/// A world of both generations with an install of the second.
fn across(world: World, form: &str) -> World {
    let mut second = second();
    second.extend(anchors("universal", 0));
    world.bare().release(&second).release(&third(form)).install(0)
}

fn generations(plan: &Plan) -> (&str, &str) {
    (&plan.install.generation, &plan.source.generation)
}

#[test]
fn a_server_gives_way_to_another_one() {
    for form in FORMS {
        each(|world| {
            let planned = across(world, form).plan();
            assert_eq!(generations(&planned.plan), ("praxis-os", "ouroboros"));
            let seen = planned.at("mcp_server/__main__.py").is(Kind::Remove).stays().does(Remove);
            seen.why(&["pristine from {0}", "source removed it, and has ouroboros/__main__.py instead"]);
            planned.at("mcp_server/gone.py").is(Kind::Remove).why(&["source removed it"]).does(Remove);
            planned.at("mcp_server/requirements.txt").is(Kind::Remove);
            let code = CODE.replace("port", "place");
            planned.at("ouroboros/__main__.py").is(Kind::New).stays().does(write(&code));
            planned.at("a.md").is(Kind::Update).stays().why(&["pristine from {0}"]).does(write(AWAY));
            planned.at("workflows/w/metadata.json").is(Kind::Update).stays();
            planned.at("scripts/x.py").is(Kind::Update).does(write("3\n"));
            planned.at("config/mcp.yaml").is(Kind::New).does(write(TEMPLATE));
            planned.at("anchors/1.md").is(Kind::Update).stays();
            assert_eq!((planned.plan.summary.conflict, planned.plan.summary.stays_deleted), (0, 0));
        });
    }
}

#[test]
fn an_edit_of_the_old_server_says_what_the_file_became() {
    for form in FORMS {
        each(|world| {
            let edited = CODE.replace("pass", "print(1)");
            let world = across(world, form).edit("mcp_server/__main__.py", edited).edit("mcp_server/gone.py", "mine\n");
            let planned = world.plan();
            let seen = planned.at("mcp_server/__main__.py").is(Kind::Conflict).stays();
            let seen =
                seen.why(&["you edited this since {0}", "source removed it, and has ouroboros/__main__.py instead"]);
            seen.keep(Nothing).take(Remove);
            let seen = planned.at("mcp_server/gone.py").is(Kind::Conflict).keep(Nothing).take(Remove);
            seen.why(&["you edited this since {0}; source removed it"]);
            planned.at("ouroboros/__main__.py").is(Kind::New);
        });
    }
}

#[test]
fn what_was_copied_by_hand_with_the_old_server_goes_with_it() {
    each(|world| {
        let mut second = second();
        second.extend(anchors("universal", 0));
        // No installer installs it.
        second.push(file("mcp_server/.cursor/mcp.json", "{}\n"));
        second.push(file("mcp_server/.cursor/other.json", "{}\n"));
        let world = world.bare().release(&second).release(&third(FORMS[0])).install(0);
        let world = world.edit("mcp_server/.cursor/mcp.json", "{}\n").edit("mcp_server/.cursor/mine.json", "1\n");
        let planned = world.edit("mcp_server/.cursor/other.json", "2\n").plan();
        let seen = planned.at("mcp_server/.cursor/mcp.json").is(Kind::Remove).does(Remove);
        seen.why(&["pristine from {0}; source removed it"]);
        let paths = planned.paths();
        assert!(!paths.iter().any(|p| p.contains("mine.json") || p.contains("other.json")), "{paths:?}");
    });
    // Where the folder stays, it stays too.
    let second = [file("mcp_server/__main__.py", CODE), file("mcp_server/.cursor/mcp.json", "{}\n")];
    let world = World::without_baseline().release(&second).release(&second).install(0);
    let planned = world.edit("mcp_server/.cursor/mcp.json", "{}\n").plan();
    assert_eq!(planned.paths(), ["mcp_server/__main__.py"]);
}

#[test]
fn edits_of_pages_follow_into_the_other_form() {
    for form in FORMS {
        each(|world| {
            let merged = AWAY.replace("third", "user's");
            let planned = across(world, form).edit("a.md", MINE).plan();
            planned.at("a.md").is(Kind::AutoMerge).stays().why(&["you edited this since {0}"]).does(write(&merged));
        });
        each(|world| {
            let planned = across(world, form).delete("a.md").plan();
            planned.at("a.md").is(Kind::Conflict).why(&["you deleted this since {0}", "source changed it"]);
        });
    }
}

#[test]
fn a_page_that_was_renamed_on_the_way_into_the_other_form() {
    each(|world| {
        let before = [file("old/a.md", BASE), file("b.md", "b\n"), file("mcp_server/__main__.py", CODE)];
        let after = [
            file("dist/universal/standards/new/a.md", BASE),
            file("dist/universal/standards/b.md", "b\n"),
            file("dist/ouroboros/__main__.py", CODE),
        ];
        let planned = world.bare().release(&before).release(&after).install(0).edit("old/a.md", MINE).plan();
        planned.at("new/a.md").is(Kind::Move).from("old/a.md").does(write(MINE));
        planned.at("b.md").is(Kind::Unchanged).stays();
        // The very same bytes are another server's all the same.
        planned.at("mcp_server/__main__.py").is(Kind::Remove).does(Remove);
        planned.at("ouroboros/__main__.py").is(Kind::New).does(write(CODE));
    });
}

#[test]
fn what_stays_behind_under_the_old_name_is_not_shipped() {
    each(|world| {
        let mut after = third("dist/universal");
        after.extend([file("a.md", "stale\n"), file("left.md", "stale\n")]);
        let mut second = second();
        second.extend(anchors("universal", 0));
        second.push(file("left.md", "stale\n"));
        let planned = world.bare().release(&second).release(&after).install(0).plan();
        planned.at("a.md").is(Kind::Update).does(write(AWAY));
        planned.at("left.md").is(Kind::Remove).why(&["source removed it"]).does(Remove);
    });
}

#[test]
fn nothing_that_no_installer_put_there_is_called_deleted() {
    for form in FORMS {
        // The first generation: no scripts, no config of the new kind; in the folder of the second, too, into which
        // somebody renamed it by hand.
        for folder in [".agent-os", ".praxis-os"] {
            let world = World::without_baseline().in_folder(folder);
            let planned = across(world, form).delete("scripts").plan();
            planned.at("scripts/x.py").is(Kind::New).does(write("3\n"));
            planned.at("config/mcp.yaml").is(Kind::New);
            planned.at("mcp_server/__main__.py").is(Kind::Remove);
            assert_eq!(planned.plan.summary.stays_deleted, 0, "{:#?}", planned.plan);
            assert_eq!(planned.plan.summary.conflict, 0, "{:#?}", planned.plan);
            let now = if folder == ".agent-os" { "agent-os" } else { "praxis-os" };
            assert_eq!(generations(&planned.plan), (now, "ouroboros"));
        }
    }
}

#[test]
fn a_file_of_ones_own_with_the_name_of_a_script_that_never_came() {
    // Of a folder that was renamed by hand, the name says that scripts were installed. None is there as a release had it.
    let mut second = second();
    second.extend(anchors("universal", 0));
    let world = World::without_baseline().bare().release(&second).release(&third("universal")).install(0);
    let planned = world.edit("scripts/x.py", "mine\n").plan();
    let seen = planned.at("scripts/x.py").is(Kind::Conflict).keep(Nothing).take(write("3\n"));
    seen.why(&["a file of your own stands where the source ships one"]);
}

#[test]
fn what_differs_in_its_form_alone_goes_with_the_old_server() {
    let world = across(World::without_baseline(), FORMS[0]);
    let planned = world.edit("mcp_server/__main__.py", CODE.replace("print(port)", "print( port )")).plan();
    let seen = planned.at("mcp_server/__main__.py").is(Kind::Remove).does(Remove);
    seen.why(&["only formatted differently from {0}; source removed it, and has ouroboros/__main__.py instead"]);
    // Since an upgrade of ours such a change is somebody's.
    let world = across(World::with_baseline(), FORMS[0]);
    let planned = world.edit("mcp_server/__main__.py", CODE.replace("print(port)", "print( port )")).plan();
    planned.at("mcp_server/__main__.py").is(Kind::Conflict);
}

#[test]
fn a_file_of_ones_own_at_the_old_place_of_a_page_that_came_later() {
    let mut first = second();
    first.extend(anchors("universal", 0));
    let mut after = third("dist/universal");
    after.push(file("dist/universal/standards/later.md", BASE));
    // The early places, beside the late ones.
    let world = World::without_baseline().in_folder(".agent-os").bare().release(&first).release(&after).install(0);
    let planned = world.edit("standards/a.md", BASE).edit("standards/later.md", MINE).plan();
    planned.at("standards/a.md").is(Kind::Remove).why(&["a second copy of standards/universal/a.md"]);
    planned.at("later.md").is(Kind::New).does(write(BASE));
    assert!(!planned.paths().contains(&"standards/later.md".to_owned()), "{:?}", planned.paths());
}

#[test]
fn from_the_first_generation_with_its_standards_where_it_had_them() {
    for form in FORMS {
        let mut first = second();
        first.extend(anchors("universal", 0));
        let world = World::without_baseline().in_folder(".agent-os").bare().release(&first).release(&third(form));
        let world = world.install_legacy(0).edit("standards/a.md", MINE).edit("standards/ours.md", "ours\n");
        let planned = world.plan();
        let merged = AWAY.replace("third", "user's");
        planned.at("a.md").is(Kind::AutoMerge).from("standards/a.md").does(write(&merged));
        planned.at("anchors/1.md").is(Kind::Move).from("standards/anchors/1.md");
        assert!(!planned.paths().contains(&"standards/ours.md".to_owned()));
        assert!(planned.plan.files.iter().all(|f| !f.reason.contains("deleted")), "{:#?}", planned.plan);
    }
}

/// Two releases of the third generation, whose template changed, in these forms.
fn within(world: World, forms: [&str; 2]) -> World {
    let template = TEMPLATE.replace("[\"standards/\"]", "[\"standards/\", \"specs/\"]");
    let template = format!("{template}\n# How long it waits.\nwait: 30\n");
    let (mut before, mut after) = (third_at(forms[0], BASE, TEMPLATE), third_at(forms[1], AWAY, &template));
    before.extend(anchors(forms[0], 1));
    after.extend(anchors(forms[1], 2));
    world.bare().release(&second()).release(&before).release(&after).install_third(1)
}

#[test]
fn within_the_third_generation_from_either_form_to_either() {
    for forms in [[FORMS[0], FORMS[0]], [FORMS[0], FORMS[1]], [FORMS[1], FORMS[0]], [FORMS[1], FORMS[1]]] {
        each(|world| {
            let planned = within(world, forms).edit("config/mcp.yaml", TEMPLATE).plan();
            assert_eq!(generations(&planned.plan), ("ouroboros", "ouroboros"));
            assert_eq!(planned.plan.install.release.as_deref(), Some(planned.world.full_id(1)));
            planned.at("a.md").is(Kind::Update).stays().why(&["pristine from {0}"]).does(write(AWAY));
            planned.at("anchors/1.md").is(Kind::Update).stays();
            planned.at("ouroboros/__main__.py").is(Kind::Unchanged);
            assert!(!planned.paths().iter().any(|path| path.starts_with("mcp_server")), "it was never there");
            let summary = &planned.plan.summary;
            assert_eq!((summary.new, summary.remove, summary.stays_deleted), (0, 0, 0), "{:#?}", planned.plan);
        });
        each(|world| {
            let planned = within(world, forms).edit("a.md", SAME_LINE).edit("config/mcp.yaml", TEMPLATE).plan();
            planned.at("a.md").is(Kind::AutoMerge).why(&["you edited this since {1}"]);
        });
    }
}

#[test]
fn the_config_is_merged_by_key_against_the_template_that_the_user_started_from() {
    each(|world| {
        let mine = TEMPLATE.replace("[\"src/\"]", "[\"lib/\", \"app/\"]  # ours");
        let planned = within(world, [FORMS[1], FORMS[0]]).edit("config/mcp.yaml", &mine).plan();
        let seen = planned.at("config/mcp.yaml").is(Kind::AutoMerge).why(&[
            "merged key by key",
            "since {1}",
            "indexes.standards.source_paths",
            "wait",
        ]);
        let merged =
            mine.replace("[\"standards/\"]", "[\"standards/\", \"specs/\"]") + "\n# How long it waits.\nwait: 30\n";
        seen.does(write(&merged));
    });
}

#[test]
fn a_config_that_the_server_needs_comes_back() {
    each(|world| {
        let planned = within(world, [FORMS[0], FORMS[0]]).plan();
        planned.at("config/mcp.yaml").is(Kind::New).why(&["does not start without it"]);
    });
}

#[test]
fn what_is_left_of_the_older_server_goes() {
    let world = within(World::without_baseline(), [FORMS[0], FORMS[0]]).edit("config/mcp.yaml", TEMPLATE);
    let planned = world.edit("mcp_server/__main__.py", CODE).edit("mcp_server/mine.py", "mine\n").plan();
    planned.at("mcp_server/__main__.py").is(Kind::Remove).does(Remove);
    assert!(!planned.paths().contains(&"mcp_server/mine.py".to_owned()));
    assert!(!planned.plan.files.iter().any(|f| f.kind == Kind::StaysDeleted || f.reason.contains("deleted")));
}

#[test]
fn sessions_and_workspaces_are_the_users() {
    let world = within(World::without_baseline(), [FORMS[0], FORMS[0]]).edit("config/mcp.yaml", TEMPLATE);
    let planned = world.edit("state/workflow/active/1.json", "{}").edit("workspace/a.md", BASE).plan();
    let paths = planned.paths();
    assert!(!paths.iter().any(|path| path.starts_with("state") || path.starts_with("workspace")), "{paths:?}");
}

#[test]
fn back_to_an_earlier_generation_is_a_downgrade() {
    for form in FORMS {
        each(|world| {
            let world = within(world, [form, form]).edit("config/mcp.yaml", TEMPLATE);
            let planned = world.plan();
            let downgrade = |commit: &str| {
                let source = Source::open(planned.source.repo.path(), Some(commit)).unwrap();
                make_plan(&source, &planned.world.folder()).unwrap().downgrade
            };
            let said = downgrade(planned.world.full_id(0)).unwrap();
            assert!(said.contains("generation ouroboros, which came after praxis-os"), "{said}");
            assert_eq!(downgrade(planned.world.full_id(2)), None);
            assert_eq!(downgrade(planned.world.full_id(1)), None);
        });
    }
}
