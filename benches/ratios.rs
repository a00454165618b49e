//! A figure is a ratio: what this program takes, to what plain tools take for the same, both measured by criterion in one run.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use criterion::{Bencher, Criterion, SamplingMode};

/// What a figure must come to.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    /// At most so many times what plain tools take.
    Ratio(f64),
    /// At most so many milliseconds, on a quiet machine.
    Milliseconds(f64),
}

/// What was measured without a clock.
pub struct Amount {
    /// What of.
    pub name: String,
    /// How much, in megabytes.
    pub megabytes: f64,
    /// At most so much.
    pub goal: f64,
}

/// All figures of a run.
pub struct Report {
    criterion: RefCell<Criterion>,
    folder: tempfile::TempDir,
    figures: RefCell<Vec<(String, Goal)>>,
    amounts: RefCell<Vec<Amount>>,
    lines: RefCell<Vec<String>>,
    /// What is behind `--`.
    only: Option<String>,
}

/// A median with the ends of its 95 % confidence interval, in nanoseconds.
#[derive(Debug, Clone, Copy)]
struct Median {
    low: f64,
    point: f64,
    high: f64,
}

const OURS: &str = "pos-upgrade-tui";
const THEIRS: &str = "plain tools";

impl Report {
    /// Takes criterion's arguments: a name as a filter among them.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let criterion = Criterion::default()
            .output_directory(folder.path())
            .sample_size(10)
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(2))
            .configure_from_args();
        Self {
            criterion: RefCell::new(criterion),
            folder,
            figures: RefCell::default(),
            amounts: RefCell::default(),
            lines: RefCell::default(),
            only: std::env::args().skip(1).find(|word| !word.starts_with('-')),
        }
    }

    /// Measures two works against each other. Each gives the time that counts of one run.
    pub fn compare(
        &self,
        name: &str,
        goal: Goal,
        mut ours: impl FnMut() -> Duration,
        mut theirs: impl FnMut() -> Duration,
    ) {
        let mut criterion = self.criterion.borrow_mut();
        let mut group = criterion.benchmark_group(name);
        group.sampling_mode(SamplingMode::Flat);
        group.bench_function(OURS, |bencher| times(bencher, &mut ours));
        group.bench_function(THEIRS, |bencher| times(bencher, &mut theirs));
        group.finish();
        self.figures.borrow_mut().push((name.to_owned(), goal));
    }

    /// Whether a figure with this name is asked for, where criterion isn't asked.
    pub fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.contains(only))
    }

    /// Whether each ratio that was measured is at most twice what is recorded; says so where it is not. Without `POS_RECORDED`
    /// nobody asks.
    pub fn is_as_recorded(&self) -> bool {
        let recorded = include_str!("recorded.tsv").lines().filter_map(|line| line.split_once('\t'));
        let recorded: Vec<(&str, f64)> = recorded.map(|(name, ratio)| (name, ratio.parse().unwrap())).collect();
        let worse = |(name, before): &&(&str, f64)| self.ratio(name).is_some_and(|now| now > 2.0 * before);
        let worse: Vec<_> =
            recorded.iter().filter(|_| std::env::var_os("POS_RECORDED").is_some()).filter(worse).collect();
        for (name, before) in &worse {
            println!("{name}: {:.2}, more than twice the {before:.2} that is recorded", self.ratio(name).unwrap());
        }
        worse.is_empty()
    }

    fn ratio(&self, name: &str) -> Option<f64> {
        Some(self.median(name, OURS)?.point / self.median(name, THEIRS)?.point)
    }

    /// Notes what no clock measures.
    pub fn amount(&self, amount: Amount) {
        self.amounts.borrow_mut().push(amount);
    }

    /// Notes what is told in words.
    pub fn line(&self, line: String) {
        self.lines.borrow_mut().push(line);
    }

    /// The median of a figure's own side, in milliseconds; none if it was not measured.
    pub fn milliseconds(&self, name: &str) -> Option<f64> {
        self.median(name, OURS).map(|median| median.point / 1e6)
    }

    /// Prints the table.
    pub fn print(&self) {
        println!("\n{:<52} {:>11} {:>11}  {:>5}  {:<13} {:>10}", "", "ours", "plain tools", "ratio", "spread", "goal");
        for (name, goal) in self.figures.borrow().iter() {
            let (Some(ours), Some(theirs)) = (self.median(name, OURS), self.median(name, THEIRS)) else { continue };
            let ratio = ours.point / theirs.point;
            let (low, high) = (ours.low / theirs.high, ours.high / theirs.low);
            let (met, goal) = match goal {
                Goal::Ratio(most) => (ratio <= *most, format!("{most:.2}")),
                Goal::Milliseconds(most) => (ours.point / 1e6 <= *most, format!("{most} ms")),
            };
            let (ours, theirs) = (ours.shown(), theirs.shown());
            let spread = format!("{low:.2} to {high:.2}");
            let told = if met { "" } else { "  missed" };
            println!("{name:<52} {ours:>11} {theirs:>11}  {ratio:>5.2}  {spread:<13} {goal:>10}{told}");
        }
        for Amount { name, megabytes, goal } in self.amounts.borrow().iter() {
            let told = if megabytes <= goal { "" } else { "  missed" };
            println!("{name:<52} {megabytes:>8.1} MB {:>45}{told}", format!("{goal} MB"));
        }
        self.lines.borrow().iter().for_each(|line| println!("{line}"));
    }

    fn median(&self, name: &str, function: &str) -> Option<Median> {
        let folder = self.folder.path().join(file_name(name)).join(file_name(function));
        let text = std::fs::read_to_string(folder.join("new/estimates.json")).ok()?;
        let estimates: serde_json::Value = serde_json::from_str(&text).unwrap();
        let median = &estimates["median"];
        let interval = &median["confidence_interval"];
        Some(Median {
            low: interval["lower_bound"].as_f64()?,
            point: median["point_estimate"].as_f64()?,
            high: interval["upper_bound"].as_f64()?,
        })
    }
}

impl Median {
    fn shown(self) -> String {
        match self.point / 1e6 {
            ms @ ..1.0 => format!("{:.0} us", ms * 1e3),
            ms @ ..1_000.0 => format!("{ms:.1} ms"),
            ms => format!("{:.2} s", ms / 1e3),
        }
    }
}

/// As criterion names folders.
fn file_name(name: &str) -> PathBuf {
    Path::new(&name.replace(['?', '"', '/', '\\', '*', '<', '>', ':', '|', '^'], "_")).to_owned()
}

fn times(bencher: &mut Bencher<'_>, work: &mut impl FnMut() -> Duration) {
    bencher.iter_custom(|turns| (0..turns).map(|_| work()).sum());
}

/// How long a work takes.
pub fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let begun = Instant::now();
    std::hint::black_box(work());
    begun.elapsed()
}
