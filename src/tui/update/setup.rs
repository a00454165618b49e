//! The setup screen: the source's path while it is typed, folders to choose from, options.

use std::path::PathBuf;

use super::navigation::{scrolled, show};
use crate::core::exit::Exit;
use crate::engine::planning::sources::{Candidate, Fetchable, Found, Standing};
use crate::host::git::address;
use crate::tui::keymap::Action;
use crate::tui::message::{Effect, Look};
use crate::tui::model::{Model, Screen};
use crate::tui::setup::{Choice, Field, Looked, Setup, Spot, as_typed};
use crate::tui::view;

/// Shows the screen for what is launched now.
pub(super) fn open(model: &mut Model, spot: Spot) -> Vec<Effect> {
    model.setup = Some(Box::new(Setup::new(&model.launch, spot, model.home.as_deref())));
    show(model, Screen::Setup);
    let mut effects = vec![Effect::Offer];
    effects.extend(look(model, true));
    effects
}

/// Inspects, or asks for the source first.
pub(crate) fn check(model: &mut Model) -> Vec<Effect> {
    match model.launch.request() {
        // It is shown before anything of it is looked at.
        Some(_) if model.launch.source.is_some() && model.launch.foreign_source == model.launch.source => {
            open(model, Spot::Source)
        }
        Some(request) => {
            show(model, Screen::Checking);
            vec![Effect::Inspect(Box::new(request))]
        }
        None => open(model, Spot::Source),
    }
}

/// Whether there is a plan to go back to.
pub(super) fn has_preview(model: &Model) -> bool {
    model.problems.is_empty() && model.preview.as_ref().is_some_and(|p| p.inspection.plan.is_some())
}

fn look(model: &Model, at_once: bool) -> Option<Effect> {
    let setup = model.setup.as_ref()?;
    let typed = setup.field.text().to_owned();
    let mut launch = setup.draft.clone();
    launch.source = Some(setup.path());
    let request = launch.request().filter(|_| !typed.trim().is_empty())?;
    Some(Effect::Look(Box::new(Look { typed, request, at_once })))
}

/// Takes in what was found. The row that the cursor is at stays where it is, as far as there is something to scroll.
fn steadily(model: &mut Model, take_in: impl FnOnce(&mut Model) -> Vec<Effect>) -> Vec<Effect> {
    let before = view::setup_rows(model).start;
    let effects = take_in(model);
    if model.screen == Screen::Setup {
        model.scroll = (model.scroll + view::setup_rows(model).start).saturating_sub(before);
        moved(model);
    }
    effects
}

/// What may be meant has been found: the likeliest is put into an empty field.
pub(super) fn offered(model: &mut Model, candidates: Vec<Candidate>) -> Vec<Effect> {
    steadily(model, |model| take_offers_in(model, candidates))
}

fn take_offers_in(model: &mut Model, candidates: Vec<Candidate>) -> Vec<Effect> {
    let Some(setup) = &mut model.setup else { return vec![] };
    let likely = candidates
        .iter()
        .find(|c| c.is_source && (c.recent || !address::is_address(&c.path)))
        .map(|c| as_typed(&c.path, model.home.as_deref()));
    setup.candidates = candidates;
    let effect = match likely {
        Some(path) if setup.field.text().is_empty() => {
            setup.field = Field::offered(path);
            look(model, true)
        }
        _ => None,
    };
    if let Some(setup) = &mut model.setup {
        setup.offer();
    }
    effect.into_iter().collect()
}

pub(super) fn looked(model: &mut Model, looked: Looked) -> Vec<Effect> {
    let Some(setup) = &mut model.setup else { return vec![] };
    if looked.typed != setup.field.text() {
        return vec![];
    }
    steadily(model, |model| {
        let Some(setup) = &mut model.setup else { return vec![] };
        setup.looked = Some(looked);
        if setup.completing {
            return complete(model);
        }
        setup.offer();
        vec![]
    })
}

/// Fetches the address in the field, or takes what was fetched before where nothing may be fetched: then it must have been
/// looked at.
fn fetch(model: &mut Model, address: Option<&Fetchable>) -> Vec<Effect> {
    let Some(setup) = &mut model.setup else { return vec![] };
    setup.spot = Spot::Source;
    if setup.fetching.is_some() {
        model.status = Some("It is being fetched; Esc gives it up.".to_owned());
        return vec![];
    }
    if !setup.draft.offline {
        (setup.fetching, setup.unfetched, setup.field.whole) = (Some(String::new()), None, false);
        setup.offer();
        return vec![Effect::Fetch { typed: setup.field.text().to_owned(), address: setup.path() }];
    }
    let why = match address.map(|known| &known.fetched) {
        Some(Some((clone, _))) => return take(model, clone.clone()),
        Some(None) => "It was never fetched here, and --offline fetches nothing.",
        None => "It is looked at; press Enter again.",
    };
    model.status = Some(why.to_owned());
    vec![]
}

/// What git says meanwhile.
pub(super) fn fetching(model: &mut Model, line: String) -> Vec<Effect> {
    if let Some(now) = model.setup.as_mut().and_then(|setup| setup.fetching.as_mut()) {
        *now = line;
    }
    vec![]
}

/// It was fetched, or couldn't be. One that was given up meanwhile says nothing.
pub(super) fn fetched(model: &mut Model, typed: &str, result: Result<PathBuf, String>) -> Vec<Effect> {
    let is_awaited = |s: &&mut Box<Setup>| s.fetching.is_some() && s.field.text() == typed;
    let Some(setup) = model.setup.as_mut().filter(is_awaited) else { return vec![] };
    setup.fetching = None;
    match result {
        Ok(clone) => take(model, clone),
        Err(why) => steadily(model, |model| {
            if let Some(setup) = &mut model.setup {
                setup.unfetched = Some((typed.to_owned(), why));
                setup.offer();
            }
            vec![]
        }),
    }
}

/// Gives up what is being fetched.
fn give_up(model: &mut Model) -> Option<Effect> {
    model.setup.as_mut()?.fetching.take().map(|_| Effect::StopFetching)
}

/// How the install stands, seen from the source that was typed like this.
pub(super) fn stood(model: &mut Model, typed: String, standing: Result<Standing, String>) -> Vec<Effect> {
    steadily(model, |model| {
        if let Some(setup) = &mut model.setup {
            setup.standing = Some((typed, standing));
        }
        vec![]
    })
}

fn complete(model: &mut Model) -> Vec<Effect> {
    let Some(setup) = &mut model.setup else { return vec![] };
    let before = setup.field.text().to_owned();
    let said = setup.complete();
    let moved = setup.field.text() != before;
    model.status = said;
    if moved { changed(model) } else { vec![] }
}

pub(super) fn typed(model: &mut Model, text: &str) -> Vec<Effect> {
    let Some(setup) = &mut model.setup else { return vec![] };
    setup.field.insert(text);
    changed(model)
}

/// The path is another one: what was found for the old one no longer counts.
fn changed(model: &mut Model) -> Vec<Effect> {
    if let Some(setup) = &mut model.setup {
        setup.spot = Spot::Source;
        setup.offer();
    }
    let stopped = give_up(model);
    stopped.into_iter().chain(look(model, false)).collect()
}

pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let has_preview = has_preview(model);
    let Some(setup) = model.setup.as_mut().filter(|_| model.screen == Screen::Setup) else {
        return if matches!(action, Action::Leave | Action::Back) { leave(model) } else { vec![] };
    };
    let in_text = matches!(setup.spot, Spot::Source | Spot::Offer(_));
    match (action, setup.spot) {
        (Action::Accept | Action::NextTab, Spot::Offer(i)) => {
            setup.take(i);
            setup.offer();
            moved(model);
            let stopped = give_up(model);
            stopped.into_iter().chain(look(model, true)).collect()
        }
        (Action::Accept, _) => accept(model),
        (Action::Leave, _) => leave(model),
        (Action::Again, _) => {
            setup.spot = Spot::Source;
            accept(model)
        }
        (Action::Back, _) if setup.fetching.is_some() => {
            model.status = Some("Given up; what was fetched before is as it was.".to_owned());
            give_up(model).into_iter().collect()
        }
        (Action::Back, Spot::Offer(_)) => to_spot(model, Spot::Source),
        (Action::Back, _) if has_preview => {
            show(model, Screen::Preview);
            vec![]
        }
        (Action::Back, Spot::Source) => {
            model.status = Some("There is nothing to go back to; Ctrl-c leaves.".to_owned());
            vec![]
        }
        (Action::Back, _) => to_spot(model, Spot::Source),
        (Action::NextTab, _) => complete(model),
        (Action::Up | Action::Down, spot) => {
            let spots = spots(model);
            let at = spots.iter().position(|s| *s == spot).unwrap_or(0);
            let to = if action == Action::Down { (at + 1).min(spots.len() - 1) } else { at.saturating_sub(1) };
            to_spot(model, spots.get(to).copied().unwrap_or(Spot::Source))
        }
        (Action::Erase | Action::EraseNext | Action::ErasePart | Action::EraseAll, _) => {
            match action {
                Action::Erase => setup.field.erase(),
                Action::EraseNext => setup.field.erase_next(),
                Action::ErasePart => setup.field.erase_part(),
                _ => setup.field.clear(),
            }
            changed(model)
        }
        (Action::Left | Action::Right, _) if in_text => {
            setup.spot = Spot::Source;
            setup.field.step(action == Action::Right);
            vec![]
        }
        (Action::Top | Action::Bottom, _) if in_text => {
            setup.spot = Spot::Source;
            setup.field.jump(action == Action::Bottom);
            vec![]
        }
        // What is said above of the outcome may become longer.
        (Action::Toggle | Action::Left | Action::Right, Spot::Option(choice)) => steadily(model, |model| {
            if let Some(setup) = &mut model.setup {
                choice.change(&mut setup.draft, action != Action::Left);
            }
            // What the install is compared with depends on the part.
            if choice == Choice::Part { look(model, true).into_iter().collect() } else { vec![] }
        }),
        (Action::Save, Spot::Option(choice)) => match choice.setting(&setup.draft) {
            Some((key, value)) => vec![Effect::SaveOption(key, value)],
            None => {
                model.status = Some("This one is decided anew for each upgrade: it can't be saved.".to_owned());
                vec![]
            }
        },
        (other, _) => {
            let (rows, page) = view::body_rows(model);
            model.scroll = scrolled(model.scroll, other, rows, page);
            vec![]
        }
    }
}

pub(super) fn option_saved(model: &mut Model, saved: Result<PathBuf, String>) -> Vec<Effect> {
    model.status = Some(match saved {
        Ok(path) => {
            format!("Saved: {} (a project's own come first)", model.tilde_path(&path))
        }
        Err(why) => why,
    });
    vec![]
}

/// A row was clicked: the cursor goes there, and an option that it is at already is changed.
pub(super) fn clicked(model: &mut Model, spot: Spot) -> Vec<Effect> {
    let Some(setup) = &mut model.setup else { return vec![] };
    if setup.spot == spot {
        return if matches!(spot, Spot::Option(_)) { act(model, Action::Toggle) } else { vec![] };
    }
    setup.spot = spot;
    setup.offer();
    // It can be seen: nothing moves but what is not there any more.
    let (rows, page) = view::body_rows(model);
    model.scroll = model.scroll.min(rows.saturating_sub(page));
    vec![]
}

/// Where the cursor can be, from top to bottom.
pub(super) fn spots(model: &Model) -> Vec<Spot> {
    let offers = model.setup.as_ref().map_or(0, |s| s.offers.len());
    let install = model.problems.iter().any(|p| p.about == crate::engine::refusal::About::Install);
    std::iter::once(Spot::Source)
        .chain((0..offers).map(Spot::Offer))
        .chain(install.then_some(Spot::Install))
        .chain(view::choices(model).map(Spot::Option))
        .collect()
}

/// Moves the cursor. An offer that it only passes by is none that was chosen.
fn to_spot(model: &mut Model, spot: Spot) -> Vec<Effect> {
    let Some(setup) = &mut model.setup else { return vec![] };
    setup.spot = spot;
    setup.offer();
    moved(model)
}

/// Scrolls so that what the cursor is at can be seen.
fn moved(model: &mut Model) -> Vec<Effect> {
    let (rows, page) = view::body_rows(model);
    let at = view::setup_rows(model);
    let end = rows.saturating_sub(page);
    if at.start < model.scroll {
        model.scroll = at.start;
    } else if at.end > model.scroll + page {
        model.scroll = at.start.min(at.end.saturating_sub(page));
    }
    // The heading belongs to what comes first.
    if at.start <= 4 && at.end <= page {
        model.scroll = 0;
    }
    model.scroll = model.scroll.min(end);
    vec![]
}

fn accept(model: &mut Model) -> Vec<Effect> {
    let Some(setup) = &mut model.setup else { return vec![] };
    let typed = setup.field.text().trim().to_owned();
    if typed.is_empty() {
        setup.spot = Spot::Source;
        model.status = Some("Type the folder of a praxis-os clone first.".to_owned());
        return vec![];
    }
    let found = setup.looked_now().map(|l| l.found.clone());
    let source = match found {
        Some(found @ (Found::Nothing | Found::Folder(_))) => {
            setup.spot = Spot::Source;
            setup.offer();
            model.status = Some(
                match (found, setup.offers.is_empty()) {
                    (Found::Nothing, true) => "There is no such folder: type another.",
                    (Found::Nothing, false) => "There is no such folder yet: type on, or choose one with ↓.",
                    _ => "There is nothing to upgrade from in this folder.",
                }
                .to_owned(),
            );
            // It may have been made meanwhile.
            return look(model, true).into_iter().collect();
        }
        Some(Found::Address(address)) => return fetch(model, Some(&address)),
        Some(Found::Clone(facts)) => facts.path,
        None if address::is_address(&setup.path()) => return fetch(model, None),
        None => setup.path(),
    };
    take(model, source)
}

/// Goes on with a source that was said yes to.
fn take(model: &mut Model, source: PathBuf) -> Vec<Effect> {
    let Some(setup) = &mut model.setup else { return vec![] };
    model.launch = setup.draft.clone();
    model.launch.source = Some(source);
    // Said yes to, with its name and where that comes from in sight.
    model.launch.foreign_source = None;
    check(model)
}

fn leave(model: &Model) -> Vec<Effect> {
    let exit_code = model.problems.iter().map(|p| p.exit_code).max();
    let mut lines: Vec<String> = Vec::new();
    for problem in &model.problems {
        lines.push(problem.what.clone());
        lines.push(format!("Next: {}", problem.next));
    }
    if lines.is_empty() {
        lines.push("Nothing was changed.".to_owned());
    }
    vec![Effect::Quit {
        exit_code: exit_code.unwrap_or(if model.launch.source.is_none() { Exit::Usage } else { Exit::Done }),
        lines,
    }]
}
