//! A request as handlers see it, and what they answer.

use super::auth::Actor;
use super::events::Told;
use super::ids::NodeIndex;
use super::schema::{self, Rows, Table};
use super::state::{Cluster, Env};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, str::FromStr, time::Duration};

/// A request after routing: what a handler reads.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// Values of the `{name}` segments of the route.
    pub(crate) params: BTreeMap<&'static str, String>,
    /// Query parameters, percent-decoded; a bare `?dry_run` has the value "".
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) headers: HeaderMap,
    /// The JSON body; `Null` when it was empty or an upload.
    pub(crate) body: Value,
    /// The bytes of a `multipart/form-data` body; empty otherwise.
    pub(crate) upload: Bytes,
    /// Who sent it; anonymous only on routes that need no credentials.
    pub(crate) actor: Actor,
}

/// What a query says by the text of a flag, which without any says yes; none if that is no boolean.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "" | "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}

impl Call {
    /// A path parameter parsed; text that does not parse names nothing, hence 404.
    pub(crate) fn param<T: FromStr>(&self, name: &str) -> Result<T, ApiError> {
        let value = self.params.get(name).and_then(|text| text.parse().ok());
        value.ok_or_else(|| ApiError::not_found(format!("{} does not exist", self.path)))
    }

    /// Whether a boolean query parameter is on: bare, or `true`.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.query.get(name).and_then(|text| boolean(text)) == Some(true)
    }

    /// A query parameter that is a time in ISO 8601; without a zone it is UTC, and a date alone is its first moment.
    ///
    /// # Errors
    /// 400 for other text.
    pub(crate) fn time(&self, key: &str) -> Result<Option<Timestamp>, ApiError> {
        let Some(text) = self.query.get(key).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let zoned = text.parse::<Timestamp>();
        let time = zoned.or_else(|_| {
            text.parse::<DateTime>()?
                .to_zoned(TimeZone::UTC)
                .map(|at| at.timestamp())
        });
        time.map(Some)
            .map_err(|_| ApiError::bad_request(format!("{key}: {text} is not a time in ISO 8601")))
    }

    /// Whether the call shall change nothing.
    pub(crate) fn dry_run(&self) -> bool {
        self.flag("dry_run")
    }

    /// The body as an object; an empty body is an empty object.
    ///
    /// # Errors
    /// 400 for any other JSON.
    pub(crate) fn object(&self) -> Result<Map<String, Value>, ApiError> {
        match &self.body {
            Value::Null => Ok(Map::new()),
            Value::Object(map) => Ok(map.clone()),
            _ => Err(ApiError::bad_request("the request body is not a JSON object")),
        }
    }
}

/// What a handler of a cluster-scoped route works on.
pub(crate) struct Ctx<'a> {
    pub(crate) cluster: &'a mut Cluster,
    pub(crate) env: &'a mut Env,
    /// The node that received the request.
    pub(crate) node: NodeIndex,
    pub(crate) call: &'a Call,
}

impl Ctx<'_> {
    /// The body, which a table describes.
    ///
    /// # Errors
    /// 400.
    pub(crate) fn body(&self, table: &Table) -> Result<Map<String, Value>, ApiError> {
        schema::body(table, self.env, self.call.object()?)
    }

    /// Says that the call changed something: the state id grows and the log marks the request.
    pub(crate) fn commit(&mut self) {
        self.env.touched = true;
        self.cluster.state_id += 1;
    }

    /// Adds to the event log.
    pub(crate) fn tell(&mut self, told: Told, details: &Value) {
        self.cluster.documents.tell(self.env.now, told, details);
    }

    /// Sets a document of the cluster and gives what is then shown; a dry run takes it back.
    pub(crate) fn set_single<T>(
        &mut self,
        path: &str,
        object: Map<String, Value>,
        show: impl FnOnce(&Self) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let before = self.cluster.documents.single(path).cloned();
        self.cluster.documents.set_single(path, object);
        let shown = show(self);
        match before {
            _ if !self.call.dry_run() => self.commit(),
            Some(before) => self.cluster.documents.set_single(path, before),
            None => _ = self.cluster.documents.clear_single(path),
        }
        shown
    }
}

/// A handler's success.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Option<Value>,
    /// What is sent in place of a JSON body.
    pub(crate) document: Option<Document>,
    /// JSON that is written already, in place of `body`: lists that would be large as values.
    pub(crate) written: Option<Rows>,
    /// How long the answer takes.
    pub(crate) delay: Duration,
}

/// A body that is not JSON.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) content_type: &'static str,
    /// Name under which a browser would save it, if it is an attachment.
    pub(crate) file_name: Option<&'static str>,
    /// Compressed, as its `Content-Encoding` says.
    pub(crate) gzipped: bool,
    pub(crate) bytes: Vec<u8>,
}

impl Reply {
    /// 200 with a JSON body.
    pub(crate) fn json(body: impl Into<Value>) -> Self {
        Self {
            status: StatusCode::OK,
            body: Some(body.into()),
            document: None,
            written: None,
            delay: Duration::ZERO,
        }
    }

    /// 200 without a body.
    pub(crate) fn empty() -> Self {
        Self {
            status: StatusCode::OK,
            body: None,
            document: None,
            written: None,
            delay: Duration::ZERO,
        }
    }

    /// 200 with a body that is not JSON.
    pub(crate) fn document(document: Document) -> Self {
        Self {
            document: Some(document),
            ..Self::empty()
        }
    }

    /// 200 with a list that is written already.
    pub(crate) fn written(rows: Rows) -> Self {
        Self {
            written: Some(rows),
            ..Self::empty()
        }
    }

    /// The same after `delay`.
    pub(crate) fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// What every handler returns.
pub(crate) type Answer = Result<Reply, ApiError>;

/// A refusal: status and, mostly, an error body.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    /// `error_code`; empty for a refusal without a body.
    pub(crate) code: String,
    pub(crate) description: String,
    /// Body in place of the usual one.
    pub(crate) body: Option<Value>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &str, description: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            description: description.into(),
            body: None,
        }
    }

    /// 400.
    pub(crate) fn bad_request(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_schema", description)
    }

    /// 404.
    pub(crate) fn not_found(description: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", description)
    }

    /// 406: the request is well-formed and cannot be done.
    pub(crate) fn not_acceptable(code: &str, description: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_ACCEPTABLE, code, description)
    }

    /// 409.
    pub(crate) fn conflict(code: &str, description: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, description)
    }

    /// 403.
    pub(crate) fn forbidden(code: &str, description: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, description)
    }

    /// The same with another status.
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The same with another code.
    pub(crate) fn with_code(mut self, code: &str) -> Self {
        code.clone_into(&mut self.code);
        self
    }

    /// The body, in either generation of error bodies.
    pub(crate) fn body(&self, text_key: &str) -> Option<Value> {
        if let Some(body) = &self.body {
            return Some(body.clone());
        }
        (!self.code.is_empty()).then(|| json!({"error_code": self.code, text_key: self.description}))
    }
}
