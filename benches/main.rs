//! Everything that is measured, in one report: `cargo bench`. A name behind `--` measures those figures alone whose names have
//! it. Judges nothing but by words: how long a thing takes is for a quiet machine to say.
#![allow(clippy::unwrap_used, missing_docs)]

mod applying;
mod conflict_screen;
mod plain_tools;
mod planning;
mod ratios;
mod starting;
mod worlds;

use ratios::Report;

fn main() {
    let report = Report::new();
    starting::measure(&report);
    planning::measure(&report);
    applying::measure(&report);
    conflict_screen::measure(&report);
    report.print();
}
