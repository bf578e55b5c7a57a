//! A `resim` process and its admin port.

use super::Result;
use super::eventually;
use super::process::Process;
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// What its ready file says.
#[derive(Clone, Debug, Deserialize)]
pub struct Ready {
    /// The nodes, in order.
    pub nodes: Vec<ReadyNode>,
    /// Port of the admin interface on 127.0.0.1.
    pub admin_port: u16,
}

/// One node of the ready file.
#[derive(Clone, Debug, Deserialize)]
pub struct ReadyNode {
    /// Address of its REST API.
    pub address: String,
    /// Port of its REST API.
    pub port: u16,
}

/// A request that resim logged.
#[derive(Clone, Debug, Deserialize)]
pub struct Logged {
    /// Number.
    pub seq: u64,
    /// HTTP method.
    pub method: String,
    /// Path.
    pub path: String,
    /// Who asked, by program.
    #[serde(default)]
    pub user_agent: String,
    /// What was answered.
    #[serde(default)]
    pub status: u16,
}

impl Logged {
    /// Whether the operator sent it.
    pub fn by_operator(&self) -> bool {
        self.user_agent.starts_with("regent/")
    }

    /// Whether it asked for a change.
    pub fn is_mutating(&self) -> bool {
        self.method != "GET"
    }

    /// `METHOD path`, for messages.
    pub fn text(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// A simulator that serves.
pub struct Resim {
    /// What it serves.
    pub ready: Ready,
    process: Process,
    http: reqwest::Client,
}

impl Resim {
    /// Starts one with the given flags, its files in `dir`.
    pub async fn start(dir: &Path, flags: &[&str]) -> Result<Self> {
        let ready_file = dir.join("resim.json");
        let mut args: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        args.extend([
            "--die-with-parent".to_owned(),
            "--ready-file".to_owned(),
            ready_file.display().to_string(),
        ]);
        let program = Path::new(env!("CARGO_BIN_EXE_resim"));
        let process = Process::start("resim", program, &args, &[], &dir.join("resim.log"))?;
        let ready = eventually("the simulator", Duration::from_secs(60), || {
            let state = process
                .check()
                .map(|()| std::fs::read(&ready_file).map_err(|error| error.to_string()));
            async move { state }
        })
        .await?;
        let http = reqwest::Client::builder()
            .tls_danger_accept_invalid_certs(true)
            .build()?;
        Ok(Self {
            ready: serde_json::from_slice(&ready)?,
            process,
            http,
        })
    }

    /// Requests after number `seq`.
    pub async fn log(&self, seq: u64) -> Result<Vec<Logged>> {
        Ok(serde_json::from_value(
            self.admin("GET", &format!("/log?since={seq}"), &Value::Null)
                .await?,
        )?)
    }

    /// Number of the last request.
    pub async fn last_seq(&self) -> Result<u64> {
        Ok(self.log(0).await?.last().map_or(0, |entry| entry.seq))
    }

    /// Broken invariants, bad manners apart, as text.
    pub async fn violations(&self) -> Result<Vec<String>> {
        let all = self.admin("GET", "/violations", &Value::Null).await?;
        let serious = |violation: &&Value| {
            violation["advisory"] != true || violation["rule"] == regent::sim::UNDESCRIBED
        };
        Ok(all
            .as_array()
            .into_iter()
            .flatten()
            .filter(serious)
            .map(Value::to_string)
            .collect())
    }

    /// A call of the admin interface.
    pub async fn admin(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let url = format!("http://127.0.0.1:{}{path}", self.ready.admin_port);
        let mut request = self.http.request(method.parse()?, url);
        if !body.is_null() {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        answer(path, request.send().await?).await
    }

    /// A call of the REST API by somebody who is not the operator.
    pub async fn rest(
        &self,
        node: usize,
        method: &str,
        path: &str,
        user: (&str, &str),
        body: &Value,
    ) -> Result<Value> {
        let node = self.ready.nodes.get(node).ok_or("no such node")?;
        let url = format!("https://{}:{}{path}", node.address, node.port);
        let mut request = self
            .http
            .request(method.parse()?, url)
            .basic_auth(user.0, Some(user.1));
        request = request.header("accept", "application/json");
        if !body.is_null() {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        answer(path, request.send().await?).await
    }

    /// Fails with the end of its output when it has ended.
    pub fn check(&self) -> Result<()> {
        self.process.check()
    }

    /// The process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

async fn answer(path: &str, response: reqwest::Response) -> Result<Value> {
    let status = response.status();
    let text = response.text().await?;
    if !status.is_success() {
        return Err(format!("{path}: {status}: {text}").into());
    }
    Ok(if text.trim().is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&text)?
    })
}
