//! Killed at each point where pip, a check of packages or a step after installation starts or ends: whoever comes next ends
//! what was left. One part of the points each day; `POS_SHARD=all` all of them.

use std::collections::BTreeMap;

use crate::common::ext::left_behind;
use crate::common::text;
use crate::dependencies::post_install::playwright;
use crate::dependencies::world::World;

/// A release that needs a package and a step after its installation.
fn world() -> World {
    let world = World::new();
    let (works, _) = playwright(&world);
    std::fs::write(works, "").unwrap();
    world
}

#[test]
fn killed_while_packages_are_installed() {
    let first = world();
    let log = first.sandbox.path().join("points.log");
    let mut command = first.command(&["upgrade", "--yes"]);
    let output = command.arg("--source").arg(&first.demo.source).env("POS_CRASH_LOG", &log).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    assert!(left_behind(&first.sandbox, &first.demo.install).is_empty());
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    let log = std::fs::read_to_string(log).unwrap();
    let points: Vec<String> = log
        .lines()
        .filter(|line| line.starts_with("child."))
        .map(|line| {
            let time = times.entry(line.to_owned()).or_default();
            *time += 1;
            format!("{line} {time}")
        })
        .collect();
    // pip asked, installing, freezing, checking; imports; the step and its check; the server.
    assert!(times["child.start after"] >= 6, "{points:?}");
    let all = std::env::var("POS_SHARD").is_ok_and(|s| s == "all");
    let today = usize::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() / 86_400).unwrap();
    let (mut cases, mut left) = (0, 0);
    for (number, point) in points.iter().enumerate().filter(|(n, _)| all || (n + today) % 5 == 0) {
        let world = world();
        let mut command = world.command(&["upgrade", "--yes"]);
        let output = command.arg("--source").arg(&world.demo.source).env("POS_CRASH_AT", point).output().unwrap();
        assert_eq!(output.status.code(), None, "it was to die at {point}: {}", text(&output).1);
        left += left_behind(&world.sandbox, &world.demo.install).len();
        let way: &[&str] = if number % 2 == 0 { &["resume"] } else { &["rollback", "--yes"] };
        let (code, said) = text(&world.command(way).output().unwrap());
        assert_eq!(code, 0, "{way:?} after {point}: {said}");
        let now = left_behind(&world.sandbox, &world.demo.install);
        assert!(now.is_empty(), "{way:?} after {point}: {now:?}\n{said}");
        if way[0] == "rollback" {
            world.assert_as_before();
        }
        cases += 1;
    }
    println!("{cases} kills of {} points of programs, {left} processes were left, 0 afterwards", points.len());
}
