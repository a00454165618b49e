//! What forbids changes although a mode allows them.

/// What forbids changing what stands at a path although its mode allows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Seal {
    /// Nothing of it can be changed.
    pub(crate) immutable: bool,
    /// It can only grow.
    pub(crate) append_only: bool,
}
