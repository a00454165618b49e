//! Values as JSON text. What has no such form is an error, never an empty file.

use serde::Serialize;

/// Why a value has no JSON form: a map with other keys than texts, or a part that says so. Plain data always has one.
pub(crate) type Unwritable = serde_json::Error;

/// On one line, without its end.
///
/// # Errors
/// [`Unwritable`].
pub(crate) fn compact(value: &(impl Serialize + ?Sized)) -> Result<String, Unwritable> {
    serde_json::to_string(value)
}

/// Indented for people, with the last line's end.
///
/// # Errors
/// [`Unwritable`].
pub(crate) fn pretty(value: &(impl Serialize + ?Sized)) -> Result<String, Unwritable> {
    serde_json::to_string_pretty(value).map(|text| text + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn what_has_no_form_is_an_error() {
        assert_eq!(compact(&["a"]).unwrap(), "[\"a\"]");
        assert_eq!(pretty(&[1]).unwrap(), "[\n  1\n]\n");
        let odd: BTreeMap<[u8; 1], u8> = [([1], 2)].into();
        assert!(compact(&odd).is_err() && pretty(&odd).is_err());
    }
}
