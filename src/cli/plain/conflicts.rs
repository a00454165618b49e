//! Conflicts, asked one after the other and place by place.

use tokio::sync::mpsc;

use crate::cli::plain::person::Person;
use crate::cli::plain::telling;
use crate::core::conflict_list::lines_before;
use crate::core::merge::{Choice, Merge, Region};
use crate::core::offer::{Offer, offers};
use crate::core::outcome::merge_of;
use crate::core::section::of_hunks;
use crate::core::session::Decision;
use crate::engine::events::{Command, ConflictFile, Event};
use crate::engine::executor::Handle;

/// What is chosen for a file.
enum Chosen {
    Decided(Decision),
    /// The places, one by one.
    Places,
    /// All lines of both.
    Hear,
}

/// Asks about every conflict that is open, says each answer at once, and at the end that all is said. Where nobody answers
/// any more, the session is paused.
pub(super) async fn settle(person: &mut Person, handle: &mut Handle, files: &[ConflictFile]) {
    let open: Vec<&ConflictFile> = files.iter().filter(|file| !file.answered).collect();
    let settled = files.len() - open.len();
    match (files.len(), settled) {
        (1, 0) => say!("1 conflict waits for you."),
        (all, 0) => say!("{all} conflicts wait for you."),
        (all, settled) => say!("{settled} of {all} conflicts are settled already."),
    }
    for (at, file) in open.iter().enumerate() {
        if !one(person, handle, file, (settled + at + 1, files.len())).await {
            return pause(&handle.commands).await;
        }
    }
    loop {
        let mut choices = vec!["Apply the upgrade".to_owned(), "Stop here. What you answered is kept".to_owned()];
        choices.extend(files.iter().map(|file| format!("Answer {} again", file.path)));
        match person.choose("All conflicts are settled. What now?", &choices).await {
            Some(0) => {
                let _ = handle.commands.send(Command::Finish(Vec::new())).await;
                return;
            }
            Some(again) if again >= 2 => {
                let Some(file) = files.get(again - 2) else { continue };
                if !one(person, handle, file, (again - 1, files.len())).await {
                    return pause(&handle.commands).await;
                }
            }
            _ => return pause(&handle.commands).await,
        }
    }
}

async fn pause(commands: &mpsc::Sender<Command>) {
    let _ = commands.send(Command::Pause).await;
}

/// Asks about one file until the engine has an answer that it can carry out. False where nobody answers any more.
async fn one(person: &mut Person, handle: &mut Handle, file: &ConflictFile, (number, of): (usize, usize)) -> bool {
    say!("");
    say!("Conflict {number} of {of}: {}.", file.path);
    say!("Why: {}.", file.reason);
    loop {
        let Some(decision) = decision(person, file).await else { return false };
        if handle.commands.send(Command::Decide(vec![(file.path.clone(), decision.clone())])).await.is_err() {
            return false;
        }
        match answer(handle, file, &decision).await {
            Some(Ok(())) => {
                say!("Noted.");
                return true;
            }
            Some(Err(problem)) => say!("That can't stand: {problem}. Nothing is noted for this file."),
            None => return false,
        }
    }
}

/// What the engine says of a decision: it stands, or why not. None where the engine has ended.
async fn answer(handle: &mut Handle, file: &ConflictFile, decided: &Decision) -> Option<Result<(), String>> {
    loop {
        match handle.events.recv().await? {
            Event::Answered { path, answer } if path == file.path && answer == *decided => return Some(Ok(())),
            Event::AnswerRefused { path, problem, .. } if path == file.path => return Some(Err(problem)),
            Event::Finished(_) => return None,
            _ => {}
        }
    }
}

/// Asks until something is decided. None where nobody answers any more.
async fn decision(person: &mut Person, file: &ConflictFile) -> Option<Decision> {
    let merge = merge_of(&file.path, &file.sides()).filter(|merge| merge.conflicts() > 0);
    loop {
        match chosen(person, file, merge.as_ref()).await? {
            Chosen::Decided(decision) => return Some(decision),
            Chosen::Hear => {
                let sides = file.sides();
                telling::lines("Yours", sides.mine.as_deref().unwrap_or_default(), 0, true);
                telling::lines("The release's", sides.theirs.as_deref().unwrap_or_default(), 0, true);
            }
            Chosen::Places => {
                let Some(merge) = &merge else { continue };
                if let Some(choices) = places(person, file, merge).await? {
                    return Some(Decision::Merge(choices));
                }
            }
        }
    }
}

async fn chosen(person: &mut Person, file: &ConflictFile, merge: Option<&Merge>) -> Option<Chosen> {
    let mut ways = vec![
        match file.mine {
            Some(_) => ("Keep yours", Chosen::Decided(Decision::Keep)),
            None => ("Leave it deleted", Chosen::Decided(Decision::Keep)),
        },
        match file.theirs {
            Some(_) => ("Take the release's", Chosen::Decided(Decision::Take)),
            None => ("Remove it, as the release does", Chosen::Decided(Decision::Take)),
        },
    ];
    let places = merge.map(|merge| match merge.conflicts() {
        1 => "Decide about the place that both changed".to_owned(),
        many => format!("Decide about each of the {many} places that both changed"),
    });
    if let Some(places) = &places {
        ways.push((places, Chosen::Places));
    }
    ways.push(("Put it off. Yours stays, and the release's is kept for another day", Chosen::Decided(Decision::Park)));
    ways.push(("Hear both, line by line", Chosen::Hear));
    let labels: Vec<String> = ways.iter().map(|(label, _)| (*label).to_owned()).collect();
    let at = person.choose(&format!("What becomes of {}?", file.path), &labels).await?;
    ways.into_iter().nth(at).map(|(_, chosen)| chosen)
}

/// A choice for each place. The inner none is for whoever wants to choose for the whole file after all.
async fn places(person: &mut Person, file: &ConflictFile, merge: &Merge) -> Option<Option<Vec<Option<Choice>>>> {
    let offers = offers(&file.path, merge);
    let sections = of_hunks(&file.path, merge);
    let mut choices = Vec::new();
    for ((at, region), section) in merge.overlaps().enumerate().zip(&sections) {
        let offer = offers.get(at).and_then(Option::as_ref);
        let stands = section.as_ref().map(|section| format!(", in {section}")).unwrap_or_default();
        let name = format!("Place {} of {}{stands}.", at + 1, merge.conflicts());
        match place(person, merge, region, offer, &name).await? {
            Some(choice) => choices.push(Some(choice)),
            None => return Some(None),
        }
    }
    Some(Some(choices))
}

async fn place(
    person: &mut Person,
    merge: &Merge,
    region: &Region,
    offer: Option<&Offer>,
    name: &str,
) -> Option<Option<Choice>> {
    let mut all = false;
    loop {
        say!("");
        say!("{name}");
        let is_cut = tell(merge, region, all);
        if let Some(offer) = offer {
            telling::lines(&format!("Both together, because {}", offer.reason), offer.shown(), 0, true);
        }
        let mut ways = vec![
            ("Yours", Some(Choice::Mine)),
            ("The release's", Some(Choice::Theirs)),
            ("Yours, then the release's", Some(Choice::Both)),
            ("As it was before either changed it", Some(Choice::Base)),
        ];
        if let Some(offer) = offer {
            ways.push(("Both together, as it was said", Some(offer.choice())));
        }
        ways.push(("Back to the whole file", None));
        let mut labels: Vec<String> = ways.iter().map(|(label, _)| (*label).to_owned()).collect();
        if is_cut {
            labels.push("Hear all lines".to_owned());
        }
        let at = person.choose("Which lines stand there?", &labels).await?;
        match ways.into_iter().nth(at) {
            Some((_, choice)) => return Some(choice),
            None => all = true,
        }
    }
}

/// The lines of a place: as they were, and what each made of them. Whether some were left out.
fn tell(merge: &Merge, region: &Region, all: bool) -> bool {
    let [base, mine, theirs] = merge.texts();
    let sides = merge.sides(region);
    let parts = [
        ("Before", sides.base, lines_before(base, region.base.start)),
        ("Yours", sides.mine, lines_before(mine, region.mine.start)),
        ("The release's", sides.theirs, lines_before(theirs, region.theirs.start)),
    ];
    // Each is said, whatever was left out of the one before.
    parts.map(|(whose, text, at)| telling::lines(whose, text, at, all)).contains(&true)
}
