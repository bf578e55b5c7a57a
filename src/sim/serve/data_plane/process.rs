//! One `redis-server` process: its files, its start, its end.

use super::steer::USER;
use super::wanted::{Persistence, Wanted};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The program.
pub(super) const PROGRAM: &str = "redis-server";

/// Whether all servers are about to end, so that nothing is waited for any more.
#[derive(Clone, Default)]
pub(in crate::sim::serve) struct Stopping(Arc<AtomicBool>);

impl Stopping {
    pub(in crate::sim::serve) fn now(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(in crate::sim::serve) fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What ends a server when this process is killed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Guard {
    /// The kernel, as `setpriv` asks it to. The thread that starts the server must live as long as this process.
    Kernel,
    /// A shell that reads from a pipe until this process is gone.
    Shell,
}

impl Guard {
    pub(super) fn found() -> Self {
        let mut trial = Command::new("setpriv");
        trial.args(["--pdeathsig", "KILL", "true"]);
        match quiet(&mut trial).status() {
            Ok(status) if status.success() => Self::Kernel,
            Ok(_) | Err(_) => Self::Shell,
        }
    }

    fn command(self, config: &Path) -> Command {
        const WATCH: &str = r#"exec 3<&0; (read -r line <&3 || kill -9 $$) & exec "$0" "$1" </dev/null 3<&-"#;
        let mut command = match self {
            Self::Kernel => {
                let mut command = Command::new("setpriv");
                command.args(["--pdeathsig", "KILL", PROGRAM]);
                command
            }
            Self::Shell => {
                let mut command = Command::new("sh");
                command.args(["-c", WATCH, PROGRAM]);
                command
            }
        };
        command.arg(config);
        quiet(&mut command).stdin(Stdio::piped());
        command
    }
}

/// Oldest version that changes several settings by one command.
const OLDEST: u32 = 7;

/// Looks for the program.
///
/// # Errors
/// When it is missing or too old, with the way to get it.
pub(super) fn find() -> Result<(), String> {
    let mut command = Command::new(PROGRAM);
    let said = quiet(command.arg("--version")).stdout(Stdio::piped()).output();
    let said = said.ok().filter(|output| output.status.success());
    let said = said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    fit(said.as_deref()).map_err(|why| {
        format!(
            "--data-plane needs {PROGRAM}, version {OLDEST} or newer, in PATH, and {why}; install it: apt-get install {PROGRAM}"
        )
    })
}

/// Whether a program that says this of its version will do.
fn fit(said: Option<&str>) -> Result<(), String> {
    let said = said.ok_or("there is none")?;
    let version = said.split_whitespace().find_map(|word| word.strip_prefix("v="));
    let major = version.and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    match major {
        Some(major) if major < OLDEST => Err(format!("there is {}", version.unwrap_or_default())),
        // What says something else of itself is given a chance.
        Some(_) | None => Ok(()),
    }
}

fn quiet(command: &mut Command) -> &mut Command {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
}

/// Where a server's files are.
pub(super) struct Files {
    folder: PathBuf,
    pub(super) socket: PathBuf,
    pub(super) chain: PathBuf,
    pub(super) key: PathBuf,
    pub(super) clients: PathBuf,
}

impl Files {
    pub(super) fn of(folder: PathBuf) -> Self {
        Self {
            socket: folder.join("socket"),
            chain: folder.join("chain.pem"),
            key: folder.join("key.pem"),
            clients: folder.join("clients.pem"),
            folder,
        }
    }

    /// Writes what the server reads when it is told to.
    pub(super) fn write(&self, wanted: &Wanted) -> Result<(), String> {
        let Some(tls) = &wanted.tls else { return Ok(()) };
        // The server wants to know some authority even if it asks nobody for a certificate.
        let clients = match tls.clients.as_str() {
            "" => &tls.identity.chain_pem,
            clients => clients,
        };
        for (path, text) in [
            (&self.chain, tls.identity.chain_pem.as_str()),
            (&self.key, &tls.identity.key_pem),
            (&self.clients, clients),
        ] {
            fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        }
        Ok(())
    }

    /// The configuration of a server that nobody but us can reach.
    fn config(&self, wanted: &Wanted, secret: &str) -> String {
        let persists = match wanted.persistence {
            Persistence::Commands { .. } => "yes",
            Persistence::Nothing | Persistence::Snapshots(_) => "no",
        };
        format!(
            "port 0\nprotected-mode no\nunixsocket {}\nunixsocketperm 700\ndir {}\nlogfile {}\n\
             save \"\"\nappendonly {persists}\nrepl-diskless-sync yes\nrepl-diskless-sync-delay 0\n\
             user {USER} on >{secret} ~* &* +@all\nuser default off\n",
            self.socket.display(),
            self.folder.display(),
            self.folder.join("log").display(),
        )
    }
}

/// A server that runs, or is held still.
pub(super) struct Process {
    child: Child,
    still: bool,
    pub(super) booted: jiff::Timestamp,
}

impl Process {
    pub(super) fn start(
        guard: Guard,
        files: &Files,
        wanted: &Wanted,
        secret: &str,
        booted: jiff::Timestamp,
    ) -> Result<Self, String> {
        let folder = &files.folder;
        if wanted.persistence == Persistence::Nothing {
            let _ = fs::remove_dir_all(folder);
        }
        let config = folder.join("redis.conf");
        let written = fs::create_dir_all(folder)
            .and_then(|()| fs::write(&config, files.config(wanted, secret)))
            .map_err(|error| format!("cannot write {}: {error}", config.display()));
        written?;
        let _ = fs::remove_file(&files.socket);
        let child = guard.command(&config).spawn();
        let child = child.map_err(|error| format!("cannot start {PROGRAM}: {error}"))?;
        Ok(Self {
            child,
            still: false,
            booted,
        })
    }

    /// Whether it ended by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Holds it still, as a machine that hangs, or lets it go on.
    pub(super) fn hold(&mut self, still: bool) {
        if self.still != still {
            let signal = if still { "STOP" } else { "CONT" };
            let pid = self.child.id().to_string();
            let mut command = Command::new("sh");
            command.args(["-c", "kill -s \"$0\" \"$1\"", signal, &pid]);
            let _ = quiet(&mut command).status();
            self.still = still;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A line sends the watching shell home: from here on the number may be another process's.
        if let Some(mut watch) = self.child.stdin.take() {
            let _ = watch.write_all(b"\n");
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_too_old_is_refused_by_its_version() {
        let said =
            |version: &str| format!("Redis server v={version} sha=00000000:0 malloc=jemalloc-5.3.0 bits=64");
        assert_eq!(fit(Some(&said("7.0.15"))), Ok(()));
        assert_eq!(fit(Some("Valkey server v=8.1.3 sha=00000000:0")), Ok(()));
        assert_eq!(fit(Some(&said("6.2.1"))), Err("there is 6.2.1".to_owned()));
        assert_eq!(fit(None), Err("there is none".to_owned()));
    }
}
