//! From the start of the program to a cluster: how soon it serves, what it does without flags, how its clock runs.

use crate::turn::turn;
use crate::wire;
use crate::world::{ADMIN, Folder, Resim};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[test]
fn it_serves_after_less_than_300_ms_of_work() {
    for flags in [&[][..], &["--cluster", "demo.example.com"]] {
        // The quickest of three, for a busy machine.
        let work = (0..3).map(|_| Resim::start(flags).cpu()).min().unwrap();
        assert!(work < Duration::from_millis(300), "{flags:?}: {work:?}");
    }
}

/// The documented addresses and credentials, in the program's own words and in use.
#[test]
fn without_flags_three_fresh_nodes_become_a_cluster_at_the_default_addresses() {
    let _turn = turn();
    let sim = Resim::start_with(Folder::new(), &[]);
    let (user, password) = ADMIN;
    assert!(sim.banner.contains("3 fresh nodes"), "{}", sim.banner);
    let login = format!("login   {user}  password {password}");
    assert!(sim.banner.contains(&login), "{}", sim.banner);
    let addresses = ["127.0.0.11", "127.0.0.12", "127.0.0.13"];
    let send = |address: &str, method: &str, path: &str, body: &str| {
        let node = format!("{address}:9443");
        let reply = wire::send(&node, method, path, Some(ADMIN), &[], body.as_bytes());
        assert_eq!(reply.status, 200, "{method} {path}: {}", reply.body);
        reply.json()
    };
    assert_eq!(sim.ready["nodes"].as_array().unwrap().len(), addresses.len());
    let credentials = json!({"username": user, "password": password});
    for (index, address) in addresses.into_iter().enumerate() {
        assert!(
            sim.banner.contains(&format!("https://{address}:9443 ")),
            "{}",
            sim.banner
        );
        assert_eq!(sim.node(index), format!("{address}:9443"));
        let bootstrap = send(address, "GET", "/v1/bootstrap", "");
        assert_eq!(bootstrap["bootstrap_status"]["state"], "idle");
        let (action, cluster) = if index == 0 {
            ("create_cluster", json!({"name": "demo.example.com"}))
        } else {
            ("join_cluster", json!({"nodes": [addresses[0]]}))
        };
        let body = json!({"action": action, "cluster": cluster, "credentials": credentials});
        send(
            address,
            "POST",
            &format!("/v1/bootstrap/{action}"),
            &body.to_string(),
        );
        sim.pass(60);
    }
    let nodes = send(addresses[0], "GET", "/v1/nodes", "");
    let nodes = nodes.as_array().unwrap().iter();
    let shown: Vec<_> = nodes
        .map(|node| (node["addr"].as_str(), node["status"].as_str()))
        .collect();
    assert_eq!(shown, addresses.map(|address| (Some(address), Some("active"))));
}

/// The simulated time, with moments between which it was read.
fn read_clock(sim: &Resim) -> (Instant, Timestamp, Instant) {
    let before = Instant::now();
    let state = sim.admin("GET", "/state", &Value::Null);
    let now = state["now"].as_str().unwrap().parse().unwrap();
    (before, now, Instant::now())
}

#[test]
fn simulated_time_runs_as_many_times_as_fast_as_the_flag_says() {
    for (flags, speed) in [(&["--speed", "10"][..], 10), (&[], 1)] {
        let sim = Resim::start(&[&["--nodes", "1"], flags].concat());
        let (began, first, known) = read_clock(&sim);
        let (ended, last, at_the_end) = loop {
            let read = read_clock(&sim);
            if read.0.duration_since(known) >= Duration::from_millis(100) {
                break read;
            }
        };
        let passed = last.duration_since(first);
        let times = |real: Duration| SignedDuration::try_from(real * speed).unwrap();
        let (least, most) = (times(ended - known), times(at_the_end - began));
        assert!(
            (least..=most).contains(&passed),
            "{speed}: {passed:?} is not from {least:?} to {most:?}"
        );
    }
}
