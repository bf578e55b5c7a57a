//! A `regent run` process.

use super::Result;
use super::eventually;
use super::process::Process;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

/// An operator that runs.
pub struct Operator {
    process: Process,
    dir: PathBuf,
    name: String,
}

impl Operator {
    /// Starts one with the credentials of `kubeconfig` and the given flags; its files go to `dir` under `name`.
    pub fn start(dir: &Path, name: &str, kubeconfig: &Path, flags: &[&str]) -> Result<Self> {
        let mut args = vec![
            "run".to_owned(),
            "--die-with-parent".to_owned(),
            "--http-address".to_owned(),
            "127.0.0.1:0".to_owned(),
        ];
        args.extend([
            "--http-port-file".to_owned(),
            dir.join(format!("{name}.port")).display().to_string(),
        ]);
        args.extend(flags.iter().map(|flag| (*flag).to_owned()));
        let program = Path::new(env!("CARGO_BIN_EXE_regent"));
        let envs = [("KUBECONFIG", kubeconfig.display().to_string())];
        let process = Process::start("regent", program, &args, &envs, &dir.join(format!("{name}.log")))?;
        Ok(Self {
            process,
            dir: dir.to_owned(),
            name: name.to_owned(),
        })
    }

    /// Fails with the end of its output when it has ended.
    pub fn check(&self) -> Result<()> {
        self.process.check()
    }

    /// The process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The end of what it has written.
    pub fn last_lines(&self) -> String {
        self.process.last_lines()
    }

    /// Everything that it has written.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join(format!("{}.log", self.name))).unwrap_or_default()
    }

    /// Waits until it answers on its HTTP port, and returns what a path answers: status and body.
    pub async fn http(&mut self, path: &str) -> Result<(u16, String)> {
        let file = self.dir.join(format!("{}.port", self.name));
        let address = eventually("the operator's HTTP port", Duration::from_secs(30), || {
            let state = self
                .process
                .check()
                .map(|()| std::fs::read_to_string(&file).map_err(|error| error.to_string()));
            async move { state }
        })
        .await?;
        let response = reqwest::get(format!("http://{}{path}", address.trim())).await?;
        Ok((response.status().as_u16(), response.text().await?))
    }
}
