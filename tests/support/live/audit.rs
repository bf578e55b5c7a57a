//! Counts Kubernetes requests from the API server's audit log, never from what the operator says.

use super::Result;
use serde::Deserialize;
use std::path::Path;

/// One finished request.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`.
    pub verb: String,
    /// Who asked.
    pub user: User,
    /// About what; none for requests such as `/version`.
    #[serde(default)]
    pub object_ref: Option<ObjectRef>,
    /// What came of it.
    #[serde(default)]
    pub response_status: Option<ResponseStatus>,
}

/// Who asked.
#[derive(Clone, Debug, Deserialize)]
pub struct User {
    /// Such as `system:serviceaccount:<namespace>:<name>`.
    pub username: String,
}

/// About what.
#[derive(Clone, Debug, Deserialize)]
pub struct ObjectRef {
    /// Plural, such as `secrets`.
    #[serde(default)]
    pub resource: String,
    /// Namespace.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Name.
    #[serde(default)]
    pub name: Option<String>,
    /// Such as `status`.
    #[serde(default)]
    pub subresource: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug, Deserialize)]
pub struct ResponseStatus {
    /// HTTP status.
    #[serde(default)]
    pub code: u16,
}

impl Entry {
    /// Whether it asked for a change.
    pub fn is_write(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch")
    }

    /// The resource that it is about.
    pub fn resource(&self) -> &str {
        self.object_ref
            .as_ref()
            .map_or("", |object| object.resource.as_str())
    }

    /// The name of the object that it is about.
    pub fn name(&self) -> &str {
        self.object_ref
            .as_ref()
            .and_then(|object| object.name.as_deref())
            .unwrap_or("")
    }

    /// `verb resource/subresource namespace/name`, for messages.
    pub fn text(&self) -> String {
        let Some(object) = &self.object_ref else {
            return self.verb.clone();
        };
        let sub = object
            .subresource
            .as_ref()
            .map(|sub| format!("/{sub}"))
            .unwrap_or_default();
        let namespace = object.namespace.as_deref().unwrap_or("");
        format!(
            "{} {}{sub} {namespace}/{}",
            self.verb,
            object.resource,
            self.name()
        )
    }
}

/// A place in the log; what comes after it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(usize);

/// The end of the log as it stands.
pub fn mark(log: &Path) -> Result<Mark> {
    Ok(Mark(usize::try_from(std::fs::metadata(log)?.len())?))
}

/// Requests of `user` after `mark`.
pub fn since(log: &Path, mark: Mark, user: &str) -> Result<Vec<Entry>> {
    let bytes = std::fs::read(log)?;
    let text = std::str::from_utf8(bytes.get(mark.0..).unwrap_or_default())?;
    let mut entries = Vec::new();
    for line in text.lines() {
        // The last line may still be being written.
        let Ok(entry) = serde_json::from_str::<Entry>(line) else {
            continue;
        };
        if entry.user.username == user {
            entries.push(entry);
        }
    }
    Ok(entries)
}

/// The writes among them, leader election apart.
pub fn writes(entries: &[Entry]) -> Vec<&Entry> {
    entries
        .iter()
        .filter(|entry| entry.is_write() && entry.resource() != "leases")
        .collect()
}
