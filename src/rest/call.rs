//! One call and its answer.

use crate::rest::error::Error;
use crate::rest::error::ErrorKind;
use crate::rest::error::Refusal;
use crate::rest::error::is_error_body;
use crate::rest::model::JsonMap;
use crate::rest::route::NotFound;
use crate::rest::route::Route;
use bytes::Bytes;
use secrecy::zeroize::Zeroize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;
use std::fmt::Display;

/// A call, ready to be made to any node.
pub(crate) struct Call {
    pub(crate) route: &'static Route,
    pub(crate) path: String,
    query: Option<String>,
    body: Option<Value>,
}

impl Call {
    pub(crate) fn new(route: &'static Route, arguments: &[&(dyn Display + Sync)]) -> Self {
        Self {
            route,
            path: route.fill(arguments),
            query: None,
            body: None,
        }
    }

    /// The query must be made of names and commas only.
    pub(crate) fn query(mut self, name: &str, values: &[&str]) -> Self {
        self.query = Some(format!("{name}={}", values.join(",")));
        self
    }

    pub(crate) fn body(mut self, body: JsonMap) -> Self {
        self.body = Some(Value::Object(body));
        self
    }

    pub(crate) fn path_and_query(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    /// The body as it is sent; an empty object where the server wants one and there is nothing to say.
    pub(crate) fn bytes(&self) -> Bytes {
        match &self.body {
            Some(body) => Bytes::from(body.to_string()),
            None if self.route.method == http::Method::POST => Bytes::from_static(b"{}"),
            None => Bytes::new(),
        }
    }

    /// The texts of the body that no message may show.
    pub(crate) fn secrets(&self) -> Vec<&str> {
        let mut found = Vec::new();
        self.body.iter().for_each(|body| secrets(body, false, &mut found));
        found
    }

    pub(crate) fn failed(&self, node: &str, kind: ErrorKind) -> Error {
        Error {
            route: self.route,
            path: self.path.clone(),
            node: node.to_owned(),
            kind,
        }
    }
}

fn secrets<'a>(value: &'a Value, secret: bool, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) if secret => found.push(text),
        Value::Object(fields) => fields
            .iter()
            .for_each(|(name, value)| secrets(value, secret || is_secret(name), found)),
        Value::Array(values) => values.iter().for_each(|value| secrets(value, secret, found)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether a field of a request holds a secret.
fn is_secret(name: &str) -> bool {
    name.contains("pass") || name.ends_with("key") || name.contains("secret") || name.contains("token")
}

/// A success.
pub(crate) struct Answer {
    pub(crate) route: &'static Route,
    pub(crate) path: String,
    pub(crate) node: String,
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body, where an object is to be answered.
    pub(crate) fn object<T: DeserializeOwned>(self) -> Result<T, Error> {
        if is_error_body(&self.body) {
            return Err(self.refused());
        }
        self.json(b"{", "an object is expected")
    }

    /// The body, where an array is to be answered.
    pub(crate) fn list<T: DeserializeOwned>(self) -> Result<Vec<T>, Error> {
        if is_error_body(&self.body) {
            return Err(self.refused());
        }
        self.json(b"[", "a list is expected")
    }

    /// Structs would read themselves from arrays too, and from an empty one with nothing but defaults.
    fn json<T: DeserializeOwned>(self, opening: &[u8], otherwise: &str) -> Result<T, Error> {
        match serde_json::from_slice(&self.body) {
            Err(error) => Err(self.misread(&error, self.body.is_empty())),
            Ok(_) if !self.body.trim_ascii_start().starts_with(opening) => {
                Err(self.failed(ErrorKind::Malformed(otherwise.to_owned())))
            }
            Ok(value) => Ok(value),
        }
    }

    /// That it is a success is all there is to know; the body may be anything but the words of an error, or HTML.
    pub(crate) fn done(self) -> Result<(), Error> {
        if is_error_body(&self.body) {
            return Err(self.refused());
        }
        if is_html(&self.body) {
            Err(self.failed(ErrorKind::NotJson))
        } else {
            Ok(())
        }
    }

    /// Reads the body with `read`, then overwrites it.
    pub(crate) fn read_and_wipe<T>(
        mut self,
        read: impl FnOnce(&[u8]) -> Result<T, serde_json::Error>,
    ) -> Result<T, Error> {
        let body = std::mem::take(&mut self.body);
        let empty = body.is_empty();
        let result = read(&body);
        if let Ok(mut body) = body.try_into_mut() {
            body.as_mut().zeroize();
        }
        result.map_err(|error| self.misread(&error, empty))
    }

    pub(crate) fn failed(&self, kind: ErrorKind) -> Error {
        Error {
            route: self.route,
            path: self.path.clone(),
            node: self.node.clone(),
            kind,
        }
    }

    fn refused(&self) -> Error {
        self.failed(ErrorKind::Refused(Refusal::read(self.status, &self.body, &[])))
    }

    /// Says what is wrong without quoting the body.
    fn misread(&self, error: &serde_json::Error, empty: bool) -> Error {
        let place = format!("line {} column {}", error.line(), error.column());
        let words = error.to_string();
        self.failed(match error.classify() {
            Category::Data if words.starts_with("missing field") => ErrorKind::Malformed(words),
            Category::Data => ErrorKind::Malformed(format!("another type of value is expected at {place}")),
            Category::Eof if !empty => ErrorKind::Lost("the JSON ends early".to_owned()),
            Category::Eof => ErrorKind::Malformed("it is empty".to_owned()),
            Category::Syntax | Category::Io => ErrorKind::NotJson,
        })
    }
}

/// Nothing there, where that is an answer. HTML does not count: whatever wrote it does not know the object.
pub(crate) fn absent<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.status() == Some(404) && error.route.not_found == NotFound::Absent => Ok(None),
        Err(error) => Err(error),
    }
}

/// A refusal, or the page of something that stands before the REST API. A 401 is one whoever writes it.
pub(crate) fn refusal(status: u16, body: &[u8], secrets: &[&str]) -> ErrorKind {
    if status == 404 && is_html(body) {
        return ErrorKind::NotJson;
    }
    ErrorKind::Refused(Refusal::read(status, body, secrets))
}

fn is_html(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}
