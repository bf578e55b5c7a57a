//! `--data-plane`: databases that really answer. Needs redis-server; `make test` installs it or says how.

use crate::wire::{self, read_to_end};
use crate::world::{Folder, Resim, command};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};

/// Sends commands to a database, then QUIT, and gives everything that it answers; none if nothing listens.
fn redis(sim: &Resim, uid: u64, commands: &[&str]) -> Option<String> {
    let port = sim.ok("GET", &format!("/v1/bdbs/{uid}"), &Value::Null)["endpoints"][0]["port"].clone();
    let stream = TcpStream::connect(format!("127.0.0.1:{port}")).ok()?;
    Some(talk(stream, commands))
}

fn talk(mut stream: impl Read + Write, commands: &[&str]) -> String {
    for command in commands.iter().chain(&["QUIT"]) {
        let _ = stream.write_all(format!("{command}\r\n").as_bytes());
    }
    let _ = stream.flush();
    String::from_utf8_lossy(&read_to_end(&mut stream)).into_owned()
}

/// Ports of databases follow from the seed: each test has its own.
fn with_data() -> Resim {
    static STARTED: AtomicU32 = AtomicU32::new(0);
    let seed = std::process::id() * 100 + STARTED.fetch_add(1, Ordering::Relaxed);
    Resim::cluster(&["--data-plane", "--seed", &seed.to_string()])
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
    sim.ok(
        "PUT",
        &format!("/v1/bdbs/{uid}"),
        &json!({"memory_size": 128 << 20, "eviction_policy": "noeviction"}),
    );
    sim.pass(60);
    let answer = redis(&sim, uid, &["AUTH two", "GET k", "CONFIG GET maxmemory*"]).unwrap();
    for part in ["$1\r\nv", "134217728", "noeviction"] {
        assert!(
            answer.contains(part),
            "the data outlives the change, {part}: {answer}"
        );
    }
    let port = sim.ok("GET", &format!("/v1/bdbs/{uid}"), &Value::Null)["endpoints"][0]["port"].clone();
    sim.ok("DELETE", &format!("/v1/bdbs/{uid}"), &Value::Null);
    sim.pass(60);
    sim.ok("GET", "/v1/bdbs", &Value::Null);
    assert!(TcpStream::connect(format!("127.0.0.1:{port}")).is_err());
}

#[test]
fn tls_is_turned_on_with_the_proxy_certificate_and_keeps_the_data() {
    let sim = with_data();
    let uid = sim.database(&json!({"name": "db", "memory_size": 64 << 20}));
    redis(&sim, uid, &["SET k v"]).unwrap();
    let body = json!({"tls_mode": "enabled", "enforce_client_authentication": "disabled"});
    sim.ok("PUT", &format!("/v1/bdbs/{uid}"), &body);
    sim.pass(60);
    let port = sim.ok("GET", &format!("/v1/bdbs/{uid}"), &Value::Null)["endpoints"][0]["port"].clone();
    let mut stream = wire::tls(&format!("127.0.0.1:{port}"), &[]);
    stream.conn.complete_io(&mut stream.sock).unwrap();
    let shown = stream.conn.peer_certificates().unwrap()[0].to_vec();
    let all = sim.ok("GET", "/v1/cluster/certificates", &Value::Null);
    let pem = all["proxy_cert"].as_str().unwrap();
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};
    assert_eq!(
        CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec(),
        shown
    );
    assert!(talk(stream, &["GET k"]).contains("$1\r\nv"));
}

#[test]
fn a_replicated_database_has_a_replica() {
    let sim = with_data();
    let uid = sim.database(&json!({"name": "db", "memory_size": 64 << 20, "replication": true}));
    // WAIT answers as soon as the replica has the write, or zero after twenty seconds.
    let answer = redis(&sim, uid, &["SET k v", "WAIT 1 15000", "CONFIG GET maxmemory"]).unwrap();
    assert!(
        answer.contains(":1\r\n") && answer.contains("33554432"),
        "{answer}"
    );
}

#[test]
fn the_servers_end_with_resim_even_when_it_is_killed() {
    for signal in ["INT", "KILL"] {
        let sim = with_data();
        let uid = sim.database(&json!({"name": "db", "memory_size": 64 << 20}));
        let port = sim.ok("GET", &format!("/v1/bdbs/{uid}"), &Value::Null)["endpoints"][0]["port"].clone();
        let mut open = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
        open.set_read_timeout(Some(std::time::Duration::from_secs(20)))
            .unwrap();
        let _ = sim.end(signal);
        assert!(read_to_end(&mut open).is_empty(), "the connection ends");
        assert!(
            TcpStream::connect(format!("127.0.0.1:{port}")).is_err(),
            "{signal}"
        );
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
