//! The source, how the install stands, and the options; what stops the upgrade stands beside what mends it.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use super::canvas::Canvas;
use super::frame::{self, line};
use crate::core::policy::OnConflict;
use crate::core::session;
use crate::engine::planning::sources::{Facts, Fetchable, Found, Standing};
use crate::engine::refusal::{About, Problem};
use crate::host::git::address;
use crate::tui::click::Target;
use crate::tui::model::Model;
use crate::tui::setup::{Choice, Setup, Spot, policy_word};
use crate::tui::text;
use crate::tui::theme::Role;

const SPINNER: [&str; 4] = ["·  ", " · ", "  ·", " · "];
/// Columns of the names at the left.
const NAMES: usize = 10;
/// At most so many offered folders are shown at once.
const OFFERS: usize = 5;

/// While the inspection runs.
pub(crate) fn checking(model: &Model, area: Rect, buffer: &mut Buffer) {
    let theme = model.theme;
    let beat = SPINNER[(model.now.as_millis() / 250) as usize % SPINNER.len()];
    let source = model.launch.source.as_ref().map(|s| model.tilde_path(s)).unwrap_or_default();
    let rows = [
        Line::default(),
        line(theme, &[("  Looking at the install and the source ", Role::Text), (beat, Role::Accent)]),
        line(theme, &[("  source  ", Role::Dim), (&source, Role::Text)]),
        line(theme, &[("  Nothing is changed before you say so.", Role::Dim)]),
    ];
    frame::lines(area, &rows, 0, buffer);
}

/// Whether `Esc` leads anywhere.
pub(crate) fn can_go_back(model: &Model) -> bool {
    let plan = || model.preview.as_ref().is_some_and(|p| p.inspection.plan.is_some());
    is_at_offer(model) || model.problems.is_empty() && plan()
}

/// Whether the cursor is at an offered folder.
pub(crate) fn is_at_offer(model: &Model) -> bool {
    model.setup.as_ref().is_some_and(|s| matches!(s.spot, Spot::Offer(_)))
}

/// A row, and what the cursor is at when it is there.
struct Row {
    line: Line<'static>,
    spot: Option<Spot>,
}

/// The rows of the screen while they are put together.
struct Rows<'a> {
    model: &'a Model,
    setup: &'a Setup,
    width: usize,
    rows: Vec<Row>,
}

impl Rows<'_> {
    fn push(&mut self, spot: Option<Spot>, pieces: &[(&str, Role)]) {
        self.rows.push(Row { line: line(self.model.theme, pieces), spot });
    }

    fn blank(&mut self) {
        self.push(None, &[]);
    }

    /// Text behind the names, wrapped.
    fn text(&mut self, spot: Option<Spot>, mark: &str, text: &str, role: Role) {
        let room = self.width.saturating_sub(NAMES + 4);
        for (i, part) in text.lines().flat_map(|l| text::wrap(&text::visible_str(l, false), room)).enumerate() {
            let left = format!("{:NAMES$}{} ", "", if i == 0 { mark } else { " " });
            self.push(spot, &[(&left, role), (&part, role)]);
        }
    }

    fn problem(&mut self, spot: Spot, problem: &Problem) {
        let next = match problem.about {
            // The other advice is to give a flag.
            About::Downgrade => "allow it here, or bring the clone up to date (git pull)",
            _ => &problem.next,
        };
        self.text(Some(spot), "!", &format!("{} ({})", problem.what, problem.code), Role::Bad);
        self.text(Some(spot), "→", next, Role::Accent);
    }

    /// What still stops the upgrade: what was found with another path than the present one does not.
    fn stopping(&self) -> usize {
        let counts = |p: &&Problem| p.about == About::Install || self.is_checked_source();
        self.model.problems.iter().filter(counts).count()
    }

    /// Whether the path in the field is the one that was checked.
    fn is_checked_source(&self) -> bool {
        self.setup.is_as_opened()
    }

    /// Where the path in the field comes from, if nobody typed it.
    fn first_words(&self) -> &'static str {
        let field = &self.setup.field;
        let offered = self.setup.candidates.iter().find(|c| field.whole && c.path == self.setup.path());
        if self.model.launch.foreign_source.as_ref().is_some_and(|s| *s == self.setup.path()) {
            return "Named by the project's own upgrade.json; its code will run here. Enter looks at it and shows the plan.";
        }
        match offered.filter(|_| self.model.launch.source.is_none()) {
            Some(c) if c.recent => "Used before; type to name another. You see the plan before anything changes.",
            Some(c) if address::is_address(&c.path) => {
                "Fetched before it is looked at. You see the plan before anything changes."
            }
            Some(_) => "Found nearby; type to name another. You see the plan before anything changes.",
            None => "It is only read. You see the plan before anything is changed.",
        }
    }

    fn head(&mut self) {
        let (title, text) = match self.stopping() {
            0 => ("Where is your clone of praxis-os?", self.first_words()),
            1 => ("One thing stops the upgrade.", "Nothing was changed. Mend it, then Enter checks again."),
            _ => ("Some things stop the upgrade.", "Nothing was changed. Mend them, then Enter checks again."),
        };
        for (text, role) in [(title, Role::Title), (text, Role::Dim)] {
            for part in text::wrap(text, self.width.saturating_sub(2)) {
                self.push(None, &[(" ", role), (&part, role)]);
            }
        }
        self.blank();
    }

    fn source(&mut self) {
        let (model, setup) = (self.model, self.setup);
        let theme = model.theme;
        let spot = Some(Spot::Source);
        let here = setup.spot == Spot::Source;
        let room = self.width.saturating_sub(NAMES + 1);
        let label = if here { Role::Accent } else { Role::Dim };
        let mut spans =
            vec![Span::styled(format!("{:NAMES$}", if here { "▸ source" } else { "  source" }), theme.style(label))];
        spans.extend(field_spans(model, setup, room, here));
        self.rows.push(Row { line: Line::from(spans), spot });
        // Where there is no clone, that is all there is to say.
        let is_none = matches!(setup.looked_now().map(|l| &l.found), Some(Found::Nothing | Found::Folder(_)));
        if self.is_checked_source() && !is_none {
            for problem in model.problems.iter().filter(|p| p.about == About::Source) {
                self.problem(Spot::Source, problem);
            }
        }
        let told = self.is_checked_source() && model.problems.iter().any(|p| p.about == About::Source);
        match setup.looked_now().map(|l| &l.found) {
            _ if setup.field.text().trim().is_empty() => {
                let text = match setup.offers.is_empty() {
                    true => "Type its folder or address, for instance ~/src/praxis-os. Tab completes.",
                    false => "Type its folder or address, Tab completes; or choose one with ↓.",
                };
                self.text(spot, " ", text, Role::Dim);
            }
            None => self.text(spot, "…", "looking", Role::Dim),
            Some(Found::Nothing) if setup.offers.is_empty() => self.text(spot, "!", "no such folder", Role::Warn),
            Some(Found::Nothing) => self.text(spot, "·", "no such folder yet; Tab completes", Role::Dim),
            Some(Found::Folder(why)) => {
                let (mark, next) = match setup.offers.is_empty() {
                    true => ("!", "Type another folder."),
                    false => ("·", "Type on, or choose one with ↓."),
                };
                self.text(spot, mark, &format!("{why} {next}"), Role::Warn);
            }
            Some(Found::Clone(facts)) => self.facts(facts, told),
            Some(Found::Address(address)) => self.address(address),
        }
        self.offers();
    }

    fn address(&mut self, address: &Fetchable) {
        let spot = Some(Spot::Source);
        let fetched = address.fetched.as_ref().map(|(_, age)| session::ago(*age));
        if let Some(line) = &self.setup.fetching {
            let line = if line.is_empty() { "connecting" } else { line.as_str() };
            self.text(spot, "…", &format!("fetching it: {line}"), Role::Accent);
            self.text(spot, " ", "Esc gives it up; nothing is changed in the install.", Role::Dim);
            return;
        }
        if let Some(why) = self.setup.unfetched_now() {
            self.text(spot, "!", why, Role::Bad);
            let next = match fetched {
                Some(age) => format!("Enter tries again; or go on with what was fetched {age}, with ↓:"),
                None => "Enter tries again; or type the folder of a clone.".to_owned(),
            };
            self.text(spot, "→", &next, Role::Accent);
            return;
        }
        let text = match (self.setup.draft.offline, fetched) {
            (false, None) => "an address: Enter fetches it into your cache folder".to_owned(),
            (false, Some(age)) => format!("an address, fetched {age}: Enter fetches what is new"),
            (true, Some(age)) => format!("an address: Enter takes it as it was fetched {age} (--offline)"),
            (true, None) => "an address that was never fetched here, and --offline fetches nothing".to_owned(),
        };
        self.text(spot, "·", &text, Role::Text);
    }

    fn facts(&mut self, facts: &Facts, told: bool) {
        let spot = Some(Spot::Source);
        let date = if facts.date.is_empty() { String::new() } else { format!(" of {}", facts.date) };
        let version = text::visible_str(&facts.version, false);
        let text = format!("praxis-os {version}, commit {}{date}", text::short(&facts.commit));
        self.text(spot, "✔", &text, Role::Good);
        if facts.uncommitted > 0 && !told {
            let n = text::count(facts.uncommitted as u64, "uncommitted change", "uncommitted changes");
            self.text(spot, "!", &format!("{n}: commit or stash them first"), Role::Warn);
        }
        let history = match (facts.snapshot, facts.shallow) {
            (true, _) => "a folder without git: less is known about your edits",
            _ if facts.partial && !facts.shallow => {
                "a partial clone: less is known about your edits; the plan offers to fetch the rest"
            }
            (_, true) => "a shallow clone: less is known about your edits; the plan offers to fetch the rest",
            _ if facts.uncommitted > 0 => "the whole history is there",
            _ => "no uncommitted changes, the whole history is there",
        };
        self.text(spot, " ", history, if facts.shallow || facts.partial { Role::Warn } else { Role::Dim });
    }

    fn offers(&mut self) {
        let setup = self.setup;
        let at = match setup.spot {
            Spot::Offer(i) => i,
            _ => 0,
        };
        let first = frame::around(at, setup.offers.len(), OFFERS);
        for (i, path) in setup.offers.iter().enumerate().skip(first).take(OFFERS) {
            let known = setup.candidates.iter().chain(setup.looked.iter().flat_map(|l| &l.folders));
            let candidate = known.into_iter().find(|c| c.path == *path);
            let note = match candidate {
                Some(c) if c.recent => "used before",
                Some(c) if address::is_address(&c.path) => "its address",
                Some(c) if c.is_source => "praxis-os",
                _ => "",
            };
            let room = self.width.saturating_sub(NAMES + 4 + text::width(note) + 2);
            let shown = text::fit_end(&self.model.tilde_path(path), room);
            let here = setup.spot == Spot::Offer(i);
            let left = format!("{:NAMES$}{} ", "", if here { "▸" } else { "·" });
            let (mark, role) = if here { (Role::Accent, Role::Accent) } else { (Role::Dim, Role::Text) };
            self.push(Some(Spot::Offer(i)), &[(&left, mark), (&shown, role), ("  ", Role::Dim), (note, Role::Dim)]);
        }
        let hidden = setup.offers.len().saturating_sub(first + OFFERS);
        if hidden > 0 {
            self.text(None, " ", &format!("and {hidden} more"), Role::Dim);
        }
    }

    fn install(&mut self) {
        let (model, setup) = (self.model, self.setup);
        self.blank();
        let here = setup.spot == Spot::Install;
        let (mark, label) = if here { ("▸ install", Role::Accent) } else { ("  install", Role::Dim) };
        let room = self.width.saturating_sub(NAMES + 1);
        let path = text::fit_end(&model.install(), room);
        self.push(Some(Spot::Install), &[(&format!("{mark:NAMES$}"), label), (&path, Role::Text)]);
        for problem in model.problems.iter().filter(|p| p.about == About::Install) {
            self.problem(Spot::Install, problem);
        }
        let is_clone = matches!(setup.looked_now().map(|l| &l.found), Some(Found::Clone(_)));
        match setup.standing_now() {
            Some(Ok(standing)) => {
                self.text(None, " ", &edits(standing), Role::Text);
                self.text(None, " ", &outlook(standing, setup.draft.on_conflict), Role::Dim);
            }
            // What stops it has been said above.
            Some(Err(_)) if self.stopping() > 0 => {}
            Some(Err(why)) => self.text(None, "!", why, Role::Warn),
            None if is_clone => self.text(None, "…", "comparing it with the source", Role::Dim),
            None => {}
        }
    }

    fn options(&mut self) {
        self.blank();
        self.push(
            None,
            &[("  options ", Role::Dim), ("for this upgrade; > saves the one at the cursor for later ones", Role::Dim)],
        );
        for choice in choices(self.model) {
            if choice == Choice::Downgrade && self.is_checked_source() {
                for problem in self.model.problems.iter().filter(|p| p.about == About::Downgrade) {
                    self.problem(Spot::Source, problem);
                }
            }
            self.option(choice);
        }
    }

    fn option(&mut self, choice: Choice) {
        let launch = &self.setup.draft;
        let here = self.setup.spot == Spot::Option(choice);
        let value = match choice.value(launch) {
            Ok(true) => "yes".to_owned(),
            Ok(false) => "no".to_owned(),
            Err(word) => word,
        };
        let (mark, role) = if here { ("▸", Role::Accent) } else { (" ", Role::Text) };
        let name = format!("{mark} {:<20}", choice.name());
        let mut pieces = vec![(name.as_str(), role), (value.as_str(), Role::Title)];
        let room = self.width.saturating_sub(text::width(&name) + text::width(&value) + 3);
        let meaning = text::fit(choice.meaning(launch), room);
        if room > 20 {
            pieces.extend([(": ", Role::Dim), (meaning.as_str(), Role::Dim)]);
        }
        self.push(Some(Spot::Option(choice)), &pieces);
    }
}

/// The options that mean something: rules files only where a plan has found one.
pub(crate) fn choices(model: &Model) -> impl Iterator<Item = Choice> + use<> {
    let rules = model.preview.as_ref().is_some_and(|p| p.inspection.rules.iter().any(|file| file.problem.is_none()));
    Choice::ALL.into_iter().filter(move |choice| rules || *choice != Choice::Rules)
}

/// The path with its cursor; the end of a long one, as the cursor is mostly there.
fn field_spans(model: &Model, setup: &Setup, room: usize, here: bool) -> Vec<Span<'static>> {
    let theme = model.theme;
    let shown = text::visible_str(setup.field.text(), false);
    let before = text::visible_str(setup.field.before(), false);
    let plain = theme.style(Role::Text);
    if !here {
        return vec![Span::styled(text::fit_end(&model.tilde(setup.field.text()), room), plain)];
    }
    let cursor = plain.add_modifier(Modifier::REVERSED);
    if setup.field.whole {
        let chosen = theme.style(Role::Text).add_modifier(Modifier::UNDERLINED);
        return vec![Span::styled(text::fit_end(&shown, room.saturating_sub(1)), chosen), Span::styled(" ", cursor)];
    }
    // The cursor must be seen: what is before it is cut at its start, what is behind it at its end.
    let left = text::fit_end(&before, room.saturating_sub(1));
    let rest = shown.get(before.len()..).unwrap_or_default();
    let under: String = rest.chars().take(1).collect();
    let behind = text::clip(&rest[under.len()..], 0, room.saturating_sub(text::width(&left) + text::width(&under)));
    let under = if under.is_empty() { " ".to_owned() } else { under };
    vec![Span::styled(left, plain), Span::styled(under, cursor), Span::styled(behind, plain)]
}

/// Which release the install is, and what was done to it.
fn edits(standing: &Standing) -> String {
    let release = match &standing.release {
        Some(release) => format!("is at release {}", text::short(release)),
        None => "is of a release that this source does not know".to_owned(),
    };
    let edited = text::count(standing.edited, "file", "files");
    match (standing.edited, standing.deleted) {
        (0, 0) => format!("{release}, with no edits of yours"),
        (_, 0) => format!("{release}; you edited {edited}"),
        (0, n) => format!("{release}; you deleted {}", text::count(n, "file", "files")),
        (_, n) => format!("{release}; you edited {edited} and deleted {n}"),
    }
}

/// What an upgrade would come to, with conflicts settled as it is chosen below.
fn outlook(standing: &Standing, policy: OnConflict) -> String {
    let would = |paths: u64| format!("an upgrade would change {}", text::count(paths, "file", "files"));
    let open = standing.conflicts.saturating_sub(standing.settled);
    let (pending, word) = (standing.pending, policy_word(policy));
    match (pending, open, policy) {
        (0, ..) => "no file would change".to_owned(),
        (_, 0, _) => format!("{}, without a question", would(pending)),
        (_, 1, OnConflict::Ask) => format!("{}; 1 of them needs you", would(pending)),
        (_, n, OnConflict::Ask) => format!("{}; {n} of them need you", would(pending)),
        (_, n, policy) => {
            // These leave what is in conflict as it is.
            let left = if matches!(policy, OnConflict::Keep | OnConflict::Park) { n } else { 0 };
            let conflicts = text::count(n, "conflict", "conflicts");
            format!("{}; {conflicts}: {word}", would(pending.saturating_sub(left)))
        }
    }
}

fn content(model: &Model, width: usize) -> Vec<Row> {
    let Some(setup) = &model.setup else { return Vec::new() };
    let mut rows = Rows { model, setup, width, rows: Vec::new() };
    rows.head();
    rows.source();
    rows.install();
    rows.options();
    rows.rows
}

/// The rows that the cursor is at.
pub(crate) fn cursor_rows(model: &Model, area: Rect) -> Range<usize> {
    let Some(setup) = &model.setup else { return 0..0 };
    let rows = content(model, area.width.into());
    let at = |row: &Row| row.spot == Some(setup.spot);
    let start = rows.iter().position(at).unwrap_or(0);
    let end = rows.iter().rposition(at).map_or(0, |end| end + 1);
    start..end
}

/// How much there is to scroll.
pub(crate) fn rows(model: &Model, area: Rect) -> (usize, usize) {
    (content(model, area.width.into()).len(), area.height.into())
}

/// What the option under the cursor means, in full.
pub(crate) fn note(model: &Model) -> (String, Role) {
    match model.setup.as_ref().map(|s| (s.spot, &s.draft)) {
        Some((Spot::Option(choice), draft)) => (choice.meaning(draft).to_owned(), Role::Accent),
        _ => (String::new(), Role::Text),
    }
}

/// The screen.
pub(crate) fn draw(model: &Model, area: Rect, buffer: &mut Canvas<'_>) {
    let rows = content(model, area.width.into());
    for (place, row) in frame::in_sight(area, rows.len(), model.scroll) {
        if let Some(spot) = rows[row].spot {
            buffer.mark(place, Target::Spot(spot));
        }
    }
    let rows: Vec<Line> = rows.into_iter().map(|row| row.line).collect();
    frame::lines(area, &rows, model.scroll, buffer);
    frame::more_below(model.theme, area, model.scroll, rows.len(), buffer);
}
