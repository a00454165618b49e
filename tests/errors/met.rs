//! What is typed to meet an error.

/// A code, and what is typed to meet it: by a shell, in the project of a fresh demo, with the program as `pos`, the source
/// as `$SOURCE` and `--json` as `$J`, if that is to be told.
pub const MET: [(&str, &str); 49] = [
    ("POS-E0101", "cd /; pos plan $J --source $SOURCE"),
    ("POS-E0104", "mkfifo .praxis-os/pipe; pos upgrade $J --yes --on-conflict keep --source $SOURCE"),
    (
        "POS-E0107",
        "printf '<<<<<<< a\\nx\\n=======\\ny\\n>>>>>>> b\\n' > .praxis-os/standards/universal/ai-safety/git-safety.md; \
         pos plan $J --source $SOURCE",
    ),
    ("POS-E0108", "echo '{' > .praxis-os/.upgrade-baseline.json; pos plan $J --source $SOURCE"),
    (
        "POS-E0109",
        "printf '<<<<<<< a\\n{}\\n=======\\n{}\\n>>>>>>> b\\n' > .praxis-os/.upgrade-baseline.json; \
         pos plan $J --source $SOURCE",
    ),
    ("POS-E0110", "ln -s /nowhere .praxis-os/.upgrade; pos upgrade $J --yes --on-conflict keep --source $SOURCE"),
    ("POS-E0111", "pos edits $J"),
    (
        "POS-E0113",
        "pos adopt --yes --source $SOURCE > /dev/null; pos uninstall --yes > /dev/null; pos plan $J --source $SOURCE",
    ),
    ("POS-E0201", "pos plan $J"),
    ("POS-E0202", "mkdir ../empty; pos plan $J --source ../empty"),
    ("POS-E0203", "pos plan $J --source $SOURCE --to nothing"),
    (
        "POS-E0207",
        "f=$SOURCE/$(git -C $SOURCE ls-files universal | head -n 1); echo x >> $f; pos plan $J --source $SOURCE",
    ),
    ("POS-E0211", "pos plan $J --source ext::sh"),
    ("POS-E0212", "pos plan $J --offline --source file:///nowhere.git"),
    ("POS-E0213", "echo \"{\\\"source_path\\\": \\\"$SOURCE\\\"}\" > .praxis-os/upgrade.json; pos upgrade $J --yes"),
    ("POS-E0301", "pos upgrade $J --yes --source $SOURCE"),
    ("POS-E0302", "echo '{}' > p; pos upgrade $J --yes --plan p --source $SOURCE"),
    (
        "POS-E0303",
        "pos plan --json --source $SOURCE > p; echo x >> .praxis-os/standards/universal/concurrency/race-conditions.md; \
         pos upgrade $J --yes --plan p --source $SOURCE",
    ),
    ("POS-E0408", "pos rollback $J --yes nothing"),
    (
        "POS-E0504",
        "pos upgrade --yes --on-conflict keep --only content --source $SOURCE > /dev/null; \
         rm .praxis-os/.backups/*/MANIFEST.json; pos rollback $J --yes",
    ),
    ("POS-E0505", "pos restore $J --yes nothing.md"),
    (
        "POS-E0506",
        "pos upgrade --yes --on-conflict keep --only content --source $SOURCE > /dev/null; pos restore $J --yes no.md",
    ),
    ("POS-E0801", "pos --to x status $J"),
    ("POS-E0802", "pos upgrade $J --source $SOURCE"),
    ("POS-E0803", "pos help $J nothing"),
    ("POS-E0804", "echo '{\"kep_backups\": 1}' > .praxis-os/upgrade.json; pos plan $J --source $SOURCE"),
    ("POS-E0805", "echo '{}' > a; pos upgrade $J --yes --answers a --source $SOURCE"),
    ("POS-E0806", "echo x > n.md; pos outside $J --yes --write n.md --source $SOURCE"),
    ("POS-E0904", "PATH= pos plan $J --source $SOURCE"),
    ("POS-E0907", "pos plan $J --source $SOURCE > /dev/full"),
    ("POS-E0908", "pos demo $J --headless ."),
    (
        "POS-E0102",
        "mkdir -p o/.agent-os/standards; \
         echo x > o/.agent-os/standards/x.md; \
         cd o; \
         pos plan $J --source $SOURCE",
    ),
    (
        "POS-E0112",
        "mv .praxis-os .agent-os; \
         mkdir .praxis-os; \
         echo x > .praxis-os/mine; \
         pos plan $J --source $SOURCE",
    ),
    (
        "POS-E0210",
        "pos upgrade --yes --on-conflict keep --only content --source $SOURCE > /dev/null; \
         pos plan $J --only content --source $SOURCE --to HEAD~1",
    ),
    (
        "POS-E0214",
        "POS_CRASH_AT='backup.copy before' pos upgrade --yes --on-conflict keep --only content --source $SOURCE > /dev/null 2>&1; \
         pos resume $J --yes --source ..",
    ),
    (
        "POS-E0406",
        "POS_CRASH_AT='backup.copy before' pos upgrade --yes --on-conflict keep --only content --source $SOURCE > /dev/null 2>&1; \
         pos upgrade $J --yes --on-conflict keep --only content --source $SOURCE",
    ),
    (
        "POS-E0409",
        "POS_CRASH_AT='backup.copy before' pos upgrade --yes --on-conflict keep --only content --source $SOURCE > /dev/null 2>&1; \
         for f in .praxis-os/.upgrade/*/session*; \
         do echo x > $f; \
         done; \
         pos resume $J",
    ),
    (
        "POS-E0412",
        "echo mine > .praxis-os/standards/mine.md; \
         POS_LOSE=standards/mine.md pos upgrade $J --yes --on-conflict keep --only content --source $SOURCE",
    ),
    (
        "POS-E0502",
        "pos upgrade --yes --on-conflict keep --only content --to HEAD~1 --source $SOURCE > /dev/null; \
         pos upgrade --yes --on-conflict keep --only content --source $SOURCE > /dev/null; \
         pos rollback $J --yes $(ls .praxis-os/.backups | head -n 1)",
    ),
    (
        "POS-E0503",
        "pos upgrade --yes --on-conflict keep --only content --source $SOURCE > /dev/null; \
         sed -i s/$(git -C $SOURCE rev-parse HEAD)/$(git -C $SOURCE rev-parse HEAD~1)/ .praxis-os/.upgrade-baseline.json; \
         pos rollback $J --yes",
    ),
    (
        "POS-E0106",
        "n=$(printf 'x%.0s' $(seq 300)); \
         p=$(git -C $SOURCE ls-files | grep git-safety); \
         git -C $SOURCE update-index --add --cacheinfo 100644,$(git -C $SOURCE rev-parse HEAD:$p),$(dirname $p)/$n.md; \
         c=$(git -C $SOURCE -c user.name=n -c user.email=e commit-tree -p HEAD -m x $(git -C $SOURCE write-tree)); \
         git -C $SOURCE reset -q; \
         pos plan $J --only content --source $SOURCE --to $c",
    ),
    (
        "POS-E0205",
        "mkdir b; \
         printf '#!/bin/sh\ncase \" $* \" in *\" log \"*) exit 3;; esac; exec '$(command -v git)' \"$@\"' > b/git; \
         chmod +x b/git; \
         PATH=$PWD/b:$PATH pos plan $J --source $SOURCE",
    ),
    (
        "POS-E0206",
        "f=$(git -C $SOURCE rev-parse HEAD:$(git -C $SOURCE ls-files | grep git-safety)); \
         rm -f $SOURCE/.git/objects/$(echo $f | cut -c 1-2)/$(echo $f | cut -c 3-); \
         pos plan $J --only content --source $SOURCE",
    ),
    (
        "POS-E0402",
        "POS_CRASH_AT='backup.copy after' pos upgrade --yes --on-conflict keep --only content --source $SOURCE > /dev/null 2>&1; \
         mkfifo .praxis-os/standards/pipe; \
         pos resume $J --yes",
    ),
    (
        "POS-E0403",
        "POS_CRASH_AT='base.keep before' pos upgrade --yes --on-conflict keep --only content --source $SOURCE > /dev/null 2>&1; \
         rm -f .praxis-os/UPDATE_LOG.txt; \
         mkdir .praxis-os/UPDATE_LOG.txt; \
         pos resume $J --yes",
    ),
    (
        "POS-E0404",
        "POS_CRASH_AT='journal.release after' pos upgrade --yes --on-conflict keep --only content --source $SOURCE > /dev/null 2>&1; \
         mkdir -p .praxis-os/.cache/upgrade-summary-$(ls .praxis-os/.backups | cut -c 1-10).md; \
         pos resume $J --yes",
    ),
    ("POS-E0407", "echo x > .praxis-os/.upgrade; pos resume $J --yes"),
    ("POS-E0903", "mkdir d; cd d; rmdir ../d; pos plan $J --source $SOURCE"),
    ("POS-E0999", "POS_BUG=2 pos upgrade $J --yes --on-conflict keep --only content --source $SOURCE"),
];
