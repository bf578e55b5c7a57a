//! The steps of the demo, each seen from outside the operator.

use crate::CLUSTER_NAME;
use crate::INTERVAL;
use crate::NAMESPACE;
use crate::OPERATOR_USER;
use crate::Stage;
use crate::live::Result;
use crate::live::eventually;
use crate::live::objects;
use crate::live::quiet::Moment;
use crate::live::quiet::Watched;
use crate::story::Story;
use kube::api::DynamicObject;
use kube::api::ListParams;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::ServerName;
use rustls_pki_types::pem::PemObject;
use serde_json::Value;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// Long enough for a loaded machine of two cores; a healthy demo needs a fraction.
const PATIENCE: Duration = Duration::from_secs(180);

/// The operator, by both servers' logs.
fn operator(stage: &Stage) -> Watched<'_> {
    Watched {
        resim: &stage.resim,
        audit_log: stage.control_plane.audit_log(),
        user: OPERATOR_USER.to_owned(),
    }
}

/// From here on costs are counted.
pub(crate) async fn costs_begin(stage: &Stage) -> Result<Moment> {
    operator(stage).now().await
}

/// What the operator has cost since, in words.
pub(crate) async fn costs_so_far(stage: &Stage, since: Moment) -> Result<String> {
    let counted = operator(stage).since(since).await?;
    let (calls, mutating) = (counted.reads + counted.mutating.len(), counted.mutating.len());
    let rest = format!("cost so far: {calls} REST calls ({mutating} mutating)");
    Ok(match counted.writes {
        Some(writes) => format!("{rest}, {} Kubernetes writes (Leases apart)", writes.len()),
        None => format!("{rest}; Kubernetes writes are not counted on a cluster that is not ours"),
    })
}

/// The administrator of the samples' cluster, from the Secret that the samples bring.
async fn administrator(stage: &Stage) -> Result<(String, String)> {
    let secret = objects::api(&stage.client, NAMESPACE, "Secret")
        .get("prod-admin")
        .await?;
    let read = |key: &str| -> Result<String> {
        use base64::Engine;
        let text = secret
            .data
            .pointer(&format!("/data/{key}"))
            .and_then(Value::as_str)
            .ok_or("prod-admin lacks a key")?;
        Ok(String::from_utf8(
            base64::engine::general_purpose::STANDARD.decode(text)?,
        )?)
    };
    Ok((read("username")?, read("password")?))
}

async fn rest(stage: &Stage, node: usize, method: &str, path: &str, body: &Value) -> Result<Value> {
    let (username, password) = administrator(stage).await?;
    stage
        .resim
        .rest(node, method, path, (&username, &password), body)
        .await
}

pub(crate) async fn cluster_forms(stage: &Stage, story: &mut Story) -> Result<()> {
    let cluster = objects::wait_ready(&stage.client, NAMESPACE, "RedisCluster", "prod", PATIENCE).await?;
    let nodes = rest(stage, 0, "GET", "/v1/nodes", &Value::Null).await?;
    let active = nodes
        .as_array()
        .into_iter()
        .flatten()
        .filter(|node| node.get("status") == Some(&json!("active")))
        .count();
    if active != 3 {
        return Err(format!("three nodes should have joined; GET /v1/nodes says: {nodes}").into());
    }
    let version = cluster
        .data
        .pointer("/status/version")
        .and_then(Value::as_str)
        .unwrap_or("?");
    story.saw(&format!(
        "RedisCluster prod is Ready: created on one node, joined by two, all active (version {version})"
    ));
    Ok(())
}

pub(crate) async fn database_is_served(stage: &Stage, story: &mut Story) -> Result<()> {
    let database =
        objects::wait_ready(&stage.client, NAMESPACE, "RedisDatabase", "sessions", PATIENCE).await?;
    let uid = uid(&database)?;
    let bdb = rest(stage, 0, "GET", &format!("/v1/bdbs/{uid}"), &Value::Null).await?;
    if bdb.get("status") != Some(&json!("active")) {
        return Err(format!("database {uid} should be active: {bdb}").into());
    }
    let host = database
        .data
        .pointer("/status/host")
        .and_then(Value::as_str)
        .unwrap_or("?");
    let port = database
        .data
        .pointer("/status/port")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    story.saw(&format!(
        "RedisDatabase sessions is Ready: database {uid} is active at {host}:{port}"
    ));
    let connection = objects::api(&stage.client, NAMESPACE, "Secret")
        .get("sessions-conn")
        .await?;
    let keys: Vec<_> = connection
        .data
        .get("data")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, _)| key.as_str())
        .collect();
    story.saw(&format!("Secret sessions-conn has the keys {}", keys.join(", ")));
    Ok(())
}

fn uid(database: &DynamicObject) -> Result<u64> {
    Ok(database
        .data
        .pointer("/status/uid")
        .and_then(Value::as_u64)
        .ok_or("the database has no uid in status")?)
}

pub(crate) async fn certificates_are_applied(stage: &Stage, story: &mut Story) -> Result<()> {
    for name in ["proxy", "api"] {
        objects::wait_ready(&stage.client, NAMESPACE, "ClusterCertificate", name, PATIENCE).await?;
    }
    let wanted = leaf(&secret_text(stage, "proxy-tls", "tls.crt").await?)?;
    for node in 0..stage.resim.ready.nodes.len() {
        let all = rest(stage, node, "GET", "/v1/cluster/certificates", &Value::Null).await?;
        let has = leaf(all.get("proxy_cert").and_then(Value::as_str).unwrap_or_default())?;
        if has != wanted {
            return Err(format!("node {node} has another proxy certificate than Secret proxy-tls").into());
        }
    }
    story.saw("ClusterCertificate proxy is Ready: read back from every node");
    let wanted = leaf(&secret_text(stage, "api-tls", "tls.crt").await?)?;
    for node in &stage.resim.ready.nodes {
        let shown = handshake(&node.address, node.port, &stage.authority.pem).await?;
        if shown != wanted {
            return Err(format!("{} shows another certificate than Secret api-tls", node.address).into());
        }
    }
    story.saw(
        "ClusterCertificate api is Ready: every node shows it in a handshake that the authority vouches for",
    );
    Ok(())
}

async fn secret_text(stage: &Stage, name: &str, key: &str) -> Result<String> {
    use base64::Engine;
    let secret = objects::api(&stage.client, NAMESPACE, "Secret").get(name).await?;
    let pointer = format!("/data/{}", key.replace('/', "~1"));
    let text = secret
        .data
        .pointer(&pointer)
        .and_then(Value::as_str)
        .ok_or("the Secret lacks a key")?;
    Ok(String::from_utf8(
        base64::engine::general_purpose::STANDARD.decode(text)?,
    )?)
}

fn leaf(pem: &str) -> Result<Vec<u8>> {
    Ok(CertificateDer::from_pem_slice(pem.as_bytes())?.as_ref().to_vec())
}

/// The leaf that a node shows in a handshake verified against the authority and the cluster's name.
async fn handshake(address: &str, port: u16, authority_pem: &str) -> Result<Vec<u8>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority_pem.as_bytes())?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = tokio::net::TcpStream::connect((address, port)).await?;
    let name = ServerName::try_from(CLUSTER_NAME)?;
    let stream = tokio_rustls::TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await?;
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    Ok(chain.first().ok_or("no certificate was shown")?.as_ref().to_vec())
}

pub(crate) async fn drift_is_put_back(stage: &Stage, story: &mut Story) -> Result<()> {
    let database = objects::api(&stage.client, NAMESPACE, "RedisDatabase")
        .get("sessions")
        .await?;
    let path = format!("/v1/bdbs/{}", uid(&database)?);
    let before = rest(stage, 0, "GET", &path, &Value::Null).await?;
    let wanted = before.get("eviction_policy").cloned().unwrap_or_default();
    rest(
        stage,
        0,
        "PUT",
        &path,
        &json!({"eviction_policy": "allkeys-random"}),
    )
    .await?;
    story.saw(&format!(
        "a person sets eviction_policy to allkeys-random; the spec says {wanted}"
    ));
    let seq = stage.resim.last_seq().await?;
    eventually("the value to be put back", PATIENCE, || async {
        let now = rest(stage, 0, "GET", &path, &Value::Null).await?;
        let back = now.get("eviction_policy") == Some(&wanted) && now.get("status") == Some(&json!("active"));
        Ok(if back {
            Ok(())
        } else {
            Err(format!("eviction_policy is {:?}", now.get("eviction_policy")))
        })
    })
    .await?;
    let puts = stage
        .resim
        .log(seq)
        .await?
        .into_iter()
        .filter(|call| call.by_operator() && call.is_mutating())
        .count();
    story.saw(&format!(
        "the operator has put it back, with {puts} mutating call(s)"
    ));
    objects::wait_ready(&stage.client, NAMESPACE, "RedisDatabase", "sessions", PATIENCE).await?;
    Ok(())
}

pub(crate) async fn maintenance_on_and_off(stage: &Stage, story: &mut Story) -> Result<()> {
    for (wanted, words) in [
        (true, "is in maintenance and empty"),
        (false, "is back in service"),
    ] {
        let cluster = objects::api(&stage.client, NAMESPACE, "RedisCluster")
            .get("prod")
            .await?;
        let mut nodes = cluster
            .data
            .pointer("/spec/nodes")
            .cloned()
            .ok_or("the cluster lists no nodes")?;
        let node = nodes
            .as_array_mut()
            .and_then(|nodes| nodes.last_mut())
            .ok_or("the cluster lists no nodes")?;
        let name = node
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        node["maintenance"] = json!(wanted);
        let change = json!({"spec": {"nodes": nodes}});
        objects::patch(&stage.client, NAMESPACE, "RedisCluster", "prod", &change).await?;
        eventually(&format!("node {name}"), PATIENCE, || async {
            let status = rest(stage, 0, "GET", "/v1/nodes/status", &Value::Null).await?;
            let out = status
                .get("3")
                .is_some_and(|node| node.get("maintenance_snapshot").is_some());
            Ok(if out == wanted {
                Ok(())
            } else {
                Err(format!("GET /v1/nodes/status says {status}"))
            })
        })
        .await?;
        objects::wait_ready(&stage.client, NAMESPACE, "RedisCluster", "prod", PATIENCE).await?;
        story.saw(&format!("node {name} {words}"));
    }
    Ok(())
}

pub(crate) async fn silence(stage: &Stage, story: &mut Story) -> Result<()> {
    settled(stage).await?;
    let counted = operator(stage).at_rest(INTERVAL, PATIENCE).await?;
    let kubernetes = match counted.writes {
        Some(_) => "no Kubernetes write (Leases apart)",
        None => "Kubernetes writes not counted on a cluster that is not ours",
    };
    story.saw(&format!(
        "three resyncs: {} reads, no mutating REST call, {kubernetes}",
        counted.reads
    ));
    Ok(())
}

/// Waits until no object has anything under way.
async fn settled(stage: &Stage) -> Result<()> {
    for kind in ["RedisCluster", "RedisDatabase", "ClusterCertificate"] {
        let list = objects::api(&stage.client, NAMESPACE, kind)
            .list(&ListParams::default())
            .await?;
        for object in list {
            let name = object.metadata.name.unwrap_or_default();
            objects::wait_ready(&stage.client, NAMESPACE, kind, &name, PATIENCE).await?;
        }
    }
    Ok(())
}

pub(crate) async fn no_invariant_was_broken(stage: &Stage, story: &mut Story) -> Result<()> {
    let broken = stage.resim.violations().await?;
    if !broken.is_empty() {
        return Err(format!("the simulator saw broken invariants: {}", broken.join(", ")).into());
    }
    story.saw("the simulator's monitors saw no broken invariant");
    Ok(())
}
