//! Everything that is measured, in one report: `cargo bench`. A name behind `--` measures those figures alone whose names have
//! it. How long a thing takes is for a quiet
//! machine to say; with `POS_RECORDED` set, a ratio of more than twice what `benches/recorded.tsv` has is a failure.
#![allow(clippy::unwrap_used, missing_docs)]

mod applying;
mod conflict_screen;
mod plain_tools;
mod planning;
mod ratios;
mod starting;
mod wizard;
mod worlds;

use ratios::Report;

fn main() {
    let report = Report::new();
    starting::measure(&report);
    planning::measure(&report);
    applying::measure(&report);
    wizard::measure(&report);
    conflict_screen::measure(&report);
    report.print();
    if !report.is_as_recorded() {
        std::process::exit(1);
    }
}
