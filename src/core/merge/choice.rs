//! How a conflicting region is settled.

use serde::{Deserialize, Serialize};

/// How one conflicting region is settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// My lines.
    Mine,
    /// Their lines.
    Theirs,
    /// Mine, then theirs.
    Both,
    /// The lines as they were before either changed them.
    Base,
    /// What was offered for this region, as it was shown.
    Combined(Combined),
    /// Text that the person wrote instead, in JSON as base64 since it need not be UTF-8.
    Edited(
        #[serde(with = "as_base64")]
        #[schemars(with = "String")]
        Vec<u8>,
    ),
}

/// An offer that the person took. Its text is kept, so that what is written is what was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Combined {
    /// The region's lines; in JSON as base64.
    #[serde(with = "as_base64")]
    #[schemars(with = "String")]
    pub(crate) text: Vec<u8>,
    /// What it changes in another region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) elsewhere: Option<Elsewhere>,
}

/// What is written for a region that merges by itself, where an offer changes that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Elsewhere {
    /// Which region of the merge, by position.
    pub(crate) region: usize,
    /// All of its lines; in JSON as base64.
    #[serde(with = "as_base64")]
    #[schemars(with = "String")]
    pub(crate) text: Vec<u8>,
}

impl Combined {
    /// A text for the region alone.
    pub(crate) fn of(text: Vec<u8>) -> Self {
        Self { text, elsewhere: None }
    }
}

/// Bytes that need not be UTF-8, in JSON.
pub(crate) mod as_base64 {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
