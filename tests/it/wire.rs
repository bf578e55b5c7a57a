//! The REST client and the simulator, each written from the documentation, understand each other.

use crate::fleet::Fleet;
use crate::fleet::NAME;
use crate::fleet::credentials;
use crate::fleet::node;
use regent::rest::MaintenanceOff;
use regent::rest::MaintenanceOn;
use regent::rest::RemoveNode;
use regent::rest::Session;
use regent::rest::Validation;
use regent::rest::error::Disposition;
use regent::rest::error::ErrorCode;
use regent::rest::error::ErrorKind;
use regent::rest::model::Bdb;
use regent::rest::model::BdbStatus;
use regent::rest::model::BdbUid;
use regent::rest::model::BootstrapState;
use regent::rest::model::CertificateName;
use regent::rest::model::CertificatePair;
use regent::rest::model::JsonMap;
use regent::rest::model::ManagementRole;
use regent::rest::model::NodeUid;
use regent::rest::model::SoftwareVersion;
use regent::rest::tls::Trust;
use regent::sim::Effect;
use regent::sim::FaultPlan;
use regent::sim::Profile;
use regent::sim::Rule;
use regent::sim::Switches;
use secrecy::SecretString;
use serde_json::Value;
use serde_json::json;
use std::time::Duration;

fn object(value: Value) -> JsonMap {
    value.as_object().unwrap().clone()
}

async fn pass(secs: u64) {
    tokio::time::sleep(Duration::from_secs(secs)).await;
}

fn usual() -> Fleet {
    Fleet::formed(Profile::default(), Switches::all_default())
}

/// From now on, and in the place of earlier faults.
fn fault(fleet: &Fleet, method: &str, path: &str, effect: Effect) {
    let rule = Rule {
        method: Some(method.to_owned()),
        path: Some(path.to_owned()),
        node: None,
        skip: 0,
        count: None,
        effect,
    };
    fleet.shared.world().set_faults(FaultPlan { rules: vec![rule] });
}

async fn create(session: &Session) -> Bdb {
    let body =
        json!({"name": "db", "memory_size": 1 << 30, "type": "redis", "redis_version": "7.2", "port": 12000});
    let made = session.create_bdb(object(body)).await.unwrap();
    assert_eq!(made.status, BdbStatus::Pending);
    pass(20).await;
    session.bdb(made.uid).await.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_cluster_is_created_and_joined() {
    let fleet = Fleet::fresh(2, Profile::default(), Switches::all_default());
    let fresh = |last, pins| fleet.client.fresh(node(last), Trust::Pinned(pins));
    let pins = fleet.pins(&[1, 2]).await;
    let (seed, joiner) = (fresh(1, pins.clone()), fresh(2, pins));
    assert_eq!(
        seed.bootstrap().await.unwrap().unwrap().bootstrap_status.state,
        BootstrapState::Idle
    );

    let body = json!({"cluster": {"nodes": [], "name": NAME}, "node": {"identity": {"addr": "10.0.0.1"}}});
    seed.create_cluster(object(body), &credentials(), None)
        .await
        .unwrap();
    pass(30).await;
    assert!(
        matches!(seed.bootstrap().await.unwrap_err().kind, ErrorKind::Untrusted(_)),
        "it shows the cluster's certificate"
    );
    assert_eq!(
        fresh(1, fleet.pins(&[1]).await).bootstrap().await,
        Ok(None),
        "and wants credentials"
    );

    let body =
        json!({"cluster": {"nodes": ["10.0.0.1"], "name": NAME}, "node": {"identity": {"addr": "10.0.0.2"}}});
    joiner.join_cluster(object(body), &credentials()).await.unwrap();
    pass(40).await;
    assert_eq!(
        fleet.pins(&[1]).await,
        fleet.pins(&[2]).await,
        "the joiner took over the cluster's certificate"
    );
    let session = fleet
        .client
        .session(vec![node(1), node(2)], fleet.trust(&[1]).await, credentials());
    assert_eq!(session.nodes().await.unwrap().len(), 2);
    assert_eq!(session.cluster().await.unwrap().name, NAME);
    for last in [1, 2] {
        let state = session
            .only(&node(last))
            .bootstrap()
            .await
            .unwrap()
            .bootstrap_status
            .state;
        assert_eq!(state, BootstrapState::Completed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_bootstrap_that_would_fail_says_so_beforehand() {
    let fleet = Fleet::fresh(1, Profile::default(), Switches::all_default());
    let fresh = fleet.client.fresh(node(1), Trust::Pinned(fleet.pins(&[1]).await));
    let body = |name: &str| {
        object(json!({"cluster": {"nodes": [], "name": name}, "node": {"identity": {"addr": "10.0.0.1"}}}))
    };
    assert_eq!(
        fresh.validate("create_cluster", body(NAME), &credentials()).await,
        Ok(Validation::Valid)
    );
    let invalid = fresh
        .validate("create_cluster", body("not a name!"), &credentials())
        .await
        .unwrap();
    let Validation::Invalid(refusal) = invalid else {
        panic!("{invalid:?}")
    };
    assert_eq!(refusal.code, Some(ErrorCode::from("config_error")));
    assert!(refusal.hint.is_some());
}

#[tokio::test(start_paused = true)]
async fn every_read_is_understood_in_every_version_whatever_the_documentation_leaves_open() {
    for profile in Profile::ALL {
        for switches in [Switches::all_default(), Switches::all_alternative()] {
            let fleet = Fleet::formed(profile, switches);
            let session = fleet.session().await;
            assert_eq!(session.cluster().await.unwrap().name, NAME);
            assert!(!session.policy().await.unwrap().is_empty());
            assert!(!session.license().await.unwrap().unwrap().expired);
            let nodes = session.nodes().await.unwrap();
            assert_eq!(nodes.len(), 3);
            assert!(
                nodes
                    .iter()
                    .all(|node| node.software_version > Some(SoftwareVersion::parse("7.4")))
            );
            let statuses = session.node_statuses().await.unwrap();
            let leads = |role: &Option<ManagementRole>| *role == Some(ManagementRole::Master);
            assert_eq!(statuses.values().filter(|status| leads(&status.role)).count(), 1);
            assert_eq!(session.node_tasks().await.unwrap(), []);
            assert_eq!(session.tasks_of_node(NodeUid(1)).await.unwrap(), []);
            assert_eq!(session.bdbs().await.unwrap(), []);
            assert_eq!(session.bdbs_with(&["memory_size"]).await.unwrap(), []);
            assert_eq!(session.bdb(BdbUid(77)).await, Ok(None));
            assert_eq!(session.used_memory_bytes(BdbUid(77)).await, Ok(None));
            assert_eq!(session.shards().await.unwrap(), []);
            session.actions().await.unwrap();
            assert!(
                session
                    .certificate(&CertificateName::Proxy)
                    .await
                    .unwrap()
                    .unwrap()
                    .contains("BEGIN CERTIFICATE")
            );
            assert_eq!(session.certificate(&CertificateName::LdapClient).await, Ok(None));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_database_lives() {
    let fleet = usual();
    let session = fleet.session().await;
    let bdb = create(&session).await;
    assert_eq!(bdb.status, BdbStatus::Active);
    assert_eq!(bdb.endpoints[0].port, Some(12000));
    assert_eq!(session.shards().await.unwrap().len(), 1);
    assert_eq!(
        session.bdbs_with(&["memory_size"]).await.unwrap()[0].fields["memory_size"],
        json!(1 << 30)
    );
    let empty = session.used_memory_bytes(bdb.uid).await.unwrap().unwrap();
    fleet
        .shared
        .world()
        .fill(regent::sim::NodeIndex(0), u64::from(bdb.uid.0), 1 << 20);
    assert_eq!(
        session.used_memory_bytes(bdb.uid).await,
        Ok(Some(empty + (1 << 20)))
    );

    session
        .update_bdb(
            bdb.uid,
            object(json!({"tags": [{"key": "regent_owner", "value": "x"}]})),
        )
        .await
        .unwrap();
    pass(20).await;
    assert_eq!(
        session.bdb(bdb.uid).await.unwrap().unwrap().tag("regent_owner"),
        Some("x")
    );

    let (old, new) = (SecretString::from("canary-old"), SecretString::from("canary-new"));
    session.add_password(bdb.uid, &old).await.unwrap();
    pass(20).await;
    session.add_password(bdb.uid, &new).await.unwrap();
    pass(20).await;
    session.remove_password(bdb.uid, &old).await.unwrap();
    pass(20).await;
    session.replace_passwords(bdb.uid, &new).await.unwrap();
    pass(20).await;

    session.delete_bdb(bdb.uid).await.unwrap();
    pass(20).await;
    assert_eq!(session.bdb(bdb.uid).await, Ok(None));
    assert_eq!(
        session.delete_bdb(bdb.uid).await.unwrap_err().disposition(),
        Disposition::Stale
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_goes_into_maintenance_comes_back_and_leaves() {
    let fleet = usual();
    let session = fleet.session().await;
    session.change_master(NodeUid(1)).await.unwrap();
    pass(20).await;
    session
        .maintenance_on(NodeUid(3), MaintenanceOn::default())
        .await
        .unwrap();
    let busy = session
        .maintenance_on(NodeUid(3), MaintenanceOn::default())
        .await
        .unwrap_err();
    assert_eq!(busy.disposition(), Disposition::Busy);
    pass(60).await;
    assert!(
        session.node_statuses().await.unwrap()[&NodeUid(3)]
            .maintenance_snapshot
            .is_some()
    );
    assert!(
        session
            .node_tasks()
            .await
            .unwrap()
            .iter()
            .all(|task| !task.status.under_way())
    );
    session
        .maintenance_off(NodeUid(3), MaintenanceOff::default())
        .await
        .unwrap();
    pass(60).await;
    assert_eq!(
        session.node_statuses().await.unwrap()[&NodeUid(3)].maintenance_snapshot,
        None
    );
    session
        .remove_node(
            NodeUid(3),
            RemoveNode {
                wait_for_persistence: Some(true),
            },
        )
        .await
        .unwrap();
    pass(60).await;
    assert_eq!(session.nodes().await.unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn settings_policy_racks_and_licence_change() {
    let fleet = usual();
    let session = fleet.session().await;
    session
        .update_cluster(object(json!({"handle_redirects": true})))
        .await
        .unwrap();
    assert_eq!(
        session.cluster().await.unwrap().settings["handle_redirects"],
        json!(true)
    );
    session
        .update_policy(object(json!({"default_shards_placement": "sparse"})))
        .await
        .unwrap();
    assert_eq!(
        session.policy().await.unwrap()["default_shards_placement"],
        json!("sparse")
    );
    session
        .update_node(NodeUid(1), object(json!({"rack_id": "a"})))
        .await
        .unwrap();
    assert_eq!(session.nodes().await.unwrap()[0].rack_id, "a");
    let again = session
        .update_node(NodeUid(1), object(json!({"rack_id": "b"})))
        .await
        .unwrap_err();
    assert_eq!(again.code(), Some(&ErrorCode::NodeAlreadyHasRackId));
    assert_eq!(
        session
            .install_license("no licence")
            .await
            .unwrap_err()
            .disposition(),
        Disposition::Rejected
    );
}

#[tokio::test(start_paused = true)]
async fn a_certificate_is_replaced_by_the_call_that_the_version_knows() {
    for profile in Profile::ALL {
        let fleet = Fleet::formed(profile, Switches::all_default());
        let session = fleet.session().await;
        let version = session.nodes().await.unwrap()[0]
            .software_version
            .clone()
            .unwrap();
        let bulk = version >= SoftwareVersion::parse("7.22.2");
        let now = fleet.shared.world().now();
        let (cert, key) = minted(now);
        let pair = CertificatePair::parse(cert.as_bytes(), key.as_bytes(), now).unwrap();
        session
            .replace_certificate(&CertificateName::Proxy, &pair, bulk)
            .await
            .unwrap();
        let read = session
            .certificate(&CertificateName::Proxy)
            .await
            .unwrap()
            .unwrap();
        assert!(pair.same_chain(&read), "{profile:?}");
    }
}

/// A certificate and its key that no node has.
fn minted(now: jiff::Timestamp) -> (String, String) {
    let identity =
        regent::sim::certs::mint::node(NAME, &[], now, regent::sim::certs::mint::KeyKind::Ecdsa).unwrap();
    (identity.chain_pem, identity.key_pem)
}

#[tokio::test(start_paused = true)]
async fn whichever_member_is_asked_the_primary_node_answers() {
    let fleet = usual();
    for first in 1..=3_u8 {
        let members = [first, first % 3 + 1, (first + 1) % 3 + 1].map(node).to_vec();
        let session = fleet
            .client
            .session(members, fleet.trust(&[1]).await, credentials());
        assert_eq!(session.nodes().await.unwrap().len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn faults_are_told_apart() {
    let fleet = usual();
    let session = fleet.session().await;
    let body = || object(json!({"name": "db", "memory_size": 1 << 30, "redis_version": "7.2"}));

    fault(&fleet, "POST", "/v1/bdbs", Effect::LostReply);
    let lost = session.create_bdb(body()).await.unwrap_err();
    assert!(lost.outcome_unknown(), "{lost}");
    assert_eq!(session.bdbs().await.unwrap().len(), 1, "it took effect");

    fault(&fleet, "POST", "/v1/bdbs", Effect::Silence);
    assert!(session.create_bdb(body()).await.unwrap_err().outcome_unknown());

    fault(&fleet, "GET", "/v1/bdbs", Effect::TruncateAt(5));
    assert_eq!(
        session.bdbs().await.unwrap_err().disposition(),
        Disposition::Unreachable
    );

    let html = Effect::Status {
        code: 404,
        body: "<html>404</html>".to_owned(),
    };
    fault(&fleet, "GET", "/v1/bdbs/*", html);
    assert_eq!(
        session.bdb(BdbUid(1)).await.unwrap_err().disposition(),
        Disposition::Unreachable
    );

    fleet.shared.world().set_faults(FaultPlan::default());
    fleet.shared.world().crash(regent::sim::NodeIndex(0));
    pass(60).await;
    assert_eq!(session.nodes().await.unwrap().len(), 3, "another member answers");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_denied_and_not_shown() {
    let fleet = usual();
    let mut wrong = credentials();
    wrong.password = SecretString::from("canary-wrong");
    let session = fleet
        .client
        .session(vec![node(1)], fleet.trust(&[1]).await, wrong);
    let error = session.cluster().await.unwrap_err();
    assert_eq!(error.disposition(), Disposition::Denied);
    assert!(!format!("{error} {error:?}").contains("canary"));
}
