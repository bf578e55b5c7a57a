//! `--state-file`: a world that outlives its process.

use crate::wire::KeptAlive;
use crate::world::{Folder, Resim, output};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

const FLAGS: &[&str] = &[
    "--bind",
    "127.0.0.1",
    "--one-address",
    "--port",
    "0",
    "--cluster",
    "rs.example.com",
    "--profile",
    "7.22",
    "--username",
    "me@example.com",
    "--password",
    "mine",
    "--state-file",
    "{}/rs.json",
];

fn call(sim: &Resim, method: &str, path: &str, body: &Value) -> Value {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let login = Some(("me@example.com", "mine"));
    let reply = crate::wire::send(&sim.node(0), method, path, login, &[], body.as_bytes());
    assert_eq!(reply.status, 200, "{method} {path}: {}", reply.body);
    reply.json()
}

#[test]
fn a_restart_goes_on_where_the_world_stopped() {
    let sim = Resim::start_with(Folder::new(), FLAGS);
    let body = json!({"name": "db", "memory_size": 1 << 28});
    call(&sim, "POST", "/v1/bdbs", &body);
    let node = sim.node(0);
    let before = sim.admin("GET", "/state", &Value::Null);
    let (status, _, folder) = sim.end("INT");
    assert!(status.success());
    let mode = std::fs::metadata(folder.file("rs.json")).unwrap();
    assert_eq!(mode.mode() & 0o777, 0o600, "it holds secrets");

    let sim = Resim::start_with(folder, &["--state-file", "{}/rs.json"]);
    assert_eq!(sim.node(0), node, "clients find it at the same address");
    assert_eq!(sim.ready["version"], "7.22.2-170");
    assert_eq!(
        (&sim.ready["username"], &sim.ready["cluster"]),
        (&json!("me@example.com"), &json!("rs.example.com"))
    );
    let after = sim.admin("GET", "/state", &Value::Null);
    let time = |state: &Value| state["now"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let passed = time(&after).duration_since(time(&before)).as_secs();
    assert!(
        (0..60).contains(&passed),
        "time stood still meanwhile, and goes on: {passed} s"
    );
    assert_eq!(after["requests"]["total"], before["requests"]["total"]);
    sim.pass(60);
    assert_eq!(
        call(&sim, "GET", "/v1/bdbs/1", &Value::Null)["status"],
        "active",
        "work under way ended"
    );
}

#[test]
fn a_change_is_in_the_file_soon_even_if_the_process_is_killed() {
    let sim = Resim::start_with(Folder::new(), FLAGS);
    call(&sim, "PUT", "/v1/cluster", &json!({"email_alerts": true}));
    let saved = |sim: &Resim| sim.folder.text("rs.json").contains("\"email_alerts\":true");
    let end = Instant::now() + Duration::from_secs(20);
    while !saved(&sim) && Instant::now() < end {
        std::thread::yield_now();
    }
    let (_, _, folder) = sim.end("KILL");
    let sim = Resim::start_with(folder, &["--state-file", "{}/rs.json"]);
    assert_eq!(
        call(&sim, "GET", "/v1/cluster", &Value::Null)["email_alerts"],
        true
    );
}

/// Reads a state file that somebody else is writing: the open file, its text, its inode.
fn read_open(path: &Path) -> (File, String, u64) {
    let mut file = File::open(path).unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    let inode = file.metadata().unwrap().ino();
    (file, text, inode)
}

/// Two lines of JSON; the first has the checksum of its note and of the second.
#[track_caller]
fn assert_whole(text: &str) {
    let (head, world) = text.trim_end().split_once('\n').unwrap();
    let head: Value = serde_json::from_str(head).unwrap();
    let digest = Sha256::new().chain_update(head["note"].to_string());
    let digest = digest.chain_update(world).finalize();
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(head["sha256"], digest);
    assert!(serde_json::from_str::<Value>(world).is_ok());
}

/// Reads the file until so many changes of it were seen.
fn watch(path: &Path, changes: usize) {
    let end = Instant::now() + Duration::from_secs(60);
    // What was read last stays open, so that no later file can be given its inode.
    let (mut seen, mut last) = (0, read_open(path));
    while seen < changes {
        assert!(Instant::now() < end, "{seen} changes");
        let next = read_open(path);
        assert_whole(&next.1);
        assert_eq!(next.2 == last.2, next.1 == last.1, "another text is another file");
        if next.2 == last.2 {
            continue;
        }
        let mut again = String::new();
        last.0.rewind().unwrap();
        last.0.read_to_string(&mut again).unwrap();
        assert_eq!(again, last.1, "what was written once stays as it is");
        (seen, last) = (seen + 1, next);
    }
}

#[test]
fn a_reader_finds_the_file_whole_at_every_moment_of_many_changes() {
    let sim = Resim::start_with(Folder::new(), FLAGS);
    let path = sim.folder.file("rs.json");
    let mut client = KeptAlive::new(&sim.node(0), ("me@example.com", "mine"));
    let mut change = |number: u32| {
        let body = json!({ "email_alerts": number.is_multiple_of(2) }).to_string();
        assert_eq!(client.send("PUT", "/v1/cluster", &body).status, 200);
    };
    let mut numbers = 0..;
    while !path.exists() {
        numbers.by_ref().take(1).for_each(&mut change);
    }
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| watch(&path, 20));
        while !reader.is_finished() {
            numbers.by_ref().take(1).for_each(&mut change);
        }
        reader.join().unwrap();
    });
}

#[track_caller]
fn refused(file: &Path, flags: &[&str], says: &str) {
    let mut all = vec!["--state-file", file.to_str().unwrap()];
    all.extend(flags);
    let output = output(&all);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(
        error.contains(says) && error.contains(file.to_str().unwrap()),
        "{error}"
    );
    assert!(error.contains("begin anew"), "it says what to do: {error}");
}

#[test]
fn a_file_that_cannot_be_used_is_refused_and_left_alone() {
    let sim = Resim::start_with(Folder::new(), FLAGS);
    let (_, _, folder) = sim.end("INT");
    let whole = folder.text("rs.json");
    let file = folder.file("rs.json");
    refused(&file, &["--nodes", "5"], "--nodes");
    refused(&file, &["--profile", "8.0"], "--profile");
    refused(&file, &["--cluster", "other.example.com"], "--cluster");
    refused(&file, &["--switches", "restart-resets"], "--switches");
    refused(&file, &["--bugs", "role-uid-refused"], "--bugs");
    for (text, says) in [
        (whole[..whole.len() / 2].to_owned(), "damaged"),
        (whole.replacen("rs.example.com", "rs.example.org", 1), "damaged"),
        (
            whole.replacen("\"resim_state\":2", "\"resim_state\":9", 1),
            "version 9",
        ),
        ("{}".to_owned(), "not a saved world"),
    ] {
        std::fs::write(&file, &text).unwrap();
        refused(&file, &[], says);
        assert_eq!(folder.text("rs.json"), text);
    }
}
