//! The world that the flags describe, or that a state file holds, and where its nodes listen.

use super::{ServeArgs, run::read_switches};
use crate::sim::bugs::Bugs;
use crate::sim::certs::mint::{self, KeyKind};
use crate::sim::config::{Config, NodeConfig, Timings};
use crate::sim::fault::FaultPlan;
use crate::sim::form::Formation;
use crate::sim::ids::NodeIndex;
use crate::sim::license_text::License;
use crate::sim::serve::wall_clock;
use crate::sim::switch::Switches;
use crate::sim::world::World;
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

pub(super) fn make_world(
    args: &ServeArgs,
    addresses: &[SocketAddr],
    faults: FaultPlan,
    switches: Switches,
) -> Result<World, String> {
    let key = key_kind(args);
    let unmade = |error| format!("cannot make a certificate: {error}");
    let now = wall_clock();
    // Forming a cluster takes simulated minutes; they lie in the past.
    let start = if args.cluster.is_some() {
        now - SignedDuration::from_mins(2) * i32::from(args.nodes)
    } else {
        now
    };
    let mut nodes = Vec::new();
    for (number, address) in (1..).zip(addresses) {
        let (name, ip) = (format!("node{number}"), address.ip().to_string());
        let identity = mint::node(&name, &[&ip], start, key).map_err(unmade)?;
        let node = NodeConfig::new(&name, &ip, identity);
        nodes.push(NodeConfig {
            port: address.port(),
            memory_bytes: args.node_memory,
            flash_bytes: args.node_flash.unwrap_or_default(),
            ..node
        });
    }
    let mut world = World::new(Config {
        seed: args.seed,
        start,
        profile: args.profile,
        switches,
        bugs: Bugs::named(&args.bugs)?,
        timings: Timings::default(),
        nodes,
        certificates: mint::source(start, key).map_err(unmade)?,
        faults: FaultPlan::default(),
        log_capacity: args.log_capacity,
        ownership_tag: args.ownership_tag.clone(),
    });
    if let Some(name) = &args.cluster {
        let license = args
            .license_shards
            .map(|shards| License::bought(name, shards, start, 365).text);
        let formation = Formation {
            members: usize::from(args.nodes),
            license: license.unwrap_or_default(),
            node_shards: args.node_shards,
            node_listeners: args.node_listeners,
            ..Formation::new(name, &args.username, &args.password)
        };
        world
            .form(&formation)
            .map_err(|error| format!("--cluster {name}: {error}"))?;
        world.advance(now);
    }
    world.set_faults(faults);
    Ok(world)
}

pub(super) fn wanted_addresses(args: &ServeArgs) -> Result<Vec<SocketAddr>, String> {
    let wanted = |index: u8| {
        let address = if args.one_address {
            args.bind
        } else {
            nth_address(args.bind, index)?
        };
        let step = if args.one_address && args.port != 0 {
            u16::from(index)
        } else {
            0
        };
        let port = args
            .port
            .checked_add(step)
            .ok_or("--port is too high for so many nodes")?;
        Ok(SocketAddr::new(address, port))
    };
    (0..args.nodes).map(wanted).collect()
}

fn nth_address(first: IpAddr, index: u8) -> Result<IpAddr, String> {
    match first {
        IpAddr::V4(first) => {
            let next = u32::from(first)
                .checked_add(u32::from(index))
                .ok_or("--bind is too high for so many nodes")?;
            Ok(IpAddr::V4(next.into()))
        }
        IpAddr::V6(_) if index == 0 => Ok(first),
        IpAddr::V6(_) => Err("several nodes on IPv6 need --one-address".to_owned()),
    }
}

/// What a state file says besides the world.
pub(super) fn note(args: &ServeArgs) -> Value {
    json!({"cluster": args.cluster, "username": args.username, "password": args.password})
}

/// The world of a state file, and the flags that describe it. Flags that were `given` must not say otherwise.
pub(super) fn restore(
    args: &ServeArgs,
    path: &Path,
    given: impl Fn(&str) -> bool,
) -> Result<(ServeArgs, World), String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let way_out = "move the file away to begin anew";
    let source = mint::source(wall_clock(), key_kind(args));
    let source = source.map_err(|error| format!("cannot make a certificate: {error}"))?;
    let (world, note) =
        World::restored(&text, source).map_err(|why| format!("cannot use {shown}: {why}; {way_out}"))?;
    let mut described = args.clone();
    let nodes = (0..)
        .map_while(|index| world.address_of(NodeIndex(index)))
        .count();
    described.nodes = u8::try_from(nodes).unwrap_or(u8::MAX);
    described.profile = world.profile();
    let text = |key: &str| note.get(key).and_then(Value::as_str).map(str::to_owned);
    described.cluster = text("cluster");
    described.username = text("username").unwrap_or_else(|| args.username.clone());
    described.password = text("password").unwrap_or_else(|| args.password.clone());
    let switches = args.switches.is_empty() || read_switches(&args.switches)? == world.env.switches;
    let bugs = Bugs::named(&args.bugs)?.is_none_or(|bugs| bugs == world.env.bugs);
    let same = [
        ("switches", switches),
        ("bugs", bugs),
        ("nodes", described.nodes == args.nodes),
        ("profile", described.profile == args.profile),
        ("cluster", described.cluster == args.cluster),
        ("username", described.username == args.username),
        ("password", described.password == args.password),
    ];
    match same.iter().find(|(flag, same)| !same && given(flag)) {
        Some((flag, _)) => Err(format!("--{flag} differs from the world in {shown}; {way_out}")),
        None => Ok((described, world)),
    }
}

/// Where the nodes of a restored world listened.
pub(super) fn kept_addresses(world: &World) -> Result<Vec<SocketAddr>, String> {
    let nodes = (0..).map_while(|index| world.address_of(NodeIndex(index)));
    let parsed = nodes.map(|(address, port)| {
        let ip: IpAddr = address.parse().map_err(|_| format!("{address} is no address"))?;
        Ok(SocketAddr::new(ip, port))
    });
    parsed.collect()
}

pub(super) fn key_kind(args: &ServeArgs) -> KeyKind {
    if args.rsa {
        KeyKind::Rsa4096
    } else {
        KeyKind::Ecdsa
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_count_up_from_the_first_address() {
        assert_eq!(
            nth_address("127.0.0.11".parse().unwrap(), 2),
            Ok("127.0.0.13".parse().unwrap())
        );
        assert!(nth_address("::1".parse().unwrap(), 1).is_err());
    }
}
