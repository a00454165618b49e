//! `conflict_list`, `conflict_show`, `conflict_answer`: nothing is decided here that nobody said.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::core::bound_answers::{Answer, Bound};
use crate::core::conflict_list;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::path::RelPath;
use crate::core::session::{Decision, Session};
use crate::core::visible;
use crate::engine::conflicts::given_answers;
use crate::engine::events::{Command, ConflictFile};
use crate::mcp::call::{Call, off, step, with};
use crate::mcp::elicit::{self, Said};
use crate::mcp::fault::Fault;
use crate::mcp::live::{Live, Seen, Waits};
use crate::mcp::resources;
use crate::mcp::shapes::{
    AnswerArgs, Answered, ConflictLine, ConflictShown, ConflictsShown, SessionArgs, ShowArgs, Side, Step,
};

/// So much of a side is told, in bytes.
const MOST: usize = 20_000;

/// How long the engine may take to save an answer.
const SAVING: Duration = Duration::from_secs(20);

/// An answer in a word.
fn in_a_word(decision: &Decision) -> &'static str {
    match decision {
        Decision::Open => "open",
        Decision::Keep => "keep",
        Decision::Take => "take",
        Decision::Merge(_) => "regions",
        Decision::Edited(_) => "text",
        Decision::Park => "park",
    }
}

/// The conflicts that are open now, and the session.
async fn open(call: &Call, args: &SessionArgs) -> Result<(Session, Arc<Live>, Seen), Fault> {
    let (session, live) = call.seen(args.project.as_deref(), args.session_id.as_deref()).await?;
    let seen = live.now();
    if seen.waits != Waits::Conflicts {
        let what = format!("session {} does not wait for answers now", session.session_id);
        let fault = Fault::new(Code::NotNow, what, "look how it stands").then("upgrade_status");
        return Err(if seen.waits == Waits::No { fault.passing() } else { fault });
    }
    Ok((session, live, seen))
}

fn next(args: &SessionArgs, session: &Session, seen: &Seen) -> Step {
    let (named, id) = (args.project.as_deref(), Some(&session.session_id[..]));
    match seen.files.iter().find(|f| !seen.answers.contains_key(&f.path)) {
        Some(file) => {
            let path = serde_json::to_value(&file.path).unwrap_or_default();
            with(step("conflict_show", named, id, "show it to the person, then answer it"), "path", path)
        }
        None => {
            let why = "all is answered; nothing is applied before this, and the person agrees to it";
            with(step("upgrade_apply", named, id, why), "plan_id", session.plan().id())
        }
    }
}

/// What waits for answers.
///
/// # Errors
/// [`Fault`].
pub(crate) async fn list(call: &Call, args: SessionArgs) -> Result<ConflictsShown, Fault> {
    let (session, _, seen) = open(call, &args).await?;
    let line = |file: &ConflictFile| {
        let listed = file.listed(None);
        ConflictLine {
            path: file.path.clone(),
            from: file.from.clone(),
            reason: visible::line(&file.reason),
            ids: file.ids.clone(),
            region_count: listed.region_count,
            answer: seen.answers.get(&file.path).map(|a| in_a_word(a).to_owned()),
            refused: seen.refused.get(&file.path).map(|why| visible::lines(why)),
            ways: listed.ways,
        }
    };
    let conflicts = seen.files.iter().map(line).collect();
    let next = Some(next(&args, &session, &seen));
    Ok(ConflictsShown { schema: 1, session_id: session.session_id, conflicts, open: seen.open(), next })
}

fn the_file<'s>(seen: &'s Seen, path: &RelPath) -> Result<&'s ConflictFile, Fault> {
    let found = seen.files.iter().find(|f| f.path == *path);
    found.ok_or_else(|| {
        Fault::usage(Code::NoSuchName, format!("{path}: not a conflict of this upgrade"), "take a path of the list")
            .then("conflict_list")
    })
}

fn side(text: Option<&Arc<[u8]>>) -> Side {
    let bytes = text.map_or(0, |t| t.len());
    let shown = text.map(|t| String::from_utf8_lossy(&t[..t.len().min(MOST)]).into_owned());
    Side { text: shown, bytes: bytes as u64, cut: bytes > MOST }
}

/// A conflict with its texts and regions.
///
/// # Errors
/// [`Fault`].
pub(crate) async fn show(call: &Call, args: ShowArgs) -> Result<ConflictShown, Fault> {
    let of = SessionArgs { project: args.project.clone(), session_id: args.session_id.clone() };
    let (session, _, seen) = open(call, &of).await?;
    let file = the_file(&seen, &args.path)?;
    let mut conflict = file.listed(None);
    if let Some(first) = args.first_region {
        conflict.regions = conflict_list::regions(&file.path, &file.sides(), first).1;
    }
    let sides = [("base", &file.base), ("mine", &file.mine), ("theirs", &file.theirs)];
    let sides: BTreeMap<String, Side> =
        sides.into_iter().map(|(name, text)| (name.to_owned(), side(text.as_ref()))).collect();
    let (named, id) = (args.project.as_deref(), Some(&session.session_id[..]));
    let answer = with(
        step("conflict_answer", named, id, "the person says how; left out, they are asked"),
        "path",
        serde_json::to_value(&file.path).unwrap_or_default(),
    );
    let answer = with(answer, "ids", serde_json::to_value(&file.ids).unwrap_or_default());
    let diff = resources::diff_uri(&session.session_id, &file.path);
    Ok(ConflictShown { schema: 1, session_id: session.session_id.clone(), conflict, sides, diff, next: Some(answer) })
}

/// Asks the person, where the client can.
async fn asked(call: &Call, file: &ConflictFile) -> Result<Answer, String> {
    let listed = file.listed(None);
    let words = [
        ("keep", "Keep mine, the whole file"),
        ("take", "Take theirs, the whole file"),
        ("merge-keep", "Combine both; mine where both changed the same lines"),
        ("merge-take", "Combine both; theirs where both changed the same lines"),
        ("park", "Put it off: mine stays, theirs is kept"),
    ];
    let offered: Vec<(String, String)> = words
        .into_iter()
        .filter(|(word, _)| listed.ways.iter().any(|way| way == word))
        .map(|(word, label)| (word.to_owned(), label.to_owned()))
        .collect();
    let mut message = format!("{}: {}", file.path, visible::line(&file.reason));
    let shown = listed.regions.len().min(3);
    for region in &listed.regions[..shown] {
        message.push_str(&format!(
            "\n\nyours:\n{}\ntheirs:\n{}",
            region.mine.text.trim_end(),
            region.theirs.text.trim_end()
        ));
    }
    if listed.region_count > shown {
        message.push_str(&format!("\n\nand {} more; conflict_show has them all", listed.region_count - shown));
    }
    match elicit::ask(&call.context, &call.rounds, &file.path.to_string(), message, &offered).await {
        Said::Word(word) => serde_json::from_value(word.into()).map_err(|e| e.to_string()),
        Said::Nothing(why) => Err(why.to_owned()),
    }
}

/// Takes an answer in: saved at once, and not applied before `upgrade_apply`.
///
/// # Errors
/// [`Fault`] where it is for other bytes, leaves markers, or does not parse: with the place.
pub(crate) async fn answer(call: &Call, args: AnswerArgs) -> Result<Answered, Fault> {
    let of = SessionArgs { project: args.project.clone(), session_id: args.session_id.clone() };
    let (session, live, seen) = open(call, &of).await?;
    let file = the_file(&seen, &args.path)?.clone();
    let answered = |saved: bool, not_asked: Option<String>, seen: &Seen| Answered {
        schema: 1,
        session_id: session.session_id.clone(),
        path: args.path.clone(),
        saved,
        not_asked,
        open: seen.open(),
        next: Some(next(&of, &session, seen)),
    };
    let answer = match args.answer {
        Some(answer) => answer,
        None => match asked(call, &file).await {
            Ok(answer) => answer,
            Err(why) => return Ok(answered(false, Some(why), &live.now())),
        },
    };
    let given = BTreeMap::from([(args.path.clone(), Bound { ids: args.ids, answer })]);
    let (install, plan, sides) = (session.install.clone(), session.plan().clone(), file.sides());
    let bound = off(move || given_answers::bound(&install, &plan, &given, |_| Ok(sides.clone()))).await?;
    let decided: Vec<(RelPath, Decision)> = match bound {
        Ok(decided) => decided.into_iter().collect(),
        Err(problems) => {
            let fix = "show the person the conflict as it is now, and answer it anew";
            let fault = Fault::new(Code::BadAnswers, problems.join("\n"), fix).then("conflict_show");
            return Err(Fault { exit_code: Exit::Conflicts.code(), ..fault });
        }
    };
    let wanted = decided.first().map(|(_, decision)| decision.clone());
    live.say(Command::Decide(decided)).await;
    let mut watch = live.seen.clone();
    let path = args.path.clone();
    let said = watch
        .wait_for(|seen| seen.over || seen.answers.get(&path) == wanted.as_ref() || seen.refused.contains_key(&path));
    let now = match tokio::time::timeout(SAVING, said).await {
        Ok(Ok(seen)) => seen.clone(),
        _ => live.now(),
    };
    if let Some(problem) = now.refused.get(&args.path) {
        return Err(Fault::new(Code::BadAnswers, problem.clone(), "answer it otherwise").then("conflict_show"));
    }
    Ok(answered(now.answers.get(&args.path) == wanted.as_ref(), None, &now))
}
