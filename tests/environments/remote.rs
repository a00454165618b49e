//! Sources on other machines, by what really speaks there: OpenSSH's server, which the client starts for itself (no port is
//! opened), and git's own over TLS on a free port of this machine.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use pos_upgrade_tui::host::demo::Demo;
use serde_json::Value;

use crate::common::ext::{Helper, is_root, skipped};
use crate::common::mounts::tool;
use crate::common::{Sandbox, assert_same, snapshot, text};

const SSHD: &str = "/usr/sbin/sshd";

/// git's smart protocol by its own backend, over TLS; prints its port.
const HTTPS: &str = r#"
import http.server, os, ssl, subprocess, sys
root, certificate, key = sys.argv[1:4]

class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self):
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        given = dict(
            GIT_PROJECT_ROOT=root, GIT_HTTP_EXPORT_ALL="1", PATH_INFO=path, QUERY_STRING=query,
            REQUEST_METHOD=self.command, CONTENT_TYPE=self.headers.get("Content-Type", ""),
            GIT_PROTOCOL=self.headers.get("Git-Protocol", ""),
            HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""))
        said = subprocess.run(["git", "http-backend"], input=body, env=os.environ | given, stdout=subprocess.PIPE).stdout
        head, _, rest = said.partition(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n"))
        self.send_response(int(fields.pop(b"Status", b"200").split()[0]))
        for name, value in fields.items():
            self.send_header(name.decode(), value.decode())
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest)

    do_GET = do_POST = answer

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
"#;

fn plan(command: &mut Command, demo: &Demo, source: &str) -> (i32, String, Value) {
    let output = command.args(["plan", "--json", "--source", source, "--project"]).arg(&demo.project).output().unwrap();
    let planned = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let (code, said) = text(&output);
    (code, said, planned)
}

fn script(path: &Path, lines: &str) {
    fs::write(path, format!("#!/bin/sh\n{lines}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Keys, a server that trusts one of them, and a client that starts it: the script that is this client.
fn ssh_client(folder: &Path) -> Result<std::path::PathBuf, String> {
    if !Path::new(SSHD).is_file() {
        return Err(format!("{SSHD} is not there"));
    }
    fs::create_dir(folder).unwrap();
    let at = |name: &str| folder.join(name).display().to_string();
    for key in ["host", "user"] {
        tool("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &at(key)])?;
    }
    let server = format!(
        "HostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nPermitRootLogin yes\nPidFile none\nUsePAM no\n",
        at("host"),
        at("user.pub")
    );
    fs::write(folder.join("server.conf"), server).unwrap();
    fs::write(folder.join("known"), format!("server.invalid {}", fs::read_to_string(folder.join("host.pub")).unwrap()))
        .unwrap();
    // Run by root it wants a folder of its own, which nobody else is to see.
    let run = format!("exec {SSHD} -i -f '{}'", at("server.conf"));
    let line = match is_root() {
        true => format!(
            "exec unshare --mount sh -c \"mount -t tmpfs none /run && mkdir -m 755 /run/sshd && {run}\" 2>/dev/null"
        ),
        false => format!("{run} 2>/dev/null"),
    };
    script(&folder.join("server"), &line);
    let client = format!(
        "Host *\n  ProxyCommand {}\n  IdentityFile {}\n  IdentitiesOnly yes\n  UserKnownHostsFile {}\n  StrictHostKeyChecking yes\n",
        at("server"),
        at("user"),
        at("known")
    );
    fs::write(folder.join("client.conf"), client).unwrap();
    let ssh = folder.join("ssh");
    script(&ssh, &format!("exec /usr/bin/ssh -F '{}' -o BatchMode=yes \"$@\"", at("client.conf")));
    Ok(ssh)
}

#[test]
fn over_ssh_as_the_user_has_set_it_up() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let ssh = match ssh_client(&sandbox.path().join("ssh")) {
        Ok(ssh) => ssh,
        Err(why) => return skipped(&why),
    };
    let (_, _, wanted) = plan(&mut sandbox.command(), &demo, demo.source.to_str().unwrap());
    let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    let scp = format!("{}@server.invalid:{}", user.trim(), demo.source.display());
    let url = format!("ssh://{}@server.invalid{}", user.trim(), demo.source.display());
    // By his settings, by git's variable for a command, and by that for a program.
    fs::write(sandbox.path().join("home/.gitconfig"), format!("[core]\n\tsshCommand = {}\n", ssh.display())).unwrap();
    let (code, said, planned) = plan(&mut sandbox.command(), &demo, &scp);
    assert_eq!((code, &planned["files"]), (0, &wanted["files"]), "{said}");
    fs::remove_file(sandbox.path().join("home/.gitconfig")).unwrap();
    for variable in ["GIT_SSH_COMMAND", "GIT_SSH"] {
        let (code, said, planned) = plan(sandbox.command().env(variable, &ssh), &demo, &url);
        assert_eq!((code, &planned["files"]), (0, &wanted["files"]), "{variable}: {said}");
    }
    // A whole upgrade from there, and back.
    let before = snapshot(&demo.install);
    let mut upgrade = sandbox.command();
    upgrade.env("GIT_SSH", &ssh).args(["upgrade", "--yes", "--on-conflict", "merge-keep", "--source", &scp]);
    let (code, said) = text(&upgrade.arg("--project").arg(&demo.project).output().unwrap());
    assert_eq!(code, 0, "{said}");
    let back = sandbox.command().args(["rollback", "--yes", "--project"]).arg(&demo.project).output().unwrap();
    assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    assert_same(&before, &snapshot(&demo.install));
    // A server that is not the one it was is an error with ssh's words, and no question.
    fs::write(sandbox.path().join("ssh/known"), "").unwrap();
    let (code, said, _) = plan(sandbox.command().env("GIT_SSH", &ssh), &demo, &url);
    assert!(code == 4 && said.contains("Host key verification failed") && said.contains("--offline"), "{code}: {said}");
}

#[test]
fn over_https_with_the_users_own_authority() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let at = |name: &str| sandbox.path().join(name).display().to_string();
    let (key, certificate) = (at("key.pem"), at("certificate.pem"));
    let made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"];
    let names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", &key, "-out", &certificate];
    if let Err(why) = tool("openssl", &[&made[..], &names[..]].concat()) {
        return skipped(&why);
    }
    let mut server = Command::new("python3");
    server.args(["-c", HTTPS]).arg(&demo.dir).args([&certificate, &key]).stdin(Stdio::null());
    server.stdout(Stdio::piped()).stderr(Stdio::null());
    server.env("HOME", at("home")).env("GIT_CONFIG_NOSYSTEM", "1");
    let mut server = server.spawn().unwrap();
    let output = server.stdout.take().unwrap();
    let _server = Helper(server);
    let mut port = String::new();
    BufReader::new(output).read_line(&mut port).unwrap();
    let url = format!("https://localhost:{}/source", port.trim());

    // A machine's own variables would stand above his settings.
    let command = || {
        let mut command = sandbox.command();
        command.env_remove("GIT_SSL_CAINFO").env_remove("GIT_SSL_CAPATH");
        command
    };
    let (code, said, _) = plan(&mut command(), &demo, &url);
    assert!(code == 4 && said.contains("could not be fetched") && said.contains("certificate"), "{code}: {said}");
    let (_, _, wanted) = plan(&mut sandbox.command(), &demo, demo.source.to_str().unwrap());
    fs::write(at("home/.gitconfig"), format!("[http]\n\tsslCAInfo = {certificate}\n")).unwrap();
    let (code, said, planned) = plan(&mut command(), &demo, &url);
    assert_eq!((code, &planned["files"]), (0, &wanted["files"]), "{said}");
    let (code, said, _) = plan(&mut command(), &demo, &(url + "-none"));
    assert!(code == 4 && said.contains("could not be fetched") && said.contains("not found"), "{code}: {said}");
}
