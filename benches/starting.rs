//! What people wait for first: the program's own start. And what it is: how much of a disk, and of the memory.

use std::cell::LazyCell;

use crate::plain_tools::run;
use crate::ratios::{Amount, Goal, Report, timed};
use crate::worlds::{Size, World, git, path_of_program};

/// Starts, and the size of the program.
pub fn measure(report: &Report) {
    let world = LazyCell::new(|| World::new(Size { files: 350, commits: 40, changed: 35 }));
    let of_git = |arguments: &[&str]| timed(|| git(&world.source, arguments));
    report.compare(
        "--version",
        Goal::Milliseconds(5.0),
        || run(world.program().arg("--version")),
        || of_git(&["--version"]),
    );
    report.compare(
        "status of an install",
        Goal::Milliseconds(20.0),
        || run(world.program().args(["status", "--project"]).arg(&world.project)),
        || of_git(&["status", "--porcelain"]),
    );
    let size = path_of_program().metadata().unwrap().len();
    report.amount(Amount { name: "the program on disk".to_owned(), megabytes: size as f64 / 1e6, goal: 10.0 });
}
