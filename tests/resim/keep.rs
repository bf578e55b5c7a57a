//! `--state-file`: a world that outlives its process.

use crate::world::{Folder, Resim, output};
use serde_json::{Value, json};
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
    assert_eq!(
        std::os::unix::fs::MetadataExt::mode(&mode) & 0o777,
        0o600,
        "it holds secrets"
    );

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
