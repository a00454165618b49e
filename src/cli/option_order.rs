//! Options that stand before a subcommand: they count for it, or are refused by name. None is dropped in silence.
//!
//! Clap keeps the options of the bare command, the wizard's, apart from those of a subcommand. Here they are moved behind
//! the subcommand where that has them, so that clap sees them there, twice given ones and contradictions among them.

use std::ffi::OsString;

use clap::{Arg, Command};

/// An option of the wizard before a subcommand that has no use for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Misplaced {
    /// As it is typed, without its value.
    pub(crate) option: String,
    /// The subcommand.
    pub(crate) command: String,
}

/// The option that a word names, if it is one of these.
fn option<'c>(command: &'c Command, word: &str) -> Option<&'c Arg> {
    let mut all = command.get_arguments();
    match word.strip_prefix("--") {
        Some(long) => {
            let name = long.split('=').next().unwrap_or_default();
            all.find(|a| a.get_long_and_visible_aliases().is_some_and(|names| names.contains(&name)))
        }
        None => {
            let short = word.chars().nth(1)?;
            all.find(|a| a.get_short_and_visible_aliases().is_some_and(|names| names.contains(&short)))
        }
    }
}

/// The words of a command line with all options behind the subcommand that they are for. What clap has something to say
/// about stays as it is.
///
/// # Errors
/// [`Misplaced`].
pub(crate) fn arranged(all: &Command, words: Vec<OsString>) -> Result<Vec<OsString>, Misplaced> {
    let mut rest = words.iter().cloned();
    let mut ahead: Vec<OsString> = rest.next().into_iter().collect();
    let mut moved: Vec<(&Arg, Vec<OsString>)> = Vec::new();
    let named = loop {
        let Some(word) = rest.next() else { return Ok(words) };
        let text = word.to_string_lossy().into_owned();
        if !text.starts_with('-') || text == "-" || text == "--" {
            break text;
        }
        let Some(found) = option(all, &text) else { return Ok(words) };
        let mut taken = vec![word];
        if found.get_action().takes_values() && !text.contains('=') {
            taken.extend(rest.next());
        }
        if found.is_global_set() || matches!(found.get_id().as_str(), "help" | "version") {
            ahead.extend(taken);
        } else {
            moved.push((found, taken));
        }
    };
    let Some(command) = all.find_subcommand(&named) else { return Ok(words) };
    for (one, taken) in &moved {
        let has = command.get_arguments().any(|a| a.get_long() == one.get_long());
        if !has {
            let typed = taken.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
            let option = typed.split('=').next().unwrap_or_default().to_owned();
            return Err(Misplaced { option, command: named });
        }
    }
    ahead.push(named.into());
    ahead.extend(moved.into_iter().flat_map(|(_, taken)| taken));
    ahead.extend(rest);
    Ok(ahead)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::super::args::Cli;
    use super::*;

    fn all() -> Command {
        let mut all = Cli::command();
        all.build();
        all
    }

    fn arranged_words(words: &[&str]) -> Result<Vec<String>, Misplaced> {
        let words = std::iter::once("pos-upgrade-tui").chain(words.iter().copied()).map(OsString::from).collect();
        let arranged = super::arranged(&all(), words)?;
        Ok(arranged.into_iter().skip(1).map(|w| w.into_string().unwrap()).collect())
    }

    /// How clap reads a line: what it says, or its kind of error.
    fn read(words: &[String]) -> String {
        let line = std::iter::once("pos-upgrade-tui".to_owned()).chain(words.iter().cloned());
        Cli::try_parse_from(line).map_or_else(|e| format!("{:?}", e.kind()), |cli| format!("{cli:?}"))
    }

    #[test]
    fn every_option_counts_for_every_subcommand_or_is_refused_by_name() {
        let all = all();
        let (mut counted, mut refused, mut global) = (0, 0, 0);
        let options: Vec<&Arg> =
            all.get_opts().chain(all.get_arguments().filter(|a| !a.get_action().takes_values())).collect();
        for option in options.into_iter().filter(|o| !matches!(o.get_id().as_str(), "help" | "version")) {
            let name = format!("--{}", option.get_long().expect("every option has a long name"));
            let value = match option.get_possible_values().first() {
                _ if !option.get_action().takes_values() => None,
                Some(one) => Some(one.get_name().to_owned()),
                None => Some("1".to_owned()),
            };
            let typed: Vec<String> = std::iter::once(name.clone()).chain(value).collect();
            for command in all.get_subcommands() {
                // What it can't do without.
                let needs: &[&str] = match command.get_name() {
                    "restore" | "unlock" => &["x"],
                    "completions" => &["bash"],
                    _ => &[],
                };
                let before: Vec<&str> =
                    typed.iter().map(String::as_str).chain([command.get_name()]).chain(needs.iter().copied()).collect();
                let behind: Vec<String> = [command.get_name()].iter().chain(needs).map(|w| (*w).to_owned()).collect();
                let behind: Vec<String> = behind.into_iter().chain(typed.iter().cloned()).collect();
                let has = command.get_arguments().any(|a| a.get_long() == option.get_long());
                match arranged_words(&before) {
                    Ok(words) => {
                        assert!(has || option.is_global_set(), "{before:?} became {words:?}");
                        assert_eq!(read(&words), read(&behind), "{before:?}");
                        if option.is_global_set() { global += 1 } else { counted += 1 }
                    }
                    Err(misplaced) => {
                        assert!(!has, "{before:?}");
                        let wanted = Misplaced { option: name.clone(), command: command.get_name().to_owned() };
                        assert_eq!(misplaced, wanted);
                        refused += 1;
                    }
                }
            }
        }
        println!("{counted} counted, {refused} refused, {global} hold everywhere");
        assert!(counted > 25 && refused > 100 && global > 30);
    }

    #[test]
    fn words_are_moved_as_they_stand() {
        let moved = arranged_words(&["--source=a", "-y", "--to", "plan", "plan", "--diff"]).unwrap();
        assert_eq!(moved, ["-y", "plan", "--source=a", "--to", "plan", "--diff"]);
        let same = ["--source", "a", "--json"];
        assert_eq!(arranged_words(&same).unwrap(), same, "the wizard's own");
        assert_eq!(arranged_words(&["--nonsense", "plan"]).unwrap(), ["--nonsense", "plan"]);
        let twice = arranged_words(&["--source", "a", "plan", "--source", "b"]).unwrap();
        assert_eq!(read(&twice), "ArgumentConflict");
        let both = arranged_words(&["--restart", "upgrade", "--no-restart"]).unwrap();
        assert_eq!(read(&both), "ArgumentConflict");
    }
}
