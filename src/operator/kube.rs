//! Every call to the Kubernetes API apart from watches and the Lease: live reads, compare-and-set, Secrets, Events.

use crate::api::FINALIZER;
use crate::operator::events::Events;
use crate::operator::object::Object;
use crate::operator::object::ObjectKey;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::Client;
use kube::Resource;
use kube::ResourceExt;
use kube::api::ListParams;
use kube::api::Patch;
use kube::api::PatchParams;
use kube::api::PostParams;
use kube::runtime::events::Event;
use kube::runtime::events::Reporter;
use serde_json::Value;
use serde_json::json;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Longest wait for one answer of the API server.
const DEADLINE: Duration = Duration::from_secs(15);

/// Most calls to the API server at once; each is a connection.
const AT_ONCE: usize = 32;

/// Longest note of an Event that the API server accepts, in bytes.
const NOTE_BYTES_MAX: usize = 1024;

/// The name under which we write, in `managedFields` and Events.
const FIELD_MANAGER: &str = "regent";

/// A call to the API server that failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{call}: {kind}")]
pub struct KubeError {
    /// The call, with the object.
    pub call: String,
    /// What went wrong.
    pub kind: KubeErrorKind,
}

/// What went wrong with a call to the API server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KubeErrorKind {
    /// The object is not what it was when it was read, or is gone.
    #[error("the object changed in the meantime")]
    LostRace,
    /// A right is missing.
    #[error("not permitted: {0}")]
    Forbidden(String),
    /// The API server refuses the object.
    #[error("refused: {0}")]
    Refused(String),
    /// Something of this name exists that is not ours to write.
    #[error("{0}")]
    NotOurs(String),
    /// Leadership ended or ends: nothing more may be sent.
    #[error("this process is not the leader any more")]
    NotLeader,
    /// No answer, or none that makes sense.
    #[error("{0}")]
    Unavailable(String),
}

impl KubeError {
    /// Whether the object changed in the meantime.
    pub fn is_lost_race(&self) -> bool {
        self.kind == KubeErrorKind::LostRace
    }

    /// Whether a right is missing.
    pub fn is_forbidden(&self) -> bool {
        matches!(self.kind, KubeErrorKind::Forbidden(_))
    }
}

/// The API server.
pub struct Kube {
    client: Client,
    events: Events,
    slots: Semaphore,
}

impl Kube {
    /// `instance` is the name of this process in Events, such as the name of its pod.
    pub fn new(client: Client, instance: &str) -> Self {
        let reporter = Reporter {
            controller: crate::api::GROUP.into(),
            instance: Some(instance.into()),
        };
        let events = Events::new(client.clone(), reporter);
        Self {
            client,
            events,
            slots: Semaphore::new(AT_ONCE),
        }
    }

    /// The object as it is now; `None` when it is gone.
    ///
    /// # Errors
    /// When the API server did not answer, or with something that cannot be read.
    pub async fn live<K: Object>(&self, namespace: &str, name: &str) -> Result<Option<K>, KubeError> {
        let call = || format!("GET {} {namespace}/{name}", K::KIND);
        self.timed(call, self.api::<K>(namespace).get_opt(name)).await
    }

    /// Every object of a kind, in one namespace or in all.
    ///
    /// # Errors
    /// As [`live`](Self::live).
    pub async fn list<K: Object>(&self, namespace: Option<&str>) -> Result<Vec<K>, KubeError> {
        let api: Api<K> = match namespace {
            Some(namespace) => self.api(namespace),
            None => Api::all(self.client.clone()),
        };
        let list = self.timed(|| format!("LIST {}", K::KIND), async {
            api.list(&ListParams::default()).await
        });
        Ok(list.await?.items)
    }

    /// A Secret, by name; `None` when it does not exist.
    ///
    /// # Errors
    /// When the API server did not answer, or a right is missing.
    pub async fn secret(&self, namespace: &str, name: &str) -> Result<Option<Secret>, KubeError> {
        self.timed(
            || format!("GET Secret {namespace}/{name}"),
            self.api::<Secret>(namespace).get_opt(name),
        )
        .await
    }

    /// Makes a Secret; `false` when one of that name exists, which is then left alone.
    ///
    /// # Errors
    /// When the API server did not answer, or refuses it.
    pub async fn create_secret(&self, namespace: &str, secret: &Secret) -> Result<bool, KubeError> {
        let call = || format!("POST Secret {namespace}/{}", secret.name_any());
        let api = self.api::<Secret>(namespace);
        match self
            .timed(call, async { api.create(&PostParams::default(), secret).await })
            .await
        {
            Ok(_) => Ok(true),
            Err(error) if error.is_lost_race() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Turns the Secret `before` into `after`, if it is still the one that was read.
    ///
    /// # Errors
    /// A lost race when it changed; else as [`create_secret`](Self::create_secret).
    pub async fn change_secret(
        &self,
        namespace: &str,
        before: &Secret,
        after: &Secret,
    ) -> Result<(), KubeError> {
        let name = before.name_any();
        let call = || format!("PATCH Secret {namespace}/{name}");
        let patch = checked(
            merge_patch(&value(call(), before)?, &value(call(), after)?),
            before,
        );
        let api = self.api::<Secret>(namespace);
        let patch = Patch::Merge(&patch);
        self.timed(call, async { api.patch(&name, &params(), &patch).await })
            .await
            .map(drop)
    }

    /// Writes the status if the object is still the one that was read; answers with the object as it is then.
    ///
    /// # Errors
    /// A lost race when it changed or is gone.
    pub async fn save_status<K: Object>(&self, object: &K, status: &K::Status) -> Result<K, KubeError> {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        let call = || format!("PATCH status of {} {namespace}/{name}", K::KIND);
        let before = object
            .status()
            .map_or(Ok(json!({})), |status| value(call(), status))?;
        let patch = checked(
            json!({ "status": merge_patch(&before, &value(call(), status)?) }),
            object,
        );
        let api = self.api::<K>(&namespace);
        let patch = Patch::Merge(&patch);
        self.timed(call, async { api.patch_status(&name, &params(), &patch).await })
            .await
    }

    /// Adds our finalizer; answers with the object as it is then.
    ///
    /// # Errors
    /// A lost race when its finalizers changed or it is gone.
    pub async fn add_finalizer<K: Object>(&self, object: &K) -> Result<K, KubeError> {
        let operations = match object.finalizers() {
            [] => json!([
                { "op": "test", "path": "/metadata/uid", "value": object.meta().uid },
                { "op": "test", "path": "/metadata/finalizers", "value": null },
                { "op": "add", "path": "/metadata/finalizers", "value": [FINALIZER] },
            ]),
            present => json!([
                { "op": "test", "path": "/metadata/uid", "value": object.meta().uid },
                { "op": "test", "path": "/metadata/finalizers", "value": present },
                { "op": "add", "path": "/metadata/finalizers/-", "value": FINALIZER },
            ]),
        };
        self.json_patch(object, operations).await
    }

    /// Removes our finalizer, if it is there.
    ///
    /// # Errors
    /// A lost race when its finalizers changed. That the object is gone is success.
    pub async fn remove_finalizer<K: Object>(&self, object: &K) -> Result<(), KubeError> {
        let Some(index) = object
            .finalizers()
            .iter()
            .position(|finalizer| finalizer == FINALIZER)
        else {
            return Ok(());
        };
        let path = format!("/metadata/finalizers/{index}");
        let operations = json!([
            { "op": "test", "path": "/metadata/uid", "value": object.meta().uid },
            { "op": "test", "path": path, "value": FINALIZER },
            { "op": "remove", "path": path },
        ]);
        self.json_patch(object, operations).await.map(drop)
    }

    /// Publishes an Event. A failure is logged and forgotten: Events are hints.
    pub async fn publish_event(&self, key: &ObjectKey, reference: &ObjectReference, mut event: Event) {
        event.note = event.note.map(|note| cut(note, NOTE_BYTES_MAX));
        let Ok(_slot) = self.slots.acquire().await else {
            return;
        };
        match tokio::time::timeout(DEADLINE, self.events.publish(&event, reference)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(object = %key, %error, "cannot publish an Event"),
            Err(_) => tracing::warn!(object = %key, "cannot publish an Event: no answer in time"),
        }
    }

    async fn json_patch<K: Object>(&self, object: &K, operations: Value) -> Result<K, KubeError> {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        let call = || format!("PATCH finalizers of {} {namespace}/{name}", K::KIND);
        let patch = serde_json::from_value(operations).map_err(|error| KubeError {
            call: call(),
            kind: KubeErrorKind::Unavailable(error.to_string()),
        })?;
        let api = self.api::<K>(&namespace);
        let patch = Patch::<K>::Json(patch);
        match self
            .timed(call, async { api.patch(&name, &params(), &patch).await })
            .await
        {
            // A failed test is answered as an invalid request.
            Err(KubeError {
                call,
                kind: KubeErrorKind::Refused(_),
            }) => Err(KubeError {
                call,
                kind: KubeErrorKind::LostRace,
            }),
            answer => answer,
        }
    }

    fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    async fn timed<T>(
        &self,
        call: impl Fn() -> String,
        answer: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, KubeError> {
        let kind = match self.slots.acquire().await {
            Err(_) => KubeErrorKind::NotLeader,
            Ok(_slot) => match tokio::time::timeout(DEADLINE, answer).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => classify(error),
                Err(_) => KubeErrorKind::Unavailable("no answer in time".into()),
            },
        };
        Err(KubeError { call: call(), kind })
    }
}

fn classify(error: kube::Error) -> KubeErrorKind {
    match error {
        kube::Error::Api(status) => match status.code {
            404 | 409 => KubeErrorKind::LostRace,
            401 | 403 => KubeErrorKind::Forbidden(status.message),
            400 | 405..=428 => KubeErrorKind::Refused(status.message),
            _ => KubeErrorKind::Unavailable(status.message),
        },
        error => KubeErrorKind::Unavailable(error.to_string()),
    }
}

fn params() -> PatchParams {
    PatchParams {
        field_manager: Some(FIELD_MANAGER.into()),
        ..PatchParams::default()
    }
}

fn value(call: String, object: &impl serde::Serialize) -> Result<Value, KubeError> {
    serde_json::to_value(object).map_err(|error| KubeError {
        call,
        kind: KubeErrorKind::Unavailable(error.to_string()),
    })
}

/// Makes a merge patch conditional: the server refuses it with 409 unless the object is the one that was read.
fn checked(mut patch: Value, object: &impl ResourceExt) -> Value {
    if let Some(patch) = patch.as_object_mut() {
        let precondition = json!({ "resourceVersion": object.resource_version(), "uid": object.meta().uid });
        match patch.get_mut("metadata").and_then(Value::as_object_mut) {
            Some(metadata) => metadata.extend(precondition.as_object().cloned().unwrap_or_default()),
            None => drop(patch.insert("metadata".into(), precondition)),
        }
    }
    patch
}

/// The JSON merge patch (RFC 7396) that turns `before` into `after`. Lists are replaced whole.
fn merge_patch(before: &Value, after: &Value) -> Value {
    let (Value::Object(before), Value::Object(after)) = (before, after) else {
        return after.clone();
    };
    let removed = before
        .keys()
        .filter(|key| !after.contains_key(*key))
        .map(|key| (key.clone(), Value::Null));
    let changed = after.iter().filter_map(|(key, value)| match before.get(key) {
        Some(old) if old == value => None,
        Some(old) => Some((key.clone(), merge_patch(old, value))),
        None => Some((key.clone(), value.clone())),
    });
    Value::Object(removed.chain(changed).collect())
}

fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        let end = (0..=bytes_max - 3)
            .rev()
            .find(|end| text.is_char_boundary(*end))
            .unwrap_or(0);
        text.truncate(end);
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merge_patch_names_only_what_differs_and_nulls_what_is_gone() {
        let before = json!({"a": 1, "b": {"c": 1, "d": 2}, "list": [1, 2], "gone": true});
        let after = json!({"a": 1, "b": {"c": 1, "d": 3}, "list": [2], "new": "x"});
        let patch = json!({"b": {"d": 3}, "list": [2], "gone": null, "new": "x"});
        assert_eq!(merge_patch(&before, &after), patch);
    }

    #[test]
    fn a_patch_carries_the_version_that_it_was_computed_from() {
        let mut secret = Secret::default();
        secret.metadata.resource_version = Some("7".into());
        secret.metadata.uid = Some("u".into());
        let patch = checked(json!({"metadata": {"labels": {"a": "b"}}}), &secret);
        assert_eq!(
            patch,
            json!({"metadata": {"labels": {"a": "b"}, "resourceVersion": "7", "uid": "u"}})
        );
    }

    #[test]
    fn notes_are_cut_between_characters() {
        assert_eq!(cut("äöü".into(), 6), "äöü");
        assert_eq!(cut("äöüß".into(), 6), "ä...");
    }
}
