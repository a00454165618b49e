//! The workflow's own pages, embedded: what each phase checks, changes, may ask and leaves behind, how it fails, and
//! what to do then. Pages are Markdown of the simplest kind: headings, paragraphs and `- ` items, one per line.

use include_dir::{Dir, include_dir};

use super::phase::Phase;

static PAGES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/assets/workflow/agent_os_upgrade_v1");
const PHASES: &str = "phases";
const SUPPORTING: &str = "supporting-docs";

/// The workflow's table of phases, with the seed's fields, as JSON.
pub(crate) const METADATA: &str = include_str!("../../assets/workflow/agent_os_upgrade_v1/metadata.json");

/// One page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    /// The file's name without its ending, such as `2-content-upgrade`.
    pub(crate) name: &'static str,
    /// The file, relative to the workflow's folder.
    pub(crate) file: &'static str,
    /// The whole text.
    pub(crate) text: &'static str,
}

impl Page {
    /// Its first heading.
    pub(crate) fn title(&self) -> &'static str {
        self.text.lines().find_map(|l| l.strip_prefix("# ")).unwrap_or(self.name)
    }
}

/// A piece of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Block<'t> {
    /// The page's heading.
    Title(&'t str),
    /// A section's heading.
    Heading(&'t str),
    /// A paragraph.
    Paragraph(&'t str),
    /// An item of a list.
    Item(&'t str),
}

/// Every page: the phases in order, then the supporting ones by name.
pub(crate) fn pages() -> Vec<Page> {
    let mut pages = Vec::new();
    for folder in [PHASES, SUPPORTING] {
        let files = PAGES.get_dir(folder).into_iter().flat_map(Dir::files);
        let mut here: Vec<Page> = files
            .filter_map(|f| {
                let (file, text) = (f.path().to_str()?, f.contents_utf8()?);
                Some(Page { name: f.path().file_stem()?.to_str()?, file, text })
            })
            .collect();
        here.sort_by_key(|p| p.name);
        pages.extend(here);
    }
    pages
}

/// The page of a phase.
pub(crate) fn of(phase: Phase) -> Option<Page> {
    let number = phase.number().to_string();
    pages().into_iter().find(|p| p.file.starts_with(PHASES) && p.name.split('-').next() == Some(&number))
}

/// The page that a person names: a number, a name, or words of it, phases before the others.
pub(crate) fn find(wanted: &str) -> Option<Page> {
    let words = |text: &str| -> Vec<String> {
        text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect()
    };
    let asked = words(wanted.strip_suffix(".md").unwrap_or(wanted));
    let named = |page: &Page| {
        let (name, title) = (words(page.name), words(page.title()));
        asked.iter().all(|w| name.contains(w) || title.contains(w))
    };
    let number = |page: &Page| page.file.starts_with(PHASES) && words(page.name)[..1] == asked[..];
    let exact = |page: &Page| words(page.name) == asked || number(page);
    let pages = pages();
    let found = pages.iter().find(|p| exact(p)).or_else(|| pages.iter().find(|p| named(p)));
    found.filter(|_| !asked.is_empty()).copied()
}

/// The pieces of a page, in order.
pub(crate) fn blocks(text: &str) -> impl Iterator<Item = Block<'_>> {
    text.lines().filter(|l| !l.trim().is_empty()).map(|line| match line {
        l if l.starts_with("# ") => Block::Title(&l[2..]),
        l if l.starts_with("## ") => Block::Heading(&l[3..]),
        l if l.starts_with("- ") => Block::Item(&l[2..]),
        l => Block::Paragraph(l),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde::de::{self, DeserializeOwned, Deserializer, Visitor};
    use serde_json::Value;

    use super::*;
    use crate::core::phase::{
        ActualUpgrade, BackupEvidence, CleanupEvidence, ContentEvidence, DryRunPreview, NotApplicable,
        PreFlightEvidence, ServerEvidence, ValidationEvidence,
    };

    /// Hears which keys a type reads, and stops.
    struct Keys<'k>(&'k mut Vec<&'static str>);

    impl<'de> Deserializer<'de> for Keys<'_> {
        type Error = de::value::Error;
        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
            Err(de::Error::custom("no struct"))
        }
        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Self::Error> {
            self.0.extend(fields);
            Err(de::Error::custom("enough"))
        }
        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    fn keys<T: DeserializeOwned>() -> Vec<&'static str> {
        let mut keys = Vec::new();
        let _ = T::deserialize(Keys(&mut keys));
        assert!(!keys.is_empty());
        keys
    }

    fn evidence(phase: Phase) -> Vec<&'static str> {
        match phase {
            Phase::PreFlight => keys::<PreFlightEvidence>(),
            Phase::Backup => keys::<BackupEvidence>(),
            Phase::Content => keys::<ContentEvidence>(),
            Phase::Server => keys::<ServerEvidence>(),
            Phase::Validation => keys::<ValidationEvidence>(),
            Phase::Cleanup => keys::<CleanupEvidence>(),
        }
    }

    fn items(page: Page, section: &str) -> Vec<&'static str> {
        let mut here = false;
        let mut items = Vec::new();
        for block in blocks(page.text) {
            match block {
                Block::Heading(name) => here = name == section,
                Block::Item(text) if here => items.push(text),
                _ => {}
            }
        }
        items
    }

    /// The names in backticks that the items of a section begin with.
    fn named(page: Page, section: &str) -> Vec<&'static str> {
        let name = |item: &'static str| item.strip_prefix('`')?.split_once("`: ").map(|(name, _)| name);
        let list = |i| name(i).unwrap_or_else(|| panic!("{}: not \"- `name`: …\": {i}", page.file));
        items(page, section).into_iter().map(list).collect()
    }

    fn compare(page: Page, section: &str, code: &[&str], from: &str) {
        let written: BTreeSet<_> = named(page, section).into_iter().collect();
        let code: BTreeSet<_> = code.iter().copied().collect();
        let file = format!("assets/workflow/agent_os_upgrade_v1/{}", page.file);
        let missing: Vec<_> = code.difference(&written).collect();
        assert!(
            missing.is_empty(),
            "{file}: add a line \"- `NAME`: what it is\" under \"## {section}\" for {missing:?}, which {from} has"
        );
        let left: Vec<_> = written.difference(&code).collect();
        assert!(left.is_empty(), "{file}: under \"## {section}\" stands {left:?}, which {from} has not");
    }

    #[test]
    fn every_task_and_every_piece_of_evidence_is_explained_and_nothing_else() {
        for phase in Phase::ALL {
            let page = of(phase).unwrap();
            assert_eq!(page.title(), format!("Phase {}: {}", phase.number(), phase.name()));
            let tasks: Vec<_> = phase.tasks().iter().map(|t| t.id()).collect();
            compare(page, "Tasks", &tasks, "Phase::tasks in src/core/phase.rs");
            assert_eq!(named(page, "Tasks"), tasks, "{}: tasks in another order than they run in", page.file);
            compare(page, "Evidence", &evidence(phase), "the phase's evidence in src/core/phase.rs");
            for section in ["What it changes", "What it may ask", "How it fails, and what to do", "Done when"] {
                assert!(page.text.contains(&format!("\n## {section}\n")), "{}: no section {section}", page.file);
            }
        }
        let content = of(Phase::Content).unwrap();
        for key in keys::<DryRunPreview>().into_iter().chain(keys::<ActualUpgrade>()) {
            assert!(content.text.contains(&format!("`{key}`")), "{}: {key}", content.file);
        }
        let reasons: Vec<_> = NotApplicable::ALL.iter().map(|n| n.reason()).collect();
        let criteria = find("validation-criteria").unwrap();
        compare(criteria, "Reasons why something does not apply", &reasons, "NotApplicable in src/core/phase.rs");
    }

    #[test]
    fn the_metadata_is_the_table_of_phases() {
        let metadata: Value = serde_json::from_str(METADATA).unwrap();
        let written: Vec<&String> = metadata.as_object().unwrap().keys().collect();
        let fields = [
            "name",
            "version",
            "description",
            "phases",
            "total_estimated_time",
            "supports_dry_run",
            "supports_rollback",
            "requires_user_interaction",
        ];
        assert_eq!(written, fields);
        let phases = metadata["phases"].as_array().unwrap();
        assert_eq!(phases.len(), Phase::ALL.len());
        for (phase, row) in Phase::ALL.into_iter().zip(phases) {
            assert_eq!(row["number"], phase.number());
            assert_eq!(row["name"], phase.name());
            assert_eq!(row["estimated_time"], format!("{}s", phase.estimate_seconds()));
            assert_eq!(row["file"], of(phase).unwrap().file.strip_prefix("phases/").unwrap());
            assert_eq!(row["requires_restart"] == true, phase == Phase::Server);
        }
        let seconds: u32 = Phase::ALL.iter().map(|p| p.estimate_seconds()).sum();
        assert_eq!(metadata["total_estimated_time"], format!("{}m {}s", seconds / 60, seconds % 60));
    }

    #[test]
    fn pages_are_found_by_number_and_by_name() {
        let names: Vec<_> = pages().into_iter().map(|p| p.name).collect();
        let all = [
            "0-pre-flight-checks",
            "1-backup-preparation",
            "2-content-upgrade",
            "3-mcp-server-upgrade",
            "4-post-upgrade-validation",
            "5-cleanup-documentation",
            "rollback-procedure",
            "troubleshooting",
            "validation-criteria",
        ];
        assert_eq!(names, all);
        for (wanted, name) in [
            ("0", all[0]),
            ("pre-flight", all[0]),
            ("Backup & Preparation", all[1]),
            ("CONTENT", all[2]),
            ("3-mcp-server-upgrade.md", all[3]),
            ("server", all[3]),
            ("validation", all[4]),
            ("post-upgrade validation", all[4]),
            ("rollback", all[6]),
            ("troubleshooting", all[7]),
        ] {
            assert_eq!(find(wanted).map(|p| p.name), Some(name), "{wanted}");
        }
        for wanted in ["", "6", "-", "..", "no such page"] {
            assert_eq!(find(wanted), None, "{wanted}");
        }
    }
}
