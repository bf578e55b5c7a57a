//! What each test stands on: a namespace, a simulated cluster's machines, the operator.

use crate::live;
use crate::live::Result;
use crate::live::audit;
use crate::live::certificates::Authority;
use crate::live::controlplane::ControlPlane;
use crate::live::objects;
use crate::live::operator::Operator;
use crate::live::quiet::Watched;
use crate::live::resim::Logged;
use crate::live::resim::Resim;
use kube::api::DynamicObject;
use serde_json::Value;
use serde_json::json;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::OnceCell;

/// Long enough for a loaded machine of two cores.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// The operator's interval in tests.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);
const NO_AUDIT_LOG: &str = "this test counts from an audit log; unset REGENT_TEST_KUBECONFIG";
/// The administrator of every simulated cluster.
pub(crate) const ADMIN: (&str, &str) = ("admin@example.com", "correct horse battery");

/// The API server that all tests share. Its process ends with this one.
pub(crate) async fn control_plane() -> Result<&'static ControlPlane> {
    static SHARED: OnceCell<ControlPlane> = OnceCell::const_new();
    SHARED
        .get_or_try_init(|| async {
            regent::rest::tls::install_provider();
            let control_plane = ControlPlane::start(&live::scratch("cluster")?).await?;
            control_plane.apply(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("crds"))?;
            let wait = [
                "wait",
                "--for=condition=Established",
                "crd",
                "--all",
                "--timeout=30s",
            ];
            control_plane.kubectl(&wait)?;
            Ok(control_plane)
        })
        .await
}

/// Runs a test's future on a runtime of its own and shows its failure as a person would want to read it.
#[track_caller]
pub(crate) fn run(test: impl Future<Output = Result<()>>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    if let Err(error) = runtime.block_on(test) {
        panic!("{error}");
    }
}

/// How a site is to be.
pub(crate) struct Plan {
    name: &'static str,
    nodes: usize,
    resim_flags: Vec<String>,
    operator_flags: Vec<String>,
    interval: Duration,
}

/// One test's world.
pub(crate) struct Site {
    pub(crate) operator: Option<Operator>,
    pub(crate) resim: Resim,
    pub(crate) client: kube::Client,
    pub(crate) namespace: String,
    pub(crate) authority: Authority,
    pub(crate) kubeconfig: PathBuf,
    pub(crate) dir: PathBuf,
    operator_flags: Vec<String>,
    interval: Duration,
}

/// A site with three fresh nodes of the newest version.
pub(crate) fn site(name: &'static str) -> Plan {
    Plan {
        name,
        nodes: 3,
        resim_flags: Vec::new(),
        operator_flags: Vec::new(),
        interval: INTERVAL,
    }
}

impl Plan {
    pub(crate) fn nodes(mut self, nodes: usize) -> Self {
        self.nodes = nodes;
        self
    }

    pub(crate) fn resim(mut self, flags: &[&str]) -> Self {
        self.resim_flags
            .extend(flags.iter().map(|flag| (*flag).to_owned()));
        self
    }

    /// The operator's interval, [`INTERVAL`] otherwise.
    pub(crate) fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    pub(crate) fn operator(mut self, flags: &[&str]) -> Self {
        self.operator_flags
            .extend(flags.iter().map(|flag| (*flag).to_owned()));
        self
    }

    /// Machines, namespace and rights; the operator runs.
    pub(crate) async fn start(self) -> Result<Site> {
        let mut site = self.start_without_operator().await?;
        site.start_operator("operator")?;
        Ok(site)
    }

    /// The same without a running operator.
    pub(crate) async fn start_without_operator(self) -> Result<Site> {
        let control_plane = control_plane().await?;
        let dir = live::scratch(self.name)?;
        let namespace = format!("t-{}", self.name);
        let client = control_plane.client().await?;
        control_plane.kubectl(&["create", "namespace", &namespace])?;
        let resim = start_resim(&dir, self.nodes, &self.resim_flags).await?;
        let kubeconfig = dir.join("operator.kubeconfig");
        install_rights(&namespace)?;
        control_plane.kubeconfig_of(&namespace, "regent", &kubeconfig)?;
        let admin = [("username", ADMIN.0), ("password", ADMIN.1)];
        objects::secret(&client, &namespace, "prod-admin", "Opaque", &admin).await?;
        Ok(Site {
            operator: None,
            resim,
            client,
            authority: Authority::new("Test authority")?,
            kubeconfig,
            dir,
            operator_flags: self.operator_flags,
            interval: self.interval,
            namespace,
        })
    }
}

/// Simulated machines on loopback addresses that no other test uses, of the version that `REGENT_TEST_PROFILE` names unless the test
/// chooses one, else the newest.
pub(crate) async fn start_resim(dir: &std::path::Path, nodes: usize, flags: &[String]) -> Result<Resim> {
    static SITES: AtomicU8 = AtomicU8::new(1);
    let number = SITES.fetch_add(1, Ordering::Relaxed);
    let (bind, nodes) = (
        format!("127.{}.{number}.1", 64 + std::process::id() % 128),
        nodes.to_string(),
    );
    let mut all = vec![
        "--nodes",
        &nodes,
        "--bind",
        &bind,
        "--ownership-tag",
        "regent_owner",
    ];
    if !flags.iter().any(|flag| flag == "--speed") {
        all.extend(["--speed", "20"]);
    }
    let profile = std::env::var("REGENT_TEST_PROFILE").ok();
    if let Some(profile) = profile
        .as_deref()
        .filter(|_| !flags.iter().any(|flag| flag == "--profile"))
    {
        all.extend(["--profile", profile]);
    }
    all.extend(flags.iter().map(String::as_str));
    Resim::start(dir, &all).await
}

/// The rights that the chart gives an operator that watches one namespace.
pub(crate) fn install_rights(namespace: &str) -> Result<()> {
    let chart = format!("{}/charts/regent", env!("CARGO_MANIFEST_DIR"));
    let scope = format!("scope.watchNamespaces={{{namespace}}}");
    helm(&[
        "install",
        "regent",
        &chart,
        "-n",
        namespace,
        "--set",
        &scope,
        "--set",
        "replicas=0",
    ])
    .map(|_| ())
}

/// Runs helm against the shared API server.
pub(crate) fn helm(args: &[&str]) -> Result<String> {
    let program = live::target("helm");
    if !program.exists() {
        return Err(format!("{} is missing: run `make helm`", program.display()).into());
    }
    let kubeconfig = live::target("scratch")
        .join(format!("cluster-{}", std::process::id()))
        .join("kubeconfig");
    let kubeconfig = std::env::var_os(live::controlplane::KUBECONFIG_VARIABLE).unwrap_or(kubeconfig.into());
    let output = Command::new(program)
        .env("KUBECONFIG", kubeconfig)
        .args(args)
        .output()?;
    if output.status.success() {
        Ok(String::from_utf8(output.stdout)?)
    } else {
        Err(format!(
            "helm {}: {}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        )
        .into())
    }
}

impl Site {
    /// Starts an operator; `name` tells its log from those of others.
    pub(crate) fn start_operator(&mut self, name: &str) -> Result<()> {
        self.operator = Some(self.another_operator(name)?);
        Ok(())
    }

    /// An operator beside the one of the site.
    pub(crate) fn another_operator(&self, name: &str) -> Result<Operator> {
        let interval = format!("{}s", self.interval.as_secs());
        let namespace = self.namespace.as_str();
        let mut flags = vec!["--watch-namespace", namespace, "--interval", &interval];
        if !self.operator_flags.iter().any(|flag| flag == "--lease-namespace") {
            flags.extend(["--lease-namespace", namespace]);
        }
        flags.extend(self.operator_flags.iter().map(String::as_str));
        Operator::start(&self.dir, name, &self.kubeconfig, &flags)
    }

    /// The operator's user, as the audit log names it.
    pub(crate) fn operator_user(&self) -> String {
        format!("system:serviceaccount:{}:regent", self.namespace)
    }

    /// The RedisCluster of the site: all nodes, trusted on first use, database calls redirected by the nodes.
    pub(crate) fn cluster(&self) -> Value {
        let nodes = self.resim.ready.nodes.iter().enumerate().map(
            |(at, node)| json!({"name": format!("n{}", at + 1), "address": node.address, "port": node.port}),
        );
        let nodes: Vec<_> = nodes.collect();
        json!({
            "apiVersion": "regent.dev/v1alpha1", "kind": "RedisCluster", "metadata": {"name": "prod"},
            "spec": {
                "clusterName": "prod.redis.example.com", "nodes": nodes,
                "credentialsSecretRef": {"name": "prod-admin"}, "tls": {"trustOnFirstUse": true},
                "settings": {"handleRedirects": true},
            },
        })
    }

    /// A small RedisDatabase.
    pub(crate) fn database(&self, name: &str) -> Value {
        json!({
            "apiVersion": "regent.dev/v1alpha1", "kind": "RedisDatabase", "metadata": {"name": name},
            "spec": {"clusterRef": {"name": "prod"}, "memorySize": "100Mi"},
        })
    }

    /// A ClusterCertificate and its Secret, signed by the site's authority.
    pub(crate) async fn certificate(&self, role: &str) -> Result<Value> {
        let signed = self.authority.sign("prod.redis.example.com")?;
        let data = [
            ("tls.crt", signed.chain_pem.as_str()),
            ("tls.key", signed.key_pem.as_str()),
        ];
        let secret = format!("{role}-tls");
        objects::secret(&self.client, &self.namespace, &secret, "kubernetes.io/tls", &data).await?;
        Ok(json!({
            "apiVersion": "regent.dev/v1alpha1", "kind": "ClusterCertificate", "metadata": {"name": role},
            "spec": {"clusterRef": {"name": "prod"}, "certificate": role, "secretRef": {"name": secret}},
        }))
    }

    pub(crate) async fn apply(&self, object: &Value) -> Result<DynamicObject> {
        objects::apply(&self.client, &self.namespace, object).await
    }

    pub(crate) async fn delete(&self, kind: &str, name: &str) -> Result<()> {
        objects::api(&self.client, &self.namespace, kind)
            .delete(name, &Default::default())
            .await?;
        Ok(())
    }

    pub(crate) async fn get(&self, kind: &str, name: &str) -> Result<DynamicObject> {
        Ok(objects::api(&self.client, &self.namespace, kind)
            .get(name)
            .await?)
    }

    pub(crate) async fn ready(&self, kind: &str, name: &str) -> Result<DynamicObject> {
        objects::wait_ready(&self.client, &self.namespace, kind, name, PATIENCE).await
    }

    pub(crate) async fn gone(&self, kind: &str, name: &str) -> Result<()> {
        objects::wait_gone(&self.client, &self.namespace, kind, name, PATIENCE).await
    }

    /// Waits for a condition with this status and reason, and returns its message.
    pub(crate) async fn told(
        &self,
        kind: &str,
        name: &str,
        type_: &str,
        status: &str,
        reason: &str,
    ) -> Result<String> {
        let check = |object: &DynamicObject| {
            let told = objects::condition(object, type_);
            if told.status == status && told.reason == reason {
                Ok(())
            } else {
                Err(format!(
                    "{type_} should be {status}/{reason}: {}",
                    object.data.get("status").unwrap_or(&Value::Null)
                ))
            }
        };
        let object = objects::wait_for(&self.client, &self.namespace, kind, name, PATIENCE, check).await?;
        Ok(objects::condition(&object, type_).message)
    }

    /// A REST call by the administrator that is not the operator's.
    pub(crate) async fn rest(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        self.resim.rest(0, method, path, ADMIN, body).await
    }

    /// The databases of the cluster.
    pub(crate) async fn databases(&self) -> Result<Vec<Value>> {
        let all = self.rest("GET", "/v1/bdbs", &Value::Null).await?;
        Ok(all.as_array().cloned().unwrap_or_default())
    }

    /// The operator's mutating REST calls after number `seq`.
    pub(crate) async fn mutations(&self, seq: u64) -> Result<Vec<Logged>> {
        let log = self.resim.log(seq).await?;
        Ok(log
            .into_iter()
            .filter(|call| call.by_operator() && call.is_mutating())
            .collect())
    }

    /// The operator's Kubernetes requests after `mark`; empty on a cluster without our audit log.
    pub(crate) async fn requests(&self, mark: audit::Mark) -> Result<Vec<audit::Entry>> {
        match control_plane().await?.audit_log() {
            Some(log) => audit::since(&log, mark, &self.operator_user()),
            None => Ok(Vec::new()),
        }
    }

    /// The end of the audit log.
    pub(crate) async fn mark(&self) -> Result<audit::Mark> {
        match control_plane().await?.audit_log() {
            Some(log) => audit::mark(&log),
            None => Err(NO_AUDIT_LOG.into()),
        }
    }

    /// The site's operator, by both servers' logs.
    pub(crate) async fn watched(&self) -> Result<Watched<'_>> {
        let audit_log = control_plane().await?.audit_log();
        Ok(Watched {
            resim: &self.resim,
            audit_log: Some(audit_log.ok_or(NO_AUDIT_LOG)?),
            user: self.operator_user(),
        })
    }

    /// Another operator in the place of the one that runs: it reads, finds everything as it should be, and changes nothing.
    pub(crate) async fn assert_restart_changes_nothing(&mut self) -> Result<()> {
        let mut before = self.operator.take().ok_or("the operator runs")?;
        before.process().stop()?;
        let moment = self.watched().await?.now().await?;
        self.start_operator("second")?;
        let watched = self.watched().await?;
        watched.reads_since(moment, PATIENCE).await?;
        self.assert_silent().await?;
        let counted = watched.since(moment).await?;
        assert!(
            counted.changes().is_empty(),
            "a restart changes nothing: {counted:?}"
        );
        Ok(())
    }

    /// Three resyncs with reads but without a mutating REST call or a Kubernetes write; no invariant was ever broken.
    pub(crate) async fn assert_silent(&self) -> Result<()> {
        self.watched().await?.at_rest(self.interval, PATIENCE).await?;
        assert_eq!(self.resim.violations().await?, Vec::<String>::new());
        Ok(())
    }
}
