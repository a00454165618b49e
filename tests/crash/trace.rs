//! What a run did to the files below a folder, in order, as strace saw it.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

/// The calls that change files, or make changes durable.
pub const CALLS: &str = "write,pwrite64,writev,openat,open,creat,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,\
                         mkdirat,fsync,fdatasync,syncfs,fchmod,chmod,fchmodat,utimensat,symlink,symlinkat,link,linkat,\
                         ftruncate,truncate,sendfile,copy_file_range,ioctl";

/// One call that succeeded. Paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Opened for writing; made if it wasn't there, emptied if `empty`.
    Open {
        path: PathBuf,
        create: bool,
        empty: bool,
        mode: u32,
    },
    /// Written behind what is there.
    Write {
        path: PathBuf,
        bytes: Vec<u8>,
    },
    Mkdir {
        path: PathBuf,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
        exchange: bool,
    },
    Unlink {
        path: PathBuf,
    },
    Symlink {
        target: PathBuf,
        path: PathBuf,
    },
    Mode {
        path: PathBuf,
        mode: u32,
    },
    Time {
        path: PathBuf,
        seconds: i64,
        nanoseconds: u32,
    },
    Sync {
        path: PathBuf,
    },
    /// All that was written anywhere on the file system of a folder.
    SyncAll {
        path: PathBuf,
    },
}

/// The arguments that make strace write what [`read`] reads.
pub fn strace(log: &Path) -> Vec<OsString> {
    let fixed = ["-f", "-b", "execve", "-y", "-xx", "-s", "16777216", "-e", "signal=none", "-e"];
    let mut all: Vec<OsString> = fixed.iter().map(OsString::from).collect();
    all.push(format!("trace={CALLS}").into());
    all.push("-o".into());
    all.push(log.into());
    all
}

/// Reads a log. Panics at a call that it doesn't know how to read: what is passed over would be taken for durable.
pub fn read(log: &str) -> Vec<Call> {
    let mut begun: HashMap<&str, String> = HashMap::new();
    let mut calls = Vec::new();
    for line in log.lines() {
        let (pid, rest) = line.split_once(' ').expect(line);
        let rest = rest.trim_start();
        if rest.starts_with("+++") || rest.starts_with("---") {
            continue;
        }
        if let Some(start) = rest.strip_suffix(" <unfinished ...>") {
            begun.insert(pid, start.to_owned());
            continue;
        }
        let whole = match rest.strip_prefix("<... ") {
            Some(end) => {
                let start = begun.remove(pid).expect(line);
                start + end.split_once(" resumed>").expect(line).1
            }
            None => rest.to_owned(),
        };
        calls.extend(call(&whole));
    }
    calls
}

fn call(line: &str) -> Option<Call> {
    let (name, rest) = line.split_once('(').expect(line);
    let (arguments, result) = rest.rsplit_once(" = ").expect(line);
    if result.starts_with('-') || result.starts_with('?') {
        return None;
    }
    let arguments = split(arguments.trim_end().strip_suffix(')').expect(line));
    let at = |n: usize| arguments[n].as_str();
    let octal = |text: &str| u32::from_str_radix(text.trim_start_matches('0'), 8).unwrap_or(0);
    Some(match name {
        "openat" | "open" => {
            let flags = if name == "open" { 1 } else { 2 };
            if !["O_WRONLY", "O_RDWR", "O_CREAT"].iter().any(|f| at(flags).contains(f)) {
                return None;
            }
            let (create, empty) = (at(flags).contains("O_CREAT"), at(flags).contains("O_TRUNC"));
            let mode = arguments.get(flags + 1).map_or(0o644, |m| octal(m));
            Call::Open { path: annotated(result)?, create, empty, mode }
        }
        "write" => Call::Write { path: annotated(at(0))?, bytes: bytes(at(1)) },
        "mkdir" => Call::Mkdir { path: plain(at(0)) },
        "mkdirat" => Call::Mkdir { path: joined(at(0), at(1)) },
        "rename" => Call::Rename { from: plain(at(0)), to: plain(at(1)), exchange: false },
        "renameat" | "renameat2" => {
            let exchange = arguments.get(4).is_some_and(|f| f.contains("RENAME_EXCHANGE"));
            Call::Rename { from: joined(at(0), at(1)), to: joined(at(2), at(3)), exchange }
        }
        "unlink" | "rmdir" => Call::Unlink { path: plain(at(0)) },
        "unlinkat" => Call::Unlink { path: joined(at(0), at(1)) },
        "symlink" => Call::Symlink { target: plain(at(0)), path: plain(at(1)) },
        "symlinkat" => Call::Symlink { target: plain(at(0)), path: joined(at(1), at(2)) },
        "fchmod" => Call::Mode { path: annotated(at(0))?, mode: octal(at(1)) },
        "chmod" => Call::Mode { path: plain(at(0)), mode: octal(at(1)) },
        "fchmodat" => Call::Mode { path: joined(at(0), at(1)), mode: octal(at(2)) },
        "utimensat" => {
            let path = if at(1) == "NULL" { annotated(at(0))? } else { joined(at(0), at(1)) };
            let field = |name: &str| {
                let last = at(2).rsplit_once(name).expect(line).1;
                let digits: String = last.chars().take_while(|c| c.is_ascii_digit() || *c == '-').collect();
                digits.parse::<i64>().expect(line)
            };
            Call::Time { path, seconds: field("tv_sec="), nanoseconds: field("tv_nsec=").try_into().unwrap() }
        }
        "fsync" | "fdatasync" => Call::Sync { path: annotated(at(0))? },
        "syncfs" => Call::SyncAll { path: annotated(at(0))? },
        // Shared blocks would be bytes that no call wrote: this model needs a file system that has none.
        "ioctl" if !line.contains("FICLONE") => return None,
        // The history of the machine lies outside of the project, and nothing of an install depends on it.
        "ftruncate" | "pwrite64" if annotated(at(0))?.to_string_lossy().contains("/history.db") => return None,
        other => panic!("{other} is not read yet: {line:.200}"),
    })
}

/// Arguments: commas within brackets belong to them.
fn split(text: &str) -> Vec<String> {
    let (mut all, mut depth, mut now) = (Vec::new(), 0, String::new());
    for c in text.chars() {
        match c {
            '{' | '[' | '(' => depth += 1,
            '}' | ']' | ')' => depth -= 1,
            ',' if depth == 0 => {
                all.push(std::mem::take(&mut now));
                continue;
            }
            ' ' if now.is_empty() => continue,
            _ => {}
        }
        now.push(c);
    }
    all.push(now);
    all
}

fn unescape(hex: &str) -> Vec<u8> {
    hex.split("\\x").skip(1).map(|two| u8::from_str_radix(&two[..2], 16).unwrap()).collect()
}

fn bytes(quoted: &str) -> Vec<u8> {
    assert!(!quoted.ends_with("..."), "strace cut it off");
    unescape(quoted.trim_matches('"'))
}

fn plain(quoted: &str) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes(quoted)))
}

/// The path that strace gives for a descriptor; none for what is no file.
fn annotated(descriptor: &str) -> Option<PathBuf> {
    let (_, rest) = descriptor.split_once('<')?;
    let path = PathBuf::from(OsString::from_vec(unescape(rest.rsplit_once('>')?.0)));
    path.is_absolute().then_some(path)
}

fn joined(folder: &str, name: &str) -> PathBuf {
    let name = plain(name);
    if name.is_absolute() { name } else { annotated(folder).expect(folder).join(name) }
}

#[test]
fn a_log_is_read() {
    let hex = |text: &str| text.bytes().map(|b| format!("\\x{b:02x}")).collect::<String>();
    let (d, a, b, data) = (hex("/d"), hex("a"), hex("b"), hex("x,\n\""));
    let log = format!(
        "7 openat(3<{d}>, \"{a}\", O_WRONLY|O_CREAT|O_TRUNC, 0640 <unfinished ...>\n\
         8 fsync(4<{d}>) = 0\n\
         8 syncfs(4<{d}>) = 0\n\
         7 <... openat resumed>) = 5<{}>\n\
         7 write(5<{}>, \"{data}\", 4) = 4\n\
         7 openat(3<{d}>, \"{a}\", O_RDONLY) = 6<{}>\n\
         7 unlink(\"{b}\") = -1 ENOENT (No such file or directory)\n\
         7 renameat2(3<{d}>, \"{a}\", 3<{d}>, \"{b}\", RENAME_EXCHANGE) = 0\n\
         7 utimensat(3<{d}>, \"{b}\", [{{tv_sec=1, tv_nsec=2}}, {{tv_sec=3, tv_nsec=4}} /* then */], 0) = 0\n\
         7 +++ exited with 0 +++\n",
        hex("/d/a"),
        hex("/d/a"),
        hex("/d/a"),
    );
    let path = PathBuf::from;
    assert_eq!(
        read(&log),
        [
            Call::Sync { path: path("/d") },
            Call::SyncAll { path: path("/d") },
            Call::Open { path: path("/d/a"), create: true, empty: true, mode: 0o640 },
            Call::Write { path: path("/d/a"), bytes: b"x,\n\"".to_vec() },
            Call::Rename { from: path("/d/a"), to: path("/d/b"), exchange: true },
            Call::Time { path: path("/d/b"), seconds: 3, nanoseconds: 4 },
        ]
    );
}
