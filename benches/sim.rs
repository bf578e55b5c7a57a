//! How the cost of the simulator grows with the number of databases, as ratios: `cargo bench --bench sim`.
//!
//! Each row is one cluster with so many databases, created one by one through requests. A ratio near 1 says that a request
//! costs the same in the large cluster as in the small one; for lists, that an entry does.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement that cannot be set up has nothing to say"
)]

use bytes::Bytes;
use http::Request;
use jiff::{SignedDuration, Timestamp};
use regent::sim::license_text::License;
use regent::sim::{Config, Formation, NodeIndex, Outcome, World};
use std::time::{Duration, Instant};

const SIZES: [u32; 4] = [1000, 3000, 6000, 9000];
/// `admin:secret`
const LOGIN: &str = "Basic YWRtaW46c2VjcmV0";

fn main() {
    println!(
        "databases  create us (ratio)  list us/db (ratio)  names us/db (ratio)  one us (ratio)  resident MiB"
    );
    let mut first = None;
    for size in SIZES {
        let row = measure(size);
        let base: [f64; 4] = *first.get_or_insert(row);
        let cells: Vec<String> = row
            .iter()
            .zip(base)
            .map(|(cost, base)| format!("{cost:9.1} ({:.2})", cost / base))
            .collect();
        println!("{size:9}  {}  {:8}", cells.join("   "), resident_mib());
    }
}

/// Microseconds for: one creation, one database in the list, one in the list of names, one database by itself.
fn measure(size: u32) -> [f64; 4] {
    let mut world = cluster();
    let began = Instant::now();
    for number in 0..size {
        let body =
            format!("{{\"name\": \"db{number}\", \"memory_size\": 10485760, \"redis_version\": \"8.2\"}}");
        send(&mut world, "POST", "/v1/bdbs", body);
        let soon = world.now() + SignedDuration::from_millis(100);
        world.advance(soon);
    }
    let create = began.elapsed();
    let list = time(|| send(&mut world, "GET", "/v1/bdbs", String::new()));
    let names = time(|| send(&mut world, "GET", "/v1/bdbs?fields=uid,name", String::new()));
    let one = time(|| send(&mut world, "GET", "/v1/bdbs/500", String::new()));
    let micros = |took: Duration, parts: u32| took.as_secs_f64() * 1e6 / f64::from(parts);
    [
        micros(create, size),
        micros(list, size),
        micros(names, size),
        micros(one, 1),
    ]
}

/// The shortest of five.
fn time(mut act: impl FnMut()) -> Duration {
    let once = |()| {
        let began = Instant::now();
        act();
        began.elapsed()
    };
    [(); 5].map(once).into_iter().min().unwrap_or_default()
}

fn send(world: &mut World, method: &str, path: &str, body: String) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", LOGIN)
        .body(Bytes::from(body))
        .unwrap();
    match world.handle(NodeIndex(0), &request) {
        Outcome::Reply { response, .. } if response.status() == 200 => {}
        other => panic!("{method} {path}: {other:?}"),
    }
}

fn cluster() -> World {
    let start: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
    let mut config = Config::machines(3, start).unwrap();
    for node in &mut config.nodes {
        node.memory_bytes = 1 << 40;
    }
    let mut world = World::new(config);
    let formation = Formation {
        license: License::bought("rs.example.com", 100_000, start, 365).text,
        node_shards: 10_000,
        node_listeners: 10_000,
        ..Formation::new("rs.example.com", "admin", "secret")
    };
    world.form(&formation).unwrap();
    world
}

/// Memory of this process; 0 where that cannot be read.
fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}
