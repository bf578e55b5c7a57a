//! Clients that misbehave get an orderly answer or an orderly end, never a hang, and take up no more than their share.

use crate::wire::{self, read_to_end};
use crate::world::{ADMIN, Resim};
use serde_json::{Value, json};
use std::io::Write as _;

const LIMIT: usize = 10 << 20;

#[track_caller]
fn still_serves(sim: &Resim) {
    assert_eq!(sim.call("GET", "/v1/nodes", &Value::Null).status, 200);
}

#[test]
fn a_body_over_the_limit_is_413_whether_its_length_is_told_or_not() {
    let sim = Resim::cluster(&["--nodes", "1"]);
    let requests = sim.admin("GET", "/state", &Value::Null)["requests"]["total"].clone();
    let long = vec![b' '; LIMIT + 1];
    let reply = wire::send(&sim.node(0), "PUT", "/v1/cluster", Some(ADMIN), &[], &long);
    assert_eq!(reply.status, 413, "{reply:?}");
    let mut chunked = b"PUT /v1/cluster HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    chunked.extend_from_slice(format!("{:x}\r\n", long.len()).as_bytes());
    chunked.extend_from_slice(&long);
    chunked.extend_from_slice(b"\r\n0\r\n\r\n");
    assert_eq!(wire::send_raw(&sim.node(0), &chunked).status, 413);
    let after = sim.admin("GET", "/state", &Value::Null)["requests"]["total"].clone();
    assert_eq!(requests, after, "neither reached the world");
    still_serves(&sim);
}

#[test]
fn a_length_that_is_only_told_costs_no_memory() {
    let sim = Resim::cluster(&["--nodes", "1"]);
    for length in ["99999999999999", "-1", "x"] {
        let head = format!("PUT /v1/cluster HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
        let status = wire::send_raw(&sim.node(0), head.as_bytes()).status;
        assert!(matches!(status, 400 | 413), "{length}: {status}");
    }
    assert!(
        sim.proc_status("VmHWM") < 200 << 10,
        "{} KiB",
        sim.proc_status("VmHWM")
    );
    still_serves(&sim);
}

#[test]
fn a_foreign_content_type_is_refused_and_a_missing_one_served() {
    let sim = Resim::cluster(&["--nodes", "1"]);
    for (headers, status) in [
        (vec![], 200),
        (vec![("content-type", "application/json")], 200),
        (vec![("content-type", "application/x-www-form-urlencoded")], 200),
        (vec![("content-type", "text/xml")], 400),
        (vec![("content-type", "text/html")], 400),
    ] {
        let body = br#"{"email_alerts": true}"#;
        let reply = wire::send(&sim.node(0), "PUT", "/v1/cluster", Some(ADMIN), &headers, body);
        assert_eq!(reply.status, status, "{headers:?}: {reply:?}");
    }
}

#[test]
fn a_chunked_body_that_is_cut_short_or_malformed_changes_nothing() {
    let sim = Resim::cluster(&["--nodes", "1"]);
    let head = "PUT /v1/cluster HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    for body in [
        "20\r\n{\"email",
        "zz\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}{}\r\n0\r\n\r\n",
    ] {
        let mut stream = wire::tls(&sim.node(0), &["http/1.1"]);
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        stream.conn.send_close_notify();
        let _ = stream.flush();
        let _ = stream.sock.shutdown(std::net::Shutdown::Write);
        let answer = String::from_utf8_lossy(&read_to_end(&mut stream)).into_owned();
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
            "{body:?}: {answer}"
        );
    }
    assert_eq!(sim.ok("GET", "/v1/cluster", &Value::Null)["email_alerts"], false);
}

#[test]
fn nonsense_in_place_of_a_request_is_answered_or_closed() {
    let sim = Resim::cluster(&["--nodes", "1"]);
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(200 << 10));
    let many = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(500));
    for bytes in [
        "\0\0\0\0\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        &long,
        &many,
    ] {
        let reply = wire::send_raw(&sim.node(0), bytes.as_bytes());
        let status = reply.status;
        assert!(status == 0 || (400..=505).contains(&status), "{reply:?}");
    }
    let mut plain = wire::tcp(&sim.node(0));
    plain.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let answer = read_to_end(&mut plain);
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP"), "{answer:?}");
    still_serves(&sim);
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let sim = Resim::cluster(&["--nodes", "1"]);
    let mut stream = wire::tls(&sim.node(0), &["http/1.1"]);
    let asks = |path: &str, end: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\n{end}\r\n");
    let all = [
        asks("/v1/nonsense", ""),
        asks("/v1/nodes", ""),
        asks("/v1/nothing", "connection: close\r\n"),
        asks("/v1/after", ""),
    ];
    stream.write_all(all.concat().as_bytes()).unwrap();
    let answer = String::from_utf8_lossy(&read_to_end(&mut stream)).into_owned();
    let statuses: Vec<&str> = answer.matches("HTTP/1.1 4").collect();
    assert_eq!(statuses.len(), 3, "nothing follows a close: {answer}");
    let order: Vec<_> = answer
        .match_indices("HTTP/1.1 ")
        .map(|(at, _)| &answer[at + 9..at + 12])
        .collect();
    assert_eq!(order, ["404", "401", "404"]);
}

#[test]
fn http_1_0_is_answered_and_closed_unless_it_asks_to_stay() {
    let sim = Resim::cluster(&["--nodes", "1"]);
    let login = "authorization: Basic YWRtaW5AZXhhbXBsZS5jb206cmVzaW0tYWRtaW4=\r\n";
    let reply = wire::send_raw(
        &sim.node(0),
        format!("GET /v1/nodes HTTP/1.0\r\n{login}\r\n").as_bytes(),
    );
    assert_eq!(reply.status, 200, "without a host header too: {reply:?}");
    let stay = format!("GET /v1/nodes HTTP/1.0\r\nconnection: keep-alive\r\n{login}\r\n");
    let last = format!("GET /v1/nodes HTTP/1.0\r\n{login}\r\n");
    let mut stream = wire::tls(&sim.node(0), &["http/1.1"]);
    stream.write_all((stay + &last).as_bytes()).unwrap();
    let answer = String::from_utf8_lossy(&read_to_end(&mut stream)).into_owned();
    assert_eq!(answer.matches(" 200 OK\r\n").count(), 2, "{answer}");
}

#[test]
fn a_client_that_asks_before_it_sends_is_told_to_go_on_or_not_to() {
    let sim = Resim::cluster(&["--nodes", "1"]);
    let login = "authorization: Basic YWRtaW5AZXhhbXBsZS5jb206cmVzaW0tYWRtaW4=";
    let head = |length: usize| {
        format!(
            "PUT /v1/cluster HTTP/1.1\r\nhost: x\r\n{login}\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n\r\n"
        )
    };
    let mut stream = wire::tls(&sim.node(0), &["http/1.1"]);
    let body = br#"{"email_alerts": true}"#;
    stream.write_all(head(body.len()).as_bytes()).unwrap();
    let mut told = [0; 25];
    std::io::Read::read_exact(&mut stream, &mut told).unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body).unwrap();
    stream
        .write_all(b"GET /v1/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .unwrap();
    let answer = String::from_utf8_lossy(&read_to_end(&mut stream)).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let reply = wire::send_raw(&sim.node(0), head(LIMIT + 1).as_bytes());
    assert_eq!(reply.status, 413, "{reply:?}");
}

#[test]
fn lengths_that_contradict_each_other_are_refused() {
    let sim = Resim::cluster(&["--nodes", "1"]);
    let before = sim.admin("GET", "/state", &Value::Null)["requests"]["total"].clone();
    for headers in [
        "content-length: 2\r\ncontent-length: 9\r\n",
        "content-length: 2, 9\r\n",
        "transfer-encoding: gzip\r\n",
        "transfer-encoding: chunked, identity\r\n",
    ] {
        let request = format!("PUT /v1/cluster HTTP/1.1\r\nhost: x\r\n{headers}\r\n{{}}1234567");
        let reply = wire::send_raw(&sim.node(0), request.as_bytes());
        assert!((400..=501).contains(&reply.status), "{headers:?}: {reply:?}");
    }
    assert_eq!(
        sim.admin("GET", "/state", &Value::Null)["requests"]["total"],
        before
    );
    still_serves(&sim);
}

#[test]
fn a_head_that_is_too_long_is_431() {
    let sim = Resim::cluster(&["--nodes", "1"]);
    let login = "authorization: Basic YWRtaW5AZXhhbXBsZS5jb206cmVzaW0tYWRtaW4=";
    for (bytes, status) in [(40 << 10, 200), (200 << 10, 431), (5 << 20, 431)] {
        let word = "x".repeat(bytes);
        let request = format!(
            "GET /v1/nodes HTTP/1.1\r\nhost: x\r\n{login}\r\nconnection: close\r\nx-long: {word}\r\n\r\n"
        );
        assert_eq!(
            wire::send_raw(&sim.node(0), request.as_bytes()).status,
            status,
            "{bytes}"
        );
    }
    still_serves(&sim);
}

#[test]
fn noise_in_place_of_a_handshake_is_closed() {
    let sim = Resim::cluster(&["--nodes", "1"]);
    let mut seed: u32 = 1;
    for length in [1, 5, 6, 100, 20_000] {
        let mut noise: Vec<u8> = Vec::new();
        for _ in 0..length {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            noise.push(seed.to_be_bytes()[0]);
        }
        for first in [noise[0], 0x16] {
            noise[0] = first;
            let mut stream = wire::tcp(&sim.node(0));
            let _ = stream.write_all(&noise);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let answer = read_to_end(&mut stream);
            assert!(answer.len() < 100, "an alert at most: {answer:?}");
        }
    }
    still_serves(&sim);
}

#[test]
fn many_large_bodies_at_a_time_are_all_served_in_bounded_memory() {
    let sim = Resim::cluster(&["--nodes", "1"]);
    let body = format!("{{\"email_alerts\": true}}{}", " ".repeat(LIMIT - 100));
    let send = || {
        wire::send(
            &sim.node(0),
            "PUT",
            "/v1/cluster",
            Some(ADMIN),
            &[],
            body.as_bytes(),
        )
        .status
    };
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let sending: Vec<_> = (0..16).map(|_| scope.spawn(send)).collect();
        sending.into_iter().map(|sent| sent.join().unwrap()).collect()
    });
    assert_eq!(statuses, [200; 16]);
    assert!(
        sim.proc_status("VmHWM") < 250 << 10,
        "{} KiB",
        sim.proc_status("VmHWM")
    );
}

#[test]
fn the_admin_port_is_as_patient_and_as_firm() {
    let sim = Resim::cluster(&["--nodes", "1"]);
    let address = format!("127.0.0.1:{}", sim.ready["admin_port"]);
    let long = format!(
        "GET /state HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n",
        "x".repeat(300 << 10)
    );
    for bytes in ["\u{16}\u{3}\u{1}\0\0\0\r\n\r\n", "GET\r\n\r\n", &long] {
        let mut stream = wire::tcp(&address);
        let _ = stream.write_all(bytes.as_bytes());
        let answer = String::from_utf8_lossy(&read_to_end(&mut stream)).into_owned();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    let over = format!(
        "POST /faults HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
        LIMIT + 1
    );
    let mut stream = wire::tcp(&address);
    stream.write_all(over.as_bytes()).unwrap();
    assert!(read_to_end(&mut stream).starts_with(b"HTTP/1.1 413"));
    still_serves(&sim);
}

/// A client hello of TLS 1.1: no supported_versions, one old cipher suite.
const TLS_1_1_HELLO: &[u8] = &[
    0x16, 3, 1, 0, 45, // handshake record, 45 bytes
    1, 0, 0, 41, 3, 2, // client hello, 41 bytes, version 1.1
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
    29, 30, 31, 32, // random
    0,  // no session
    0, 2, 0, 0x2f, // TLS_RSA_WITH_AES_128_CBC_SHA
    1, 0, // no compression
];

#[test]
fn tls_1_1_is_refused_by_an_alert() {
    let sim = Resim::cluster(&["--nodes", "1"]);
    let mut stream = wire::tcp(&sim.node(0));
    stream.write_all(TLS_1_1_HELLO).unwrap();
    let answer = read_to_end(&mut stream);
    let [kind, _, _, _, 2, level, alert] = answer[..] else {
        panic!("{answer:?}")
    };
    assert_eq!((kind, level), (0x15, 2), "a fatal alert");
    assert!(
        matches!(alert, 40 | 47 | 70 | 109),
        "about the version or what it lacks: {alert}"
    );
    still_serves(&sim);
}

#[test]
fn an_unknown_application_protocol_is_refused_and_none_is_fine() {
    let sim = Resim::cluster(&["--nodes", "1"]);
    let mut stream = wire::tls(&sim.node(0), &["spdy/9"]);
    let error = stream
        .write_all(b"GET / HTTP/1.1\r\n\r\n")
        .and_then(|()| stream.flush());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("NoApplicationProtocol"), "{error}");
    for protocols in [&[][..], &["h2", "http/1.1"]] {
        let mut stream = wire::tls(&sim.node(0), protocols);
        let request = b"GET /v1/bootstrap HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(request).unwrap();
        let answer = read_to_end(&mut stream);
        assert!(
            answer.starts_with(b"HTTP/1.1 401"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
}

#[test]
fn without_room_for_more_connections_new_ones_are_closed_at_once() {
    let sim = Resim::limited("ulimit -n 80", &["--cluster", "rs.example.com", "--nodes", "1"]);
    let held: Vec<_> = (0..150).map(|_| wire::tcp(&sim.node(0))).collect();
    let mut last = wire::tls(&sim.node(0), &[]);
    assert!(last.conn.complete_io(&mut last.sock).is_err());
    drop(held);
    // Their ends are noticed one by one.
    let served = || wire::try_tls(&sim.node(0)).is_some();
    assert!((0..1000).any(|_| served()));
    still_serves(&sim);
}

#[test]
fn a_thousand_idle_connections_hinder_nobody() {
    let sim = Resim::limited("ulimit -Sn 256", &["--cluster", "rs.example.com", "--nodes", "1"]);
    // Two thirds say nothing, the others have greeted and wait.
    let silent: Vec<_> = (0..700).map(|_| wire::tcp(&sim.node(0))).collect();
    let mut greeted: Vec<_> = (0..300).map(|_| wire::tls(&sim.node(0), &[])).collect();
    for stream in &mut greeted {
        stream.conn.complete_io(&mut stream.sock).unwrap();
    }
    for _ in 0..20 {
        still_serves(&sim);
    }
    assert!(
        sim.proc_status("VmHWM") < 200 << 10,
        "{} KiB",
        sim.proc_status("VmHWM")
    );
    drop((silent, greeted));
    assert_eq!(
        sim.ok("PUT", "/v1/cluster", &json!({"email_alerts": true}))["email_alerts"],
        true
    );
}
