//! In which order sessions and backups were made. Each session has a number and names those before it, because the time
//! in its id and in its stamp is the clock's, and a clock may be set back.

use std::collections::BTreeMap;

/// What is known of one session's place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    /// Its id.
    pub(crate) id: &'a str,
    /// Its number; 0 where it has none or its files are damaged.
    pub(crate) number: u64,
    /// Those that it names as made before it, in their order.
    pub(crate) after: &'a [String],
}

/// A place in the order. The smaller is the earlier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    number: u64,
    /// What has the number itself comes behind what it names.
    own: bool,
    at: usize,
    name: String,
}

impl Place {
    /// The place of what has a number of its own.
    pub(crate) fn numbered(number: u64, name: &str) -> Self {
        Self { number, own: true, at: 0, name: name.to_owned() }
    }

    /// The place of what was made before there were numbers: by its name, before all that has one.
    pub(crate) fn unnumbered(name: &str) -> Self {
        Self { number: 0, own: false, at: 0, name: name.to_owned() }
    }

    /// Whether it is known by number, its own or that of one which names it.
    pub(crate) fn is_numbered(&self) -> bool {
        self.number > 0
    }
}

/// The place of each session. One without a number stands where the first one that names it has it; one that nobody
/// names, among others with numbers, was made behind them all, by an earlier build or with its files damaged since:
/// taken for the last it is in everybody's way, which is safe. Where none has a number, the ids tell the order.
pub(crate) fn places(all: &[Known<'_>]) -> BTreeMap<String, Place> {
    let place = |one: &Known<'_>| {
        if one.number > 0 {
            return Place::numbered(one.number, one.id);
        }
        let named = |by: &Known<'_>| Some((by.number, by.after.iter().position(|id| id == one.id)?));
        let first = all.iter().filter(|by| by.number > 0).filter_map(named).min();
        match first {
            Some((number, at)) => Place { number, own: false, at, name: one.id.to_owned() },
            None if all.iter().all(|by| by.number == 0) => Place::unnumbered(one.id),
            None => Place { number: u64::MAX, own: false, at: 0, name: one.id.to_owned() },
        }
    };
    all.iter().map(|one| (one.id.to_owned(), place(one))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(all: &[(&str, u64, &[&str])]) -> Vec<String> {
        let lists: Vec<Vec<String>> =
            all.iter().map(|(_, _, after)| after.iter().map(|id| (*id).to_owned()).collect()).collect();
        let known: Vec<Known<'_>> =
            all.iter().zip(&lists).map(|((id, number, _), after)| Known { id, number: *number, after }).collect();
        let mut places: Vec<(Place, String)> = places(&known).into_iter().map(|(id, place)| (place, id)).collect();
        places.sort();
        places.into_iter().map(|(_, id)| id).collect()
    }

    #[test]
    fn numbers_count_and_not_names() {
        assert_eq!(ordered(&[("a", 3, &["c", "b"]), ("b", 2, &["c"]), ("c", 1, &[])]), ["c", "b", "a"]);
    }

    #[test]
    fn those_of_earlier_builds_come_first_in_the_order_of_their_ids() {
        assert_eq!(ordered(&[("b", 0, &[]), ("a", 0, &[])]), ["a", "b"]);
        assert_eq!(ordered(&[("x", 0, &[]), ("y", 0, &[]), ("a", 3, &["x", "y"])]), ["x", "y", "a"]);
    }

    #[test]
    fn a_damaged_one_stands_where_the_next_one_says() {
        let all: &[(&str, u64, &[&str])] =
            &[("c", 1, &[]), ("b", 0, &[]), ("a", 3, &["c", "b"]), ("0", 4, &["c", "b", "a"])];
        assert_eq!(ordered(all), ["c", "b", "a", "0"]);
    }

    #[test]
    fn one_that_nobody_names_is_the_last() {
        assert_eq!(ordered(&[("a", 0, &[]), ("c", 1, &[]), ("b", 2, &["c"])]), ["c", "b", "a"]);
    }
}
