//! Names of pages. A source can have its pages at other places than earlier sources had them: `dist/universal/x` is the
//! page `universal/x`. Everything that compares releases goes by the page's name, whatever form the source has at a
//! commit; else a source that changes its form would remove all pages and bring others.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Form, Layouts, layouts};
use crate::core::path::RelPath;
use crate::core::release_history::{Change, Commit, Shipped, Tree};

impl Layouts {
    /// The name of the page at a path of a source: the path itself, unless it stands in another form's folder.
    pub(crate) fn page(&self, source: &RelPath) -> RelPath {
        let named = |form: &Form| form.page.join(source.strip(&form.source)?).ok();
        self.source_forms.iter().find_map(named).unwrap_or_else(|| source.clone())
    }

    /// The paths at which a source can have a page, the one that counts first.
    pub(crate) fn paths_of(&self, page: &RelPath) -> Vec<RelPath> {
        let path = |form: &Form| form.source.join(page.strip(&form.page)?).ok();
        let mut all: Vec<RelPath> = self.source_forms.iter().filter_map(path).collect();
        all.push(page.clone());
        let mut seen = BTreeSet::new();
        all.retain(|path| seen.insert(path.clone()));
        all
    }

    /// Whether a path's file can be hidden, or hide another one.
    fn has_forms(&self, source: &RelPath) -> bool {
        self.source_forms.iter().any(|form| source.is_within(&form.source) || source.is_within(&form.page))
    }

    fn is_of_form(&self, source: &RelPath) -> bool {
        self.source_forms.iter().any(|form| source.is_within(&form.source))
    }
}

/// The files of one commit, by path.
trait Files {
    fn at(&self, path: &RelPath) -> Option<&Shipped>;
    fn any_in(&self, folder: &RelPath) -> bool;
}

impl Files for Tree {
    fn at(&self, path: &RelPath) -> Option<&Shipped> {
        self.get(path)
    }

    fn any_in(&self, folder: &RelPath) -> bool {
        // Names that go on behind the folder's own stand between it and what is in it.
        let mut behind = self.range(folder..).take_while(|(path, _)| path.as_bytes().starts_with(folder.as_bytes()));
        behind.any(|(path, _)| path.is_within(folder))
    }
}

/// What a commit ships as a page, and where.
fn shipped<'a>(files: &'a Tree, page: &RelPath) -> Option<(RelPath, &'a Shipped)> {
    let forms = &layouts().source_forms;
    let hidden = forms.iter().any(|form| form.instead && page.is_within(&form.page) && files.any_in(&form.source));
    let mut paths = layouts().paths_of(page).into_iter().filter(|path| !(hidden && path == page));
    paths.find_map(|path| files.at(&path).map(|file| (path.clone(), file)))
}

/// The pages of a commit by name, of its files by path; and where those stand that have another name than their path.
pub(crate) fn pages(files: Tree) -> (Tree, BTreeMap<RelPath, RelPath>) {
    if !files.keys().any(|path| layouts().is_of_form(path)) {
        return (files, BTreeMap::new());
    }
    let names: BTreeSet<RelPath> = files.keys().map(|path| layouts().page(path)).collect();
    let (mut tree, mut elsewhere) = (Tree::new(), BTreeMap::new());
    for name in names {
        let Some((path, file)) = shipped(&files, &name) else { continue };
        tree.insert(name.clone(), file.clone());
        if path != name {
            elsewhere.insert(name, path);
        }
    }
    (tree, elsewhere)
}

/// A history whose changes name paths as one whose changes name pages: parents stand before their children.
pub(crate) fn history(commits: Vec<Commit>) -> Vec<Commit> {
    let of_form = |change: &Change| layouts().is_of_form(&change.path);
    if !commits.iter().flat_map(|c| &c.changes).any(of_form) {
        return commits;
    }
    let position: HashMap<String, usize> = commits.iter().enumerate().map(|(at, c)| (c.id.clone(), at)).collect();
    let parent = |commit: &Commit| commit.parent.as_ref().and_then(|id| position.get(id)).copied();
    let last_child: HashMap<usize, usize> =
        commits.iter().enumerate().filter_map(|(at, commit)| Some((parent(commit)?, at))).collect();
    // Only the files that can be hidden, or hide others.
    let mut trees: HashMap<usize, Tree> = HashMap::new();
    let mut named = Vec::with_capacity(commits.len());
    for (at, commit) in commits.iter().enumerate() {
        let before = match parent(commit) {
            // A straight history copies each tree once, not the whole line.
            Some(p) if last_child.get(&p) == Some(&at) => trees.remove(&p).unwrap_or_default(),
            Some(p) => trees.get(&p).cloned().unwrap_or_default(),
            None => Tree::new(),
        };
        let mut after = before.clone();
        let (ours, mut changes): (Vec<&Change>, Vec<Change>) = {
            let ours = |change: &&Change| {
                layouts().has_forms(&change.path)
                    || change.renamed_from.as_ref().is_some_and(|f| layouts().has_forms(f))
            };
            let (ours, others): (Vec<&Change>, Vec<&Change>) = commit.changes.iter().partition(ours);
            (ours, others.into_iter().cloned().collect())
        };
        for gone in ours.iter().flat_map(|c| c.renamed_from.iter().chain(c.blob.is_none().then_some(&c.path))) {
            after.remove(gone);
        }
        for (change, blob) in ours.iter().filter_map(|c| Some((c, c.blob.clone()?))) {
            after.insert(change.path.clone(), Shipped { blob, executable: change.executable });
        }
        changes.extend(named_changes(&before, &after, &ours));
        named.push(Commit { changes, ..commit.clone() });
        trees.insert(at, after);
    }
    named
}

/// What changed of the pages between two trees, of which `changes` tells the paths.
fn named_changes(before: &Tree, after: &Tree, changes: &[&Change]) -> Vec<Change> {
    let mut touched: BTreeSet<RelPath> =
        changes.iter().flat_map(|c| c.renamed_from.iter().chain([&c.path])).map(|path| layouts().page(path)).collect();
    for form in layouts().source_forms.iter().filter(|form| form.instead) {
        if before.any_in(&form.source) != after.any_in(&form.source) {
            let all = before.keys().chain(after.keys()).map(|path| layouts().page(path));
            touched.extend(all.filter(|page| page.is_within(&form.page)));
        }
    }
    let shows = |tree, page: &RelPath| shipped(tree, page).map(|(_, file): (_, &Shipped)| file.clone());
    let (mut renamed, mut found) = (BTreeMap::new(), Vec::new());
    for change in changes {
        let Some(from) = change.renamed_from.as_ref().map(|from| layouts().page(from)) else { continue };
        let to = layouts().page(&change.path);
        let arrived = shipped(after, &to).is_some_and(|(path, _)| path == change.path);
        if from != to && arrived && shipped(after, &from).is_none() {
            renamed.insert(to, from);
        }
    }
    let moved: BTreeSet<&RelPath> = renamed.values().collect();
    for path in &touched {
        let (old, new) = (shows(before, path), shows(after, path));
        if old == new || (new.is_none() && moved.contains(path)) {
            continue;
        }
        found.push(Change {
            path: path.clone(),
            renamed_from: renamed.get(path).cloned(),
            executable: new.as_ref().is_some_and(|file| file.executable),
            blob: new.map(|file| file.blob),
        });
    }
    found
}

/// Commits of which not every parent is there: their changes by the names of pages, whatever hides what.
pub(crate) fn loose(mut commits: Vec<Commit>) -> Vec<Commit> {
    for change in commits.iter_mut().flat_map(|c| &mut c.changes) {
        change.path = layouts().page(&change.path);
        change.renamed_from =
            change.renamed_from.take().map(|from| layouts().page(&from)).filter(|f| *f != change.path);
    }
    commits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::blob::{BlobId, ObjectFormat};

    fn rel(text: &str) -> RelPath {
        text.parse().unwrap()
    }

    fn shipped(text: &str) -> Shipped {
        Shipped { blob: BlobId::of(text.as_bytes(), ObjectFormat::Sha1), executable: false }
    }

    fn tree(files: &[(&str, &str)]) -> Tree {
        files.iter().map(|(path, text)| (rel(path), shipped(text))).collect()
    }

    fn commit(id: &str, parent: Option<&str>, changes: &[(&str, Option<&str>, Option<&str>)]) -> Commit {
        let change = |(path, from, text): &(&str, Option<&str>, Option<&str>)| Change {
            path: rel(path),
            renamed_from: from.map(rel),
            blob: text.map(|text| shipped(text).blob),
            executable: false,
        };
        let (date, subject) = (String::new(), String::new());
        let changes = changes.iter().map(change).collect();
        Commit { id: id.into(), parent: parent.map(str::to_owned), date, subject, changes }
    }

    /// The changes of a commit: page, the page before, text.
    fn seen(commit: &Commit) -> Vec<(String, Option<String>, Option<BlobId>)> {
        let one = |c: &Change| (c.path.to_string(), c.renamed_from.as_ref().map(ToString::to_string), c.blob.clone());
        commit.changes.iter().map(one).collect()
    }

    fn is(path: &str, from: Option<&str>, text: Option<&str>) -> (String, Option<String>, Option<BlobId>) {
        (path.into(), from.map(str::to_owned), text.map(|text| shipped(text).blob))
    }

    #[test]
    fn a_page_has_one_name() {
        let page = |path: &str| layouts().page(&rel(path)).to_string();
        assert_eq!(page("dist/universal/standards/a.md"), "universal/standards/a.md");
        assert_eq!(page("dist/universal/templates/t.md"), "universal/templates/t.md");
        assert_eq!(page("dist/scripts/x.py"), "scripts/x.py");
        assert_eq!(page("universal/standards/a.md"), "universal/standards/a.md");
        assert_eq!(page("dist/universal-2/a.md"), "dist/universal-2/a.md");
        let paths = layouts().paths_of(&rel("universal/workflows/w"));
        assert_eq!(paths, ["dist/universal/workflows/w", "universal/workflows/w"].map(rel));
    }

    #[test]
    fn what_is_left_over_does_not_count() {
        let files = [
            ("dist/universal/standards/a.md", "new"),
            ("universal/standards/a.md", "old"),
            ("universal/standards/left.md", "old"),
            // No such folder in the other form: what there is counts.
            ("universal/workflows/w.md", "w"),
            // Single files stand beside the others.
            ("dist/scripts/upgrade.py", "new"),
            ("scripts/upgrade.py", "old"),
            ("scripts/x.py", "x"),
            ("dist/ouroboros/x.py", "x"),
            ("dist/universal/standards-2/b.md", "b"),
        ];
        let (pages, elsewhere) = pages(tree(&files));
        let expected = [
            ("dist/ouroboros/x.py", "x"),
            ("scripts/upgrade.py", "new"),
            ("scripts/x.py", "x"),
            ("universal/standards-2/b.md", "b"),
            ("universal/standards/a.md", "new"),
            ("universal/workflows/w.md", "w"),
        ];
        assert_eq!(pages, tree(&expected));
        assert_eq!(elsewhere[&rel("universal/standards/a.md")], rel("dist/universal/standards/a.md"));
        assert!(!elsewhere.contains_key(&rel("scripts/x.py")));
        let plain = tree(&[("universal/standards/a.md", "a")]);
        assert_eq!(super::pages(plain.clone()), (plain, BTreeMap::new()));
    }

    #[test]
    fn a_history_that_changes_its_form() {
        let (a, b) = ("universal/standards/a.md", "universal/standards/b.md");
        let (in_a, in_b) = ("dist/universal/standards/a.md", "dist/universal/standards/b.md");
        let commits = vec![
            commit("1", None, &[(a, None, Some("a")), (b, None, Some("b")), ("mcp_server/x.py", None, Some("x"))]),
            // Copied with a change; what stands under the old name is left over from here on.
            commit("2", Some("1"), &[(in_a, None, Some("a2"))]),
            commit("3", Some("2"), &[(a, None, Some("nobody sees this"))]),
            // Renamed there.
            commit("4", Some("3"), &[("dist/universal/standards/c.md", Some(in_a), Some("a2"))]),
            // Another line: moved as it is, and one of the two under another name.
            commit(
                "5",
                Some("1"),
                &[(in_a, Some(a), Some("a")), ("dist/universal/standards/d.md", Some(b), Some("b"))],
            ),
            // And back again.
            commit(
                "6",
                Some("5"),
                &[(a, Some(in_a), Some("a")), (b, Some("dist/universal/standards/d.md"), Some("b"))],
            ),
            commit(
                "7",
                Some("1"),
                &[("dist/ouroboros/x.py", Some("mcp_server/x.py"), Some("x")), (in_b, Some(b), Some("b"))],
            ),
        ];
        let named = history(commits);
        let changes: Vec<_> = named.iter().map(seen).collect();
        assert_eq!(changes[1], [is(a, None, Some("a2")), is(b, None, None)]);
        assert_eq!(changes[2], []);
        assert_eq!(changes[3], [is("universal/standards/c.md", Some(a), Some("a2"))]);
        assert_eq!(changes[4], [is("universal/standards/d.md", Some(b), Some("b"))]);
        assert_eq!(changes[5], [is(b, Some("universal/standards/d.md"), Some("b"))]);
        // What is no page is as it was; b is hidden from nothing, and a goes because its folder is left over.
        assert_eq!(changes[6], [is("dist/ouroboros/x.py", Some("mcp_server/x.py"), Some("x")), is(a, None, None)]);
    }

    #[test]
    fn commits_without_their_parents() {
        let commits = vec![commit("9", Some("gone"), &[("dist/universal/standards/a.md", None, Some("a"))])];
        assert_eq!(seen(&loose(commits)[0]), [is("universal/standards/a.md", None, Some("a"))]);
    }
}
