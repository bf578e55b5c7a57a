//! A formed cluster for tests of what it answers.

use super::certs::mint::{self, KeyKind};
use super::config::{Config, LOG_CAPACITY, NodeConfig, Timings, TlsIdentity};
use super::fault::FaultPlan;
use super::form::Formation;
use super::ids::NodeIndex;
use super::license_text::License;
use super::monitor::UNDESCRIBED;
use super::switch::{Switch, Switches};
use super::version::Profile;
use super::world::{Outcome, World};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::Request;
use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use serde_json::{Value, json};

/// Name of the cluster.
pub(crate) const NAME: &str = "rs.example.com";
const LOGIN: (&str, &str) = ("admin@example.com", "secret-1");

/// Three nodes of 32 GiB in one cluster with a licence for 100 shards.
pub(crate) struct Bed {
    pub(crate) world: World,
}

/// When every test's world begins.
pub(crate) fn start() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

/// A certificate whose authority answers questions about its status at this address.
pub(crate) fn with_responder(url: &str) -> TlsIdentity {
    let der = |tag: u8, parts: &[&[u8]]| {
        let content = parts.concat();
        [&[tag, u8::try_from(content.len()).unwrap()], content.as_slice()].concat()
    };
    let ocsp = der(6, &[&[0x2b, 6, 1, 5, 5, 7, 0x30, 1]]);
    let access = der(0x30, &[&der(0x30, &[&ocsp, &der(0x86, &[url.as_bytes()])])]);
    let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    params.custom_extensions = vec![CustomExtension::from_oid_content(
        &[1, 3, 6, 1, 5, 5, 7, 1, 1],
        access,
    )];
    let key = KeyPair::generate().unwrap();
    TlsIdentity {
        chain_pem: params.self_signed(&key).unwrap().pem(),
        key_pem: key.serialize_pem(),
    }
}

/// A certificate for servers only: its extended key usage lacks `clientAuth`.
pub(crate) fn server_only() -> TlsIdentity {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, NAME);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
    ];
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2027, 1, 1);
    TlsIdentity {
        chain_pem: params.self_signed(&key).unwrap().pem(),
        key_pem: key.serialize_pem(),
    }
}

/// Machines that belong to no cluster.
pub(crate) fn config(nodes: usize, profile: Profile, switches: Switches) -> Config {
    let node = |number| {
        let (name, address) = (format!("node{number}"), format!("10.0.0.{number}"));
        NodeConfig::new(
            &name,
            &address,
            mint::node(&name, &[&address], start(), KeyKind::Ecdsa).unwrap(),
        )
    };
    Config {
        seed: 7,
        start: start(),
        profile,
        switches,
        bugs: None,
        timings: Timings::default(),
        nodes: (1..=nodes).map(node).collect(),
        certificates: mint::source(start(), KeyKind::Ecdsa).unwrap(),
        faults: FaultPlan::default(),
        log_capacity: LOG_CAPACITY,
        ownership_tag: None,
    }
}

impl Bed {
    pub(crate) fn new() -> Self {
        Self::with(3, Profile::default(), Switches::all_default())
    }

    pub(crate) fn of(profile: Profile) -> Self {
        Self::with(3, profile, Switches::all_default())
    }

    pub(crate) fn switched(switch: Switch) -> Self {
        Self::with(3, Profile::default(), Switches::all_default().with(switch))
    }

    pub(crate) fn with(nodes: usize, profile: Profile, switches: Switches) -> Self {
        let mut bed = Self::trial(nodes, profile, switches);
        let license = License::bought(NAME, 100, start(), 365).text;
        assert_eq!(bed.call("PUT", "/v1/license", json!({"license": license})).0, 200);
        bed
    }

    /// Under the trial licence.
    pub(crate) fn trial(nodes: usize, profile: Profile, switches: Switches) -> Self {
        let mut world = World::new(config(nodes, profile, switches));
        let wanted = Formation {
            members: nodes,
            ..Formation::new(NAME, LOGIN.0, LOGIN.1)
        };
        world.form(&wanted).unwrap();
        Self { world }
    }

    /// Status and body of a request to the first node; `null` sends no body and stands for none.
    pub(crate) fn call(&mut self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.call_on(0, method, path, body)
    }

    pub(crate) fn call_on(&mut self, node: usize, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.call_with(node, method, path, body, &[])
    }

    pub(crate) fn call_with(
        &mut self,
        node: usize,
        method: &str,
        path: &str,
        body: Value,
        headers: &[(&str, &str)],
    ) -> (u16, Value) {
        let login = STANDARD.encode(format!("{}:{}", LOGIN.0, LOGIN.1));
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Basic {login}"))
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() {
            Bytes::new()
        } else {
            Bytes::from(body.to_string())
        };
        let outcome = self.world.handle(NodeIndex(node), &request.body(body).unwrap());
        let faults = self.world.violations().iter();
        let fault = faults.rev().find(|violation| violation.rule == UNDESCRIBED);
        assert!(fault.is_none(), "{fault:?}");
        match outcome {
            Outcome::Reply { response, .. } => (
                response.status().as_u16(),
                serde_json::from_slice(response.body()).unwrap_or(Value::Null),
            ),
            other => panic!("{method} {path}: {other:?}"),
        }
    }

    /// A request that succeeds.
    #[track_caller]
    pub(crate) fn ok(&mut self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(method, path, body);
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }

    /// Status and `error_code` of a request that is refused.
    #[track_caller]
    pub(crate) fn refused(&mut self, method: &str, path: &str, body: Value) -> (u16, String) {
        let (status, answer) = self.call(method, path, body);
        assert_ne!(status, 200, "{method} {path}: {answer}");
        (
            status,
            answer["error_code"].as_str().unwrap_or_default().to_owned(),
        )
    }

    /// Gives every node so many bytes of flash, enabled for databases.
    pub(crate) fn flash(&mut self, bytes: u64) {
        for node in &mut self.world.env.nodes {
            node.config.flash_bytes = bytes;
        }
        let clusters = self.world.clusters.values_mut();
        for member in clusters.flat_map(|cluster| cluster.members.values_mut()) {
            member.extra.insert("bigstore_enabled".to_owned(), json!(true));
        }
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, secs: i64) {
        self.world
            .advance(self.world.now() + SignedDuration::from_secs(secs));
    }

    /// Creates a database and waits until it is active; gives its uid.
    #[track_caller]
    pub(crate) fn database(&mut self, body: Value) -> u64 {
        let uid = self.ok("POST", "/v1/bdbs", body)["uid"].as_u64().unwrap();
        self.pass(60);
        assert_eq!(
            self.ok("GET", &format!("/v1/bdbs/{uid}"), Value::Null)["status"],
            "active"
        );
        uid
    }
}
