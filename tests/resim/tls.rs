//! What nodes show and speak in a TLS handshake: the certificate that the ready file tells, the versions and suites of the cluster.

use crate::wire::{self, Tls};
use crate::world::{ADMIN, Resim};
use rustls::{CipherSuite, ProtocolVersion};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The connection, once it has greeted; none if the node refuses it.
fn greeted(mut stream: Tls) -> Option<Tls> {
    stream.conn.complete_io(&mut stream.sock).ok()?;
    Some(stream)
}

fn version(stream: Option<Tls>) -> Option<ProtocolVersion> {
    stream?.conn.protocol_version()
}

#[test]
fn the_ready_file_tells_the_certificate_of_each_nodes_handshake_and_its_sha_256() {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};
    for sim in [Resim::start(&[]), Resim::cluster(&[])] {
        for (index, told) in sim.ready["nodes"].as_array().unwrap().iter().enumerate() {
            let stream = greeted(wire::tls(&sim.node(index), &[])).unwrap();
            let shown = stream.conn.peer_certificates().unwrap();
            let pem = told["certificate"].as_str().unwrap().as_bytes();
            let told_chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
            assert_eq!(told_chain.unwrap(), shown);
            let digest = Sha256::digest(&shown[0]);
            let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(told["sha256"], digest);
        }
    }
}

#[test]
fn the_least_tls_version_of_the_cluster_holds_for_every_node_and_at_once() {
    let sim = Resim::cluster(&[]);
    let (old, new) = (ProtocolVersion::TLSv1_2, ProtocolVersion::TLSv1_3);
    for (least, spoken) in [("1.2", Some(old)), ("1.3", None), ("1.2", Some(old))] {
        let body = json!({ "min_control_TLS_version": least });
        sim.ok("PUT", "/v1/cluster", &body);
        for index in 0..3 {
            let node = sim.node(index);
            assert_eq!(version(greeted(wire::tls_1_2(&node))), spoken, "{least}");
            assert_eq!(version(greeted(wire::tls(&node, &[]))), Some(new), "{least}");
        }
    }
}

#[test]
fn a_connection_ends_with_the_answer_that_changes_how_tls_is_spoken() {
    let sim = Resim::cluster(&["--nodes", "1"]);
    for (body, last) in [
        (json!({"email_alerts": true}), false),
        (json!({"min_control_TLS_version": "1.3"}), true),
        (json!({"min_control_TLS_version": "1.3"}), false),
        (json!({"control_cipher_suites": "HIGH"}), true),
    ] {
        let mut client = wire::KeptAlive::new(&sim.node(0), ADMIN);
        let reply = client.send("PUT", "/v1/cluster", &body.to_string());
        assert_eq!((reply.status, reply.closes), (200, last), "{body}");
    }
}

#[test]
fn the_cipher_suites_of_the_cluster_hold_for_tls_1_2_alone() {
    let sim = Resim::cluster(&["--nodes", "1"]);
    let (small, large) = (
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    );
    for (list, agreed) in [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", Some(small)),
        ("HIGH:!AES128:!CHACHA20", Some(large)),
        ("ECDHE-RSA-AES128-GCM-SHA256", None),
        ("AES128-SHA", None),
    ] {
        sim.ok("PUT", "/v1/cluster", &json!({ "control_cipher_suites": list }));
        let stream = greeted(wire::tls_1_2(&sim.node(0)));
        let suite = stream.and_then(|stream| Some(stream.conn.negotiated_cipher_suite()?.suite()));
        assert_eq!(suite, agreed, "{list}");
        assert_eq!(sim.call("GET", "/v1/cluster", &Value::Null).status, 200, "{list}");
    }
}
