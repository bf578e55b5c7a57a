//! A Kubernetes API server: our own control plane, or the cluster of `REGENT_TEST_KUBECONFIG`.

use super::Result;
use super::eventually;
use super::process::Process;
use super::target;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// Name of the variable that gives a cluster to use instead.
pub const KUBECONFIG_VARIABLE: &str = "REGENT_TEST_KUBECONFIG";

/// A Kubernetes API server that is ready.
pub struct ControlPlane {
    dir: PathBuf,
    kubeconfig: PathBuf,
    process: Option<Process>,
}

impl ControlPlane {
    /// Starts one in `dir`, or takes the cluster that the environment names.
    pub async fn start(dir: &Path) -> Result<Self> {
        if let Some(path) = std::env::var_os(KUBECONFIG_VARIABLE) {
            return Ok(Self {
                dir: dir.to_owned(),
                kubeconfig: path.into(),
                process: None,
            });
        }
        let program = target("controlplane");
        if !program.exists() {
            return Err(format!("{} is missing: run `make controlplane`", program.display()).into());
        }
        let args = [
            "up",
            "--dir",
            &dir.display().to_string(),
            "--die-with-parent",
            "--respawn",
            "1s",
        ]
        .map(str::to_owned);
        let process = Process::start("the control plane", &program, &args, &[], &dir.join("up.log"))?;
        let ready = dir.join("ready");
        eventually("the Kubernetes API server", Duration::from_secs(90), || {
            let state = process.check().map(|()| {
                if ready.exists() {
                    Ok(())
                } else {
                    Err("not ready".to_owned())
                }
            });
            async move { state }
        })
        .await?;
        Ok(Self {
            dir: dir.to_owned(),
            kubeconfig: dir.join("kubeconfig"),
            process: Some(process),
        })
    }

    /// Fails with the end of its output when it has ended.
    pub fn check(&self) -> Result<()> {
        self.process.as_ref().map_or(Ok(()), Process::check)
    }

    /// Credentials of an administrator.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The audit log, unless the cluster is not ours.
    pub fn audit_log(&self) -> Option<PathBuf> {
        self.process.as_ref().map(|_| self.dir.join("audit.log"))
    }

    /// Process id of the API server.
    pub fn apiserver_pid(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.dir.join("apiserver.pid"))?
            .trim()
            .to_owned())
    }

    /// Runs kubectl with the administrator's credentials; its output, or its error text as the error.
    pub fn kubectl(&self, args: &[&str]) -> Result<String> {
        let ours = target("controlplane");
        let mut command = if ours.exists() {
            let mut command = Command::new(ours);
            command.arg("kubectl");
            command
        } else {
            Command::new("kubectl")
        };
        let output = command
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .args(args)
            .process_group(0)
            .output()?;
        if output.status.success() {
            Ok(String::from_utf8(output.stdout)?)
        } else {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!("kubectl {} ({}): {}", args.join(" "), output.status, said.trim()).into())
        }
    }

    /// Applies a file or folder.
    pub fn apply(&self, path: &Path) -> Result<String> {
        self.kubectl(&["apply", "--server-side", "-f", &path.display().to_string()])
    }

    /// A client with the administrator's credentials.
    pub async fn client(&self) -> Result<kube::Client> {
        client_of(&self.kubeconfig).await
    }

    /// Writes a kubeconfig with the token of a ServiceAccount in place of the administrator's credentials.
    pub fn kubeconfig_of(&self, namespace: &str, account: &str, path: &Path) -> Result<()> {
        let token = self.kubectl(&["create", "token", account, "-n", namespace, "--duration", "4h"])?;
        let mut config = kube::config::Kubeconfig::read_from(&self.kubeconfig)?;
        for user in &mut config.auth_infos {
            let auth = kube::config::AuthInfo {
                token: Some(token.trim().to_owned().into()),
                ..Default::default()
            };
            user.auth_info = Some(auth);
        }
        std::fs::write(path, serde_json::to_string(&plain(&config, token.trim())?)?)?;
        Ok(())
    }
}

/// The kubeconfig as JSON, with the token that its own serialization hides.
fn plain(config: &kube::config::Kubeconfig, token: &str) -> Result<serde_json::Value> {
    let mut value = serde_json::to_value(config)?;
    let users = value.get_mut("users").and_then(serde_json::Value::as_array_mut);
    for user in users.into_iter().flatten() {
        if let Some(user) = user.get_mut("user") {
            *user = serde_json::json!({ "token": token });
        }
    }
    Ok(value)
}

/// A client for a kubeconfig.
pub async fn client_of(kubeconfig: &Path) -> Result<kube::Client> {
    let kubeconfig = kube::config::Kubeconfig::read_from(kubeconfig)?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await?;
    Ok(kube::Client::try_from(config)?)
}
