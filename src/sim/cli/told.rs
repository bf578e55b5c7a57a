//! What is told when the nodes serve: the ready file for programs, the banner for people.

use super::ServeArgs;
use crate::sim::certs::{fingerprint, public_key_fingerprint};
use crate::sim::ids::NodeIndex;
use crate::sim::serve::Listeners;
use crate::sim::world::World;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::net::SocketAddr;

pub(super) fn ready(args: &ServeArgs, world: &World, listeners: &Listeners) -> Value {
    let http = listeners.http();
    let node = |(index, address): (usize, &SocketAddr)| {
        let chain = world
            .presented(NodeIndex(index))
            .map(|identity| identity.chain_pem.as_str())
            .unwrap_or_default();
        let mut told = json!({
            "name": format!("node{}", index + 1),
            "address": address.ip().to_string(),
            "port": address.port(),
            "uid": world.uid(NodeIndex(index)).map(|uid| uid.0),
            "certificate": chain,
            "sha256": fingerprint(chain),
            "public_key_sha256": public_key_fingerprint(chain),
        });
        if let (Some(told), Some(http)) = (told.as_object_mut(), http.get(index)) {
            told.insert("http_port".to_owned(), http.port().into());
        }
        told
    };
    json!({
        "nodes": listeners.nodes().iter().enumerate().map(node).collect::<Vec<_>>(),
        "cluster": args.cluster,
        "username": args.username,
        "password": args.password,
        "version": args.profile.software_version(),
        "admin_port": listeners.admin().port(),
        "pid": std::process::id(),
    })
}

pub(super) fn banner(args: &ServeArgs, ready: &Value) -> String {
    let state = match &args.cluster {
        Some(name) => format!("cluster {name} on {} nodes", args.nodes),
        None => format!("{} fresh nodes", args.nodes),
    };
    let mut text = format!(
        "resim stands for Redis Enterprise Software {}: {state}\n",
        args.profile
    );
    let nodes = ready.get("nodes").and_then(Value::as_array);
    let nodes = nodes.map(Vec::as_slice).unwrap_or_default();
    addresses(&mut text, nodes);
    let _ = writeln!(
        text,
        "  admin   http://127.0.0.1:{}/state",
        part(ready, "admin_port")
    );
    let _ = writeln!(
        text,
        "  login   {}  password {}{}",
        args.username,
        args.password,
        if args.cluster.is_some() {
            ""
        } else {
            ", once the example has made the cluster"
        }
    );
    let first = nodes.first().map(|node| url(node, "https", "port"));
    attempt(&mut text, args, &first.unwrap_or_default());
    text
}

/// Where each node serves, and what it shows.
fn addresses(text: &mut String, nodes: &[Value]) {
    for node in nodes {
        let _ = writeln!(
            text,
            "  {:<6}  {}  sha256 {}",
            part(node, "name"),
            url(node, "https", "port"),
            part(node, "sha256")
        );
    }
    let plain = nodes.iter().filter(|node| node.get("http_port").is_some());
    let plain: Vec<String> = plain.map(|node| url(node, "http", "http_port")).collect();
    if !plain.is_empty() {
        let _ = writeln!(text, "  plain   {}, while http_support is on", plain.join(" "));
    }
}

fn part(object: &Value, field: &str) -> String {
    match object.get(field) {
        Some(Value::String(text)) => text.clone(),
        other => other.map(Value::to_string).unwrap_or_default(),
    }
}

fn url(node: &Value, scheme: &str, port: &str) -> String {
    let (address, port) = (part(node, "address"), part(node, port));
    if address.contains(':') {
        format!("{scheme}://[{address}]:{port}")
    } else {
        format!("{scheme}://{address}:{port}")
    }
}

/// A first command, to the node at `first`.
fn attempt(text: &mut String, args: &ServeArgs, first: &str) {
    let _ = match &args.cluster {
        Some(_) => {
            let login = quoted(&format!("{}:{}", args.username, args.password));
            writeln!(text, "Try:  curl -k -u {login} {first}/v1/nodes")
        }
        None => {
            let body = json!({
                "action": "create_cluster", "cluster": {"name": "demo.example.com"},
                "credentials": {"username": args.username, "password": args.password},
            });
            let body = quoted(&body.to_string());
            writeln!(
                text,
                "Try:  curl -k {first}/v1/bootstrap\n      curl -k {first}/v1/bootstrap/create_cluster -d {body}"
            )
        }
    };
}

/// As one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
