//! A cluster as full as its ports allow: what nine thousand databases cost the program.

use crate::wire::KeptAlive;
use crate::world::{ADMIN, Resim};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const DATABASES: usize = 9000;
/// Processor time that the program may use for all of them, built without optimisation and with its answers held against their
/// tables.
const WORK: Duration = Duration::from_secs(30);
/// Resident memory at its largest, in KiB.
const MEMORY_KIB: u64 = 200 << 10;

fn named(number: usize) -> String {
    format!("db{number}")
}

/// The names in a list of databases.
fn names(list: &[Value]) -> BTreeSet<&str> {
    list.iter().filter_map(|bdb| bdb["name"].as_str()).collect()
}

#[test]
fn nine_thousand_databases_cost_bounded_work_and_less_than_200_mib() {
    let sim = Resim::start(&[
        "--cluster",
        "big.example.com",
        "--license-shards",
        "20000",
        "--node-shards",
        "10000",
        "--node-listeners",
        "10000",
        "--node-memory",
        "1Ti",
        "--log",
        "none",
    ]);
    let mut client = KeptAlive::new(&sim.node(0), ADMIN);
    for number in 0..DATABASES {
        let body = json!({"name": named(number), "memory_size": 10 << 20}).to_string();
        let reply = client.send("POST", "/v1/bdbs", &body);
        assert_eq!(reply.status, 200, "{number}: {}", reply.body);
    }
    let wanted: Vec<String> = (0..DATABASES).map(named).collect();
    let wanted: BTreeSet<&str> = wanted.iter().map(String::as_str).collect();
    let mut list = |path| {
        let reply = client.send("GET", path, "");
        assert_eq!(reply.status, 200, "{}", reply.body);
        match reply.json() {
            Value::Array(list) => list,
            other => panic!("{other}"),
        }
    };

    let some = list("/v1/bdbs?fields=uid,name");
    assert!(some.iter().all(|bdb| bdb.as_object().unwrap().len() == 2));
    assert_eq!((some.len(), names(&some)), (DATABASES, wanted.clone()));
    let all = list("/v1/bdbs");
    assert!(all.iter().all(|bdb| bdb["memory_size"] == 10 << 20));
    assert_eq!((all.len(), names(&all)), (DATABASES, wanted));

    let (work, memory_kib) = (sim.cpu(), sim.proc_status("VmHWM"));
    println!("{work:?}, {memory_kib} KiB");
    assert!(work < WORK, "{work:?}");
    assert!(memory_kib < MEMORY_KIB, "{memory_kib} KiB");
}
