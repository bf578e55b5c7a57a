//! A `resim` process that ends with its owner, and a folder for its files.

use crate::wire::{self, Reply};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Administrator of every formed cluster here.
pub const ADMIN: (&str, &str) = ("admin@example.com", "resim-admin");

/// A folder that goes with its owner.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("resim-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap_or_default()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The program with these flags.
pub fn command(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_resim"));
    command.args(flags).stdin(Stdio::null());
    command
}

/// Runs it to its end, for flags with which it does not serve. If it does all the same, it is ended after a while.
pub fn output(flags: &[&str]) -> Output {
    let mut command = Command::new("timeout");
    command.arg("20").arg(env!("CARGO_BIN_EXE_resim")).args(flags);
    command.stdin(Stdio::null()).output().unwrap()
}

/// A simulator that serves.
pub struct Resim {
    pub folder: Folder,
    /// What its ready file says.
    pub ready: Value,
    /// What it printed before it served.
    pub banner: String,
    child: Child,
}

impl Resim {
    /// Starts it on free ports of one address, and waits until it serves.
    pub fn start(flags: &[&str]) -> Self {
        let mut all = vec!["--bind", "127.0.0.1", "--one-address", "--port", "0"];
        all.extend(flags);
        Self::start_with(Folder::new(), &all)
    }

    /// The same in a shell that did `limit` before.
    pub fn limited(limit: &str, flags: &[&str]) -> Self {
        let mut all = vec!["--bind", "127.0.0.1", "--one-address", "--port", "0"];
        all.extend(flags);
        let mut shell = Command::new("sh");
        shell.args([
            "-c",
            &format!("{limit}; exec \"$0\" \"$@\""),
            env!("CARGO_BIN_EXE_resim"),
        ]);
        Self::serve(Folder::new(), shell, &all)
    }

    /// The same with a cluster that all nodes belong to.
    pub fn cluster(flags: &[&str]) -> Self {
        let mut all = vec!["--cluster", "rs.example.com", "--license-shards", "100"];
        all.extend(flags);
        Self::start(&all)
    }

    /// The same where these are all the programs that there are.
    pub fn cluster_in_path(path: &str, flags: &[&str]) -> Self {
        let mut all = vec!["--bind", "127.0.0.1", "--one-address", "--port", "0"];
        all.extend(["--cluster", "rs.example.com"]);
        all.extend(flags);
        Self::start_in(Folder::new(), Some(path), &all)
    }

    /// Starts it with these flags and files in `folder`; `{}` in a flag stands for the folder.
    pub fn start_with(folder: Folder, flags: &[&str]) -> Self {
        Self::start_in(folder, None, flags)
    }

    fn start_in(folder: Folder, path: Option<&str>, flags: &[&str]) -> Self {
        let mut program = command(&[]);
        program.envs(path.map(|path| ("PATH", path)));
        Self::serve(folder, program, flags)
    }

    fn serve(folder: Folder, mut command: Command, flags: &[&str]) -> Self {
        let here = folder.path().display().to_string();
        let flags: Vec<String> = flags.iter().map(|flag| flag.replace("{}", &here)).collect();
        let mut flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let ready_file = folder.file("ready.json").display().to_string();
        flags.extend(["--die-with-parent", "--ready-file", &ready_file]);
        command.args(&flags).stdin(Stdio::null());
        command.stdout(Stdio::piped());
        command.stderr(File::create(folder.file("stderr")).unwrap());
        let mut child = command.spawn().unwrap();
        // The ready file is written first, then the banner, then the output stays open and silent.
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut banner = String::new();
        for line in &mut lines {
            let line = line.unwrap();
            banner.push_str(&line);
            banner.push('\n');
            if line.starts_with("Try:") {
                break;
            }
        }
        assert!(banner.contains("Try:"), "{banner}{}", folder.text("stderr"));
        let ready: Value = serde_json::from_str(&folder.text("ready.json")).unwrap();
        if ready["cluster"].is_null() {
            // To form a cluster takes a second one.
            banner.push_str(&lines.next().unwrap().unwrap());
        }
        Self {
            folder,
            ready,
            banner,
            child,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `address:port` of a node.
    pub fn node(&self, index: usize) -> String {
        let node = &self.ready["nodes"][index];
        format!("{}:{}", node["address"].as_str().unwrap(), node["port"])
    }

    /// A request of the administrator to the first node.
    pub fn call(&self, method: &str, path: &str, body: &Value) -> Reply {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        wire::send(&self.node(0), method, path, Some(ADMIN), &[], body.as_bytes())
    }

    /// The same, and it succeeds.
    #[track_caller]
    pub fn ok(&self, method: &str, path: &str, body: &Value) -> Value {
        let reply = self.call(method, path, body);
        assert_eq!(reply.status, 200, "{method} {path}: {}", reply.body);
        reply.json()
    }

    /// A request to the admin port.
    #[track_caller]
    pub fn admin(&self, method: &str, path: &str, body: &Value) -> Value {
        let address = format!("127.0.0.1:{}", self.ready["admin_port"]);
        let reply = wire::send_plain(&address, method, path, &body.to_string());
        assert_eq!(reply.status, 200, "{method} {path}: {}", reply.body);
        reply.json()
    }

    /// Lets simulated time pass at once.
    pub fn pass(&self, seconds: u32) {
        self.admin("POST", "/advance", &serde_json::json!({ "seconds": seconds }));
    }

    /// Creates a database, waits until it is active and gives its uid.
    pub fn database(&self, body: &Value) -> u64 {
        let uid = self.ok("POST", "/v1/bdbs", body)["uid"].as_u64().unwrap();
        self.pass(60);
        uid
    }

    /// Sends a signal and gives the status with which it ends, and how long that took.
    pub fn end(mut self, signal: &str) -> (ExitStatus, Duration, Folder) {
        let began = Instant::now();
        let sent = Command::new("kill")
            .args([format!("-{signal}"), self.pid().to_string()])
            .status();
        assert!(sent.unwrap().success());
        let status = self.child.wait().unwrap();
        let took = began.elapsed();
        let folder = std::mem::replace(&mut self.folder, Folder(PathBuf::new()));
        (status, took, folder)
    }

    /// Time for which it has used a processor, itself and the kernel for it: what else the machine does hardly matters.
    pub fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        Duration::from_millis(10 * ticks)
    }

    /// A line of `/proc/<pid>/status`, its first number.
    pub fn proc_status(&self, name: &str) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Resim {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = Command::new("kill").arg(self.pid().to_string()).status();
        }
        let _ = self.child.wait();
    }
}
