//! `--http-port`: the API without TLS, while the cluster's `http_support` is on.

use crate::wire::{Reply, read_to_end, send_plain, tcp};
use crate::world::{Resim, output};
use serde_json::{Value, json};
use std::io::Write as _;

const LOGIN: &str = "authorization: Basic YWRtaW5AZXhhbXBsZS5jb206cmVzaW0tYWRtaW4=";

/// Where a node serves plain HTTP.
fn plain(sim: &Resim, index: usize) -> String {
    let node = &sim.ready["nodes"][index];
    format!("{}:{}", node["address"].as_str().unwrap(), node["http_port"])
}

fn nodes(sim: &Resim, index: usize) -> Reply {
    crate::wire::send_over(tcp(&plain(sim, index)), &asks("close"))
}

fn asks(connection: &str) -> Vec<u8> {
    format!("GET /v1/nodes HTTP/1.1\r\nhost: x\r\n{LOGIN}\r\nconnection: {connection}\r\n\r\n").into_bytes()
}

fn support(sim: &Resim, on: bool) {
    let body = json!({ "http_support": on });
    assert_eq!(sim.ok("PUT", "/v1/cluster", &body)["http_support"], on);
}

#[test]
fn every_node_serves_it_while_the_cluster_says_so() {
    let sim = Resim::cluster(&["--http-port", "0"]);
    support(&sim, true);
    for index in 0..3 {
        let status = if index == 0 { 200 } else { 307 };
        assert_eq!(
            nodes(&sim, index).status,
            status,
            "the master answers, the others name it"
        );
        assert!(
            sim.banner.contains(&format!("http://{}", plain(&sim, index))),
            "{}",
            sim.banner
        );
    }
    let mut open = tcp(&plain(&sim, 0));
    open.write_all(&asks("keep-alive")).unwrap();
    support(&sim, false);
    for index in 0..3 {
        let reply = nodes(&sim, index);
        assert_eq!(
            (reply.status, reply.body.as_str()),
            (0, ""),
            "closed without a word"
        );
    }
    // It may have been answered before; what comes now is not.
    let _ = open.write_all(&asks("close"));
    let answers = String::from_utf8_lossy(&read_to_end(&mut open)).into_owned();
    assert!(answers.matches("HTTP/1.1 200").count() <= 1, "{answers}");
    assert_eq!(
        sim.call("GET", "/v1/nodes", &Value::Null).status,
        200,
        "TLS stays"
    );
    support(&sim, true);
    assert_eq!(nodes(&sim, 0).status, 200);
}

#[test]
fn who_turns_it_off_by_it_is_answered_and_sent_away() {
    let sim = Resim::cluster(&["--nodes", "1", "--http-port", "0"]);
    support(&sim, true);
    let body = r#"{"http_support": false}"#;
    let length = body.len();
    let put =
        format!("PUT /v1/cluster HTTP/1.1\r\nhost: x\r\n{LOGIN}\r\ncontent-length: {length}\r\n\r\n{body}");
    let mut open = tcp(&plain(&sim, 0));
    open.write_all(put.as_bytes()).unwrap();
    let answer = String::from_utf8_lossy(&read_to_end(&mut open)).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
}

#[test]
fn a_node_without_a_cluster_does_as_a_new_cluster_would() {
    let documented = ["--switches", "defaults-as-documented"];
    for (flags, fresh, formed) in [(&[][..], 503, 401), (&documented, 0, 0)] {
        let flags = [&["--nodes", "1", "--http-port", "0"], flags].concat();
        let sim = Resim::start(&flags);
        let before = send_plain(&plain(&sim, 0), "GET", "/v1/nodes", "");
        assert_eq!(before.status, fresh, "{before:?}");
        let sim = Resim::cluster(&flags);
        let after = send_plain(&plain(&sim, 0), "GET", "/v1/nodes", "");
        assert_eq!(after.status, formed, "{after:?}");
    }
}

#[test]
fn faults_and_the_log_are_those_of_the_node() {
    let sim = Resim::cluster(&[
        "--http-port",
        "0",
        "--fault",
        "GET /v1/nodes node=0 count=1 reset",
    ]);
    support(&sim, true);
    assert_eq!(nodes(&sim, 0).status, 0);
    assert_eq!(nodes(&sim, 0).status, 200);
    let log = sim.folder.text("stderr");
    assert_eq!(log.matches("GET /v1/nodes").count(), 2, "{log}");
    sim.admin("POST", "/nodes/1/crash", &json!({}));
    assert_eq!(nodes(&sim, 1).status, 0);
}

#[test]
fn without_the_flag_there_is_none_and_a_port_that_is_taken_is_a_mistake() {
    let sim = Resim::cluster(&["--nodes", "1"]);
    assert!(sim.ready["nodes"][0].get("http_port").is_none());
    assert!(!sim.banner.contains("http_support"), "{}", sim.banner);
    let taken = sim.ready["nodes"][0]["port"].to_string();
    let one = ["--nodes", "1", "--bind", "127.0.0.1", "--port", "0"];
    let output = output(&[&one[..], &["--http-port", &taken]].concat());
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(
        error.contains(&taken) && error.contains("cannot listen"),
        "{error}"
    );
}
