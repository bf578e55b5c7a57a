//! A child process that never outlives its owner.

use super::Result;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

/// A running program whose output goes to a file.
pub struct Process {
    name: String,
    pid: u32,
    child: Mutex<Child>,
    log: PathBuf,
}

impl Process {
    /// Starts `program`; standard output and error go to `log`. Standard input stays open until the process is ended. Ctrl-C
    /// is for its owner, who ends it in its turn.
    pub fn start(
        name: &str,
        program: &Path,
        args: &[String],
        envs: &[(&str, String)],
        log: &Path,
    ) -> Result<Self> {
        let output = File::options().create(true).append(true).open(log)?;
        let child = Command::new(program)
            .args(args)
            .envs(envs.iter().map(|(key, value)| (key, value)))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .map_err(|error| format!("cannot start {} ({}): {error}", name, program.display()))?;
        Ok(Self {
            name: name.to_owned(),
            pid: child.id(),
            child: Mutex::new(child),
            log: log.to_owned(),
        })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Fails with the end of its output when it has ended.
    pub fn check(&self) -> Result<()> {
        match self.child().try_wait()? {
            None => Ok(()),
            Some(status) => Err(format!("{} ended ({status}):\n{}", self.name, self.last_lines()).into()),
        }
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The end of what it wrote.
    pub fn last_lines(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines
            .get(lines.len().saturating_sub(12)..)
            .unwrap_or_default()
            .join("\n")
    }

    /// Sends a signal by name, such as `STOP`.
    pub fn signal(&self, signal: &str) -> Result<()> {
        let sent = Command::new("kill")
            .args([&format!("-{signal}"), &self.pid().to_string()])
            .status()?;
        if sent.success() {
            Ok(())
        } else {
            Err(format!("cannot send SIG{signal} to {}", self.name).into())
        }
    }

    /// Kills it at once, as a machine that loses power does.
    pub fn kill(&mut self) -> Result<()> {
        self.child().kill()?;
        self.child().wait()?;
        Ok(())
    }

    /// Asks it to end, and kills it when it does not within ten seconds.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        if let Some(status) = self.child().try_wait()? {
            return Ok(status);
        }
        self.signal("TERM")?;
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            if let Some(status) = self.child().try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.child().kill()?;
        Ok(self.child().wait()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The owner is going; there is nobody left to tell.
        let _ = self.stop();
    }
}
