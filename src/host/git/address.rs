//! Which texts are the address of a repository, rather than a folder's path.

use std::path::Path;

/// The address that a text is; none for a path. Only `https`, `ssh` and `file` are spoken, and `user@host:path`, which is ssh.
///
/// # Errors
/// Why it is an address that nothing is fetched from.
pub(crate) fn address(text: &Path) -> Option<Result<&str, String>> {
    let said = text.to_str()?;
    if text.is_dir() {
        return None;
    }
    let word = |text: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-' | '_');
        !text.is_empty() && !text.starts_with('-') && text.chars().all(plain)
    };
    if let Some((helper, _)) = said.split_once("::")
        && word(helper)
    {
        return Some(Err("it names a program that would be started".to_owned()));
    }
    if let Some((scheme, rest)) = said.split_once("://")
        && word(scheme)
    {
        let host = rest.split('/').next().unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or_default();
        return Some(match scheme {
            _ if host.starts_with('-') || rest.is_empty() => Err("that is no host".to_owned()),
            _ if said.chars().any(char::is_control) => Err("it holds control characters".to_owned()),
            "https" | "ssh" | "file" => Ok(said),
            "http" | "git" => Err(format!("what comes over {scheme} can be changed on its way; https and ssh can't")),
            _ => Err(format!("{scheme} is not spoken; https, ssh and file are")),
        });
    }
    let (host, path) = said.split_once(':')?;
    let (user, host) = host.split_once('@')?;
    (word(user) && word(host) && !path.is_empty() && !said.chars().any(char::is_control)).then_some(Ok(said))
}

/// An address as it may be printed: without a password.
pub(crate) fn shown(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    // A password may have a slash; rather a wrong path is printed than a part of one.
    let rest = if scheme == "https" { rest.rsplit('@').next().unwrap_or_default() } else { rest };
    let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
    let host = match host.rsplit_once('@') {
        Some((user, host)) => format!("{}@{host}", user.split(':').next().unwrap_or_default()),
        None => host.to_owned(),
    };
    path.map_or_else(|| format!("{scheme}://{host}"), |path| format!("{scheme}://{host}/{path}"))
}

/// Whether this is an address rather than a folder; also one that nothing is fetched from.
pub(crate) fn is_address(source: &Path) -> bool {
    address(source).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_paths() {
        for good in ["https://h.invalid/x.git", "ssh://git@h/x", "file:///srv/x", "git@github.com:o/r.git"] {
            assert_eq!(address(Path::new(good)), Some(Ok(good)));
        }
        for path in ["/srv/x", "../x", "x", "a:b", "./git@h:x", "C:\\x", "@:x", "-u@h:x", "git@-oProxyCommand=x:y"] {
            assert_eq!(address(Path::new(path)), None, "{path}");
        }
        for bad in ["ext::sh -c x", "http://h/x", "git://h/x", "ftp://h/x", "ssh://-oProxyCommand=x/y", "https://h/\n"]
        {
            assert!(matches!(address(Path::new(bad)), Some(Err(_))), "{bad}");
        }
    }

    #[test]
    fn no_password_is_printed() {
        assert_eq!(shown("https://ada:secret@h.invalid/x"), "https://h.invalid/x");
        assert_eq!(shown("https://ada:sec/ret@h.invalid/x"), "https://h.invalid/x");
        assert_eq!(shown("https://ada:a@b/c@h.invalid/x"), "https://h.invalid/x");
        assert_eq!(shown("https://h.invalid:8443/x"), "https://h.invalid:8443/x");
        assert_eq!(shown("https://token@h.invalid/x"), "https://h.invalid/x");
        assert_eq!(shown("ssh://git:secret@h/x"), "ssh://git@h/x");
        assert_eq!(shown("git@h:x"), "git@h:x");
    }
}
