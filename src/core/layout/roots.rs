//! Which roots an install has, one by one: people copied folders by hand, and one release's pages may stand at two
//! places. So no layout is taken for the whole install.

use super::{Generation, Layout, Map, layouts};
use crate::core::path::RelPath;

/// The roots of an install.
#[derive(Debug)]
pub(crate) struct Roots {
    /// Where a path is looked for first stands first.
    roots: Vec<Root>,
}

/// A folder of the install with the folder of the source that it is from.
#[derive(Debug, Clone, Copy)]
struct Root {
    map: &'static Map,
    /// The installer of this install's generation installs all of it: what is missing was deleted by somebody.
    whole: bool,
}

impl Roots {
    /// The roots of an install: those that its own layout has, and every other in which some file is a release's, byte
    /// for byte. `is_released` tells of a root whether one is; `present` whether the install has a folder.
    ///
    /// A folder that somebody renamed by hand has the name of a later generation than its installer. So what only the
    /// later one installs was installed only if some of it is there.
    pub(crate) fn of(
        generation: &Generation,
        layout: &'static Layout,
        target: &'static Layout,
        is_released: impl Fn(&Map) -> bool,
        present: impl Fn(&RelPath) -> bool,
    ) -> Self {
        let own = |map: &Map| layout.maps().iter().any(|m| m.is(map) && (!m.only_if_present || present(&m.install)));
        let mut maps: Vec<&'static Map> = Vec::new();
        for map in layouts().maps() {
            if !maps.iter().any(|m| m.is(map)) {
                maps.push(map);
            }
        }
        let found = maps.into_iter().filter_map(|map| {
            let (own, released) = (own(map), is_released(map));
            let whole = own && (released || layouts().always_mapped(generation, map));
            (whole || released).then_some(Root { map, whole })
        });
        let mut roots: Vec<Root> = found.collect();
        // What stands where it will stand is the one that counts.
        roots.sort_by_key(|root| (!target.maps().iter().any(|m| m.is(root.map)), !root.whole));
        Self { roots }
    }

    /// Where a source path can stand in this install, the likeliest first.
    pub(crate) fn places(&self, source: &RelPath) -> impl Iterator<Item = RelPath> {
        let config = layouts().config_path(source);
        let places: Vec<RelPath> = self.roots.iter().filter_map(|root| root.map.place(source)).collect();
        config.into_iter().chain(places)
    }

    /// Where a source path that no installer installs can stand in roots that the target does not have: they go, and with
    /// them what was copied by hand.
    pub(crate) fn strays(&self, source: &RelPath, target: &Layout) -> impl Iterator<Item = RelPath> {
        let going = |root: &&Root| {
            layouts().never_installed(source) && !target.install_folders().any(|f| *f == root.map.install)
        };
        self.roots.iter().filter(going).filter_map(|root| root.map.copied(source)).collect::<Vec<_>>().into_iter()
    }

    /// Whether a source path that is missing at a place was deleted there: whoever installed the root installed all of it.
    pub(crate) fn had(&self, source: &RelPath, place: &RelPath) -> bool {
        let here = |root: &&Root| root.map.place(source).as_ref() == Some(place);
        layouts().is_config(place) || self.roots.iter().filter(here).any(|root| root.whole)
    }

    /// The root that a path stands in.
    pub(crate) fn root_of(&self, place: &RelPath) -> Option<&RelPath> {
        self.folders().filter(|folder| place.is_within(folder)).max_by_key(|folder| folder.as_bytes().len())
    }

    /// The folders in which managed files can stand.
    pub(crate) fn folders(&self) -> impl Iterator<Item = &RelPath> {
        self.roots.iter().map(|root| &root.map.install)
    }
}

impl Map {
    /// Whether two maps say the same.
    pub(super) fn is(&self, other: &Map) -> bool {
        self.source == other.source && self.install == other.install
    }
}
