//! RedisDatabase: one list of databases serves all that belong to the cluster.

use crate::api::DeletionPolicy;
use crate::api::RedisDatabase;
use crate::engine::ClusterView;
use crate::engine::Freshness;
use crate::engine::Managed;
use crate::engine::Moment;
use crate::engine::reads::Reads;
use crate::engine::reads::identity;
use crate::engine::reads::unsendable;
use crate::engine::view::Target;
use crate::plan::Plan;
use crate::plan::access::ClusterAccess;
use crate::plan::database::Action;
use crate::plan::database::Inputs;
use crate::plan::database::Observed;
use crate::plan::database::Password;
use crate::plan::database::Seen;
use crate::plan::database::plan;
use crate::plan::gate::owner_of;
use crate::rest::Session;
use crate::rest::error::Error;
use crate::rest::model::Bdb;
use crate::rest::model::BdbUid;
use crate::rest::model::CertificateName;
use crate::rest::model::DatabaseVersion;
use crate::rest::model::JsonMap;
use crate::rest::model::Node;
use crate::rest::model::Tag;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use secrecy::SecretString;
use serde_json::Value;
use serde_json::json;

impl Managed for RedisDatabase {
    type Inputs = Inputs;
    type Observed = Observed;
    type Action = Action;

    async fn observe(
        &self,
        inputs: &Inputs,
        view: &ClusterView,
        asked: Freshness,
        _now: Timestamp,
    ) -> Result<Observed, Error> {
        let Ok(access) = &inputs.access else {
            return Ok(Observed::Unasked);
        };
        match see(self, view, access, asked.since()).await {
            Ok(seen) => Ok(Observed::Seen(Box::new(seen))),
            // An object that leaves its database behind is never held up by a cluster that does not answer.
            Err(_) if leaves(self) => Ok(Observed::Unasked),
            Err(error) => Err(error),
        }
    }

    fn plan(&self, inputs: &Inputs, observed: &Observed, now: Timestamp) -> Plan<Action> {
        plan(self, inputs, observed, now)
    }

    fn must_succeed(action: &Action) -> bool {
        !matches!(action, Action::MarkReleased { .. })
    }

    fn shows_at_once(action: &Action) -> bool {
        match action {
            Action::Update { .. } | Action::Adopt { .. } => true,
            Action::Create { .. }
            | Action::MarkReleased { .. }
            | Action::AddPassword(_)
            | Action::ReplacePasswords(_)
            | Action::Delete(_) => false,
        }
    }

    async fn apply(action: &Action, inputs: &Inputs, view: &ClusterView) -> Result<(), Error> {
        let access = inputs
            .access
            .as_ref()
            .map_err(|hold| unsendable(hold.detail.clone()))?;
        match action {
            Action::Create { body } => {
                let body = with_password(body, inputs)?;
                let create = |session: Session| async move { session.create_bdb(body).await.map(drop) };
                view.reads(access, &[])?.call(create).await
            }
            Action::Update { bdb, body } => update(view, access, bdb.get(), body.clone()).await,
            Action::Adopt { bdb, tags } => update(view, access, *bdb, tags_only(tags)).await,
            Action::MarkReleased { bdb, tags } => update(view, access, bdb.get(), tags_only(tags)).await,
            Action::AddPassword(bdb) => {
                let (bdb, password) = (bdb.get(), given(inputs)?);
                let call = |session: Session| async move { session.add_password(bdb, password).await };
                view.change(access, Target::Bdb(bdb), call).await
            }
            Action::ReplacePasswords(bdb) => {
                let (bdb, password) = (bdb.get(), given(inputs)?);
                let call = |session: Session| async move { session.replace_passwords(bdb, password).await };
                view.change(access, Target::Bdb(bdb), call).await
            }
            Action::Delete(bdb) => {
                let bdb = bdb.get();
                let call = |session: Session| async move { session.delete_bdb(bdb).await };
                view.change(access, Target::Bdb(bdb), call).await
            }
        }
    }
}

/// Whether the object is going and its database stays.
fn leaves(object: &RedisDatabase) -> bool {
    let deleting = object.metadata.deletion_timestamp.is_some();
    deleting && object.spec.deletion_policy.unwrap_or_default() == DeletionPolicy::Retain
}

/// Reads what the plan for this object needs, and no more.
async fn see(
    object: &RedisDatabase,
    view: &ClusterView,
    access: &ClusterAccess,
    asked: Moment,
) -> Result<Seen, Error> {
    let reads = view.reads(access, &[])?;
    let cluster = reads.cluster(asked).await?;
    let bdbs = reads.bdbs(asked).await?;
    let bdbs: Vec<Bdb> = bdbs.iter().filter(|bdb| concerns(object, bdb)).cloned().collect();
    let ours = bdbs.iter().find(|bdb| is_ours(object, bdb));
    let versions = match ours {
        Some(_) => Vec::new(),
        None => common_versions(&reads.nodes(asked).await?),
    };
    let used_memory_bytes = match ours.filter(|bdb| shrinks(object, bdb)) {
        Some(bdb) => used_memory(&reads, bdb.uid).await?,
        None => None,
    };
    let proxy_certificate_pem =
        match ours.filter(|bdb| object.spec.connection_secret.is_some() && has_tls(bdb)) {
            Some(_) => (*reads.certificate(&CertificateName::Proxy, None, asked).await?).clone(),
            None => None,
        };
    Ok(Seen {
        identity: identity(&cluster),
        bdbs,
        versions,
        used_memory_bytes,
        proxy_certificate_pem,
    })
}

fn concerns(object: &RedisDatabase, bdb: &Bdb) -> bool {
    let name = object
        .spec
        .database_name
        .as_deref()
        .or(object.metadata.name.as_deref());
    is_ours(object, bdb) || Some(bdb.name.as_str()) == name
}

/// Whether it bears the object's mark, or the uid that the object recorded.
fn is_ours(object: &RedisDatabase, bdb: &Bdb) -> bool {
    let recorded = object.status.as_ref().and_then(|status| status.uid);
    let marked = object
        .metadata
        .uid
        .as_deref()
        .is_some_and(|uid| owner_of(bdb) == Some(uid));
    marked || recorded == Some(bdb.uid.0)
}

fn shrinks(object: &RedisDatabase, bdb: &Bdb) -> bool {
    let live = bdb.fields.get("memory_size").and_then(Value::as_u64);
    object
        .spec
        .memory_size
        .bytes()
        .zip(live)
        .is_some_and(|(wanted, live)| wanted < live)
}

fn has_tls(bdb: &Bdb) -> bool {
    bdb.fields.get("tls_mode").and_then(Value::as_str) == Some("enabled")
}

/// The versions of Redis that every node can run, in the first node's order.
fn common_versions(nodes: &[Node]) -> Vec<DatabaseVersion> {
    let mut nodes = nodes.iter().map(|node| &node.supported_database_versions);
    let mut common = nodes.next().cloned().unwrap_or_default();
    for versions in nodes {
        let same = |one: &DatabaseVersion, other: &DatabaseVersion| {
            (&one.db_type, &one.version) == (&other.db_type, &other.version)
        };
        common.retain(|version| versions.iter().any(|other| same(version, other)));
    }
    common
}

async fn used_memory(reads: &Reads, bdb: BdbUid) -> Result<Option<u64>, Error> {
    reads
        .call(|session| async move { session.used_memory_bytes(bdb).await })
        .await
}

async fn update(view: &ClusterView, access: &ClusterAccess, bdb: BdbUid, body: JsonMap) -> Result<(), Error> {
    let call = |session: Session| async move { session.update_bdb(bdb, body).await };
    view.change(access, Target::Bdb(bdb), call).await
}

fn tags_only(tags: &[Tag]) -> JsonMap {
    JsonMap::from_iter([("tags".to_owned(), json!(tags))])
}

fn with_password(body: &JsonMap, inputs: &Inputs) -> Result<JsonMap, Error> {
    let mut body = body.clone();
    if let Ok(Some(_)) = &inputs.password {
        body.insert(
            "authentication_redis_pass".to_owned(),
            json!(given(inputs)?.expose_secret()),
        );
    }
    Ok(body)
}

/// The password of the inputs.
fn given(inputs: &Inputs) -> Result<&SecretString, Error> {
    match &inputs.password {
        Ok(Some(Password::Given { value, .. })) => Ok(value),
        Ok(Some(Password::ToGenerate { .. }) | None) => {
            Err(unsendable("there is no password to set".to_owned()))
        }
        Err(hold) => Err(unsendable(hold.detail.clone())),
    }
}
