//! A site: machines with Redis Enterprise, a Kubernetes API server, and the operator between them, all in memory and on one
//! paused clock.

use crate::fleet;
use crate::support::apiserver::ApiServer;
use crate::support::apiserver::NAMESPACE;
use crate::support::apiserver::Write;
use crate::support::effects::Effects;
use crate::support::manifests;
use bytes::Bytes;
use http::Method;
use http::Request;
use regent::cli::plan::planned_over;
use regent::operator::Config;
use regent::operator::clock::Clock;
use regent::operator::run_over;
use regent::rest::transport::Transport;
use regent::rest::transport::TransportError;
use regent::sim;
use serde_json::Value;
use serde_json::json;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

/// Interval of observation, unless a site says otherwise.
pub const INTERVAL: Duration = Duration::from_secs(30);

/// How long nothing may happen before a site counts as settled: longer than whatever is awaited in between.
const QUIET: Duration = Duration::from_secs(100);

/// Longest time that anything may take to settle.
const PATIENCE: Duration = Duration::from_secs(3600);

/// The site.
pub struct Site {
    pub machines: sim::Shared,
    pub api: ApiServer,
    pub effects: Effects,
    /// The operator's interval of observation.
    pub interval: Duration,
    operator: Option<JoinHandle<()>>,
    starts: usize,
}

/// What was done to the world up to a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub requests: usize,
    pub writes: usize,
}

impl Site {
    /// Machines that belong to no cluster, and the administrator's Secret. The operator does not run yet.
    pub fn new(world: sim::World) -> Self {
        let machines = sim::Shared::following_tokio(world);
        let effects = Effects::default();
        let clock = machines.clone();
        let api = ApiServer::new(effects.clone(), move || clock.world().now());
        api.apply("secrets", manifests::admin());
        Self {
            machines,
            api,
            effects,
            interval: INTERVAL,
            operator: None,
            starts: 0,
        }
    }

    /// Machines of the newest version that belong to no cluster.
    pub fn fresh(nodes: usize) -> Self {
        Self::new(sim::World::new(config(nodes)))
    }

    /// A cluster that the operator has created on so many machines, with these objects besides, all settled.
    pub async fn settled(nodes: usize, objects: &[(&str, Value)]) -> Self {
        let mut site = Self::fresh(nodes);
        site.api.apply("redisclusters", manifests::cluster(nodes));
        for (plural, manifest) in objects {
            site.api.apply(plural, manifest.clone());
        }
        site.start();
        site.settle().await;
        site
    }

    /// Starts the operator, or starts it anew: whatever it knew is lost.
    pub fn start(&mut self) {
        if std::env::var("REGENT_LOG").is_ok() {
            let _ = tracing_subscriber::fmt()
                .with_max_level(tracing::Level::DEBUG)
                .with_ansi(false)
                .try_init();
        }
        self.stop();
        self.effects.thaw();
        self.starts += 1;
        let config = Config {
            interval: self.interval,
            floor: Duration::from_secs(2).min(self.interval),
            watch_namespaces: Vec::new(),
            http_address: None,
            http_port_file: None,
            lease_namespace: "regent".to_owned(),
            lease_duration: Duration::from_secs(15),
            takeover_grace: Duration::from_secs(30),
            identity: format!("regent-{}", self.starts),
            clock: self.clock(),
        };
        let (client, transport) = (self.api.client(), self.transport());
        self.operator = Some(tokio::spawn(async move {
            let ended = run_over(config, client, transport, std::future::pending()).await;
            panic!("the operator ended by itself: {ended:?}");
        }));
    }

    /// Stops the operator as `kill -9` does.
    pub fn stop(&mut self) {
        if let Some(operator) = self.operator.take() {
            operator.abort();
        }
    }

    /// What `regent plan` prints.
    pub async fn plan(&self) -> String {
        let planned = planned_over(self.api.client(), self.transport(), self.clock(), NAMESPACE, None);
        planned.await.unwrap().to_string()
    }

    fn clock(&self) -> Clock {
        let machines = self.machines.clone();
        Clock::new(move || machines.world().now())
    }

    fn transport(&self) -> Transport {
        let inner = fleet::transport(self.machines.service(), self.machines.clone());
        let effects = self.effects.clone();
        BoxCloneSyncService::new(tower::service_fn(move |request: Request<Bytes>| {
            let (inner, effects) = (inner.clone(), effects.clone());
            async move {
                if request.method() == Method::GET || request.method() == Method::CONNECT {
                    return inner.oneshot(request).await;
                }
                let what = format!("{} {}", request.method(), request.uri().path());
                let lost = |_| TransportError::Lost("connection closed before the answer".to_owned());
                effects.take(what, inner.oneshot(request)).await.map_err(lost)?
            }
        }))
    }

    /// Lets the operator work until nothing has happened for a while.
    pub async fn settle(&self) {
        let end = Instant::now() + PATIENCE;
        let (mut last, mut since) = (self.mark(), Instant::now());
        while since.elapsed() < QUIET {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if !self.at_rest_since(last) {
                (last, since) = (self.mark(), Instant::now());
            }
            assert!(
                Instant::now() < end,
                "no end of it; last: {:#?}",
                self.effects.trace().iter().rev().take(20).collect::<Vec<_>>()
            );
        }
        self.assert_safe();
    }

    /// Lets the operator work until it stops at the trap that was set, or settles without having come to it.
    pub async fn run_into_trap(&mut self) {
        tokio::select! {
            () = self.effects.stopped() => {}
            () = self.settle() => {}
        }
        self.stop();
    }

    /// Checks that three intervals pass without a mutating call and without a write.
    pub async fn assert_silent(&self) {
        let before = self.mark();
        tokio::time::sleep(3 * self.interval + Duration::from_secs(1)).await;
        let writes = self.api.writes().split_off(before.writes);
        let requests: Vec<String> = self.mutations().split_off(before.requests);
        assert!(
            writes.is_empty() && requests.is_empty(),
            "not silent: {writes:#?} {requests:#?}"
        );
        self.assert_safe();
    }

    /// Checks that no request ever broke an invariant.
    pub fn assert_safe(&self) {
        let world = self.machines.world();
        let violations: Vec<_> = world
            .violations()
            .iter()
            .filter(|violation| !violation.advisory || violation.rule == sim::UNDESCRIBED)
            .collect();
        assert!(violations.is_empty(), "{violations:#?}");
    }

    /// Where things stand.
    pub fn mark(&self) -> Mark {
        let world = self.machines.world();
        Mark {
            requests: world.log().iter().filter(|entry| is_mutation(entry)).count(),
            writes: self.api.write_count(),
        }
    }

    fn at_rest_since(&self, mark: Mark) -> bool {
        self.mark() == mark
    }

    /// Mutating requests of the operator, as `POST /v1/bdbs 200`.
    pub fn mutations(&self) -> Vec<String> {
        let world = self.machines.world();
        let mutating = world.log().iter().filter(|entry| is_mutation(entry));
        mutating
            .map(|entry| format!("{} {} {}", entry.method, entry.path, entry.status))
            .collect()
    }

    /// Requests that the machines received so far.
    pub fn requests(&self) -> usize {
        self.machines.world().log().len()
    }

    /// Mutating requests with this method and path that had an effect.
    pub fn effective(&self, method: &str, path: &str) -> usize {
        let world = self.machines.world();
        let wanted = |entry: &&sim::LogEntry| entry.method == method && entry.path == path && entry.effect;
        world.log().iter().filter(wanted).count()
    }

    /// Writes to objects of a kind, by name.
    pub fn writes_to(&self, plural: &str, name: &str) -> Vec<Write> {
        let about = |write: &Write| write.name == name && write.resource.split('/').next() == Some(plural);
        self.api.writes().into_iter().filter(about).collect()
    }

    /// What the cluster answers to a GET, seen by nobody.
    pub fn peek(&self, path: &str) -> Value {
        self.machines
            .world()
            .peek(sim::NodeIndex(0), path)
            .unwrap_or_else(|| panic!("GET {path} has no answer"))
    }

    /// The databases of the cluster.
    pub fn bdbs(&self) -> Vec<Value> {
        self.peek("/v1/bdbs").as_array().unwrap().clone()
    }

    /// The one database of this name.
    pub fn bdb(&self, name: &str) -> Value {
        let named: Vec<Value> = self
            .bdbs()
            .into_iter()
            .filter(|bdb| bdb["name"] == name)
            .collect();
        assert_eq!(named.len(), 1, "databases named {name}: {named:#?}");
        named[0].clone()
    }

    /// A request of somebody else, with the administrator's credentials: what is done behind the operator's back.
    pub fn meddle(&self, method: &str, path: &str, body: &Value) -> Value {
        use base64::Engine;
        let login = base64::engine::general_purpose::STANDARD.encode(format!(
            "{}:{}",
            manifests::USERNAME,
            manifests::PASSWORD
        ));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Basic {login}"));
        let request = request
            .header("user-agent", "somebody")
            .header("content-type", "application/json")
            .body(Bytes::from(body.to_string()))
            .unwrap();
        match self.machines.world().handle(sim::NodeIndex(0), &request) {
            sim::Outcome::Reply { response, .. } if response.status().is_success() => {
                serde_json::from_slice(response.body()).unwrap_or(Value::Null)
            }
            other => panic!("{method} {path}: {other:?}"),
        }
    }

    /// A value of a Secret.
    pub fn secret(&self, name: &str, key: &str) -> Option<String> {
        use base64::Engine;
        let secret = self.api.object("secrets", name)?;
        let text = base64::engine::general_purpose::STANDARD
            .decode(secret["data"][key].as_str()?)
            .unwrap();
        Some(String::from_utf8(text).unwrap())
    }

    /// Puts other values into a Secret, as a user would.
    pub fn set_secret(&self, name: &str, values: &[(&str, &str)]) {
        use base64::Engine;
        self.api.edit("secrets", name, |secret| {
            for (key, value) in values {
                secret["data"][*key] = json!(base64::engine::general_purpose::STANDARD.encode(value));
            }
        });
    }

    /// A condition of an object: its status and reason.
    pub fn condition(&self, plural: &str, name: &str, type_: &str) -> (String, String) {
        let object = self
            .api
            .object(plural, name)
            .unwrap_or_else(|| panic!("there is no {plural}/{name}"));
        let conditions = object["status"]["conditions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let found = conditions.iter().find(|condition| condition["type"] == type_);
        found.map_or_else(Default::default, |condition| {
            (text(&condition["status"]), text(&condition["reason"]))
        })
    }

    /// The message of a condition.
    pub fn message(&self, plural: &str, name: &str, type_: &str) -> String {
        let object = self
            .api
            .object(plural, name)
            .unwrap_or_else(|| panic!("there is no {plural}/{name}"));
        let conditions = object["status"]["conditions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let found = conditions.iter().find(|condition| condition["type"] == type_);
        found
            .and_then(|condition| condition["message"].as_str())
            .unwrap_or_default()
            .to_owned()
    }

    #[track_caller]
    pub fn assert_ready(&self, plural: &str, name: &str) {
        let object = self.api.object(plural, name);
        assert_eq!(
            self.condition(plural, name, "Ready").0,
            "True",
            "{plural}/{name}: {:#}",
            object.unwrap_or(json!(null))["status"]
        );
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether `REGENT_TEST_SWITCHES=all` puts every doubt about Redis Enterprise on its other side.
pub fn other_side() -> bool {
    match std::env::var("REGENT_TEST_SWITCHES").as_deref() {
        Ok("all") => true,
        Ok(other) => panic!("REGENT_TEST_SWITCHES is {other:?}; only `all` is known"),
        Err(_) => false,
    }
}

/// Machines 10.0.0.1, 10.0.0.2, … of the version that `REGENT_TEST_PROFILE` names, else the newest.
pub fn config(nodes: usize) -> sim::Config {
    let profile = std::env::var("REGENT_TEST_PROFILE").map(|name| name.parse().unwrap());
    let switches = if other_side() {
        sim::Switches::all_alternative()
    } else {
        sim::Switches::all_default()
    };
    let mut config = fleet::config(nodes, profile.unwrap_or_default(), switches);
    config.ownership_tag = Some(regent::api::OWNER_TAG.to_owned());
    config
}

/// Whether the operator asked for a change.
fn is_mutation(entry: &sim::LogEntry) -> bool {
    entry.method != "GET" && entry.user_agent.starts_with("regent/")
}

/// A cluster of six nodes with a licence for as many shards as anybody wants, and nothing in it.
pub async fn empty() -> Site {
    let mut site = Site::fresh(6);
    let license =
        sim::license_text::License::bought(fleet::NAME, 5000, site.machines.world().now(), 365).text;
    site.api
        .apply("secrets", manifests::secret("licence", &[("license", &license)]));
    let mut cluster = manifests::cluster(6);
    cluster["spec"]["licenseSecretRef"] = json!({"name": "licence"});
    site.api.apply("redisclusters", cluster);
    site.start();
    site.settle().await;
    site.assert_ready("redisclusters", manifests::CLUSTER);
    site
}

/// Applies databases `db-0`, `db-1`, …, each with a generated password and a connection Secret.
pub fn databases(site: &Site, count: usize) {
    for number in 0..count {
        let name = format!("db-{number}");
        let mut database = manifests::database(&name);
        database["spec"]["passwordSecretRef"] = json!({"name": format!("{name}-password"), "generate": true});
        database["spec"]["connectionSecret"] = json!({"name": format!("{name}-conn")});
        site.api.apply("redisdatabases", database);
    }
}

/// The same with so many databases, settled.
pub async fn many(count: usize) -> Site {
    let site = empty().await;
    databases(&site, count);
    site.settle().await;
    site.assert_ready("redisdatabases", "db-0");
    site
}
