//! Whether an entry starts an install's server: told by program, module and folder, never by the entry's name.

use super::jsonc::{Node, Problem};
use crate::core::references::{Moves, folders};

/// What starts this install's server, and what will start it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Starts {
    /// The project's folder; none where it is no text, so that no entry can name it.
    pub(crate) project: Option<String>,
    /// What else stands for it in an entry.
    pub(crate) placeholders: Vec<String>,
    /// Folders of the project that are this install now, or were before somebody moved it.
    pub(crate) folders: Vec<String>,
    /// Modules that are this server, of whatever age.
    pub(crate) modules: Vec<String>,
    /// Those of them that the new server has; the first is what an entry should say.
    pub(crate) next: Vec<String>,
    /// Files below the install that started a server of before.
    pub(crate) scripts: Vec<String>,
    /// Keys that list tools which run without a question.
    pub(crate) approvals: Vec<String>,
    /// What moves, and which tools have another name.
    pub(crate) moves: Moves,
}

/// How an entry starts a server of ours.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Way<'n> {
    /// As a module: where its name stands.
    Module(&'n Node),
    /// By a file that no release has any more.
    Script(String),
}

impl Starts {
    /// Whether what stands in front of a folder's name leads to this project: nothing, the project's path, or what stands
    /// for it.
    fn leads_here(&self, front: &str) -> bool {
        let mut front = front;
        while let Some(shorter) = front.strip_suffix("./").filter(|f| f.is_empty() || f.ends_with('/')) {
            front = shorter;
        }
        let Some(above) = front.strip_suffix('/') else { return front.is_empty() };
        let named = |name: &String| above.trim_end_matches('/') == name.trim_end_matches('/');
        self.project.as_ref().is_some_and(named) || self.placeholders.iter().any(named)
    }

    /// What a path is within the install, if it is in one of ours. Behind the folder stands nothing, or a slash.
    fn place<'t>(&self, text: &'t str) -> Option<&'t str> {
        self.folders.iter().find_map(|folder| {
            let at = folders(text, folder, &[]).next()?;
            self.leads_here(&text[..at.start]).then_some(text[at.end..].trim_start_matches('/'))
        })
    }

    /// Where names of folders that move stand in a value, which may be a list of paths.
    pub(crate) fn moved(&self, value: &str) -> Vec<(std::ops::Range<usize>, &str)> {
        let mut found = Vec::new();
        for (old, new) in &self.moves.folders {
            for at in folders(value, old, &[]) {
                let front = &value[..at.start];
                // Placeholders have colons of their own.
                let begins = |at: usize| front[..at].matches("${").count() == front[..at].matches('}').count();
                let starts = front.match_indices([':', ';', '=']).rfind(|(at, _)| begins(*at));
                let from = starts.map_or(0, |(at, _)| at + 1);
                if self.leads_here(&front[from..]) || self.leads_here(front) {
                    found.push((at, new.as_str()));
                }
            }
        }
        found.sort_by_key(|(at, _)| at.start);
        found
    }

    /// How an entry starts this install's server; none if it starts something else.
    ///
    /// # Errors
    /// [`Problem::Twice`].
    pub(crate) fn way<'n>(&self, entry: &'n Node) -> Result<Option<Way<'n>>, Problem> {
        let (command, cwd, env) = (entry.get("command")?, entry.get("cwd")?, entry.get("env")?);
        let args = entry.get("args")?.map_or(&[][..], Node::items);
        let Some(program) = command.and_then(Node::text) else { return Ok(None) };
        let module = args.iter().zip(args.iter().skip(1)).find(|(flag, _)| flag.text() == Some("-m"));
        let module = module.map(|(_, name)| name).filter(|name| self.is_server(name.text()));
        let words = || [program].into_iter().chain(args.iter().filter_map(Node::text));
        let in_cwd = cwd.and_then(Node::text).and_then(|cwd| self.place(cwd)).is_some_and(str::is_empty);
        let inside = |word| self.place(word).or_else(|| Some(word).filter(|_| in_cwd && !word.starts_with('/')));
        let is_python = |path: &str| path.rsplit('/').next().is_some_and(|name| name.starts_with("python"));
        if let Some(module) = module {
            let own_python = words().any(|word| inside(word).is_some_and(is_python));
            let code = env.map_or(&[][..], Node::members).iter().filter_map(|(_, value)| value.text());
            let own_code =
                code.flat_map(|value| value.split(':')).any(|path| self.place(path).is_some_and(str::is_empty));
            return Ok((own_python || own_code || in_cwd).then_some(Way::Module(module)));
        }
        let script = words().find(|word| inside(word).is_some_and(|path| self.scripts.iter().any(|s| s == path)));
        Ok(script.map(|word| Way::Script(word.to_owned())))
    }

    fn is_server(&self, module: Option<&str>) -> bool {
        module.is_some_and(|module| self.modules.iter().any(|known| known == module))
    }
}
