use super::*;
use crate::api::ClusterCertificateSpec;
use crate::api::ClusterRef;
use crate::api::SecretRef;
use crate::plan::access::Credentials;
use expect_test::Expect;
use expect_test::expect;
use rcgen::CertificateParams;
use rcgen::DnType;
use rcgen::KeyPair;
use serde_json::json;

pub(crate) const NOW: &str = "2026-06-01T12:00:00Z";
const LONG_AGO: &str = "2026-06-01T11:58:59Z";
const JUST_NOW: &str = "2026-06-01T11:59:59Z";

/// Three nodes that have another certificate than the Secret's, and nothing in the way.
pub(crate) struct World {
    pub(crate) object: ClusterCertificate,
    pub(crate) inputs: Inputs,
    pub(crate) observed: Observed,
}

impl World {
    pub(crate) fn new() -> Self {
        let spec = ClusterCertificateSpec {
            cluster_ref: ClusterRef { name: "prod".into() },
            certificate: CertificateRole::Proxy,
            secret_ref: SecretRef {
                name: "proxy-tls".into(),
            },
            management_policy: None,
        };
        let mut object = ClusterCertificate::new("proxy", spec);
        object.metadata.generation = Some(1);
        let nodes = (1..=3).map(node).collect();
        let served = (1..=3).map(|i| served(i, Some("zz"))).collect();
        let seen = Seen {
            identity: identity(),
            nodes,
            served,
        };
        Self {
            object,
            inputs: inputs(),
            observed: Observed::Seen(Box::new(seen)),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn seen(&mut self) -> &mut Seen {
        match &mut self.observed {
            Observed::Seen(seen) => seen,
            Observed::Unasked => panic!("the cluster was asked"),
        }
    }

    pub(crate) fn wanted(&self) -> CertificatePair {
        pair(&self.inputs, NOW.parse().unwrap()).unwrap()
    }

    /// The first `count` nodes have the certificate of the Secret.
    pub(crate) fn served_by(mut self, count: usize) -> Self {
        let wanted = self.wanted().fingerprint().to_owned();
        for served in &mut self.seen().served[..count] {
            served.fingerprint = Some(wanted.clone());
        }
        self
    }

    fn sent(mut self, time: &str) -> Self {
        let wanted = self.wanted();
        let intent = Intent {
            action: IntentAction::ReplaceCertificate,
            target: "proxy".into(),
            time: time.into(),
            generation: 1,
            detail: Some(format!("{} {}", wanted.fingerprint(), wanted.pin())),
        };
        self.object.status = Some(ClusterCertificateStatus {
            intent: Some(intent),
            ..Default::default()
        });
        self
    }

    /// Compares the printed plan; the Secret's certificate, new in every run, prints as `wanted`.
    #[track_caller]
    fn check(&self, expected: Expect) {
        let plan = plan(&self.object, &self.inputs, &self.observed, NOW.parse().unwrap());
        let wanted = pair(&self.inputs, NOW.parse().unwrap()).map(|pair| pair.fingerprint().to_owned());
        let printed = plan.to_string();
        expected.assert_eq(&wanted.map_or(printed.clone(), |wanted| printed.replace(&wanted, "wanted")));
    }
}

fn identity() -> ClusterIdentity {
    ClusterIdentity {
        name: "prod.example.com".into(),
        created_time: "2026-01-01T00:00:00Z".into(),
    }
}

fn node(i: u32) -> Node {
    serde_json::from_value(json!({
        "uid": i, "status": "active", "addr": format!("10.0.0.{i}"), "software_version": "8.0.10-64",
    }))
    .unwrap()
}

fn served(i: u32, fingerprint: Option<&str>) -> Served {
    Served {
        node: format!("n{i}"),
        fingerprint: fingerprint.map(str::to_owned),
    }
}

fn inputs() -> Inputs {
    let cluster = ClusterKey {
        namespace: "redis".into(),
        name: "prod".into(),
    };
    Inputs {
        access: Ok(ClusterAccess {
            cluster: cluster.clone(),
            cluster_name: "prod.example.com".into(),
            nodes: vec![],
            ca_pem: None,
            pins: vec![],
            credentials: Credentials {
                username: "admin@example.com".into(),
                password: "a secret".into(),
                secret_version: "uid/1".into(),
            },
            identity: Some(identity()),
        }),
        cluster,
        pair: Ok(secret()),
        claimed_by: None,
        disruption: None,
        other_change: None,
        takeover_until: None,
    }
}

fn secret() -> SecretPair {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["prod.example.com".to_owned()]).unwrap();
    params
        .distinguished_name
        .push(DnType::CommonName, "prod.example.com");
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2027, 1, 1);
    let certificate_pem = params.self_signed(&key).unwrap().pem();
    SecretPair {
        secret: "proxy-tls".into(),
        certificate_pem,
        key_pem: key.serialize_pem().into(),
    }
}

fn held(why: Reason, detail: &str) -> Hold {
    Hold {
        what: "use RedisCluster redis/prod".into(),
        why,
        detail: detail.into(),
    }
}

#[test]
fn a_certificate_that_differs_is_replaced_after_its_intent() {
    World::new().check(expect![[r#"
        do    record: ReplaceCertificate proxy
        do    replace certificate proxy
        do    record: every node has certificate wanted
        drift spec.secretRef: zz -> wanted
    "#]]);
    World::new().served_by(2).check(expect![[r#"
        do    record: ReplaceCertificate proxy
        do    replace certificate proxy
        do    record: every node has certificate wanted
        drift spec.secretRef: wanted, zz -> wanted
    "#]]);
}

#[test]
fn a_certificate_that_every_node_has_needs_nothing() {
    World::new().served_by(3).check(expect![[""]]);
}

#[test]
fn older_nodes_get_the_older_call() {
    World::new()
        .with(|w| w.seen().nodes[2].software_version = Some(SoftwareVersion::parse("7.22.0-95")))
        .check(expect![[r#"
            do    record: ReplaceCertificate proxy
            do    replace certificate proxy by update_cert
            do    record: every node has certificate wanted
            drift spec.secretRef: zz -> wanted
        "#]]);
}

#[test]
fn a_replacement_whose_answer_was_no_success_is_sent_again_although_every_node_seems_to_have_it() {
    World::new().served_by(3).sent(LONG_AGO).check(expect![[r#"
        do    record: ReplaceCertificate proxy
        do    replace certificate proxy
        do    record: every node has certificate wanted
    "#]]);
}

#[test]
fn a_replacement_settles_before_it_is_sent_again() {
    World::new().sent(JUST_NOW).check(expect![[r#"
        wait  replace certificate proxy: Applying (the nodes take the new one up)
        drift spec.secretRef: zz -> wanted
    "#]]);
    World::new().sent(LONG_AGO).check(expect![[r#"
        do    record: ReplaceCertificate proxy
        do    replace certificate proxy
        do    record: every node has certificate wanted
        drift spec.secretRef: zz -> wanted
    "#]]);
}

#[test]
fn what_could_not_be_read_is_not_taken_for_different() {
    World::new()
        .served_by(3)
        .with(|w| w.seen().served[1].fingerprint = None)
        .check(expect![[r#"
            hold  replace certificate proxy: ClusterUnreachable (the certificate of these nodes could not be read: n2)
        "#]]);
    World::new()
        .with(|w| w.observed = Observed::Unasked)
        .check(expect![[r#"
            hold  replace certificate proxy: ClusterUnreachable (RedisCluster redis/prod was not asked)
        "#]]);
}

#[test]
fn a_pair_that_cannot_be_used_is_named_without_its_content() {
    World::new()
        .with(|w| {
            w.inputs.pair = Ok(SecretPair {
                key_pem: KeyPair::generate().unwrap().serialize_pem().into(),
                ..secret()
            })
        })
        .check(expect![[r#"
            hold  use Secret proxy-tls: CertificateInvalid (the private key does not belong to the certificate of CN=prod.example.com; correct the Secret)
        "#]]);
    World::new()
        .with(|w| {
            w.inputs.pair = Err(held(
                Reason::SecretInvalid,
                "Secret proxy-tls lacks the key `tls.key`; add it",
            ))
        })
        .check(expect![[r#"
            hold  use RedisCluster redis/prod: SecretInvalid (Secret proxy-tls lacks the key `tls.key`; add it)
        "#]]);
}

#[test]
fn a_cluster_that_is_missing_or_not_created_is_waited_for() {
    World::new()
        .with(|w| w.inputs.access = Err(held(Reason::RefNotFound, "it does not exist; create it")))
        .check(expect![[r#"
            hold  use RedisCluster redis/prod: RefNotFound (it does not exist; create it)
        "#]]);
    World::new()
        .with(|w| w.inputs.access = Err(held(Reason::WaitingForRef, "it does not exist yet")))
        .check(expect![[r#"
            hold  use RedisCluster redis/prod: WaitingForRef (it does not exist yet)
        "#]]);
    World::new()
        .with(|w| w.inputs.access.as_mut().unwrap().identity = None)
        .check(expect![[r#"
            hold  replace certificate proxy: WaitingForCluster (RedisCluster redis/prod has not been created yet)
        "#]]);
}

#[test]
fn another_cluster_gets_nothing() {
    World::new()
        .with(|w| w.seen().identity.created_time = LONG_AGO.into())
        .check(expect![[r#"
            hold  replace certificate proxy: IdentityMismatch (cluster prod.example.com created 2026-06-01T11:58:59Z answers, but cluster prod.example.com created 2026-01-01T00:00:00Z is recorded; nothing is sent; if the cluster was rebuilt on purpose, delete this object and apply it again)
        "#]]);
}

#[test]
fn the_older_claim_wins() {
    World::new()
        .with(|w| w.inputs.claimed_by = Some("older".into()))
        .check(expect![[r#"
            hold  replace certificate proxy: OwnershipConflict (ClusterCertificate older is older and claims certificate proxy of RedisCluster redis/prod too; delete one of them)
        "#]]);
}

#[test]
fn nothing_is_replaced_while_something_else_is_under_way() {
    World::new()
        .with(|w| w.inputs.disruption = Some("node n2 leaves".into()))
        .check(expect![[r#"
            hold  replace certificate proxy: Disruption (RedisCluster redis/prod goes first: node n2 leaves)
            drift spec.secretRef: zz -> wanted
        "#]]);
    World::new()
        .with(|w| w.inputs.other_change = Some("api".into()))
        .check(expect![[r#"
            hold  replace certificate proxy: CertificateChange (ClusterCertificate api goes first; one certificate is replaced at a time)
            drift spec.secretRef: zz -> wanted
        "#]]);
    World::new()
        .with(|w| w.seen().nodes[1].status = NodeState::Down)
        .check(expect![[r#"
            hold  replace certificate proxy: OneNodeAtATime (every node must be active to take the new certificate, and node 2 (10.0.0.2) is down)
            drift spec.secretRef: zz -> wanted
        "#]]);
    World::new()
        .with(|w| w.inputs.takeover_until = Some("2026-06-01T12:00:10Z".parse().unwrap()))
        .check(expect![[r#"
            hold  replace certificate proxy: TakeoverWait (a new leader lets the calls of the previous one run out first)
            drift spec.secretRef: zz -> wanted
        "#]]);
}

#[test]
fn an_observer_says_what_differs() {
    World::new()
        .with(|w| w.object.spec.management_policy = Some(ManagementPolicy::Observe))
        .check(expect![[r#"
            drift spec.secretRef: zz -> wanted
        "#]]);
}

#[test]
fn a_deleted_object_leaves_the_certificate_in_place() {
    World::new()
        .with(|w| w.object.metadata.deletion_timestamp = Some(serde_json::from_value(json!(NOW)).unwrap()))
        .check(expect![[r#"
            do    release the object
        "#]]);
}

#[test]
fn both_certificates_are_trusted_while_one_replaces_the_other() {
    let mut status = World::new().sent(JUST_NOW).object.status.unwrap();
    status.pin = Some("sha256/old".into());
    let pins = pins(&status);
    assert!(is_under_way(&status));
    assert_eq!(pins.len(), 2);
    assert_eq!(pins[0], "sha256/old");
}
