//! Creation of the cluster: once, on the first listed node, and only while every listed node is fresh.

use crate::api::Intent;
use crate::api::IntentAction;
use crate::api::NodeSpec;
use crate::api::Reason;
use crate::plan::cluster::Action;
use crate::plan::cluster::Contact;
use crate::plan::cluster::Outcome;
use crate::plan::cluster::view::CALL_DEADLINE_SECS;
use crate::plan::cluster::view::View;
use crate::plan::cluster::view::port;
use crate::rest::model::Bootstrap;
use crate::rest::model::BootstrapState;
use crate::rest::model::BootstrapStatus;
use crate::rest::model::JsonMap;
use serde_json::Value;
use serde_json::json;

/// Creates the cluster, or finds out what came of it.
pub(super) fn create(view: &View<'_>) -> Outcome {
    if view.status.identity.is_some() {
        return Outcome::default();
    }
    let out = match view.intent(IntentAction::CreateCluster) {
        Some(intent) => resolve(view, intent),
        None => begin(view),
    };
    out.last()
}

/// Starts on the first node of the spec. What keeps other nodes from being fresh was said by the stages before.
fn begin(view: &View<'_>) -> Outcome {
    let mut out = Outcome::default();
    if let Some((busy, state)) = busy_node(view) {
        let detail = format!(
            "node {} is in bootstrap state {state}, which this object did not start; wait until that ends, or reinstall \
             Redis Enterprise on it",
            busy.name
        );
        out.hold(
            format!("use node {}", busy.name),
            Reason::IdentityMismatch,
            detail,
        );
    } else if let Some(seed) = view.spec.nodes.first().filter(|_| all_ready(view)) {
        send(view, seed, &mut out);
    }
    out
}

fn send(view: &View<'_>, seed: &NodeSpec, out: &mut Outcome) {
    out.record(view.intend(IntentAction::CreateCluster, &seed.name, endpoint(seed)));
    out.call(Action::CreateCluster {
        seed: seed.name.clone(),
        body: create_body(view, seed),
    });
}

/// What the intent says about its node: where it was, so that another node under the same name is not taken for it.
pub(super) fn endpoint(spec: &NodeSpec) -> String {
    format!("{}:{}", spec.address, port(spec))
}

fn resolve(view: &View<'_>, intent: &Intent) -> Outcome {
    let mut out = Outcome::default();
    let what = format!("create the cluster on {}", intent.target);
    let seed = view
        .node(&intent.target)
        .filter(|seed| intent.detail.as_ref().is_none_or(|at| *at == endpoint(seed)));
    let Some(seed) = seed else {
        let at = intent.detail.as_deref().unwrap_or_default();
        let detail = format!(
            "creation was begun on node {} at {at}, which spec.nodes no longer lists so; list it again, because a second \
             cluster is never begun",
            intent.target
        );
        out.hold(what, Reason::BootstrapFailed, detail);
        return out;
    };
    match view.seen(&seed.name).map(|seen| &seen.contact) {
        Some(Contact::Fresh(bootstrap)) => resume(view, intent, seed, bootstrap, &mut out),
        Some(Contact::Joined) => out.wait(what, Reason::Bootstrapping, "the node starts its services"),
        Some(Contact::Unreachable { .. } | Contact::Unverified | Contact::Mismatched) | None => {
            out.wait(
                what,
                Reason::Bootstrapping,
                "the node cannot be asked at the moment",
            );
        }
    }
    out
}

fn resume(view: &View<'_>, intent: &Intent, seed: &NodeSpec, bootstrap: &Bootstrap, out: &mut Outcome) {
    let what = format!("create the cluster on {}", seed.name);
    let status = &bootstrap.bootstrap_status;
    match &status.state {
        BootstrapState::Idle if view.older(intent, CALL_DEADLINE_SECS) && all_ready(view) => {
            send(view, seed, out)
        }
        BootstrapState::Idle => out.wait(what, Reason::OutcomeUnknown, "the request may still arrive"),
        BootstrapState::Error => {
            let failure = Failure::of(status);
            if failure.may_retry(view, intent) && all_ready(view) {
                send(view, seed, out);
            } else {
                out.hold(what, Reason::BootstrapFailed, failure.detail());
            }
        }
        BootstrapState::Initiated | BootstrapState::CreatingCluster | BootstrapState::Completed => {
            out.wait(
                what,
                Reason::Bootstrapping,
                format!("the node is in state {}", status.state),
            );
        }
        BootstrapState::JoiningCluster | BootstrapState::RecoveringCluster => {
            let detail = format!(
                "the node is in state {}, which this object did not start",
                status.state
            );
            out.hold(what, Reason::IdentityMismatch, detail);
        }
        BootstrapState::Unknown(state) => {
            out.wait(
                what,
                Reason::Bootstrapping,
                format!("the node is in the unknown state {state}"),
            );
        }
    }
}

/// Whether every listed node is verified, fresh and at rest.
fn all_ready(view: &View<'_>) -> bool {
    view.spec.nodes.iter().all(|spec| {
        view.seen(&spec.name).is_some_and(|seen| match &seen.contact {
            Contact::Fresh(bootstrap) => at_rest(&bootstrap.bootstrap_status.state),
            Contact::Unreachable { .. } | Contact::Unverified | Contact::Mismatched | Contact::Joined => {
                false
            }
        })
    })
}

/// Whether a bootstrap call is accepted in this state.
pub(super) fn at_rest(state: &BootstrapState) -> bool {
    match state {
        BootstrapState::Idle | BootstrapState::Error => true,
        BootstrapState::Initiated
        | BootstrapState::CreatingCluster
        | BootstrapState::JoiningCluster
        | BootstrapState::RecoveringCluster
        | BootstrapState::Completed
        | BootstrapState::Unknown(_) => false,
    }
}

fn busy_node<'a>(view: &View<'a>) -> Option<(&'a NodeSpec, &'a BootstrapState)> {
    view.spec
        .nodes
        .iter()
        .find_map(|spec| match &view.seen(&spec.name)?.contact {
            Contact::Fresh(bootstrap) => {
                let state = &bootstrap.bootstrap_status.state;
                (!at_rest(state)).then_some((spec, state))
            }
            Contact::Unreachable { .. } | Contact::Unverified | Contact::Mismatched | Contact::Joined => None,
        })
}

fn create_body(view: &View<'_>, seed: &NodeSpec) -> JsonMap {
    object(json!({
        "action": "create_cluster",
        "cluster": {"name": view.spec.cluster_name, "nodes": []},
        "node": node_body(seed),
    }))
}

/// The part of a bootstrap body that describes the node. Only what the spec sets.
pub(super) fn node_body(spec: &NodeSpec) -> Value {
    let mut identity = JsonMap::new();
    identity.insert("addr".to_owned(), Value::from(spec.address.clone()));
    put(&mut identity, "rack_id", spec.rack_id.clone());
    put(&mut identity, "external_addr", spec.external_addresses.clone());
    let mut body = JsonMap::new();
    body.insert("identity".to_owned(), Value::Object(identity));
    if let Some(limits) = &spec.limits {
        let mut map = JsonMap::new();
        put(&mut map, "max_listeners", limits.max_listeners);
        put(&mut map, "max_redis_servers", limits.max_redis_servers);
        put_object(&mut body, "limits", map);
    }
    if let Some(paths) = &spec.paths {
        let mut map = JsonMap::new();
        put(&mut map, "persistent_path", paths.persistent.clone());
        put(&mut map, "ephemeral_path", paths.ephemeral.clone());
        put_object(&mut body, "paths", map);
    }
    Value::Object(body)
}

fn put(map: &mut JsonMap, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        map.insert(key.to_owned(), value.into());
    }
}

fn put_object(map: &mut JsonMap, key: &str, value: JsonMap) {
    if !value.is_empty() {
        map.insert(key.to_owned(), Value::Object(value));
    }
}

pub(super) fn object(value: Value) -> JsonMap {
    match value {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            JsonMap::new()
        }
    }
}

/// Why a bootstrap attempt failed, as the node says.
pub(super) struct Failure {
    code: String,
    words: Option<String>,
    remedy: &'static str,
    retry_secs: Option<i64>,
}

/// Codes of failed attempts, what to do about each, and after how many seconds it may have gone away without a change
/// of the spec.
const FAILURES: &[(&str, &str, Option<i64>)] = &[
    ("config_error", "correct the node's entry in the spec", None),
    (
        "connect_error",
        "check that the nodes reach each other and that clusterName resolves on them",
        Some(60),
    ),
    (
        "access_denied",
        "check the Secret under credentialsSecretRef",
        Some(600),
    ),
    (
        "invalid_license",
        "check the Secret under licenseSecretRef",
        Some(600),
    ),
    (
        "repair_required",
        "a node of the cluster is down; bring it back, or take it off the list first",
        Some(60),
    ),
    (
        "insufficient_node_memory",
        "give the node as much memory as the one that is down",
        Some(600),
    ),
    (
        "insufficient_node_flash",
        "give the node as much flash as the one that is down",
        Some(600),
    ),
    ("time_not_sync", "synchronise the clocks of the nodes", Some(60)),
    (
        "rack_id_required",
        "the cluster is rack aware; set rackId on the node",
        None,
    ),
    (
        "socket_directory_mismatch",
        "install the node with the same directories as the others",
        Some(600),
    ),
    (
        "node_config_mismatch",
        "install the node with the same directories and users as the others",
        Some(600),
    ),
    (
        "path_error",
        "create the storage path on the node, or correct paths in the spec",
        Some(600),
    ),
    (
        "internal_error",
        "see the logs of Redis Enterprise on the node",
        Some(60),
    ),
];

/// Most characters of the server's words that a message quotes.
const QUOTED: usize = 200;

impl Failure {
    pub fn of(status: &BootstrapStatus) -> Self {
        let code = status.error_code.clone().unwrap_or_else(|| "unknown".to_owned());
        let row = FAILURES.iter().find(|(known, _, _)| *known == code);
        let (remedy, retry_secs) = row.map_or(
            ("see the logs of Redis Enterprise on the node", Some(600)),
            |(_, remedy, secs)| (*remedy, *secs),
        );
        let words = status
            .error_details
            .as_ref()
            .and_then(|details| details.get("message"))
            .and_then(Value::as_str);
        Self {
            code,
            words: words.map(|words| words.chars().take(QUOTED).collect()),
            remedy,
            retry_secs,
        }
    }

    /// Another attempt is worth it when the spec changed since, or when this may have gone away by itself.
    pub fn may_retry(&self, view: &View<'_>, intent: &Intent) -> bool {
        view.changed_since(intent) || self.retry_secs.is_some_and(|secs| view.older(intent, secs))
    }

    pub fn detail(&self) -> String {
        let words = self
            .words
            .as_deref()
            .map(|words| format!(": {words}"))
            .unwrap_or_default();
        format!("{}{words}; {}", self.code, self.remedy)
    }
}
