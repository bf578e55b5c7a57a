//! Reading and writing Regent's objects as a user does, and waiting for what they say.

use super::Result;
use super::eventually;
use kube::Api;
use kube::Client;
use kube::ResourceExt;
use kube::api::ApiResource;
use kube::api::DynamicObject;
use kube::api::GroupVersionKind;
use kube::api::Patch;
use kube::api::PatchParams;
use serde_json::Value;
use serde_json::json;
use std::time::Duration;

/// Access to one kind by name, as kubectl has it: nothing typed, so that a test sees what a user sees.
pub fn api(client: &Client, namespace: &str, kind: &str) -> Api<DynamicObject> {
    let gvk = match kind {
        "Secret" | "Namespace" => GroupVersionKind::gvk("", "v1", kind),
        _ => GroupVersionKind::gvk("regent.dev", "v1alpha1", kind),
    };
    let resource = ApiResource::from_gvk(&gvk);
    match kind {
        "Namespace" => Api::all_with(client.clone(), &resource),
        _ => Api::namespaced_with(client.clone(), namespace, &resource),
    }
}

/// Server-side apply, as `kubectl apply --server-side` does.
pub async fn apply(client: &Client, namespace: &str, object: &Value) -> Result<DynamicObject> {
    let text = |path: &str| {
        object
            .pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let api = api(client, namespace, &text("/kind"));
    let params = PatchParams::apply("test").force();
    Ok(api
        .patch(&text("/metadata/name"), &params, &Patch::Apply(object))
        .await?)
}

/// Merge patch of an object.
pub async fn patch(
    client: &Client,
    namespace: &str,
    kind: &str,
    name: &str,
    change: &Value,
) -> Result<DynamicObject> {
    Ok(api(client, namespace, kind)
        .patch(name, &PatchParams::default(), &Patch::Merge(change))
        .await?)
}

/// A Secret.
pub async fn secret(
    client: &Client,
    namespace: &str,
    name: &str,
    kind: &str,
    data: &[(&str, &str)],
) -> Result<()> {
    let data: serde_json::Map<_, _> = data
        .iter()
        .map(|(key, value)| ((*key).to_owned(), json!(value)))
        .collect();
    let object = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": kind, "stringData": data,
    });
    apply(client, namespace, &object).await.map(|_| ())
}

/// A condition's status, reason and message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// `True`, `False`, `Unknown`, or empty when the condition is not there.
    pub status: String,
    /// Its reason.
    pub reason: String,
    /// Its message.
    pub message: String,
}

/// One condition of an object.
pub fn condition(object: &DynamicObject, type_: &str) -> Told {
    let conditions = object
        .data
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    let found = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition.get("type") == Some(&json!(type_)));
    let text = |key: &str| {
        found
            .and_then(|condition| condition.get(key))
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    Told {
        status: text("status"),
        reason: text("reason"),
        message: text("message"),
    }
}

/// Waits until `check` accepts the object; its refusal in words is what a failure shows.
pub async fn wait_for(
    client: &Client,
    namespace: &str,
    kind: &str,
    name: &str,
    limit: Duration,
    check: impl Fn(&DynamicObject) -> std::result::Result<(), String>,
) -> Result<DynamicObject> {
    let api = api(client, namespace, kind);
    eventually(&format!("{kind} {name}"), limit, || {
        let api = api.clone();
        let check = &check;
        async move {
            let Some(object) = api.get_opt(name).await? else {
                return Ok(Err("it does not exist".to_owned()));
            };
            Ok(check(&object).map(|()| object))
        }
    })
    .await
}

/// Waits until the object is Ready for its present generation.
pub async fn wait_ready(
    client: &Client,
    namespace: &str,
    kind: &str,
    name: &str,
    limit: Duration,
) -> Result<DynamicObject> {
    wait_for(client, namespace, kind, name, limit, ready).await
}

/// Whether the object is Ready for its present generation and nothing is under way.
pub fn ready(object: &DynamicObject) -> std::result::Result<(), String> {
    let told = condition(object, "Ready");
    let observed = object
        .data
        .pointer("/status/observedGeneration")
        .and_then(Value::as_i64);
    let settled = condition(object, "Reconciling").status != "True";
    if told.status == "True" && observed == object.metadata.generation && settled {
        Ok(())
    } else {
        Err(format!(
            "generation {:?}, status {}",
            object.metadata.generation,
            object.data.get("status").unwrap_or(&Value::Null)
        ))
    }
}

/// Waits until the object is gone.
pub async fn wait_gone(
    client: &Client,
    namespace: &str,
    kind: &str,
    name: &str,
    limit: Duration,
) -> Result<()> {
    let api = api(client, namespace, kind);
    eventually(&format!("{kind} {name} to go"), limit, || {
        let api = api.clone();
        async move {
            Ok(match api.get_opt(name).await? {
                None => Ok(()),
                Some(object) => Err(format!("finalizers {:?}, {}", object.finalizers(), object.data)),
            })
        }
    })
    .await
}
