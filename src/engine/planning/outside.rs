//! Lines of the project, outside of the install, that name what an upgrade moves or takes away. Reads only.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

use crate::core::layout::editors_and_rules::RenamedTool;
use crate::core::layout::{Generation, layouts};
use crate::core::path::RelPath;
use crate::core::plan::{Kind, Plan};
use crate::core::references::{Moves, Reference, Unread, in_file, in_link};
use crate::engine::planning::make_plan;
use crate::engine::planning::source::Source;
use crate::host::files::fs;
use crate::host::files::parallel::in_parallel;
use crate::host::files::project::{self, Held};
use crate::host::git;

/// A file that may name something and was not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub(crate) struct Passed {
    /// Within the project; lossy where its name is not UTF-8.
    pub(crate) path: String,
    /// The path's bytes, where it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path_base64: Option<String>,
    /// Why, in words.
    pub(crate) why: String,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub(crate) struct Outside {
    /// How many files and links were looked at.
    pub(crate) files_read: u64,
    /// Git said which files are the project's; else all that do not look as if a tool had made them were read.
    pub(crate) tracked: bool,
    /// They were too many: some were not looked at.
    pub(crate) cut_off: bool,
    /// The lines, by path and number.
    pub(crate) references: Vec<Reference>,
    /// Files that were not read.
    pub(crate) unread: Vec<Passed>,
}

impl Outside {
    /// In how many files there are such lines.
    pub(crate) fn files(&self) -> usize {
        self.references.iter().map(|line| &line.path).collect::<BTreeSet<_>>().len()
    }

    /// How many files and lines, in words; none where there are none.
    pub(crate) fn count(&self) -> Option<String> {
        let (files, lines) = (self.files(), self.references.len());
        let files = match files {
            0 => return None,
            1 => "1 file names".to_owned(),
            files => format!("{files} files name"),
        };
        let lines = if lines == 1 { "1 line".to_owned() } else { format!("{lines} lines") };
        Some(format!("outside of the install, {files} what moved, moves or goes ({lines})"))
    }
}

/// The generation that an install will be of; without a source the one that it is of.
pub(crate) fn target(install: &Path, source: Option<&Source>) -> &'static Generation {
    let installed = || make_plan::layout_of(install).ok().map(|(generation, _)| generation);
    source.map(Source::generation).or_else(installed).unwrap_or_else(|| layouts().newest())
}

/// What an upgrade of this install moves, and what earlier ones left behind under old names. Without a source: what
/// earlier ones left. Blocking.
pub(crate) fn moves(project: &Path, install: &Path, source: Option<&Source>, plan: Option<&Plan>) -> Moves {
    let target = target(install, source);
    let own = install.file_name().unwrap_or_default().as_encoded_bytes();
    let name = |path: &RelPath| path.to_str().map(str::to_owned);
    let Some(next) = name(&target.folder) else { return Moves::default() };
    let earlier = || layouts().generations.iter().take_while(|g| g.name != target.name);
    let left = earlier().filter(|g| {
        // One that stands beside the install is somebody's: another product has folders of that name.
        g.folder != target.folder && (g.folder.as_bytes() == own || !g.folder.under(project).is_dir())
    });
    let package = &target.server().package;
    let packages = earlier().map(|g| &g.server().package).filter(|p| *p != package);
    let mut moves = Moves {
        folders: left.filter_map(|g| Some((name(&g.folder)?, next.clone()))).collect(),
        packages: packages.filter_map(|p| Some((name(p)?, name(package)?))).collect(),
        pages: plan.map(pages).unwrap_or_default(),
        tools: tools(target, install, source),
        homes: layouts().outside.homes.clone(),
        imports: false,
        install: next,
    };
    moves.pages.retain(|old, new| new.as_ref().is_none_or(|new| new.as_bytes() != old));
    moves
}

fn pages(plan: &Plan) -> std::collections::BTreeMap<Vec<u8>, Option<RelPath>> {
    let one = |file: &crate::core::plan::FileEntry| match (file.kind, &file.from) {
        (Kind::Remove, _) => Some((file.path.as_bytes().to_vec(), None)),
        (Kind::Move | Kind::AutoMerge | Kind::Conflict, Some(from)) => {
            Some((from.as_bytes().to_vec(), Some(file.path.clone())))
        }
        _ => None,
    };
    plan.files.iter().filter_map(one).collect()
}

/// The tools that the target's server has under another name: those that its code has, and not under the old one.
fn tools(target: &Generation, install: &Path, source: Option<&Source>) -> Vec<RenamedTool> {
    let all = layouts().generations.iter().filter_map(|g| Some((&g.name, &g.editor_entry.as_ref()?.renamed_tools)));
    let mut renamed: Vec<RenamedTool> = Vec::new();
    for (generation, more) in all {
        for tool in more {
            // What was renamed twice has the last name.
            renamed.iter_mut().filter(|old| old.to == tool.from).for_each(|old| old.to.clone_from(&tool.to));
            renamed.push(tool.clone());
        }
        if *generation == target.name {
            break;
        }
    }
    let code = code(target, install, source);
    let has = |name: &str| {
        let forms = [format!("\"{name}\""), format!("'{name}'"), format!("def {name}(")];
        code.iter().any(|text| forms.iter().any(|form| text.contains(form)))
    };
    renamed.retain(|tool| has(&tool.to) && !has(&tool.from));
    renamed
}

/// The texts of the target's server: the source's, else what is installed.
fn code(target: &Generation, install: &Path, source: Option<&Source>) -> Vec<String> {
    let package = &target.server().package;
    let is_code = |path: &RelPath| path.name().ends_with(b".py");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let Some(source) = source else {
        let (found, _) = project::below(install, Some(package), |_| true);
        let texts = found.iter().filter(|path| is_code(path)).filter_map(|path| match project::held(install, path) {
            Held::Bytes(bytes) => Some(text(&bytes)),
            _ => None,
        });
        return texts.collect();
    };
    let layout = target.newest();
    let server = source.tree.iter().filter(|(path, _)| {
        is_code(path) && layout.install_path(path, |_| true).is_some_and(|place| layouts().is_server(&place))
    });
    server.filter_map(|(_, file)| source.read(&file.blob)).map(|bytes| text(&bytes)).collect()
}

/// Whether a file of the project tells an assistant what to do.
pub(crate) fn instructs(path: &RelPath) -> bool {
    layouts().outside.rules.iter().any(|rule| path.is_within(rule) || path.name() == rule.as_bytes())
}

/// Looks for lines that name what moves. Blocking.
pub(crate) fn find(project: &Path, install: &Path, moves: Moves) -> Outside {
    look(project, install, moves).0
}

/// The same, with what was looked for: whether the project has code of its own of a package's name is known by then.
pub(crate) fn look(project: &Path, install: &Path, mut moves: Moves) -> (Outside, Moves) {
    let mut outside = Outside { tracked: true, ..Outside::default() };
    if moves.is_empty() {
        return (outside, moves);
    }
    let paths = paths(project, install, &mut outside);
    let is_own = |path: &RelPath| {
        path.parts().any(|part| moves.packages.keys().any(|p| part.split(|b| *b == b'.').next() == Some(p.as_bytes())))
    };
    moves.imports = !paths.iter().any(is_own);
    let paths: Vec<RelPath> = paths.into_iter().collect();
    let looked = in_parallel(&paths, |path| {
        let passed = |why: String| {
            let (path, path_base64) = (String::from_utf8_lossy(path.as_bytes()).into_owned(), path.base64());
            (0, Vec::new(), Some(Passed { path, path_base64, why }))
        };
        Ok::<_, std::convert::Infallible>(match project::held(project, path) {
            Held::Nothing => (0, Vec::new(), None),
            Held::Link(target) => (1, in_link(path, &target, &moves).into_iter().collect(), None),
            Held::TooLarge(size) => passed(format!("it is larger than 1 MiB ({})", fs::human_size(size))),
            Held::Unreadable(why) => passed(format!("it can't be read ({why})")),
            Held::Bytes(bytes) => match in_file(path, &bytes, &moves, instructs(path)) {
                Ok(found) => (1, found, None),
                Err(Unread::Binary) => (1, Vec::new(), None),
                Err(Unread::LfsPointer) => passed("it is a git-lfs pointer: its text is not here".to_owned()),
            },
        })
    });
    let Ok(looked) = looked;
    for (read, references, passed) in looked {
        outside.files_read += read;
        outside.references.extend(references);
        outside.unread.extend(passed);
    }
    (outside, moves)
}

/// The project's files outside of installs, and those that tell assistants what to do, tracked or not.
fn paths(project: &Path, install: &Path, outside: &mut Outside) -> BTreeSet<RelPath> {
    let data = &layouts().outside;
    let own = install.file_name().unwrap_or_default().as_encoded_bytes();
    let in_install = |path: &RelPath| {
        let top = path.parts().next().unwrap_or_default();
        top == own || layouts().generations.iter().any(|g| g.folder.as_bytes() == top)
    };
    let may_hold = |path: &RelPath| !in_install(path) && !data.not_searched.iter().any(|n| n.as_bytes() == path.name());
    let mut paths: BTreeSet<RelPath> = match git::tracked(project) {
        Ok(all) => all.into_iter().map(|tracked| tracked.path).collect(),
        Err(_) => {
            outside.tracked = false;
            let (found, all) = project::below(project, None, may_hold);
            outside.cut_off = !all;
            found
        }
    };
    let told = data.rules.iter().chain(data.editors.iter().map(|editor| &editor.path));
    for place in told {
        let (found, all) = project::below(project, Some(place), may_hold);
        outside.cut_off |= !all;
        paths.extend(found);
    }
    paths.retain(|path| !in_install(path));
    paths
}

/// The folder of the project's install, of whatever generation: the newest that there is.
pub(crate) fn install_of(project: &Path) -> Option<std::path::PathBuf> {
    let mut folders = layouts().generations.iter().rev().map(|g| g.folder.under(project));
    folders.find(|folder| folder.is_dir())
}
