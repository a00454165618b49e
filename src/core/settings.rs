//! Options by the seed's names: from flags, the project's `upgrade.json`, the user's, in that order.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::visible;

/// The name of the file in an install, and in the user's config folder.
pub(crate) const FILE: &str = "upgrade.json";

/// How many backups stay when nobody says otherwise.
pub(crate) const KEEP_BACKUPS: u32 = 3;

/// How long the test command may take, in seconds, when nobody says otherwise.
pub(crate) const TEST_TIMEOUT: u64 = 600;

/// What `upgrade.json` may hold. Every key may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Settings {
    /// The clone to upgrade from; relative to the file's project.
    pub(crate) source_path: Option<PathBuf>,
    /// Plan only, change nothing.
    pub(crate) dry_run: Option<bool>,
    /// Stop and start the server.
    pub(crate) auto_restart: Option<bool>,
    /// Leave the test command out.
    pub(crate) skip_tests: Option<bool>,
    /// A command that is run in the project after the upgrade, word by word; its failure rolls back.
    pub(crate) test_command: Option<Vec<String>>,
    /// How long it may take, in seconds.
    pub(crate) test_timeout: Option<u64>,
    /// How many backups stay.
    pub(crate) keep_backups: Option<u32>,
    /// Ask about conflicts, where a person is there, rather than put them off.
    pub(crate) interactive_conflicts: Option<bool>,
    /// Commit the changed paths to the project's repository.
    pub(crate) git_commit_after: Option<bool>,
    /// The message of that commit; `{install}`, `{from}`, `{to}` and `{version}` in it are replaced.
    pub(crate) git_commit_message: Option<String>,
    /// Globs of paths whose conflicts always keep mine.
    pub(crate) always_keep: Option<Vec<String>>,
    /// Globs of paths whose conflicts always take theirs.
    pub(crate) always_take: Option<Vec<String>>,
    /// The wizard's colours.
    pub(crate) theme: Option<Scheme>,
    /// Draw the wizard in ASCII.
    pub(crate) ascii: Option<bool>,
    /// Let the wheel and clicks reach the wizard.
    pub(crate) mouse: Option<bool>,
    /// The wizard line by line, without a screen.
    pub(crate) plain: Option<bool>,
}

/// Which colours the wizard uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scheme {
    /// Light ones if the terminal says that its background is light, else dark ones.
    #[default]
    Auto,
    /// For a dark background.
    Dark,
    /// For a light background.
    Light,
    /// None.
    Mono,
}

/// How the wizard looks and listens; no upgrade depends on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Look {
    /// The colours.
    pub(crate) theme: Scheme,
    /// In ASCII, whatever the locale says.
    pub(crate) ascii: bool,
    /// The wheel scrolls and clicks count; the terminal's own selection then needs Shift.
    pub(crate) mouse: bool,
    /// No screen: line by line.
    pub(crate) plain: bool,
}

/// The settings of one upgrade, nothing left open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Plan only, change nothing.
    pub(crate) dry_run: bool,
    /// Stop and start the server.
    pub(crate) auto_restart: bool,
    /// Leave the test command out.
    pub(crate) skip_tests: bool,
    /// A command that is run in the project after the upgrade, word by word; its failure rolls back.
    #[serde(default)]
    pub(crate) test_command: Vec<String>,
    /// How long it may take, in seconds.
    #[serde(default)]
    pub(crate) test_timeout: u64,
    /// How many backups stay.
    pub(crate) keep_backups: u32,
    /// Ask about conflicts rather than fail, where a person is there.
    pub(crate) interactive_conflicts: bool,
    /// Commit the changed paths to the project's repository.
    pub(crate) git_commit_after: bool,
    /// The message of that commit, with places that are filled in; none for the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) git_commit_message: Option<String>,
    /// Globs of paths whose conflicts always keep mine.
    #[serde(default)]
    pub(crate) always_keep: Vec<String>,
    /// Globs of paths whose conflicts always take theirs.
    #[serde(default)]
    pub(crate) always_take: Vec<String>,
    /// Go on when a post-install step fails (a flag only: nobody should have this in a file).
    #[serde(default)]
    pub(crate) allow_post_install_failure: bool,
    /// The new install is not tried before anything changes (a flag only).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) no_rehearsal: bool,
    /// The new install is only tried, and nothing changes (a flag only).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) only_rehearsal: bool,
    /// Install an older release over a newer one (a flag only).
    #[serde(default)]
    pub(crate) allow_downgrade: bool,
    /// The interpreter with which the environment is made anew; none to go on with the one that it has.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::core::os_text::optional_path")]
    pub(crate) python: Option<PathBuf>,
    /// Upgrade from a source that has nothing to do with the install (a flag only).
    #[serde(default)]
    pub(crate) unrelated_source: bool,
    /// Restart also a server that was started by hand on a terminal (a flag only).
    #[serde(default)]
    pub(crate) restart_by_hand: bool,
    /// Ask also the conflicts that were answered before; standing rules still hold (a flag only).
    #[serde(default)]
    pub(crate) ask_again: bool,
    /// Change the entries of editors that would not start the new server (a flag only: they lie outside of the install).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) editor_config: bool,
    /// Bring the release's text into rules files that have an older one (a flag only, as above).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) rules: bool,
}

impl Default for Options {
    fn default() -> Self {
        Settings::default().options()
    }
}

/// A settings file that can't be used. Each names the key or place and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SettingsError {
    /// Not JSON.
    #[error("not valid JSON: {}", visible::line(.0))]
    Json(String),
    /// JSON, but not an object.
    #[error("must be a JSON object like {{\"keep_backups\": 3}}")]
    NotAnObject,
    /// A key nobody reads: most likely a slip of the pen.
    #[error("unknown key \"{}\"; did you mean \"{nearest}\"?", visible::start_of(.key, 100))]
    UnknownKey {
        /// As written.
        key: String,
        /// The known key that is most like it.
        nearest: &'static str,
    },
    /// The right key with the wrong kind of value.
    #[error("\"{}\": {}", visible::line(.key), visible::start_of(.problem, 300))]
    BadValue {
        /// The key.
        key: String,
        /// What serde says.
        problem: String,
    },
}

/// Every key that such a file may have.
pub(crate) const KEYS: [&str; 16] = [
    "source_path",
    "dry_run",
    "auto_restart",
    "skip_tests",
    "test_command",
    "test_timeout",
    "keep_backups",
    "interactive_conflicts",
    "git_commit_after",
    "git_commit_message",
    "always_keep",
    "always_take",
    "theme",
    "ascii",
    "mouse",
    "plain",
];

impl Settings {
    /// Reads the text of an `upgrade.json`.
    ///
    /// # Errors
    /// [`SettingsError`] for anything that isn't an object of known keys with values of the right kind.
    pub(crate) fn parse(text: &str) -> Result<Self, SettingsError> {
        let value: Value = serde_json::from_str(text).map_err(|e| SettingsError::Json(e.to_string()))?;
        let object = value.as_object().ok_or(SettingsError::NotAnObject)?;
        for (key, one) in object {
            if !KEYS.contains(&key.as_str()) {
                return Err(SettingsError::UnknownKey { key: key.clone(), nearest: nearest(key) });
            }
            let alone = Value::Object([(key.clone(), one.clone())].into_iter().collect());
            let bad = |problem: String| SettingsError::BadValue { key: key.clone(), problem };
            let alone = serde_json::from_value::<Settings>(alone).map_err(|e| bad(e.to_string()))?;
            for pattern in alone.always_keep.iter().chain(&alone.always_take).flatten() {
                super::glob::glob(pattern).map_err(bad)?;
            }
        }
        serde_json::from_value(value).map_err(|e| SettingsError::Json(e.to_string()))
    }

    /// These settings, with `weaker` for every key they leave open.
    pub(crate) fn over(self, weaker: Settings) -> Settings {
        Settings {
            source_path: self.source_path.or(weaker.source_path),
            dry_run: self.dry_run.or(weaker.dry_run),
            auto_restart: self.auto_restart.or(weaker.auto_restart),
            skip_tests: self.skip_tests.or(weaker.skip_tests),
            test_command: self.test_command.or(weaker.test_command),
            test_timeout: self.test_timeout.or(weaker.test_timeout),
            keep_backups: self.keep_backups.or(weaker.keep_backups),
            interactive_conflicts: self.interactive_conflicts.or(weaker.interactive_conflicts),
            git_commit_after: self.git_commit_after.or(weaker.git_commit_after),
            git_commit_message: self.git_commit_message.or(weaker.git_commit_message),
            always_keep: self.always_keep.or(weaker.always_keep),
            always_take: self.always_take.or(weaker.always_take),
            theme: self.theme.or(weaker.theme),
            ascii: self.ascii.or(weaker.ascii),
            mouse: self.mouse.or(weaker.mouse),
            plain: self.plain.or(weaker.plain),
        }
    }

    /// How the wizard looks.
    pub(crate) fn look(&self) -> Look {
        Look {
            theme: self.theme.unwrap_or_default(),
            ascii: self.ascii.unwrap_or(false),
            mouse: self.mouse.unwrap_or(false),
            plain: self.plain.unwrap_or(false),
        }
    }

    /// The seed's defaults for every key that is left open.
    pub(crate) fn options(&self) -> Options {
        Options {
            dry_run: self.dry_run.unwrap_or(false),
            auto_restart: self.auto_restart.unwrap_or(true),
            skip_tests: self.skip_tests.unwrap_or(false),
            test_command: self.test_command.clone().unwrap_or_default(),
            test_timeout: self.test_timeout.unwrap_or(TEST_TIMEOUT),
            keep_backups: self.keep_backups.unwrap_or(KEEP_BACKUPS),
            interactive_conflicts: self.interactive_conflicts.unwrap_or(true),
            git_commit_after: self.git_commit_after.unwrap_or(false),
            git_commit_message: self.git_commit_message.clone(),
            always_keep: self.always_keep.clone().unwrap_or_default(),
            always_take: self.always_take.clone().unwrap_or_default(),
            allow_post_install_failure: false,
            no_rehearsal: false,
            only_rehearsal: false,
            allow_downgrade: false,
            python: None,
            unrelated_source: false,
            restart_by_hand: false,
            ask_again: false,
            editor_config: false,
            rules: false,
        }
    }
}

/// The key of a rule that always keeps mine, or always takes theirs.
pub(crate) fn rule_key(take: bool) -> &'static str {
    if take { "always_take" } else { "always_keep" }
}

/// The text of an `upgrade.json` with one more standing rule; the order and the values of all else stay. `known` are the
/// rules that hold now: where this file has none of its own, they came from the user's file, which it would hide.
///
/// # Errors
/// [`SettingsError`] for a text that can't be read, or a glob that doesn't compile.
pub(crate) fn with_rule(text: &str, take: bool, pattern: &str, known: &[String]) -> Result<String, SettingsError> {
    let text = if text.trim().is_empty() { "{}" } else { text };
    Settings::parse(text)?;
    super::glob::glob(pattern)
        .map_err(|problem| SettingsError::BadValue { key: rule_key(take).to_owned(), problem })?;
    let mut value: Value = serde_json::from_str(text).map_err(|e| SettingsError::Json(e.to_string()))?;
    let object = value.as_object_mut().ok_or(SettingsError::NotAnObject)?;
    let list = object.entry(rule_key(take)).or_insert(Value::Null);
    if list.is_null() {
        *list = Value::from(known.to_vec());
    }
    if let Some(all) = list.as_array_mut()
        && !all.iter().any(|p| p.as_str() == Some(pattern))
    {
        all.push(pattern.into());
    }
    let mut out = serde_json::to_string_pretty(&value).map_err(|e| SettingsError::Json(e.to_string()))?;
    out.push('\n');
    Ok(out)
}

/// The text of an `upgrade.json` with a value for a key, or without one; the order and the values of all else stay.
///
/// # Errors
/// [`SettingsError`] for a text that can't be read, a key that nobody reads, or a value of the wrong kind.
pub(crate) fn with_value(text: &str, key: &str, new: Option<Value>) -> Result<String, SettingsError> {
    let text = if text.trim().is_empty() { "{}" } else { text };
    if !KEYS.contains(&key) {
        return Err(SettingsError::UnknownKey { key: key.to_owned(), nearest: nearest(key) });
    }
    let mut value: Value = serde_json::from_str(text).map_err(|e| SettingsError::Json(e.to_string()))?;
    let object = value.as_object_mut().ok_or(SettingsError::NotAnObject)?;
    match new {
        Some(new) => drop(object.insert(key.to_owned(), new)),
        None => drop(object.shift_remove(key)),
    }
    let mut out = serde_json::to_string_pretty(&value).map_err(|e| SettingsError::Json(e.to_string()))?;
    Settings::parse(&out)?;
    out.push('\n');
    Ok(out)
}

/// The value of a key that these settings have, and its default.
pub(crate) fn value_of(settings: &Settings, key: &str) -> (Option<Value>, Value) {
    let has = serde_json::to_value(settings).ok().and_then(|all| all.get(key).cloned()).filter(|v| !v.is_null());
    let usual = serde_json::to_value(Settings::default().options()).ok().and_then(|all| all.get(key).cloned());
    let look = match key {
        "theme" => Some(Value::from("auto")),
        "ascii" | "mouse" | "plain" => Some(Value::from(false)),
        _ => None,
    };
    (has, look.or(usual).unwrap_or_default())
}

/// The message of the commit behind an upgrade, from its template.
pub(crate) fn commit_message(template: Option<&str>, install: &str, from: &str, to: &str, version: &str) -> String {
    let template = template.unwrap_or("Upgrade {install} to {version}");
    let mut out = String::new();
    let mut rest = template;
    // From left to right: what is filled in is not looked at again.
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let places = [("{install}", install), ("{from}", from), ("{to}", to), ("{version}", version)];
        match places.into_iter().find(|(place, _)| rest.starts_with(place)) {
            Some((place, value)) => {
                out.push_str(value);
                rest = &rest[place.len()..];
            }
            None => {
                out.push('{');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// The known key that shares the most with what was written.
fn nearest(key: &str) -> &'static str {
    // The comparison takes the square of the length.
    let key: String = key.chars().take(40).collect();
    let likeness = |known: &&str| {
        let ratio = similar::TextDiff::from_chars(key.as_str(), *known).ratio();
        (f64::from(ratio) * 1e6) as u64
    };
    KEYS.iter().copied().max_by_key(|k| likeness(k)).unwrap_or(KEYS[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_name_the_nearest() {
        let error = Settings::parse("{\"keep_backup\": 3}").unwrap_err();
        assert_eq!(error.to_string(), "unknown key \"keep_backup\"; did you mean \"keep_backups\"?");
        let long = Settings::parse(&format!("{{\"{}\": 3}}", "k".repeat(900_000))).unwrap_err();
        assert!(long.to_string().len() < 300, "and soon");
    }

    #[test]
    fn wrong_kinds_name_the_key() {
        let error = Settings::parse("{\"dry_run\": false, \"keep_backups\": \"three\"}").unwrap_err();
        assert!(error.to_string().starts_with("\"keep_backups\": "), "{error}");
        assert!(Settings::parse("[]").is_err());
        assert!(Settings::parse("{").is_err());
    }

    #[test]
    fn a_rule_is_added_to_what_is_there() {
        let text = "{\"keep_backups\": 5, \"always_take\": [\"a\"]}";
        let all = |text: &str| Settings::parse(text).unwrap();
        let one = with_rule(text, false, "docs/**", &["of/the/user".into()]).unwrap();
        assert!(one.starts_with("{\n  \"keep_backups\": 5"), "{one}");
        assert_eq!(all(&one).always_keep.unwrap(), ["of/the/user", "docs/**"]);
        let two = with_rule(&one, false, "docs/**", &[]).unwrap();
        assert_eq!(one, two, "not twice");
        assert_eq!(all(&with_rule(&two, true, "b", &[]).unwrap()).always_take.unwrap(), ["a", "b"]);
        assert!(with_rule("", true, "b", &[]).is_ok() && with_rule("{", true, "b", &[]).is_err());
        assert!(with_rule("{}", true, "[", &[]).is_err());
    }

    #[test]
    fn a_value_is_set_and_unset_and_the_rest_stays() {
        let text = "{\"theme\": \"dark\", \"keep_backups\": 5}";
        let set = with_value(text, "keep_backups", Some(7.into())).unwrap();
        assert!(set.starts_with("{\n  \"theme\": \"dark\",\n  \"keep_backups\": 7"), "{set}");
        assert!(!with_value(&set, "theme", None).unwrap().contains("theme"));
        let slip = with_value("", "keep_backup", Some(1.into())).unwrap_err().to_string();
        assert!(slip.contains("keep_backups"), "{slip}");
        assert!(
            with_value("", "keep_backups", Some("three".into())).is_err() && with_value("[]", "ascii", None).is_err()
        );
        for key in KEYS {
            let (has, _) = value_of(&Settings::default(), key);
            assert_eq!(has, None, "{key}");
        }
        assert_eq!(value_of(&Settings::parse(&set).unwrap(), "keep_backups"), (Some(7.into()), 3.into()));
    }

    #[test]
    fn a_message_is_filled_in_once() {
        assert_eq!(commit_message(None, ".praxis-os", "a", "b", "1.0"), "Upgrade .praxis-os to 1.0");
        let all = commit_message(Some("chore: {from}..{to} {x} {{version}"), "i", "{to}", "b", "1");
        assert_eq!(all, "chore: {to}..b {x} {1");
    }

    #[test]
    fn flags_win_over_project_over_user() {
        let flags = Settings { keep_backups: Some(1), ..Settings::default() };
        let project = Settings { keep_backups: Some(2), skip_tests: Some(true), ..Settings::default() };
        let all = flags.over(project).over(Settings { theme: Some(Scheme::Light), ..Settings::default() });
        assert_eq!(all.look(), Look { theme: Scheme::Light, ascii: false, mouse: false, plain: false });
        let all = all.options();
        assert_eq!((all.keep_backups, all.skip_tests, all.auto_restart), (1, true, true));
    }
}
