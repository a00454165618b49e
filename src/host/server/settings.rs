//! What else a server was told by its environment: credentials, caches, proxies. The one that we start is told the same.
//!
//! What a file of the project says must not make anything run but this install's Python with this install's package
//! ([`super::checked`]), so the environment is not taken over as a whole: the loader (`LD_PRELOAD`), Python (`PYTHONHOME`,
//! `PYTHONSTARTUP`), the shell and Node would run what it names. The layout's table lists what is taken, by name. None of
//! these names says which code is loaded: they tell where data is kept, where the network is reached, what is shown there
//! as a proof of identity, and how much is said. Where that is too much trust, the server has it anyway: its own code
//! lies in the same project, for anybody to change who can change the settings beside it. (`PATH` is left out: it says
//! which programs run. So is what a library imports by name, such as `FASTMCP_SERVER_AUTH` and `HF_MODULES_CACHE`.)

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use crate::core::layout::layouts;
use crate::core::os_text;
use crate::host::process::proc::Process;
use crate::host::server::editors;

/// Variables that a server is started with beyond those that make it this install's. Their values may be secrets: they
/// are held in memory and given to the server, never saved, logged or shown. What is not UTF-8 is written as
/// [`os_text::encode`] does.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<String, String>);

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Settings {
    /// Those of a running server.
    pub(crate) fn of_process(process: &Process) -> Self {
        Self::taken(process.env.iter(), &process.cwd)
    }

    /// Those that an editor gives the server which it starts in this project.
    pub(crate) fn of_editor(install: &Path, project: &Path) -> Self {
        let env = editors::of_editor(install, project).map(|(_, env)| env).unwrap_or_default();
        // What only the editor can fill in we may have ourselves, and the server gets ours.
        Self::taken(env.iter().filter(|(_, value)| !value.contains("${") && !value.contains('\0')), project)
    }

    /// Those that this process has itself, handed on by another one of ours.
    pub fn of_own_environment() -> Self {
        let own: BTreeMap<String, String> =
            std::env::vars_os().map(|(name, value)| (os_text::encode(name), os_text::encode(value))).collect();
        Self::taken(own.iter(), Path::new("/"))
    }

    /// Hands them on to a process of ours that will start the server.
    pub fn hand_on(&self, command: &mut std::process::Command) {
        command.envs(self.0.iter().map(|(name, value)| (os_text::decode(name), os_text::decode(value))));
    }

    fn taken<'a>(env: impl Iterator<Item = (&'a String, &'a String)>, cwd: &Path) -> Self {
        let table = &layouts().server().settings_environment;
        let taken = env.filter(|(name, _)| table.has(name)).map(|(name, value)| {
            // It was read from where the server ran; ours runs in the project's folder.
            let named = os_text::decode(value);
            let relative = table.is_path(name) && !named.is_empty() && Path::new(&named).is_relative();
            let there = cwd.join(named);
            let value = if relative && there.exists() { os_text::encode(there) } else { value.clone() };
            (name.clone(), value)
        });
        Self(taken.collect())
    }

    /// Which they are.
    pub fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// For the server's process, and nothing else.
    pub(super) fn values(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_run_other_code_is_not_taken_and_no_value_is_shown() {
        let names = [
            "LD_PRELOAD",
            "LD_LIBRARY_PATH",
            "LD_AUDIT",
            "PATH",
            "HOME",
            "PYTHONHOME",
            "PYTHONPATH",
            "PYTHONSTARTUP",
            "PYTHONINSPECT",
            "PYTHONWARNINGS",
            "PYTHONBREAKPOINT",
            "PYTHONUSERBASE",
            "BASH_ENV",
            "NODE_OPTIONS",
            "GIT_SSH_COMMAND",
            "PLAYWRIGHT_NODEJS_PATH",
            "HF_MODULES_CACHE",
            "FASTMCP_SERVER_AUTH",
            "SECRET",
        ];
        let taken = ["OPENAI_API_KEY", "HF_TOKEN", "HF_HUB_OFFLINE", "https_proxy", "SSL_CERT_FILE", "LOG_LEVEL"];
        let env: BTreeMap<_, _> = names.iter().chain(&taken).map(|n| ((*n).to_owned(), "s3cret".to_owned())).collect();
        let settings = Settings::taken(env.iter(), Path::new("/"));
        let mut expected = taken.to_vec();
        expected.sort_unstable();
        assert_eq!(settings.names(), expected);
        assert!(!format!("{settings:?}").contains("s3cret"));
    }

    #[test]
    fn a_folder_is_where_it_was_for_a_server_that_is_started_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("models")).unwrap();
        std::fs::create_dir(dir.path().join("0")).unwrap();
        let told =
            [("HF_HOME", "models"), ("TORCH_HOME", "nowhere"), ("SSL_CERT_FILE", "/etc/ca"), ("OPENAI_API_KEY", "0")];
        let env: BTreeMap<_, _> = told.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let settings = Settings::taken(env.iter(), dir.path());
        let values: Vec<_> = settings.values().values().map(String::as_str).collect();
        let models = dir.path().join("models").display().to_string();
        assert_eq!(values, [models.as_str(), "0", "/etc/ca", "nowhere"]);
    }
}
