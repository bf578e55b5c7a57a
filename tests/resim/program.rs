//! Flags, files, signals, exit statuses.

use crate::wire;
use crate::world::{Folder, Resim, output};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::time::Duration;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_banner_says_where_who_and_what_to_try() {
    let sim = Resim::start(&[]);
    for index in 0..3 {
        let node = &sim.ready["nodes"][index];
        let line = format!(
            "https://{}  sha256 {}",
            sim.node(index),
            node["sha256"].as_str().unwrap()
        );
        assert!(sim.banner.contains(&line), "{}", sim.banner);
    }
    let admin = format!("http://127.0.0.1:{}/state", sim.ready["admin_port"]);
    assert!(
        sim.banner.contains(&admin) && sim.banner.contains("8.2.0"),
        "{}",
        sim.banner
    );
    assert!(sim.banner.contains("3 fresh nodes"), "{}", sim.banner);
    assert!(
        sim.banner.contains("admin@example.com  password resim-admin"),
        "{}",
        sim.banner
    );
}

#[test]
fn rsa_makes_keys_of_the_products_own_kind() {
    use x509_parser::public_key::PublicKey;
    let kind = |flags: &[&str]| {
        let sim = Resim::start(&[&["--nodes", "1"], flags].concat());
        let chain = sim.ready["nodes"][0]["certificate"].as_str().unwrap().to_owned();
        let (_, pem) = x509_parser::pem::parse_x509_pem(chain.as_bytes()).unwrap();
        let certificate = pem.parse_x509().unwrap();
        match certificate.public_key().parsed().unwrap() {
            PublicKey::RSA(key) => ("RSA", key.key_size()),
            PublicKey::EC(key) => ("EC", key.key_size()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(kind(&["--rsa"]), ("RSA", 4096));
    assert_eq!(kind(&[]), ("EC", 256));
}

/// Runs what the banner says to try.
#[track_caller]
fn try_it(sim: &Resim) {
    let lines = sim.banner.lines().skip_while(|line| !line.starts_with("Try:"));
    for line in lines {
        let line = line.trim_start_matches("Try:").trim();
        let line = line.replacen("curl ", "curl --silent --show-error --fail ", 1);
        let output = std::process::Command::new("sh")
            .args(["-c", &line])
            .output()
            .unwrap();
        assert!(output.status.success(), "{line}: {}", text(&output.stderr));
    }
}

#[test]
fn the_curl_line_of_the_banner_works_as_pasted() {
    let odd = ["--password", "it's \"odd\" $HOME"];
    for flags in [&[][..], &odd] {
        try_it(&Resim::start(flags));
        try_it(&Resim::cluster(flags));
    }
    if TcpListener::bind("[::1]:0").is_ok() {
        let flags = ["--bind", "::1", "--one-address", "--port", "0", "--nodes", "1"];
        try_it(&Resim::start_with(Folder::new(), &flags));
    }
}

#[test]
fn the_ready_file_says_all_that_a_client_needs() {
    let sim = Resim::cluster(&["--nodes", "2", "--profile", "7.22"]);
    let ready = &sim.ready;
    assert_eq!(
        (
            &ready["username"],
            &ready["password"],
            &ready["cluster"],
            &ready["version"],
            &ready["pid"]
        ),
        (
            &json!("admin@example.com"),
            &json!("resim-admin"),
            &json!("rs.example.com"),
            &json!("7.22.2-170"),
            &json!(sim.pid())
        )
    );
    for (index, node) in ready["nodes"].as_array().unwrap().iter().enumerate() {
        assert_eq!(node["uid"], index + 1);
        assert_eq!(node["name"], format!("node{}", index + 1));
        assert!(
            node["certificate"]
                .as_str()
                .unwrap()
                .starts_with("-----BEGIN CERTIFICATE-----")
        );
    }
    let fresh = Resim::start(&["--nodes", "1"]);
    assert_eq!(fresh.ready["nodes"][0]["uid"], Value::Null);
}

#[test]
fn nodes_have_addresses_of_their_own_or_share_one() {
    let shared = Resim::start(&[]);
    let ports: Vec<_> = (0..3).map(|index| shared.node(index)).collect();
    assert!(
        ports.iter().all(|node| node.starts_with("127.0.0.1:")),
        "{ports:?}"
    );
    assert!(
        ports[0] != ports[1] && ports[1] != ports[2] && ports[0] != ports[2],
        "{ports:?}"
    );
    let own = Resim::start_with(Folder::new(), &["--bind", "127.0.73.1", "--port", "0"]);
    for index in 0..3 {
        assert!(
            own.node(index).starts_with(&format!("127.0.73.{}:", index + 1)),
            "{}",
            own.node(index)
        );
        assert_eq!(
            wire::send(&own.node(index), "GET", "/v1/bootstrap", None, &[], b"").status,
            200
        );
    }
}

#[test]
fn what_a_client_should_trust_is_kept_in_a_file() {
    let sim = Resim::start(&["--ca-out", "{}/ca.pem", "--nodes", "1"].map(|flag| flag));
    let shown = |sim: &Resim| sim.folder.text("ca.pem");
    assert_eq!(json!(shown(&sim)), sim.ready["nodes"][0]["certificate"]);
    let body = json!({
        "action": "create_cluster", "cluster": {"name": "demo.example.com"},
        "credentials": {"username": "a@b.c", "password": "secret"},
    });
    sim.ok("POST", "/v1/bootstrap/create_cluster", &body);
    sim.pass(60);
    assert_ne!(json!(shown(&sim)), sim.ready["nodes"][0]["certificate"]);
}

#[test]
fn ctrl_c_ends_it_in_under_a_second_even_with_clients_connected() {
    for signal in ["INT", "TERM"] {
        let sim = Resim::cluster(&[]);
        let mut idle = wire::tls(&sim.node(0), &[]);
        idle.conn.complete_io(&mut idle.sock).unwrap();
        let (status, took, _) = sim.end(signal);
        assert!(
            status.success() && took < Duration::from_secs(1),
            "{signal}: {status}, {took:?}"
        );
    }
}

#[test]
fn a_mistake_in_its_use_is_status_2_and_a_clear_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = Folder::new();
    let bad = folder.file("faults.json");
    std::fs::write(&bad, r#"{"rules": [{"effect": "no_such_effect"}]}"#).unwrap();
    let bad = bad.to_str().unwrap();
    let odd = folder.file("odd.json");
    std::fs::write(&odd, r#"{"rules": [{"effect": {"status": {"code": 99}}}]}"#).unwrap();
    let odd = odd.to_str().unwrap();
    let one = ["--nodes", "1", "--bind", "127.0.0.1"];
    for (flags, says) in [
        (vec!["--port", &port], vec![&*port, "cannot listen"]),
        (vec!["--no-such-flag"], vec!["--no-such-flag"]),
        (vec!["--profile", "6.4"], vec!["6.4", "8.2.0"]),
        (vec!["--speed", "0"], vec!["--speed", "positive"]),
        (vec!["--switches", "no-such"], vec!["no-such", "--list-switches"]),
        (vec!["--bugs", "no-such"], vec!["no-such", "--list-bugs"]),
        (vec!["--faults", bad], vec![bad, "no_such_effect"]),
        (
            vec!["--fault", "lost_replies"],
            vec!["lost_replies", "--list-faults"],
        ),
        (vec!["--fault", "node=1 reset"], vec!["--fault", "node 1"]),
        (vec!["--faults", odd], vec![odd, "99"]),
        (
            vec!["--faults", "/no/such/file"],
            vec!["/no/such/file", "cannot read"],
        ),
        (
            vec!["--port", "0", "--ready-file", "/no/such/folder/x"],
            vec!["/no/such/folder/x", "cannot write"],
        ),
        (
            vec!["--port", "0", "--cluster", "not a name"],
            vec!["--cluster not a name"],
        ),
    ] {
        let output = output(&[&one[..], &flags].concat());
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {error}");
        for part in says {
            assert!(error.contains(part), "{flags:?}: {error}");
        }
    }
}

#[test]
fn faults_come_from_a_file_flags_and_the_admin_port() {
    let folder = Folder::new();
    let file = folder.file("faults.json");
    std::fs::write(
        &file,
        r#"{"rules": [{"path": "/v1/nodes", "count": 1, "effect": {"status": {"code": 503}}}]}"#,
    )
    .unwrap();
    let sim = Resim::cluster(&[
        "--faults",
        file.to_str().unwrap(),
        "--fault",
        "GET /v1/nodes skip=1 count=1 status=504",
        "--fault",
        "/v1/license count=1 lost_reply",
    ]);
    let status = |path| sim.call("GET", path, &Value::Null).status;
    assert_eq!(
        [status("/v1/nodes"), status("/v1/nodes"), status("/v1/nodes")],
        [503, 504, 200]
    );
    assert_eq!([status("/v1/license"), status("/v1/license")], [0, 200]);
    let plan = json!({"rules": [{"path": "/v1/nodes", "count": 1, "effect": {"status": {"code": 502}}}]});
    sim.admin("POST", "/faults", &plan);
    assert_eq!([status("/v1/nodes"), status("/v1/nodes")], [502, 200]);
    assert_eq!(
        sim.admin("GET", "/faults", &Value::Null)["rules"][0]["matched"],
        2
    );
}

#[test]
fn the_effects_of_faults_are_printed_and_stand_on_the_page() {
    let printed = text(&output(&["--list-faults"]).stdout);
    let help = text(&output(&["--help"]).stdout);
    assert!(help.contains("--list-faults"), "{help}");
    let page = include_str!("../../docs/how-to/test-your-client.md");
    for (effect, meaning) in regent::sim::EFFECTS {
        assert!(
            printed.contains(&format!("\n{effect}\n    {meaning}\n")),
            "{printed}"
        );
        assert!(page.contains(&format!("| `{effect}` | ")), "{effect}");
    }
}

/// A second update with the value that the database has.
fn violate(sim: &Resim) {
    let uid = sim.database(&json!({"name": "db", "memory_size": 1 << 28}));
    let body = json!({"memory_size": 1 << 28, "max_connections": 5});
    sim.ok("PUT", &format!("/v1/bdbs/{uid}"), &body);
}

#[test]
fn a_violation_is_reported_at_once_and_fails_the_process_if_it_is_strict() {
    for (flags, code) in [(vec!["--strict"], 3), (vec![], 0)] {
        let sim = Resim::cluster(&flags);
        violate(&sim);
        let log = sim.folder.text("stderr");
        assert!(log.contains("VIOLATION unchanged-fields"), "{log}");
        assert_eq!(sim.end("INT").0.code(), Some(code), "{flags:?}");
    }
    let sim = Resim::cluster(&["--strict"]);
    sim.database(&json!({"name": "db", "memory_size": 1 << 28}));
    assert_eq!(sim.end("INT").0.code(), Some(0), "nothing was violated");
}

#[test]
fn the_log_is_a_line_a_request_with_secrets_masked() {
    let sim = Resim::cluster(&[]);
    let database = json!({"name": "db", "memory_size": 1 << 28, "authentication_redis_pass": "s3cret"});
    sim.database(&database);
    let log = sim.folder.text("stderr");
    assert!(
        log.contains("node1 POST /v1/bdbs 200 changed admin@example.com"),
        "{log}"
    );
    assert!(!log.contains("s3cret") && !log.contains("resim-admin"), "{log}");
}

#[test]
fn the_log_can_be_json_through_and_through() {
    let sim = Resim::cluster(&["--log", "json"]);
    violate(&sim);
    sim.call("GET", "/v1/nodes/9", &Value::Null);
    let (_, _, folder) = sim.end("INT");
    let lines: Vec<Value> = folder
        .text("stderr")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect();
    assert!(
        lines
            .iter()
            .any(|line| line["violation"]["rule"] == "unchanged-fields")
    );
    let missing = lines.iter().find(|line| line["path"] == "/v1/nodes/9").unwrap();
    assert_eq!(
        (&missing["status"], &missing["user"]),
        (&json!(404), &json!("admin@example.com"))
    );
}

#[test]
fn the_log_of_the_admin_port_is_bounded_and_keeps_its_numbers() {
    let sim = Resim::cluster(&["--log-capacity", "10", "--log", "none"]);
    for _ in 0..50 {
        sim.ok("GET", "/v1/nodes", &Value::Null);
    }
    let log = sim.admin("GET", "/log", &Value::Null);
    let log = log.as_array().unwrap();
    assert!((10..=20).contains(&log.len()), "{}", log.len());
    assert_eq!(log.last().unwrap()["seq"], 50);
    assert_eq!(
        sim.admin("GET", "/log?since=48", &Value::Null)
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(sim.admin("GET", "/state", &Value::Null)["requests"]["total"], 50);
}

#[test]
fn every_switch_is_printed_with_both_its_sides_and_its_doubt() {
    let printed = text(&output(&["--list-switches"]).stdout);
    let lines = printed.lines().count();
    assert_eq!(lines, 4 * regent::sim::SWITCHES.len(), "{printed}");
    for row in regent::sim::SWITCHES {
        let wanted = format!(
            "{}\n    default  {}\n    set      {}\n    doubt    {}\n",
            row.name, row.default, row.alternative, row.source
        );
        assert!(printed.contains(&wanted), "{wanted}{printed}");
    }
}

#[test]
fn defects_and_licences_are_printed() {
    let bugs = text(&output(&["--list-bugs"]).stdout);
    assert!(
        bugs.contains("rotation-skips-down-nodes\n") && bugs.contains("    source   RS200137\n"),
        "{bugs}"
    );
    let license = output(&["license", "--cluster-name", "rs.example.com", "--shards", "20"]);
    assert!(license.status.success() && !license.stdout.is_empty());
}

#[test]
fn alone_it_compiles_no_kubernetes_crate() {
    let mut tree = std::process::Command::new(env!("CARGO"));
    tree.args([
        "tree",
        "--locked",
        "--offline",
        "--no-default-features",
        "--edges",
        "normal",
        "--prefix",
        "none",
    ]);
    let output = tree.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    let names = text(&output.stdout);
    assert!(
        output.status.success() && names.contains("rustls "),
        "{}",
        text(&output.stderr)
    );
    for absent in ["kube", "k8s-openapi", "reqwest"] {
        assert!(
            !names.lines().any(|line| line.starts_with(absent)),
            "{absent}: {names}"
        );
    }
}
