//! `--data-plane`: databases that really answer. Needs redis-server; `make test` installs it or says how.

mod outage;
mod tls;

use crate::wire::read_to_end;
use crate::world::{Folder, Resim, command};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// `address:port` of a database.
fn at(sim: &Resim, uid: u64) -> String {
    let endpoint = &sim.ok("GET", &format!("/v1/bdbs/{uid}"), &Value::Null)["endpoints"][0];
    format!("{}:{}", endpoint["addr"][0].as_str().unwrap(), endpoint["port"])
}

/// Sends commands to a database, then QUIT, and gives everything that it answers; none if nothing listens.
fn redis(sim: &Resim, uid: u64, commands: &[&str]) -> Option<String> {
    redis_at(&at(sim, uid), commands)
}

fn redis_at(address: &str, commands: &[&str]) -> Option<String> {
    let stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    Some(talk(stream, commands))
}

fn talk(mut stream: impl Read + Write, commands: &[&str]) -> String {
    for command in commands.iter().chain(&["QUIT"]) {
        let _ = stream.write_all(format!("{command}\r\n").as_bytes());
    }
    let _ = stream.flush();
    String::from_utf8_lossy(&read_to_end(&mut stream)).into_owned()
}

#[track_caller]
fn holds(sim: &Resim, uid: u64, key: &str) -> bool {
    let answer = redis(sim, uid, &[&format!("GET {key}")]).unwrap();
    assert!(answer.ends_with("+OK\r\n"), "{answer}");
    answer.starts_with("$1\r\nv\r\n")
}

#[track_caller]
fn put(sim: &Resim, uid: u64, body: &Value) {
    sim.ok("PUT", &format!("/v1/bdbs/{uid}"), body);
    sim.pass(60);
}

/// Ports of databases follow from the seed: each test has its own.
fn seed() -> String {
    static STARTED: AtomicU32 = AtomicU32::new(0);
    (std::process::id() * 100 + STARTED.fetch_add(1, Ordering::Relaxed)).to_string()
}

fn with_data() -> Resim {
    Resim::cluster(&["--data-plane", "--seed", &seed()])
}

/// A database whose shards are not on the node that the tests talk to.
fn elsewhere(sim: &Resim, fields: &Value) -> u64 {
    let mut body = json!({"name": "db", "memory_size": 64 << 20, "avoid_nodes": ["1"]});
    body.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    sim.database(&body)
}

/// Index of the machine on which the database's master is.
fn machine(sim: &Resim, uid: u64) -> u64 {
    let shards = sim.ok("GET", &format!("/v1/bdbs/{uid}/shards"), &Value::Null);
    let master = |shard: &&Value| shard["role"] == "master";
    let node = &shards.as_array().unwrap().iter().find(master).unwrap()["node_uid"];
    node.to_string().trim_matches('"').parse::<u64>().unwrap() - 1
}

#[track_caller]
fn power(sim: &Resim, machine: u64, action: &str) {
    assert_ne!(machine, 0, "the tests talk to that one");
    sim.admin("POST", &format!("/nodes/{machine}/{action}"), &json!({}));
}

#[test]
fn a_database_is_served_with_its_passwords_memory_and_eviction_and_dies_with_itself() {
    let sim = with_data();
    let uid = sim.database(&json!({
        "name": "db", "memory_size": 64 << 20, "eviction_policy": "allkeys-lru", "authentication_redis_pass": "one",
    }));
    let config = [
        "AUTH one",
        "SET k v",
        "GET k",
        "CONFIG GET maxmemory",
        "CONFIG GET maxmemory-policy",
    ];
    let answer = redis(&sim, uid, &config).unwrap();
    for part in ["$1\r\nv", "67108864", "allkeys-lru"] {
        assert!(answer.contains(part), "{part}: {answer}");
    }
    assert!(redis(&sim, uid, &["GET k"]).unwrap().contains("NOAUTH"));
    let passwords = format!("/v1/bdbs/{uid}/passwords");
    sim.ok("POST", &passwords, &json!({"password": "two"}));
    for word in ["one", "two"] {
        let answer = redis(&sim, uid, &[&format!("AUTH {word}"), "GET k"]).unwrap();
        assert!(answer.contains("$1\r\nv"), "{word} during the overlap: {answer}");
    }
    sim.ok("DELETE", &passwords, &json!({"password": "one"}));
    assert!(redis(&sim, uid, &["AUTH one"]).unwrap().contains("WRONGPASS"));
    put(
        &sim,
        uid,
        &json!({"memory_size": 128 << 20, "eviction_policy": "noeviction"}),
    );
    let answer = redis(&sim, uid, &["AUTH two", "GET k", "CONFIG GET maxmemory*"]).unwrap();
    for part in ["$1\r\nv", "134217728", "noeviction"] {
        assert!(
            answer.contains(part),
            "the data outlives the change, {part}: {answer}"
        );
    }
    let address = at(&sim, uid);
    sim.ok("DELETE", &format!("/v1/bdbs/{uid}"), &Value::Null);
    sim.pass(60);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_password_that_replaces_another_counts_at_once_and_no_default_user_lets_nobody_in() {
    let sim = with_data();
    let uid =
        sim.database(&json!({"name": "db", "memory_size": 64 << 20, "authentication_redis_pass": "one"}));
    put(&sim, uid, &json!({"authentication_redis_pass": "two"}));
    assert!(redis(&sim, uid, &["AUTH one"]).unwrap().contains("WRONGPASS"));
    assert!(redis(&sim, uid, &["AUTH two", "PING"]).unwrap().contains("+PONG"));
    put(&sim, uid, &json!({"default_user": false}));
    assert!(
        redis(&sim, uid, &["AUTH two", "PING"])
            .unwrap()
            .contains("WRONGPASS")
    );
}

#[test]
fn what_the_memory_limit_keeps_out_is_refused() {
    let sim = with_data();
    let uid = sim.database(&json!({"name": "db", "memory_size": 10 << 20, "eviction_policy": "noeviction"}));
    let big = format!("SET big {}", "x".repeat(60_000));
    let fill: Vec<String> = (0..300)
        .map(|number| big.replacen("big", &format!("k{number}"), 1))
        .collect();
    let fill: Vec<&str> = fill.iter().map(String::as_str).collect();
    assert!(
        redis(&sim, uid, &fill)
            .unwrap()
            .contains("OOM command not allowed")
    );
}

#[test]
fn a_flush_through_the_api_empties_it_once() {
    let sim = with_data();
    let uid = sim.database(&json!({"name": "db", "memory_size": 64 << 20}));
    redis(&sim, uid, &["SET k v"]).unwrap();
    sim.ok("PUT", &format!("/v1/bdbs/{uid}/flush"), &json!({}));
    assert!(!holds(&sim, uid, "k"));
    redis(&sim, uid, &["SET k v"]).unwrap();
    sim.pass(60);
    put(&sim, uid, &json!({"memory_size": 32 << 20}));
    assert!(holds(&sim, uid, "k"), "later changes leave the data");
}

#[test]
fn stopped_traffic_is_refused_and_resumed_with_the_data() {
    let sim = with_data();
    let uid = sim.database(&json!({"name": "db", "memory_size": 64 << 20}));
    redis(&sim, uid, &["SET k v"]).unwrap();
    let mut open = TcpStream::connect(at(&sim, uid)).unwrap();
    sim.ok(
        "POST",
        &format!("/v1/bdbs/{uid}/actions/stop_traffic"),
        &json!({}),
    );
    assert!(redis(&sim, uid, &["PING"]).is_none());
    assert!(read_to_end(&mut open).is_empty(), "clients are sent away");
    sim.pass(60);
    sim.ok(
        "POST",
        &format!("/v1/bdbs/{uid}/actions/resume_traffic"),
        &json!({}),
    );
    assert!(holds(&sim, uid, "k"));
}

#[test]
fn every_node_serves_a_database_whose_policy_says_so_while_it_runs() {
    let flags = [
        "--bind",
        "127.0.75.1",
        "--port",
        "0",
        "--data-plane",
        "--seed",
        &seed(),
        "--cluster",
        "rs.example.com",
    ];
    let sim = Resim::start_with(Folder::new(), &flags);
    let uid = elsewhere(&sim, &json!({}));
    let port = sim.ok("GET", &format!("/v1/bdbs/{uid}"), &Value::Null)["endpoints"][0]["port"].clone();
    let served = || {
        let answers = |number: &u32| redis_at(&format!("127.0.75.{number}:{port}"), &["PING"]).is_some();
        (1..=3).filter(answers).collect::<Vec<u32>>()
    };
    let place = u32::try_from(machine(&sim, uid)).unwrap() + 1;
    assert_eq!(served(), [place], "one endpoint on the node of the shard");
    put(&sim, uid, &json!({"proxy_policy": "all-nodes"}));
    assert_eq!(served(), [1, 2, 3]);
    redis_at(&format!("127.0.75.1:{port}"), &["SET k v"]).unwrap();
    let answer = redis_at(&format!("127.0.75.3:{port}"), &["GET k"]).unwrap();
    assert!(answer.starts_with("$1\r\nv"), "one database behind all: {answer}");
    let other = 5 - place;
    power(&sim, u64::from(other) - 1, "crash");
    assert_eq!(served(), [1, place], "a node without power serves nothing");
}

#[test]
fn databases_of_several_shards_answer_as_one_and_grow_with_their_data() {
    let sim = with_data();
    let regex = json!([{"regex": ".*\\{(?<tag>.*)\\}.*"}, {"regex": "(?<tag>.*)"}]);
    let uid = sim.database(&json!({
        "name": "db", "memory_size": 256 << 20, "sharding": true, "shards_count": 2, "shard_key_regex": regex,
        "proxy_policy": "all-master-shards", "replication": true,
    }));
    let answer = redis(
        &sim,
        uid,
        &["SET k v", "SET l v", "MGET k l", "CONFIG GET maxmemory"],
    )
    .unwrap();
    assert!(
        answer.contains("*2\r\n$1\r\nv\r\n$1\r\nv\r\n") && answer.contains("134217728"),
        "{answer}"
    );
    put(&sim, uid, &json!({"shards_count": 4}));
    assert!(holds(&sim, uid, "k") && holds(&sim, uid, "l"));
    let cluster = sim.database(&json!({
        "name": "oss", "memory_size": 256 << 20, "sharding": true, "shards_count": 2, "shard_key_regex": regex,
        "oss_cluster": true, "proxy_policy": "all-master-shards",
    }));
    redis(&sim, cluster, &["SET k v"]).unwrap();
    assert!(holds(&sim, cluster, "k"));
}

#[test]
fn the_port_stays_and_is_the_one_asked_for() {
    let sim = with_data();
    let port = 12_000 + u32::from(std::process::id() as u16 % 5000);
    let uid = sim.database(&json!({"name": "db", "memory_size": 64 << 20, "port": port}));
    assert!(at(&sim, uid).ends_with(&format!(":{port}")));
    redis(&sim, uid, &["SET k v"]).unwrap();
    let reply = sim.call("PUT", &format!("/v1/bdbs/{uid}"), &json!({"port": port + 1}));
    assert!((400..500).contains(&reply.status), "{reply:?}");
    assert!(holds(&sim, uid, "k"));
}

#[test]
fn a_port_that_another_program_has_is_told_and_taken_when_it_is_free() {
    let sim = with_data();
    let free = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).ok();
    let (port, taken) = (15_000..16_000)
        .find_map(|port| Some((port, free(port)?)))
        .unwrap();
    let uid = sim.database(&json!({"name": "db", "memory_size": 64 << 20, "port": port}));
    let log = sim.folder.text("stderr");
    assert_eq!(log.matches("is not served as it should be").count(), 1, "{log}");
    drop(taken);
    let end = Instant::now() + Duration::from_secs(20);
    while redis(&sim, uid, &["PING"]).is_none() {
        assert!(Instant::now() < end, "{}", sim.folder.text("stderr"));
    }
}

#[test]
fn clients_cannot_take_the_server_away() {
    let sim = with_data();
    let uid = sim.database(&json!({"name": "db", "memory_size": 64 << 20}));
    redis(&sim, uid, &["SET k v"]).unwrap();
    for command in [
        "SHUTDOWN NOSAVE",
        "SAVE",
        "REPLICAOF 127.0.0.1 1",
        "ACL SETUSER default off",
    ] {
        let answer = redis(&sim, uid, &[command]).unwrap();
        assert!(answer.starts_with("-NOPERM"), "{command}: {answer}");
    }
    assert!(holds(&sim, uid, "k"));
}

#[test]
fn a_server_that_ends_by_itself_is_started_again() {
    let sim = with_data();
    let uid = sim.database(&json!({"name": "db", "memory_size": 64 << 20}));
    let info = redis(&sim, uid, &["INFO server"]).unwrap();
    let pid = info
        .lines()
        .find_map(|line| line.strip_prefix("process_id:"))
        .unwrap();
    let mut open = TcpStream::connect(at(&sim, uid)).unwrap();
    assert!(
        std::process::Command::new("kill")
            .args(["-KILL", pid])
            .status()
            .unwrap()
            .success()
    );
    assert!(read_to_end(&mut open).is_empty());
    let end = Instant::now() + Duration::from_secs(20);
    while redis(&sim, uid, &["PING"]).is_none() {
        assert!(Instant::now() < end, "{}", sim.folder.text("stderr"));
    }
}

#[test]
fn a_restart_with_its_state_serves_the_databases_anew() {
    let flags = ["--data-plane", "--seed", &seed(), "--state-file", "{}/rs.json"];
    let sim = Resim::start_with(
        Folder::new(),
        &[
            &[
                "--bind",
                "127.0.0.1",
                "--one-address",
                "--port",
                "0",
                "--cluster",
                "rs.example.com",
            ][..],
            &flags,
        ]
        .concat(),
    );
    let uid =
        sim.database(&json!({"name": "db", "memory_size": 64 << 20, "authentication_redis_pass": "one"}));
    assert!(
        redis(&sim, uid, &["AUTH one", "SET k v"])
            .unwrap()
            .contains("+OK\r\n+OK")
    );
    let address = at(&sim, uid);
    let (status, _, folder) = sim.end("INT");
    assert!(status.success());
    let sim = Resim::start_with(folder, &["--data-plane", "--state-file", "{}/rs.json"]);
    // No request comes before: what says that it serves has the database up.
    let answer = redis_at(&address, &["AUTH one", "GET k"]).unwrap();
    assert_eq!(at(&sim, uid), address);
    assert!(
        answer.starts_with("+OK\r\n$-1"),
        "the data went with the process: {answer}"
    );
}

/// Ends resim by a signal and gives how long it took; its database's connection ends, and nothing listens any more.
fn ends_with(sim: Resim, signal: &str) -> Duration {
    let uid = sim.database(&json!({"name": "db", "memory_size": 64 << 20, "replication": true}));
    let address = at(&sim, uid);
    let mut open = TcpStream::connect(&address).unwrap();
    open.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let folder = std::env::temp_dir().join(format!("resim-data-{}", sim.pid()));
    assert!(folder.is_dir());
    let (_, took, _) = sim.end(signal);
    assert!(read_to_end(&mut open).is_empty(), "the connection ends");
    assert!(TcpStream::connect(address).is_err(), "{signal}");
    assert_eq!(folder.is_dir(), signal == "KILL", "nothing is left on disk");
    let _ = std::fs::remove_dir_all(folder);
    took
}

#[test]
fn the_servers_end_with_resim_even_when_it_is_killed() {
    assert!(ends_with(with_data(), "INT") < Duration::from_secs(1));
    ends_with(with_data(), "KILL");
}

#[test]
fn the_servers_end_with_resim_where_the_kernel_is_not_asked_to_end_them() {
    let folder = Folder::new();
    for program in ["sh", "redis-server"] {
        let found = std::env::var("PATH").unwrap();
        let found = found.split(':').map(|path| format!("{path}/{program}"));
        let found = found
            .into_iter()
            .find(|path| std::path::Path::new(path).exists())
            .unwrap();
        std::os::unix::fs::symlink(found, folder.file(program)).unwrap();
    }
    for signal in ["INT", "KILL"] {
        let path = folder.path().to_str().unwrap();
        let sim = Resim::cluster_in_path(path, &["--data-plane", "--seed", &seed()]);
        ends_with(sim, signal);
    }
}

#[test]
fn without_the_program_it_says_how_to_get_it() {
    let folder = Folder::new();
    let flags = [
        "--bind",
        "127.0.0.1",
        "--one-address",
        "--port",
        "0",
        "--data-plane",
    ];
    let output = command(&flags).env("PATH", folder.path()).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("apt-get install redis-server"), "{error}");
}
