//! Answers as a node's front end sends them.

use super::call::{ApiError, Document, Reply};
use super::ids::NodeIndex;
use super::route::Route;
use super::schema;
use super::switch::Switch;
use super::world::World;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use jiff::SignedDuration;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::Value;
use std::time::Duration;

/// An answer, and what the log wants to know about it.
pub(crate) struct Answered {
    pub(crate) response: Response<Bytes>,
    pub(crate) delay: Duration,
    pub(crate) error_code: String,
}

/// Everything that can be answered.
pub(crate) enum Body {
    Json(Value),
    /// JSON that is written already.
    Written(Vec<u8>),
    Text(&'static str, String),
    Document(Document),
    Empty,
}

/// The answer of a route, held against what the tables say of it.
pub(crate) fn answered(world: &mut World, node: NodeIndex, route: &Route, mut reply: Reply) -> Answered {
    if let Err(why) = schema::hold(route.answers, world.env.profile, &mut reply) {
        world.undescribed(&format!("{} {}: {why}", route.method, route.path));
    }
    let body = match (reply.document, reply.written, reply.body) {
        (Some(document), _, _) => Body::Document(document),
        (None, Some(rows), _) => Body::Written(rows.json),
        (None, None, Some(json)) => Body::Json(json),
        (None, None, None) => Body::Empty,
    };
    let mut answered = respond(world, node, reply.status, body);
    answered.delay = reply.delay;
    answered
}

pub(crate) fn refuse(world: &mut World, node: NodeIndex, error: &ApiError) -> Answered {
    let key = if world.env.on(Switch::ErrorMessageKey) {
        "message"
    } else {
        "description"
    };
    let body = error.body(key);
    let fault = body
        .as_ref()
        .and_then(|body| schema::check_error(world.env.profile, body).err());
    if let Some(why) = fault {
        world.undescribed(&format!("refusal {}: {why}", error.code));
    }
    let body = body.map_or(Body::Empty, Body::Json);
    let mut answered = respond(world, node, error.status, body);
    answered.error_code.clone_from(&error.code);
    if error.status == StatusCode::UNAUTHORIZED {
        let basic = HeaderValue::from_static("Basic realm=\"Restricted Area\"");
        answered
            .response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, basic);
    }
    answered
}

/// An answer that the services never saw: text or a small HTML page.
pub(crate) fn front_end(world: &World, node: NodeIndex, status: StatusCode) -> Answered {
    let body = match status {
        StatusCode::SERVICE_UNAVAILABLE => Body::Text("text/plain", "no healthy upstream".to_owned()),
        _ => Body::Text(
            "text/html",
            format!("<!doctype html>\n<title>{status}</title>\n<h1>{status}</h1>\n"),
        ),
    };
    respond(world, node, status, body)
}

pub(crate) fn respond(world: &World, node: NodeIndex, status: StatusCode, body: Body) -> Answered {
    let mut file_name = None;
    let (content_type, bytes) = match body {
        Body::Document(document) => {
            file_name = document.file_name;
            (document.content_type, Bytes::from(document.bytes))
        }
        Body::Json(value) => ("application/json", Bytes::from(value.to_string())),
        Body::Written(json) => ("application/json", Bytes::from(json)),
        Body::Text(content_type, text) => (content_type, Bytes::from(text)),
        Body::Empty => ("application/json", Bytes::new()),
    };
    let mut response = Response::new(bytes);
    *response.status_mut() = status;
    let length = HeaderValue::from(response.body().len());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CONTENT_LENGTH, length);
    let attachment = file_name.map(|name| HeaderValue::from_str(&format!("attachment; filename={name}")));
    if let Some(Ok(attachment)) = attachment {
        headers.insert(header::CONTENT_DISPOSITION, attachment);
    }
    headers.insert(header::SERVER, HeaderValue::from_static("envoy"));
    let ahead = world.env.node(node).map_or(0, |node| node.config.clock_skew_secs);
    let now = world.env.now.checked_add(SignedDuration::from_secs(ahead));
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&now.unwrap_or(world.env.now));
    if let Some(date) = date.ok().and_then(|date| HeaderValue::from_str(&date).ok()) {
        headers.insert(header::DATE, date);
    }
    if let Some(cluster) = world.cluster_of(node) {
        headers.insert("cluster-state-id", HeaderValue::from(cluster.state_id));
    }
    Answered {
        response,
        delay: Duration::ZERO,
        error_code: String::new(),
    }
}
