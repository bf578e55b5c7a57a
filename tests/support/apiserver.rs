//! A Kubernetes API server in memory: as much of one as the operator talks to, behind a `tower::Service`.
//!
//! Objects have uids, generations, resourceVersions, finalizers and a status subresource; patches with a stale
//! resourceVersion are refused. What it does is held to the real one by the tests of the operator against that.

use crate::support::effects::Effects;
use crate::support::effects::Fate;
use bytes::Bytes;
use http::Method;
use http::Request;
use http::Response;
use http::StatusCode;
use http_body_util::BodyExt;
use http_body_util::Full;
use http_body_util::StreamBody;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Frame;
use jiff::Timestamp;
use kube::client::Body;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Body of an answer.
type Answer = UnsyncBoxBody<Bytes, Infallible>;

/// Plural, namespace and name of an object.
pub type Key = (String, String, String);

/// The server. Clones share their objects.
#[derive(Clone)]
pub struct ApiServer {
    state: Arc<Mutex<State>>,
    effects: Effects,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<Key, Value>,
    version: u64,
    writes: Vec<Write>,
    events: Vec<Value>,
    history: Vec<Change>,
    watchers: Vec<(String, mpsc::UnboundedSender<Bytes>)>,
}

/// What a watch shows.
struct Change {
    version: u64,
    plural: String,
    line: Bytes,
}

/// One write that came over the wire. Those of users, which tests make directly, are not among them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Write {
    /// `POST`, `PATCH`, `PUT` or `DELETE`.
    pub verb: String,
    /// Plural, with the subresource: `redisclusters/status`.
    pub resource: String,
    /// Name of the object.
    pub name: String,
    /// Status of the answer.
    pub status: u16,
}

/// Why a request is refused.
type Refused = (StatusCode, &'static str);

const GONE: Refused = (StatusCode::NOT_FOUND, "not found");
const CONFLICT: Refused = (StatusCode::CONFLICT, "the object has been modified");

impl ApiServer {
    pub fn new(effects: Effects, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self {
            state: Arc::default(),
            effects,
            clock: Arc::new(clock),
        }
    }

    /// A client of it.
    pub fn client(&self) -> kube::Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move { Ok::<_, Infallible>(server.answer(request).await) }
        });
        kube::Client::new(service, "default")
    }

    /// Writes that the operator made.
    pub fn writes(&self) -> Vec<Write> {
        self.lock().writes.clone()
    }

    /// How many they are.
    pub fn write_count(&self) -> usize {
        self.lock().writes.len()
    }

    pub fn object(&self, plural: &str, name: &str) -> Option<Value> {
        self.lock().objects.get(&key(plural, NAMESPACE, name)).cloned()
    }

    /// As a user: makes the object, or changes it to what the manifest says, status and finalizers apart.
    pub fn apply(&self, plural: &str, manifest: Value) {
        let name = manifest["metadata"]["name"].as_str().unwrap().to_owned();
        let mut state = self.lock();
        let key = key(plural, NAMESPACE, &name);
        match state.objects.get(&key) {
            None => drop(state.create(key, manifest, (self.clock)())),
            Some(before) => {
                let mut after = before.clone();
                let manifest = manifest.as_object().unwrap().clone();
                for (field, value) in manifest
                    .into_iter()
                    .filter(|(field, _)| field != "metadata" && field != "status")
                {
                    after[field] = value;
                }
                drop(state.store(key, after, (self.clock)()));
            }
        }
    }

    /// As a user: changes an object in place.
    pub fn edit(&self, plural: &str, name: &str, change: impl FnOnce(&mut Value)) {
        let mut state = self.lock();
        let key = key(plural, NAMESPACE, name);
        let mut object = state
            .objects
            .get(&key)
            .cloned()
            .unwrap_or_else(|| panic!("there is no {plural}/{name}"));
        change(&mut object);
        drop(state.store(key, object, (self.clock)()));
    }

    /// As a user: deletes an object; it goes when its finalizers have gone.
    pub fn delete(&self, plural: &str, name: &str) {
        let mut state = self.lock();
        state.delete(&key(plural, NAMESPACE, name), (self.clock)());
    }

    async fn answer(&self, request: Request<Body>) -> Response<Answer> {
        let (parts, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .map(|body| body.to_bytes())
            .unwrap_or_default();
        let call = Call::read(&parts, &body);
        let answer = match call.method {
            Method::GET if call.watches() => return self.watch(&call),
            Method::GET => Ok(self.lock().read(&call)),
            _ if call.plural == "leases" => Ok(self.lock().write(&call, (self.clock)())),
            _ if call.plural == "events" => {
                self.lock().events.push(call.body.clone());
                Ok(Ok(call.body))
            }
            _ => {
                let what = format!("{} {}", call.method, call.target());
                self.effects
                    .take_now(what, || self.lock().write(&call, (self.clock)()))
                    .await
            }
        };
        match answer {
            Ok(Ok(object)) => response(StatusCode::OK, &object),
            Ok(Err((code, message))) => refusal(code, message),
            Err(Fate::Lost) => refusal(StatusCode::GATEWAY_TIMEOUT, "the answer was lost"),
        }
    }

    /// Shows what changes, from a version on, for as long as the caller wants.
    fn watch(&self, call: &Call) -> Response<Answer> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut state = self.lock();
        let since: u64 = call.query("resourceVersion").parse().unwrap();
        for change in state
            .history
            .iter()
            .filter(|change| change.version > since && change.plural == call.plural)
        {
            drop(sender.send(change.line.clone()));
        }
        state.watchers.push((call.plural.clone(), sender));
        let until = Instant::now() + Duration::from_secs(call.query("timeoutSeconds").parse().unwrap());
        let lines = futures::stream::unfold(receiver, move |mut receiver| async move {
            let line = tokio::time::timeout_at(until, receiver.recv()).await.ok()??;
            Some((Ok::<_, Infallible>(Frame::data(line)), receiver))
        });
        let response = Response::builder().header("content-type", "application/json");
        response.body(StreamBody::new(lines).boxed_unsync()).unwrap()
    }

    /// Events that the operator published.
    pub fn events(&self) -> Vec<Value> {
        self.lock().events.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// Namespace of everything.
pub const NAMESPACE: &str = "redis";

fn key(plural: &str, namespace: &str, name: &str) -> Key {
    (plural.to_owned(), namespace.to_owned(), name.to_owned())
}

/// A request, taken apart.
struct Call {
    method: Method,
    plural: String,
    namespace: Option<String>,
    name: Option<String>,
    subresource: Option<String>,
    query: BTreeMap<String, String>,
    content_type: String,
    body: Value,
}

impl Call {
    fn read(parts: &http::request::Parts, body: &[u8]) -> Self {
        let mut path: Vec<&str> = parts
            .uri
            .path()
            .split('/')
            .filter(|part| !part.is_empty())
            .collect();
        let group = if path[0] == "api" { 2 } else { 3 };
        path.drain(..group);
        let namespace = (path[0] == "namespaces" && path.len() > 2).then(|| path[1].to_owned());
        if namespace.is_some() {
            path.drain(..2);
        }
        let query = parts
            .uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        let content_type = parts
            .headers
            .get("content-type")
            .and_then(|value| value.to_str().ok());
        Self {
            method: parts.method.clone(),
            plural: path[0].to_owned(),
            namespace,
            name: path.get(1).map(|name| (*name).to_owned()),
            subresource: path.get(2).map(|name| (*name).to_owned()),
            query: query
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            content_type: content_type.unwrap_or_default().to_owned(),
            body: serde_json::from_slice(body).unwrap_or(Value::Null),
        }
    }

    fn watches(&self) -> bool {
        self.query("watch") == "true"
    }

    fn query(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    fn key(&self) -> Key {
        let in_body = || self.body["metadata"]["name"].as_str().map(str::to_owned);
        let name = self.name.clone().or_else(in_body).unwrap_or_default();
        key(
            &self.plural,
            self.namespace.as_deref().unwrap_or(NAMESPACE),
            &name,
        )
    }

    /// `redisclusters/status prod`.
    fn target(&self) -> String {
        format!("{} {}", self.resource(), self.key().2)
    }

    fn resource(&self) -> String {
        match &self.subresource {
            Some(subresource) => format!("{}/{subresource}", self.plural),
            None => self.plural.clone(),
        }
    }
}

impl State {
    fn read(&self, call: &Call) -> Result<Value, Refused> {
        if call.name.is_some() {
            return self.objects.get(&call.key()).cloned().ok_or(GONE);
        }
        let listed = |(plural, namespace, _): &&Key| {
            *plural == call.plural && call.namespace.as_ref().is_none_or(|wanted| wanted == namespace)
        };
        let items: Vec<&Value> = self
            .objects
            .keys()
            .filter(listed)
            .map(|key| &self.objects[key])
            .collect();
        Ok(
            json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": self.version.to_string()}, "items": items}),
        )
    }

    fn write(&mut self, call: &Call, now: Timestamp) -> Result<Value, Refused> {
        let answer = match call.method {
            Method::POST => self.create(call.key(), call.body.clone(), now),
            Method::PATCH => self.patch(call, now),
            Method::PUT => self.replace(call, now),
            Method::DELETE => Ok(self.delete(&call.key(), now)),
            _ => panic!("{} {} is not served", call.method, call.target()),
        };
        if call.plural == "leases" {
            return answer;
        }
        self.writes.push(Write {
            verb: call.method.to_string(),
            resource: call.resource(),
            name: call.key().2,
            status: answer.as_ref().map_or_else(|(code, _)| code.as_u16(), |_| 200),
        });
        answer
    }

    fn create(&mut self, key: Key, mut object: Value, now: Timestamp) -> Result<Value, Refused> {
        if self.objects.contains_key(&key) {
            return Err((StatusCode::CONFLICT, "already exists"));
        }
        self.version += 1;
        let metadata = object["metadata"].as_object_mut().unwrap();
        metadata.insert("namespace".to_owned(), json!(key.1));
        metadata.insert("uid".to_owned(), json!(format!("uid-{}", self.version)));
        metadata.insert("generation".to_owned(), json!(1));
        metadata.insert("creationTimestamp".to_owned(), json!(whole_second(now)));
        metadata.insert("resourceVersion".to_owned(), json!(self.version.to_string()));
        if let Some(strings) = object.as_object_mut().unwrap().remove("stringData") {
            object["data"] = strings
                .as_object()
                .unwrap()
                .iter()
                .map(|(key, text)| (key.clone(), encoded(text)))
                .collect();
        }
        self.show("ADDED", &key.0, &object);
        self.objects.insert(key, object.clone());
        Ok(object)
    }

    /// Shows a change to those who watch, now or later.
    fn show(&mut self, kind: &str, plural: &str, object: &Value) {
        let line = Bytes::from(format!("{}\n", json!({"type": kind, "object": object})));
        self.watchers
            .retain(|(watched, watcher)| watched != plural || watcher.send(line.clone()).is_ok());
        self.history.push(Change {
            version: self.version,
            plural: plural.to_owned(),
            line,
        });
    }

    fn patch(&mut self, call: &Call, now: Timestamp) -> Result<Value, Refused> {
        let before = self.objects.get(&call.key()).ok_or(GONE)?;
        let mut after = before.clone();
        match call.content_type.as_str() {
            "application/json-patch+json" => json_patch(&mut after, &call.body)?,
            "application/merge-patch+json" => {
                for field in ["resourceVersion", "uid"] {
                    let wanted = &call.body["metadata"][field];
                    if !wanted.is_null() && *wanted != before["metadata"][field] {
                        return Err(CONFLICT);
                    }
                }
                merge(&mut after, &call.body);
            }
            other => panic!("{other} is not served"),
        }
        let mut stored = before.clone();
        match call.subresource.as_deref() {
            Some("status") => stored["status"] = after["status"].clone(),
            Some(other) => panic!("subresource {other} is not served"),
            None => {
                let status = before.get("status").cloned();
                stored = after;
                if let (Some(status), Some(fields)) = (status, stored.as_object_mut()) {
                    fields.insert("status".to_owned(), status);
                }
            }
        }
        self.store(call.key(), stored, now)
    }

    fn replace(&mut self, call: &Call, now: Timestamp) -> Result<Value, Refused> {
        let before = self.objects.get(&call.key()).ok_or(GONE)?;
        if call.body["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"] {
            return Err(CONFLICT);
        }
        self.store(call.key(), call.body.clone(), now)
    }

    /// Puts an object in the place of the one before; nothing happens when they are the same.
    fn store(&mut self, key: Key, mut object: Value, _now: Timestamp) -> Result<Value, Refused> {
        let before = &self.objects[&key];
        if object == *before {
            return Ok(object);
        }
        self.version += 1;
        if object["spec"] != before["spec"] {
            object["metadata"]["generation"] =
                json!(before["metadata"]["generation"].as_u64().unwrap_or(0) + 1);
        }
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let finalizers = object["metadata"]["finalizers"]
            .as_array()
            .is_some_and(|finalizers| !finalizers.is_empty());
        if object["metadata"].get("deletionTimestamp").is_some() && !finalizers {
            self.show("DELETED", &key.0, &object);
            self.objects.remove(&key);
        } else {
            self.show("MODIFIED", &key.0, &object);
            self.objects.insert(key, object.clone());
        }
        Ok(object)
    }

    fn delete(&mut self, key: &Key, now: Timestamp) -> Value {
        let Some(mut object) = self.objects.get(key).cloned() else {
            return Value::Null;
        };
        if object["metadata"].get("deletionTimestamp").is_none() {
            object["metadata"]["deletionTimestamp"] = json!(whole_second(now));
            object["metadata"]["generation"] =
                json!(object["metadata"]["generation"].as_u64().unwrap_or(0) + 1);
        }
        self.store(key.clone(), object, now).unwrap()
    }
}

fn whole_second(now: Timestamp) -> String {
    Timestamp::from_second(now.as_second()).unwrap().to_string()
}

fn encoded(text: &Value) -> Value {
    use base64::Engine;
    json!(base64::engine::general_purpose::STANDARD.encode(text.as_str().unwrap()))
}

/// RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let target = target.as_object_mut().unwrap();
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

/// RFC 6902, as far as it is used: `test`, `add` and `remove`.
fn json_patch(target: &mut Value, operations: &Value) -> Result<(), Refused> {
    for operation in operations.as_array().unwrap() {
        let path = operation["path"].as_str().unwrap();
        let (parent, last) = path.rsplit_once('/').unwrap();
        match operation["op"].as_str().unwrap() {
            "test" => {
                if target.pointer(path).unwrap_or(&Value::Null) != &operation["value"] {
                    return Err((
                        StatusCode::UNPROCESSABLE_ENTITY,
                        "the server rejected our request due to an error: test failed",
                    ));
                }
            }
            "add" => match target.pointer_mut(parent).unwrap() {
                Value::Array(list) => list.push(operation["value"].clone()),
                Value::Object(fields) => drop(fields.insert(last.to_owned(), operation["value"].clone())),
                other => panic!("nothing can be added to {other}"),
            },
            "remove" => match target.pointer_mut(parent).unwrap() {
                Value::Array(list) => drop(list.remove(last.parse().unwrap())),
                Value::Object(fields) => drop(fields.remove(last)),
                other => panic!("nothing can be removed from {other}"),
            },
            other => panic!("{other} is not served"),
        }
    }
    Ok(())
}

fn response(status: StatusCode, body: &Value) -> Response<Answer> {
    let body = Bytes::from(body.to_string());
    let response = Response::builder()
        .status(status)
        .header("content-type", "application/json");
    response.body(Full::new(body).boxed_unsync()).unwrap()
}

fn refusal(code: StatusCode, message: &str) -> Response<Answer> {
    let reason = match code {
        StatusCode::NOT_FOUND => "NotFound",
        StatusCode::CONFLICT => "Conflict",
        StatusCode::UNPROCESSABLE_ENTITY => "Invalid",
        _ => "Timeout",
    };
    let status = json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code.as_u16(),
    });
    response(code, &status)
}
