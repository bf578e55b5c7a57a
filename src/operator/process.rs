//! The operator as a process: flags, logs, signals, exit code.

use crate::operator::clock::Clock;
use crate::operator::run::Config;
use crate::operator::run::run;
use clap::Args;
use clap::ValueEnum;
use kube::Client;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tracing_subscriber::EnvFilter;

/// Flags of `regent run`.
#[derive(Clone, Debug, Args)]
pub struct RunOptions {
    /// How often each cluster is observed; also how long drift and a changed Secret may go unnoticed. Below 30s, reads wait for
    /// an answer for less time in proportion, down to a third at 10s.
    #[arg(long, default_value = "30s", value_parser = duration)]
    interval: Duration,
    /// How often a cluster is observed while something is under way there.
    #[arg(long, default_value = "2s", value_parser = duration, hide = true)]
    busy_interval: Duration,
    /// Namespace to look after; may be given several times. Without it, all are.
    #[arg(long, value_name = "NAMESPACE")]
    watch_namespace: Vec<String>,
    /// Form of the log.
    #[arg(long, default_value = "text")]
    log_format: LogFormat,
    /// Where /livez, /readyz and /metrics are served; port 0 takes any free one.
    #[arg(long, default_value = "0.0.0.0:8080", value_name = "ADDRESS:PORT")]
    http_address: SocketAddr,
    /// File that takes the address that was bound.
    #[arg(long, value_name = "FILE")]
    http_port_file: Option<PathBuf>,
    /// Namespace of the Lease by which one of several replicas leads [default: $POD_NAMESPACE, or that of the kubeconfig].
    #[arg(long, value_name = "NAMESPACE")]
    lease_namespace: Option<String>,
    /// How long the Lease outlasts its last renewal. A replica that crashed is replaced after this long.
    #[arg(long, default_value = "15s", value_parser = duration)]
    lease_duration: Duration,
    /// How long, beyond the Lease's duration, calls of a crashed leader may still arrive; a new leader makes no call that
    /// cannot be repeated before.
    #[arg(long, default_value = "30s", value_parser = duration, hide = true)]
    takeover_grace: Duration,
    /// Stop when the process that started this one ends.
    #[arg(long, hide = true)]
    die_with_parent: bool,
}

/// Forms of the log.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Runs the operator until SIGTERM or SIGINT.
pub async fn main(options: RunOptions) -> ExitCode {
    start_log(options.log_format);
    match serve(options).await {
        Ok(()) => {
            tracing::info!("stopped");
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(options: RunOptions) -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::try_default().await?;
    let orphaned = orphaned(options.die_with_parent);
    let config = options.config(client.default_namespace(), &instance());
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let shutdown = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = orphaned => {}
        }
    };
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        identity = config.identity,
        "starting"
    );
    Ok(run(config, client, shutdown).await?)
}

/// Waits for the end of the parent process; for ever, if it does not matter.
async fn orphaned(matters: bool) {
    if !matters {
        return std::future::pending().await;
    }
    let parent = std::os::unix::process::parent_id();
    while std::os::unix::process::parent_id() == parent {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

impl RunOptions {
    fn config(self, default_namespace: &str, instance: &str) -> Config {
        let lease_namespace = self
            .lease_namespace
            .or_else(|| std::env::var("POD_NAMESPACE").ok())
            .unwrap_or_else(|| default_namespace.to_owned());
        Config {
            interval: self.interval,
            floor: self.busy_interval.min(self.interval),
            watch_namespaces: self.watch_namespace,
            http_address: Some(self.http_address),
            http_port_file: self.http_port_file,
            lease_namespace,
            lease_duration: self.lease_duration,
            takeover_grace: self.takeover_grace,
            identity: instance.to_owned(),
            clock: Clock::system(),
        }
    }
}

/// The pod's name, else the host's, made unique: a restarted process is another one.
fn instance() -> String {
    let name = std::env::var("POD_NAME").or_else(|_| std::env::var("HOSTNAME"));
    let mut random = [0; 4];
    // Without randomness the process id tells processes of one host apart.
    let suffix = match aws_lc_rs::rand::fill(&mut random) {
        Ok(()) => random.iter().map(|byte| format!("{byte:02x}")).collect(),
        Err(_) => std::process::id().to_string(),
    };
    format!("{}_{suffix}", name.as_deref().unwrap_or("regent"))
}

/// Logs to standard error, so that standard output stays free. `RUST_LOG` chooses what is logged.
fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(false).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

/// A duration such as `30s`, `1m30s` or `500ms`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let parsed: jiff::SignedDuration = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    let duration = Duration::try_from(parsed).map_err(|_| "must not be negative".to_owned())?;
    if duration < Duration::from_millis(100) {
        Err("must be at least 100ms".to_owned())
    } else {
        Ok(duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for text in ["", "30", "-1s", "0s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn two_processes_of_one_pod_are_told_apart() {
        assert_ne!(instance(), instance());
    }
}
