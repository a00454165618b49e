//! How moments are written: in names, in files, for people.

use std::time::Duration;

/// A moment as the names of backups, environments and reports have it: `YYYY-MM-DD-HHMMSS`, UTC.
pub(crate) fn stamp_of(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%d-%H%M%S").to_string()
}

/// A moment as session files have it: RFC 3339, UTC, to the second.
pub(crate) fn time_of(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Such a moment for people: to the minute, and how long before `now` that was. Anything else stays as it is.
pub(crate) fn moment(time: &str, now: Option<jiff::Timestamp>) -> String {
    let Ok(then) = time.parse::<jiff::Timestamp>() else { return time.to_owned() };
    let shown = then.strftime("%Y-%m-%d %H:%M UTC").to_string();
    match now.map(|now| now.as_second() - then.as_second()) {
        None | Some(..0) => shown,
        Some(seconds @ 0..) => format!("{shown}, {}", ago(Duration::from_secs(seconds.unsigned_abs()))),
    }
}

/// How long ago something was, in the largest unit.
pub(crate) fn ago(age: Duration) -> String {
    let (count, unit) = match age.as_secs() {
        0..60 => return "just now".to_owned(),
        seconds @ 60..3_600 => (seconds / 60, "minute"),
        seconds @ 3_600..86_400 => (seconds / 3_600, "hour"),
        seconds => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

/// Whether a name is one that we give to backups, environments and reports: `YYYY-MM-DD-HHMMSS`, with a number behind
/// it where two fell in one second. Such a name can't lead out of its folder.
pub(crate) fn is_stamp(name: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (Some(stamp), rest) = (name.get(..17), name.get(17..).unwrap_or_default()) else { return false };
    let shaped = stamp.bytes().enumerate().all(|(i, b)| match i {
        4 | 7 | 10 => b == b'-',
        _ => b.is_ascii_digit(),
    });
    shaped && (rest.is_empty() || rest.strip_prefix('-').is_some_and(digits))
}

#[cfg(test)]
mod tests {
    use super::is_stamp;

    #[test]
    fn stamps_can_not_lead_anywhere() {
        for good in ["2026-11-22-103045", "2026-11-22-103045-2", "2026-11-22-103045-12"] {
            assert!(is_stamp(good), "{good}");
        }
        for bad in ["", "..", "2026-11-22", "2026-11-22-103045-", "2026-11-22-103045/..", "2026-11-22-10304é", "/etc"]
        {
            assert!(!is_stamp(bad), "{bad}");
        }
    }
}
