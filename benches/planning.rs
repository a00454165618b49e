//! Plans, as whole processes, against what git takes to read the same.

use std::cell::LazyCell;
use std::process::Command;

use crate::plain_tools::{git_hash, git_log, git_status, run};
use crate::ratios::{Amount, Goal, Report};
use crate::worlds::{Size, World};

/// Plans of all sizes, of a long history, and of an install that is as its baseline says.
pub fn measure(report: &Report) {
    for files in [350, 2_000, 20_000, 100_000] {
        let world = LazyCell::new(|| World::new(Size { files, commits: 40, changed: files / 10 }));
        let theirs = || git_status(&world.source) + git_log(&world.source) + git_hash(&world.install);
        report.compare(&sized(files), Goal::Ratio(1.5), || run(&mut plan(&world)), theirs);
        if files == 100_000 && report.milliseconds(&sized(files)).is_some() {
            let name = "memory of that plan, at its peak".to_owned();
            report.amount(Amount { name, megabytes: peak(&plan(&world)), goal: 150.0 });
        }
    }
    let growth = [(2_000, 20_000), (20_000, 100_000)];
    for (small, large) in growth {
        if let (Some(before), Some(after)) = (report.milliseconds(&sized(small)), report.milliseconds(&sized(large))) {
            let per_file = after / before / (large as f64 / small as f64);
            report.line(format!(
                "plan, {small} to {large} files: {per_file:.2} times as long for each file (1 is linear)"
            ));
        }
    }
    let world = LazyCell::new(|| World::new(Size { files: 350, commits: 5_000, changed: 35 }));
    let log = || git_log(&world.source);
    report.compare("plan, 350 files, 5000 commits, against the log", Goal::Ratio(1.3), || run(&mut plan(&world)), log);
    let world = LazyCell::new(|| {
        let world = World::new(Size { files: 20_000, commits: 40, changed: 2_000 });
        let mut upgrade = world.program();
        run(upgrade
            .args(["upgrade", "--yes", "--only", "content", "--source"])
            .arg(&world.source)
            .arg("--project")
            .arg(&world.project));
        run(&mut plan(&world));
        world
    });
    let status = || git_status(&world.source);
    report.compare("plan, 20000 files as the baseline says", Goal::Ratio(1.3), || run(&mut plan(&world)), status);
}

fn sized(files: usize) -> String {
    format!("plan, {files} files, 40 commits")
}

fn plan(world: &World) -> Command {
    let mut command = world.program();
    command.args(["plan", "--json", "--source"]).arg(&world.source).arg("--project").arg(&world.project);
    command
}

/// The largest memory of a process or of one that it started, in megabytes.
fn peak(command: &Command) -> f64 {
    let ask = "import resource,subprocess,sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True); \
               print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
    let mut python = Command::new("python3");
    python.args(["-c", ask]).arg(command.get_program()).args(command.get_args());
    let said = python.output().unwrap();
    String::from_utf8(said.stdout).unwrap().trim().parse::<f64>().unwrap() / 1e3
}
