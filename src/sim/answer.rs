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
    let (mut file_name, mut gzipped) = (None, false);
    let (content_type, bytes) = match body {
        Body::Document(document) => {
            (file_name, gzipped) = (document.file_name, document.gzipped);
            (document.content_type, Bytes::from(document.bytes))
        }
        Body::Json(value) => ("application/json", Bytes::from(value.to_string())),
        Body::Written(json) => ("application/json", Bytes::from(json)),
        Body::Text(content_type, text) => (content_type, Bytes::from(text)),
        Body::Empty => ("text/html", Bytes::new()),
    };
    let mut response = Response::new(bytes);
    *response.status_mut() = status;
    let length = HeaderValue::from(response.body().len());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CONTENT_LENGTH, length);
    if gzipped {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
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

#[cfg(test)]
mod tests {
    use crate::sim::resources::crdbs::is_left_out;
    use crate::sim::route::TABLES;
    use crate::sim::switch::Switches;
    use crate::sim::testbed::{Bed, NAME, with_responder};
    use crate::sim::version::Profile;
    use serde_json::{Value, json};
    use std::collections::BTreeSet;

    /// A cluster with one of everything: a database that replicates another, certificates, settings, something that runs.
    fn full(profile: Profile, switches: Switches) -> Bed {
        let mut bed = Bed::with(3, profile, switches);
        let redis = profile.database_versions().last().map(|(short, _)| *short);
        bed.ok("PUT", "/v1/cluster", json!({"handle_redirects": true}));
        bed.database(json!({
            "name": "a", "memory_size": 1 << 28, "redis_version": redis, "replication": true,
            "data_persistence": "snapshot", "snapshot_policy": [{"secs": 60, "writes": 1}],
            "tags": [{"key": "k", "value": "v"}], "replica_sources": [{"uri": "redis://10.1.1.1:12000"}],
            "replica_sync": "enabled",
        }));
        bed.database(json!({"name": "b", "memory_size": 1 << 28, "redis_version": redis}));
        bed.ok(
            "POST",
            "/v1/bdbs/alerts/1",
            json!({"bdb_size": {"enabled": true, "threshold": "80"}}),
        );
        bed.ok(
            "POST",
            "/v1/ldap_mappings",
            json!({"name": "m", "dn": "cn=m", "role_uids": [1]}),
        );
        bed.ok("POST", "/v1/bdb_groups", json!({"memory_size": 1 << 28}));
        if profile >= Profile::V8_0_20 {
            let all = bed.ok("GET", "/v1/cluster/certificates", Value::Null);
            let pair = json!({"cert": all["proxy_cert"], "private_key": all["proxy_key"]});
            bed.ok("POST", "/v1/bdbs/1/certificates", pair);
            let upload =
                json!({"name": "sso_service", "certificate": all["api_cert"], "key": all["api_key"]});
            bed.ok("PUT", "/v1/cluster/update_cert", upload);
        }
        for cluster in bed.world.clusters.values_mut() {
            let proxy = with_responder("http://ocsp.example.com");
            cluster.certificates.insert("proxy".to_owned(), proxy);
        }
        bed
    }

    /// A path of a template that leads to something.
    fn filled(bed: &mut Bed, template: &str) -> String {
        let first = |list: Value| list[0]["uid"].as_str().unwrap_or("1").to_owned();
        let uid = match template.split('/').nth(2) {
            Some("modules") => first(bed.ok("GET", "/v1/modules", Value::Null)),
            Some("shards") => first(bed.ok("GET", "/v1/shards", Value::Null)),
            Some("actions") => {
                let all = bed.ok("GET", "/v1/actions", Value::Null);
                let machine = all["state-machines"][0]["action_uid"].as_str();
                machine.unwrap_or_default().to_owned()
            }
            _ => "1".to_owned(),
        };
        let alert = match template {
            path if path.contains("_sources") => "replica_src_high_syncer_lag",
            path if path.contains("/nodes/") => "node_failed",
            path if path.contains("/cluster/") => "cluster_even_node_count",
            _ => "bdb_size",
        };
        let action = if template.contains("/cluster/") {
            "change_master"
        } else {
            "maintenance_on"
        };
        let pairs = [
            ("{uid}", uid.as_str()),
            ("{bdb}", "1"),
            ("{source}", "1"),
            ("{peer}", "1"),
            ("{role}", "admin"),
            ("{name}", NAME),
            ("{alert}", alert),
            ("{action}", action),
        ];
        pairs
            .iter()
            .fold(template.to_owned(), |path, (from, to)| path.replace(from, to))
    }

    /// Asks for everything that a version can read; gives the templates that answered 200.
    fn read(bed: &mut Bed, profile: Profile) -> BTreeSet<&'static str> {
        let here = |route: &&crate::sim::route::Route| {
            route.method == "GET" && profile.within(route.since, route.until) && !is_left_out(route.path)
        };
        let routes: Vec<_> = TABLES.iter().copied().flatten().filter(here).collect();
        let mut answered = BTreeSet::new();
        for route in routes {
            let path = filled(bed, route.path);
            if bed.call("GET", &path, Value::Null).0 == 200 {
                answered.insert(route.path);
            }
        }
        answered
    }

    /// That an answer fits is asserted whenever one comes back; this test brings the answers about.
    #[test]
    fn every_read_of_every_version_answers_what_its_table_describes() {
        let mut answered = BTreeSet::new();
        for profile in Profile::ALL {
            for switches in [Switches::all_default(), Switches::all_alternative()] {
                let mut bed = full(profile, switches);
                answered.extend(read(&mut bed, profile));
                bed.ok(
                    "POST",
                    "/v1/cluster/actions/change_master",
                    json!({"node_uid": "2"}),
                );
                bed.pass(60);
                bed.ok("PUT", "/v1/bdbs/2", json!({"memory_size": 1 << 29}));
                bed.ok("POST", "/v1/nodes/1/actions/maintenance_on", json!({}));
                bed.pass(1);
                answered.extend(read(&mut bed, profile));
                bed.world.crash(crate::sim::ids::NodeIndex(2));
                bed.pass(120);
                answered.extend(read(&mut bed, profile));
            }
        }
        let silent: Vec<&str> = TABLES
            .iter()
            .copied()
            .flatten()
            .filter(|route| route.method == "GET" && !is_left_out(route.path))
            .map(|route| route.path)
            .filter(|path| !answered.contains(path))
            .collect();
        // What only Active-Active databases and migrations have.
        let expected = [
            "/v1/bdbs/crdt_sources/alerts/{uid}/{source}",
            "/v1/bdbs/crdt_sources/alerts/{uid}/{source}/{alert}",
            "/v1/bdbs/{uid}/syncer_state/crdt",
            "/v1/migrations/{uid}",
            "/v1/bdbs/{uid}/peer_stats",
            "/v1/bdbs/{uid}/peer_stats/{peer}",
        ];
        assert_eq!(
            silent.into_iter().collect::<BTreeSet<_>>(),
            expected.into_iter().collect()
        );
    }
}
