//! Client certificates as credentials: what a client showed in its handshake, and which user that is.

use super::auth::{Actor, User};
use super::certs::{Certificate, read_bundle, read_der};
use super::state::Cluster;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The certificates that a client showed, its own first, in DER. A listener puts them into a request's extensions.
#[derive(Clone, Debug)]
pub struct ClientCertificates(pub Vec<Vec<u8>>);

/// The user whose subject line the certificate carries, if the cluster takes certificates, trusts this one and admits its
/// subject.
pub(crate) fn user(cluster: &mut Cluster, now: Timestamp, shown: &ClientCertificates) -> Option<Actor> {
    if cluster.settings.get("mtls_certificate_authentication") != Some(&json!(true)) {
        return None;
    }
    let chain: Vec<Certificate> = shown.0.iter().filter_map(|der| read_der(der).ok()).collect();
    let leaf = chain.first()?;
    let valid = (leaf.not_before..leaf.not_after).contains(&now.as_second());
    if !valid || !is_trusted(cluster, &chain) || !is_admitted(&cluster.settings, leaf) {
        return None;
    }
    let is_theirs = |user: &&mut User| {
        let text = |key: &str| user.extra.get(key).and_then(Value::as_str).unwrap_or_default();
        text("auth_method") == "certificate" && text("certificate_subject_line") == leaf.subject_line
    };
    let user = cluster.accounts.users.values_mut().find(is_theirs)?;
    user.last_login = Some(now);
    Some(Actor::User {
        uid: user.uid,
        role: user.role,
    })
}

/// Whether the chain leads to the installed bundle.
fn is_trusted(cluster: &Cluster, chain: &[Certificate]) -> bool {
    let installed = cluster.certificates.get("mtls_trusted_ca");
    let bundle = installed
        .and_then(|identity| read_bundle(&identity.chain_pem).ok())
        .unwrap_or_default();
    let anchored = |certificate: &Certificate| {
        bundle
            .iter()
            .any(|anchor| certificate.der == anchor.der || certificate.is_issued_by(anchor))
    };
    for (place, certificate) in chain.iter().enumerate() {
        if anchored(certificate) {
            return true;
        }
        if !chain
            .get(place + 1)
            .is_some_and(|issuer| certificate.is_issued_by(issuer))
        {
            return false;
        }
    }
    false
}

/// Whether `mtls_authorized_subjects` has the subject, as far as it has to.
fn is_admitted(settings: &Map<String, Value>, leaf: &Certificate) -> bool {
    let kind = settings
        .get("mtls_client_cert_subject_validation_type")
        .and_then(Value::as_str);
    let subjects = settings.get("mtls_authorized_subjects").and_then(Value::as_array);
    let mut subjects = subjects.into_iter().flatten();
    match kind {
        Some("san_cn") => subjects.any(|subject| {
            let name = subject.get("CN").and_then(Value::as_str);
            let own = leaf.common_name.iter().chain(&leaf.dns_names);
            name.is_some_and(|name| own.map(String::as_str).any(|own| own == name))
        }),
        Some("full_subject") => subjects.any(|subject| written(subject) == parts(&leaf.subject)),
        _ => true,
    }
}

/// A subject of the settings as its parts.
fn written(subject: &Value) -> Vec<String> {
    let mut all = Vec::new();
    for (key, value) in subject.as_object().into_iter().flatten() {
        match value {
            Value::Array(values) => all.extend(
                values
                    .iter()
                    .filter_map(Value::as_str)
                    .map(|value| part(key, value)),
            ),
            Value::String(value) => all.push(part(key, value)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {}
        }
    }
    all.sort();
    all
}

fn part(key: &str, value: &str) -> String {
    format!("{}={}", key.trim().to_ascii_uppercase(), value.trim())
}

/// `CN=x, O=y` as its parts, in an order of their own.
fn parts(subject: &str) -> Vec<String> {
    let pairs = subject.split(',').filter_map(|pair| pair.split_once('='));
    let mut all: Vec<String> = pairs.map(|(key, value)| part(key, value)).collect();
    all.sort();
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;
    use crate::sim::switch::{Switch, Switches};
    use crate::sim::version::Profile;
    use base64::{Engine, engine::general_purpose::STANDARD};
    use bytes::Bytes;
    use http::Request;
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    /// An authority in PEM, and a certificate of it in DER.
    fn issued(name: &str) -> (String, Vec<u8>) {
        issued_to(&[(DnType::CommonName, name)], &[])
    }

    /// The same for a subject of several parts and other names.
    fn issued_to(subject: &[(DnType, &str)], names: &[&str]) -> (String, Vec<u8>) {
        let (key, own) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let params = |subject: &[(DnType, &str)], names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let mut params = CertificateParams::new(names).unwrap();
            params.distinguished_name = rcgen::DistinguishedName::new();
            for (kind, value) in subject {
                params.distinguished_name.push(kind.clone(), *value);
            }
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2030, 1, 1);
            params
        };
        let mut authority = params(&[(DnType::CommonName, "authority")], &[]);
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = authority.self_signed(&key).unwrap().pem();
        let leaf = params(subject, names)
            .signed_by(&own, &Issuer::from_params(&authority, &key))
            .unwrap();
        (pem, leaf.der().to_vec())
    }

    /// Lets the cluster take certificates of this authority, and gives an administrator this subject line.
    fn open_to(sim: &mut Fixture, authority: &str, line: &str) {
        let user = json!({
            "email": "robot@example.com", "name": "robot", "role": "admin", "auth_method": "certificate",
            "certificate_subject_line": line,
        });
        assert_eq!(sim.admin(0, "POST", "/v1/users", user).status, 200);
        let upload = json!({"name": "mtls_trusted_ca", "certificate": authority});
        let uploaded = sim.admin(0, "PUT", "/v1/cluster/update_cert", upload);
        assert_eq!(uploaded.status, 200, "{uploaded:?}");
        let settings = json!({"mtls_certificate_authentication": true});
        assert_eq!(sim.admin(0, "PUT", "/v1/cluster", settings).status, 200);
    }

    fn pem_of(der: &[u8]) -> String {
        let text = STANDARD.encode(der);
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    }

    fn get(sim: &mut Fixture, der: &[u8]) -> u16 {
        let request = Request::get("/v1/cluster").extension(ClientCertificates(vec![der.to_vec()]));
        sim.deliver(0, &request.body(Bytes::new()).unwrap()).status
    }

    #[test]
    fn a_certificate_is_its_users_credential_once_the_cluster_takes_certificates() {
        let (authority, der) = issued("robot");
        let mut sim = Fixture::cluster(1, 1);
        let user = json!({
            "email": "robot@example.com", "name": "robot", "role": "admin", "auth_method": "certificate",
            "certificate_subject_line": "CN=robot",
        });
        assert_eq!(sim.admin(0, "POST", "/v1/users", user).status, 200);
        let upload = json!({"certificates": [{"name": "mtls_trusted_ca", "certificate": authority}]});
        assert_eq!(
            sim.admin(0, "PUT", "/v1/cluster/certificates", upload).status,
            200
        );
        assert_eq!(get(&mut sim, &der), 401);
        for (settings, status) in [
            (json!({"mtls_certificate_authentication": true}), 200),
            (json!({"mtls_client_cert_subject_validation_type": "san_cn"}), 401),
            (json!({"mtls_authorized_subjects": [{"CN": "robot"}]}), 200),
            (
                json!({"mtls_client_cert_subject_validation_type": "full_subject"}),
                200,
            ),
            (
                json!({"mtls_authorized_subjects": [{"CN": "robot", "O": "others"}]}),
                401,
            ),
        ] {
            assert_eq!(sim.admin(0, "PUT", "/v1/cluster", settings.clone()).status, 200);
            assert_eq!(get(&mut sim, &der), status, "{settings}");
        }
    }

    #[test]
    fn an_authority_in_use_stays_or_takes_the_logins_with_it() {
        let (authority, der) = issued("robot");
        for (switches, status, login) in [
            (Switches::default(), 406, 200),
            (Switches::default().with(Switch::UsedAuthorityDeletable), 200, 401),
        ] {
            let mut sim = Fixture::cluster_with(1, 1, switches);
            open_to(&mut sim, &authority, "CN=robot");
            assert_eq!(get(&mut sim, &der), 200);
            let path = "/v1/cluster/certificates/mtls_trusted_ca";
            assert_eq!(sim.admin(0, "DELETE", path, Value::Null).status, status);
            assert_eq!(get(&mut sim, &der), login);
        }
    }

    #[test]
    fn a_certificate_of_another_authority_and_one_of_nobody_are_refused() {
        let ((authority, nobody), (_, foreign)) = (issued("nobody"), issued("robot"));
        let mut sim = Fixture::cluster(1, 1);
        let user = json!({
            "email": "robot@example.com", "name": "robot", "role": "admin", "auth_method": "certificate",
            "certificate_subject_line": "CN=robot",
        });
        sim.admin(0, "POST", "/v1/users", user);
        let upload = json!({"certificates": [{"name": "mtls_trusted_ca", "certificate": authority}]});
        sim.admin(0, "PUT", "/v1/cluster/certificates", upload);
        sim.admin(
            0,
            "PUT",
            "/v1/cluster",
            json!({"mtls_certificate_authentication": true}),
        );
        assert_eq!(
            (
                get(&mut sim, &nobody),
                get(&mut sim, &foreign),
                get(&mut sim, b"x")
            ),
            (401, 401, 401)
        );
    }

    #[test]
    fn a_subject_line_is_that_of_rfc_2253_to_the_letter() {
        let subject = [
            (DnType::CountryName, "DE"),
            (DnType::OrganizationName, "Example, Inc."),
            (DnType::CommonName, "robot"),
        ];
        let (authority, der) = issued_to(&subject, &[]);
        for (line, status) in [
            ("CN=robot,O=Example\\, Inc.,C=DE", 200),
            ("CN=robot, O=Example\\, Inc., C=DE", 401),
            ("C=DE,O=Example\\, Inc.,CN=robot", 401),
            ("CN=robot", 401),
        ] {
            let mut sim = Fixture::cluster(1, 1);
            open_to(&mut sim, &authority, line);
            assert_eq!(get(&mut sim, &der), status, "{line}");
        }
    }

    #[test]
    fn an_authorized_name_may_be_one_of_the_alternative_names() {
        let subject = [(DnType::CommonName, "client.example.com")];
        let (authority, der) = issued_to(&subject, &["app1.example.com", "app2.example.com"]);
        for (name, status) in [
            ("client.example.com", 200),
            ("app1.example.com", 200),
            ("app2.example.com", 200),
            ("app3.example.com", 401),
        ] {
            let mut sim = Fixture::cluster(1, 1);
            open_to(&mut sim, &authority, "CN=client.example.com");
            let settings = json!({
                "mtls_client_cert_subject_validation_type": "san_cn", "mtls_authorized_subjects": [{"CN": name}],
            });
            assert_eq!(sim.admin(0, "PUT", "/v1/cluster", settings).status, 200);
            assert_eq!(get(&mut sim, &der), status, "{name}");
        }
    }

    #[test]
    fn a_certificate_still_opens_where_basic_authentication_is_off() {
        let (authority, der) = issued("robot");
        let mut sim = Fixture::cluster(1, 1);
        open_to(&mut sim, &authority, "CN=robot");
        let off = json!({"control_plane_basic_authentication": false});
        assert_eq!(sim.admin(0, "PUT", "/v1/cluster", off).status, 200);
        assert_eq!(sim.admin(0, "GET", "/v1/cluster", Value::Null).status, 401);
        assert_eq!(get(&mut sim, &der), 200);
    }

    #[test]
    fn a_node_joins_by_certificate_since_8_2_and_never_by_both_ways_at_once() {
        let (authority, der) = issued("robot");
        let pem = pem_of(&der);
        let certificate = json!({"client_cert": pem, "client_key": "a key"});
        let both = json!({"client_cert": pem, "client_key": "a key", "username": "admin@example.com", "password": "secret"});
        let stranger = json!({"client_cert": pem_of(&issued("robot").1), "client_key": "a key"});
        for (credentials, code) in [
            (certificate.clone(), ""),
            (both, "config_error"),
            (json!({"client_cert": pem}), "config_error"),
            (stranger, "access_denied"),
        ] {
            let mut sim = Fixture::cluster(1, 2);
            open_to(&mut sim, &authority, "CN=robot");
            let mut body = sim.join_body(1);
            body["credentials"] = credentials.clone();
            assert_eq!(sim.bootstrap_error(1, body), code, "{credentials}");
        }
        let mut old = Fixture::with(1, Profile::V8_0_20, Switches::default());
        let mut body = old.join_body(0);
        body["credentials"] = certificate;
        assert_eq!(old.bootstrap_error(0, body), "config_error");
    }

    #[test]
    fn no_node_joins_by_password_where_basic_authentication_is_off() {
        let mut sim = Fixture::cluster(1, 2);
        let off = json!({"control_plane_basic_authentication": false});
        assert_eq!(sim.admin(0, "PUT", "/v1/cluster", off).status, 200);
        let body = sim.join_body(1);
        let refused = sim.send(1, "POST", "/v1/bootstrap/validate/join_cluster", None, body);
        assert_eq!((refused.status, refused.code()), (406, "access_denied"));
    }
}
