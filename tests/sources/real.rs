//! Real engines and registries, started for one test on sockets and folders of its own.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::peers::Missing;

/// A server that ends with this.
pub struct Peer {
    child: Child,
    folder: tempfile::TempDir,
}

/// How long a server may take to start.
const START: Duration = Duration::from_secs(30);

impl Peer {
    /// Starts a program and waits until it is there; missing where it is not installed or ends at once.
    fn start(
        program: &str,
        configure: impl FnOnce(&mut Command, &Path),
        is_up: impl Fn(&Path) -> bool,
    ) -> Result<Self, Missing> {
        // Sockets have short paths, and folders under /tmp do.
        let folder = tempfile::Builder::new().prefix("ll").tempdir().expect("a folder");
        let log = File::create(folder.path().join("log")).expect("a log");
        let mut command = Command::new(program);
        configure(&mut command, folder.path());
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("the log")).stderr(log);
        let child = command.spawn().map_err(|error| Missing::program(format!("cannot run {program}: {error}")))?;
        let mut peer = Peer { child, folder };
        let deadline = Instant::now() + START;
        while Instant::now() < deadline {
            if is_up(peer.folder.path()) {
                return Ok(peer);
            }
            if !matches!(peer.child.try_wait(), Ok(None)) {
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
        let log = std::fs::read_to_string(peer.folder.path().join("log")).unwrap_or_default();
        let last = log.lines().rev().take(3).collect::<Vec<_>>().join("\n");
        Err(Missing::program(format!("{program} does not start here: {last}")))
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn socket(&self) -> String {
        self.path("s")
    }

    pub fn path(&self, name: &str) -> String {
        self.folder().join(name).to_str().expect("a temporary path is text").to_owned()
    }

    /// Kills it as a power failure would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // An engine takes its containers' processes and mounts down when it is asked to end.
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(20));
        }
        self.kill();
    }
}

fn listens(folder: &Path) -> bool {
    #[cfg(unix)]
    return std::os::unix::net::UnixStream::connect(folder.join("s")).is_ok();
    #[cfg(not(unix))]
    return folder.join("s").exists();
}

/// Starts a Docker engine, with overlay2 where the file system takes it.
pub fn docker() -> Result<Peer, Missing> {
    let engine = |driver: &'static str| {
        let configure = move |command: &mut Command, folder: &Path| {
            command.arg("--data-root").arg(folder.join("d")).arg("--exec-root").arg(folder.join("x"));
            command.arg("--pidfile").arg(folder.join("pid"));
            command.arg("-H").arg(format!("unix://{}", folder.join("s").display()));
            command.args(["--iptables=false", "--bridge=none", &format!("--storage-driver={driver}")]);
        };
        Peer::start("dockerd", configure, listens)
    };
    engine("overlay2").or_else(|_| engine("vfs"))
}

/// Starts podman's API.
pub fn podman() -> Result<Peer, Missing> {
    let configure = |command: &mut Command, folder: &Path| {
        command.arg("--root").arg(folder.join("d")).arg("--runroot").arg(folder.join("x"));
        command.args(["--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--events-backend=file"]);
        command.args(["system", "service", "--time=0", &format!("unix://{}", folder.join("s").display())]);
    };
    Peer::start("podman", configure, listens)
}

/// A registry of Docker's own make, with its address.
pub struct Registry {
    pub address: String,
    _peer: Peer,
}

/// Starts a registry; with a file of names and passwords it wants a login.
pub fn registry(passwords: Option<&Path>) -> Result<Registry, Missing> {
    // The port is free now; nobody else on this machine is in a hurry for it.
    let address =
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").to_string();
    let (listening, own) = (address.clone(), address.clone());
    let auth = passwords
        .map_or_else(String::new, |path| format!("auth: {{htpasswd: {{realm: test, path: '{}'}}}}\n", path.display()));
    let configure = move |command: &mut Command, folder: &Path| {
        let root = folder.join("d");
        let text = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: '{}'}}}}\nhttp: {{addr: '{listening}'}}\n{auth}",
            root.display()
        );
        let path = folder.join("config.yml");
        std::fs::write(&path, text).expect("its config");
        command.arg("serve").arg(path);
    };
    let peer = Peer::start("docker-registry", configure, |_| TcpStream::connect(&own).is_ok())?;
    Ok(Registry { address, _peer: peer })
}

/// Runs a program that must succeed; missing where it is not installed.
pub fn run(program: &str, arguments: &[&str]) -> Result<String, Missing> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| Missing::program(format!("cannot run {program}: {error}")))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {stderr}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Writes a sample without its outer compression, for tools that do not know it.
pub fn plain_sample(name: &str, folder: &Path) -> PathBuf {
    let path = crate::common::sample(name);
    if path.is_dir() {
        return path;
    }
    let target = folder.join(name).with_extension("plain");
    let mut file = File::open(path).expect("the sample is there");
    let mut out = File::create(&target).expect("a file");
    let copied = match name.rsplit('.').next() {
        Some("gz") => std::io::copy(&mut flate2::read::GzDecoder::new(file), &mut out),
        Some("zst") => zstd::stream::copy_decode(file, &mut out).map(|()| 0),
        _ => std::io::copy(&mut file, &mut out),
    };
    copied.expect("it is written");
    target
}
