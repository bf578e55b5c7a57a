//! Databases that speak TLS, and whom they let in.

use super::{at, holds, machine, power, put, redis, talk, with_data};
use crate::wire;
use crate::world::Resim;
use serde_json::{Value, json};

#[test]
fn tls_is_turned_on_and_off_with_the_proxy_certificate_and_keeps_the_data() {
    let sim = with_data();
    let uid = sim.database(&json!({"name": "db", "memory_size": 64 << 20}));
    redis(&sim, uid, &["SET k v"]).unwrap();
    put(
        &sim,
        uid,
        &json!({"tls_mode": "enabled", "enforce_client_authentication": "disabled"}),
    );
    let shown = |sim: &Resim| {
        let mut stream = wire::tls(&at(sim, uid), &[]);
        stream.conn.complete_io(&mut stream.sock).unwrap();
        let shown = stream.conn.peer_certificates().unwrap()[0].to_vec();
        assert!(talk(stream, &["GET k"]).contains("$1\r\nv"));
        shown
    };
    let proxy = |sim: &Resim| {
        use rustls::pki_types::{CertificateDer, pem::PemObject as _};
        let all = sim.ok("GET", "/v1/cluster/certificates", &Value::Null);
        CertificateDer::from_pem_slice(all["proxy_cert"].as_str().unwrap().as_bytes())
            .unwrap()
            .to_vec()
    };
    let first = shown(&sim);
    assert_eq!(first, proxy(&sim));
    let (certificate, key) = certificate("*.rs.example.com");
    let entry = json!({"name": "proxy", "certificate": certificate, "key": key});
    sim.ok("PUT", "/v1/cluster/update_cert", &entry);
    sim.pass(60);
    assert_ne!(shown(&sim), first, "a new certificate shows at once");
    assert_eq!(shown(&sim), proxy(&sim));
    assert!(
        !redis(&sim, uid, &["GET k"]).unwrap().contains("$1\r\nv"),
        "nothing is served in plain text"
    );
    put(&sim, uid, &json!({"tls_mode": "disabled"}));
    assert!(holds(&sim, uid, "k"));
}

/// A certificate that nobody signed but its own key, and that key, PEM.
fn certificate(name: &str) -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// What a client with that certificate, or none, gets for a GET; empty if it is not let in.
fn as_client(address: &str, identity: Option<&(String, String)>) -> String {
    let stream = match identity {
        Some((certificate, key)) => wire::tls_as(address, certificate, key),
        None => wire::tls(address, &[]),
    };
    talk(stream, &["GET k"])
}

#[test]
fn clients_must_show_a_certificate_that_is_listed_while_that_is_enforced() {
    let sim = with_data();
    let (friend, stranger) = (certificate("friend"), certificate("stranger"));
    let uid = sim.database(&json!({"name": "db", "memory_size": 64 << 20, "replication": true}));
    redis(&sim, uid, &["SET k v"]).unwrap();
    put(
        &sim,
        uid,
        &json!({
            "tls_mode": "enabled", "enforce_client_authentication": "enabled",
            "authentication_ssl_client_certs": [{"client_cert": friend.0}],
        }),
    );
    let address = at(&sim, uid);
    assert!(as_client(&address, Some(&friend)).starts_with("$1\r\nv"));
    assert_eq!(as_client(&address, None), "");
    assert_eq!(as_client(&address, Some(&stranger)), "");
    put(
        &sim,
        uid,
        &json!({
            "authentication_ssl_client_certs": [{"client_cert": friend.0}, {"client_cert": stranger.0}],
        }),
    );
    assert!(as_client(&address, Some(&stranger)).starts_with("$1\r\nv"));
    let master = machine(&sim, uid);
    if master != 0 {
        power(&sim, master, "crash");
        sim.pass(60);
        assert!(
            as_client(&at(&sim, uid), Some(&friend)).starts_with("$1\r\nv"),
            "the replica needed no certificate of a client"
        );
    }
    put(&sim, uid, &json!({"enforce_client_authentication": "disabled"}));
    assert!(as_client(&at(&sim, uid), None).starts_with("$1\r\nv"));
}

#[test]
fn the_least_tls_version_of_the_cluster_holds_for_databases() {
    let sim = with_data();
    sim.ok("PUT", "/v1/cluster", &json!({"min_data_TLS_version": "1.3"}));
    let uid = sim.database(&json!({
        "name": "db", "memory_size": 64 << 20, "tls_mode": "enabled", "enforce_client_authentication": "disabled",
    }));
    let mut stream = wire::tls(&at(&sim, uid), &[]);
    stream.conn.complete_io(&mut stream.sock).unwrap();
    assert_eq!(
        stream.conn.protocol_version(),
        Some(rustls::ProtocolVersion::TLSv1_3)
    );
    let old = wire::tls_1_2(&at(&sim, uid));
    assert_eq!(talk(old, &["PING"]), "");
}
