//! A program with everything that it starts, found in `/proc` by a mark in the environment that children inherit.

#![allow(dead_code, reason = "each kind of test uses a part")]

use std::ffi::OsStr;
use std::io::BufRead;
use std::io::BufReader;
use std::os::unix::process::CommandExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;
use std::time::Instant;

/// Name of the variable that marks what belongs to one program.
const MARK: &str = "REGENT_TEST_STARTED_BY";

/// A program that runs in a process group of its own, as from a terminal.
pub struct Started {
    pid: u32,
    mark: String,
    lines: Receiver<String>,
    ended: Receiver<ExitStatus>,
    said: String,
}

impl Started {
    /// Starts it; `name` tells it from others of this process.
    pub fn start(mut command: Command, name: &str) -> Self {
        let mark = format!("{name}-{}", std::process::id());
        let (reader, writer) = std::io::pipe().unwrap();
        let mut child = command
            .env(MARK, &mark)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(writer.try_clone().unwrap())
            .stderr(writer)
            .spawn()
            .unwrap();
        // It holds the end of the pipe into which the child writes.
        drop(command);
        let ((line, lines), (end, ended)) = (channel(), channel());
        thread::spawn(move || {
            for text in BufReader::new(reader).lines().map_while(Result::ok) {
                // Nobody listens any more when the test is over.
                let _ = line.send(text);
            }
        });
        let pid = child.id();
        thread::spawn(move || {
            let _ = end.send(child.wait().unwrap());
        });
        Self {
            pid,
            mark,
            lines,
            ended,
            said: String::new(),
        }
    }

    /// Waits until it has said this.
    #[track_caller]
    pub fn until(&mut self, words: &str, limit: Duration) {
        let end = Instant::now() + limit;
        while !self.said.contains(words) {
            let left = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.said.extend([&line, "\n"]),
                Err(why) => panic!("it did not say {words:?} ({why}):\n{}", self.said),
            }
        }
    }

    /// Waits until so many processes with these words in their command line belong to it.
    #[track_caller]
    pub fn until_alive(&self, words: &str, count: usize, limit: Duration) {
        let end = Instant::now() + limit;
        while self.alive().iter().filter(|line| line.contains(words)).count() < count {
            assert!(
                Instant::now() < end,
                "{count} of {words:?} should run: {:?}",
                self.alive()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until nothing of it lives.
    #[track_caller]
    pub fn until_gone(&self, limit: Duration) {
        let end = Instant::now() + limit;
        loop {
            let alive = self.alive();
            if alive.is_empty() {
                return;
            }
            assert!(Instant::now() < end, "it lives on: {alive:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Signals its group, as a terminal does.
    #[track_caller]
    pub fn signal(&self, signal: &str) {
        let group = format!("-{}", self.pid);
        let sent = Command::new("kill").args(["-s", signal, "--", &group]).status();
        assert!(
            sent.unwrap().success(),
            "cannot send SIG{signal} to group {group}"
        );
    }

    /// Kills what it started whose command line has these words, as a machine that loses power does.
    #[track_caller]
    pub fn kill(&self, words: &str) {
        let chosen: Vec<String> = pids(&self.mark)
            .into_iter()
            .filter(|pid| command_line(pid).contains(words))
            .collect();
        assert!(!chosen.is_empty(), "no {words:?} among {:?}", self.alive());
        for pid in chosen {
            let _ = Command::new("kill").args(["-s", "KILL", &pid]).status();
        }
    }

    /// Waits for its end: its exit code as a shell has it, what lives on at that moment, and everything that it said.
    #[track_caller]
    pub fn end(mut self, limit: Duration) -> Ended {
        let status = self.ended.recv_timeout(limit);
        let left = self.alive();
        // What lives on holds the pipe open, and there will be no end of it.
        while let Ok(line) = self.lines.recv_timeout(Duration::from_secs(1)) {
            self.said.extend([&line, "\n"]);
        }
        let Ok(status) = status else {
            panic!("it has not ended within {limit:?}; {left:?}:\n{}", self.said);
        };
        Ended {
            code: status.code().or(status.signal().map(|signal| 128 + signal)),
            left,
            said: std::mem::take(&mut self.said),
        }
    }

    /// The command lines of it and of what it started, as far as they live.
    pub fn alive(&self) -> Vec<String> {
        pids(&self.mark).iter().map(|pid| command_line(pid)).collect()
    }
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; 128 and the number of the signal that killed it.
    pub code: Option<i32>,
    /// The command lines of what it started and left behind.
    pub left: Vec<String>,
    /// Its output and its errors.
    pub said: String,
}

fn pids(mark: &str) -> Vec<String> {
    let entry = format!("{MARK}={mark}");
    let names = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = names.filter_map(|entry| entry.file_name().into_string().ok());
    pids.filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(|pid| {
            // Processes end while one looks, and those of others are not shown.
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment
                .split(|byte| *byte == 0)
                .any(|one| one == entry.as_bytes())
        })
        .collect()
}

fn command_line(pid: &str) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes)
        .replace('\0', " ")
        .trim()
        .to_owned()
}

/// A test that fails leaves nothing either.
impl Drop for Started {
    fn drop(&mut self) {
        for pid in pids(&self.mark) {
            let _ = Command::new("kill").args(["-s", "KILL", &pid]).status();
        }
    }
}

/// A command that Ctrl-C ends even if it does not end the tests: a shell tells what it runs in the background to ignore it, and
/// their descendants do as well.
pub fn hearing_signals(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("/usr/bin/env");
    command.arg("--default-signal=HUP,INT,TERM").arg(program);
    command
}
