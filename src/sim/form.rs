//! A cluster that is already formed when a test or a demo begins.

use super::ids::NodeIndex;
use super::state::Membership;
use super::world::{Outcome, World};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use http::{Request, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::time::Duration;

/// Which cluster [`World::form`] makes.
#[derive(Clone, Debug)]
pub struct Formation {
    /// FQDN.
    pub name: String,
    /// Login name of the administrator.
    pub username: String,
    /// His password.
    pub password: String,
    /// Machines that become members, from the first on.
    pub members: usize,
    /// Rack of each member, by its place; the cluster is rack aware if every member has one.
    pub racks: Vec<String>,
    /// Licence text; empty for the trial.
    pub license: String,
    /// Shards that each node may hold (`max_redis_servers`).
    pub node_shards: u64,
    /// Endpoints that each node may serve (`max_listeners`).
    pub node_listeners: u64,
}

impl Formation {
    /// Three members without racks, under the trial licence.
    #[must_use]
    pub fn new(name: &str, username: &str, password: &str) -> Self {
        Self {
            name: name.to_owned(),
            username: username.to_owned(),
            password: password.to_owned(),
            members: 3,
            racks: Vec::new(),
            license: String::new(),
            node_shards: 100,
            node_listeners: 100,
        }
    }
}

pub(crate) fn form(world: &mut World, formation: &Formation) -> Result<(), String> {
    let seed = address(world, 0)?;
    for place in 0..formation.members {
        let action = if place == 0 {
            "create_cluster"
        } else {
            "join_cluster"
        };
        let nodes = if place == 0 { json!([]) } else { json!([seed.0]) };
        let rack = formation.racks.get(place).cloned().unwrap_or_default();
        let machine = world.env.node(NodeIndex(place));
        let flash = machine.is_some_and(|machine| machine.config.flash_bytes > 0);
        let body = json!({
            "action": action,
            "cluster": {"name": formation.name, "nodes": nodes},
            "node": {
                "identity": {"addr": address(world, place)?.0, "rack_id": rack},
                "limits": {
                    "max_redis_servers": formation.node_shards,
                    "max_listeners": formation.node_listeners,
                },
                "bigstore_enabled": flash,
            },
            "credentials": {"username": formation.username, "password": formation.password},
            "license": formation.license,
            "cnm_https_port": seed.1,
        });
        send(
            world,
            place,
            "POST",
            &format!("/v1/bootstrap/{action}"),
            None,
            &body,
        )?;
        wait(world, place)?;
    }
    let racks = formation.racks.iter().filter(|rack| !rack.is_empty()).count();
    if racks > 0 && racks >= formation.members {
        let login = format!("{}:{}", formation.username, formation.password);
        send(
            world,
            0,
            "PUT",
            "/v1/cluster/policy",
            Some(&login),
            &json!({"rack_aware": true}),
        )?;
    }
    Ok(())
}

fn address(world: &World, place: usize) -> Result<(String, u16), String> {
    let node = world
        .env
        .node(NodeIndex(place))
        .ok_or_else(|| format!("there is no machine {place}"))?;
    Ok((node.config.address.clone(), node.config.port))
}

fn send(
    world: &mut World,
    place: usize,
    method: &str,
    path: &str,
    login: Option<&str>,
    body: &Value,
) -> Result<(), String> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json");
    if let Some(login) = login {
        request = request.header("authorization", format!("Basic {}", BASE64.encode(login)));
    }
    let request = request
        .body(Bytes::from(body.to_string()))
        .map_err(|error| error.to_string())?;
    match world.handle(NodeIndex(place), &request) {
        Outcome::Reply { response, .. } if response.status() == StatusCode::OK => Ok(()),
        Outcome::Reply { response, .. } => Err(format!(
            "{method} {path}: {} {}",
            response.status(),
            String::from_utf8_lossy(response.body())
        )),
        other => Err(format!("{method} {path}: {other:?}")),
    }
}

/// Lets time pass until the machine is a member whose services answer.
fn wait(world: &mut World, place: usize) -> Result<(), String> {
    let timings = &world.env.timings;
    let takes =
        timings.create_cluster.max(timings.join_cluster) + timings.service_restart + Duration::from_secs(1);
    let takes = SignedDuration::try_from(takes).map_err(|error| error.to_string())?;
    let until = world
        .now()
        .checked_add(takes)
        .map_err(|error| error.to_string())?;
    world.advance(until);
    let node = world.env.node(NodeIndex(place));
    match node.map(|node| (node.membership, node.bootstrap.error_details.clone())) {
        Some((Membership::Member(..), _)) => Ok(()),
        Some((_, details)) => Err(format!("machine {place} did not become a member: {details:?}")),
        None => Err(format!("there is no machine {place}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;
    use crate::sim::switch::Switches;
    use crate::sim::version::Profile;

    #[test]
    fn a_formed_cluster_has_members_racks_and_an_empty_log() {
        for profile in Profile::ALL {
            for switches in [Switches::all_default(), Switches::all_alternative()] {
                let mut sim = Fixture::with(4, profile, switches);
                let racks = ["a", "b", "c"].map(str::to_owned).to_vec();
                let formation = Formation {
                    racks,
                    ..Formation::new("c.example.com", "admin", "pw")
                };
                sim.world.form(&formation).unwrap();
                assert_eq!(
                    (sim.world.log(), sim.world.violations()),
                    (&[] as &[_], &[] as &[_])
                );
                let nodes = sim.world.peek(NodeIndex(2), "/v1/nodes").unwrap();
                let racks: Vec<_> = nodes
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|node| node["rack_id"].clone())
                    .collect();
                assert_eq!(racks, ["a", "b", "c"], "{profile}");
                assert_eq!(
                    sim.world.peek(NodeIndex(2), "/v1/cluster").unwrap()["rack_aware"],
                    true
                );
                assert_eq!(sim.world.log(), []);
            }
        }
    }

    #[test]
    fn databases_on_flash_live_on_nodes_whose_flash_was_there_when_the_cluster_was_formed() {
        let mut sim = Fixture::fresh(3);
        sim.world.env.nodes[1].config.flash_bytes = 64 << 30;
        sim.world
            .form(&Formation::new(
                "cluster.example.com",
                "admin@example.com",
                "secret",
            ))
            .unwrap();
        sim.world.env.nodes[2].config.flash_bytes = 64 << 30;
        let database = json!({
            "name": "db", "memory_size": 1 << 30, "bigstore": true, "bigstore_ram_size": 1 << 28,
        });
        assert_eq!(sim.admin(0, "POST", "/v1/bdbs", database.clone()).status, 200);
        let nodes = sim.world.peek(NodeIndex(0), "/v1/nodes").unwrap();
        let of = |field: &str| {
            let nodes = nodes.as_array().unwrap().iter();
            nodes.map(|node| node[field].clone()).collect::<Vec<_>>()
        };
        assert_eq!(of("bigstore_enabled"), [false, true, false]);
        assert_eq!(of("flash_shard_count"), [0, 1, 0]);
        let mut replicated = database;
        replicated["replication"] = json!(true);
        let refused = sim.admin(0, "POST", "/v1/bdbs", replicated);
        assert_eq!(refused.code(), "insufficient_resources");
    }

    #[test]
    fn a_formation_that_cannot_be_says_why() {
        let error = Fixture::fresh(1)
            .world
            .form(&Formation::new("c.example.com", "admin", "pw"))
            .unwrap_err();
        assert_eq!(error, "there is no machine 1");
        let error = Fixture::fresh(1)
            .world
            .form(&Formation::new("not a name", "admin", "pw"))
            .unwrap_err();
        assert!(error.contains("host name"), "{error}");
    }
}
