//! The switch by which tests take powers of the system away.

/// Whether a test takes a power of the system away, by the variable `POS_WITHOUT`.
#[cfg(debug_assertions)]
pub(crate) fn is_without(power: &str) -> bool {
    static WITHOUT: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| std::env::var("POS_WITHOUT").unwrap_or_default());
    WITHOUT.split(',').any(|word| word == power)
}

/// Never in what is shipped.
#[cfg(not(debug_assertions))]
pub(crate) fn is_without(_: &str) -> bool {
    false
}
