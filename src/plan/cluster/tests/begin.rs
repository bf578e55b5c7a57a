//! From nothing to a cluster of one: claims, inputs, deletion, trust, identity, creation.

use super::*;
use crate::api::AdoptionPolicy;
use crate::api::CertificateRole;
use crate::api::ManagementPolicy;
use crate::api::NodeLimits;
use crate::api::NodePaths;
use crate::api::ON_DELETE_ANNOTATION;
use crate::api::Reason;
use crate::plan::Hold;
use crate::plan::cluster::CertificateState;
use expect_test::expect;

fn deleted(dependents: usize) -> World {
    World::healthy().with(|w| {
        w.object.metadata.deletion_timestamp = Some(serde_json::from_value(json!(NOW)).unwrap());
        w.inputs.dependents = (1..=dependents).map(|i| format!("RedisDatabase db{i}")).collect();
    })
}

#[test]
fn a_deleted_object_is_released_without_a_call() {
    deleted(0).check(expect![[r#"
        do    release the object
    "#]]);
}

#[test]
fn a_deleted_object_waits_for_what_refers_to_it() {
    deleted(7).check(expect![[r#"
        hold  delete the object: InUse (RedisDatabase db1, RedisDatabase db2, RedisDatabase db3, RedisDatabase db4, RedisDatabase db5 and 2 more refer to it; delete them first)
    "#]]);
}

#[test]
fn a_deleted_object_that_is_orphaned_does_not_wait() {
    let orphan = [(ON_DELETE_ANNOTATION.to_owned(), "orphan".to_owned())].into();
    deleted(7)
        .with(|w| w.object.metadata.annotations = Some(orphan))
        .check(expect![[r#"
            do    release the object
        "#]]);
}

#[test]
fn a_deleted_object_without_our_finalizer_is_left_alone() {
    deleted(0)
        .with(|w| w.object.metadata.finalizers = None)
        .check(expect![[""]]);
}

#[test]
fn deletion_does_not_need_the_inputs() {
    deleted(0)
        .with(|w| w.inputs.access = Err(secret_missing()))
        .with(|w| w.inputs.claimed_by = Some("redis/older".into()))
        .check(expect![[r#"
            do    release the object
        "#]]);
}

fn secret_missing() -> Hold {
    Hold {
        what: "read the credentials".into(),
        why: Reason::SecretNotFound,
        detail: "Secret prod-admin does not exist; create it".into(),
    }
}

#[test]
fn the_older_claim_wins() {
    World::fresh()
        .with(|w| w.inputs.claimed_by = Some("redis/older".into()))
        .check(expect![[r#"
            hold  act on the cluster: OwnershipConflict (the older RedisCluster redis/older has the same clusterName or one of these node addresses; delete one of the two)
        "#]]);
}

#[test]
fn nothing_is_sent_without_inputs() {
    World::fresh()
        .with(|w| w.inputs.access = Err(secret_missing()))
        .check(expect![[r#"
            hold  read the credentials: SecretNotFound (Secret prod-admin does not exist; create it)
        "#]]);
    World::healthy()
        .with(|w| w.inputs.license = Err(secret_missing()))
        .check(expect![[r#"
            hold  read the credentials: SecretNotFound (Secret prod-admin does not exist; create it)
        "#]]);
}

#[test]
fn a_list_that_cannot_be_is_named() {
    World::fresh().with(|w| w.spec().nodes.clear()).check(expect![[r#"
        hold  act on the cluster: InvalidSpec (spec.nodes is empty; list at least one node)
    "#]]);
    World::fresh()
        .with(|w| w.spec().nodes[2].name = "n1".into())
        .check(expect![[r#"
            hold  act on the cluster: InvalidSpec (spec.nodes lists the name n1 twice; names must differ)
        "#]]);
    World::fresh()
        .with(|w| w.spec().nodes[2].address = address(1))
        .check(expect![[r#"
            hold  act on the cluster: InvalidSpec (spec.nodes lists the address 10.0.0.1:9443 twice)
        "#]]);
    World::fresh()
        .with(|w| w.spec().cluster_name = String::new())
        .check(expect![[r#"
            hold  act on the cluster: InvalidSpec (spec.clusterName is empty; give the cluster's fully qualified domain name)
        "#]]);
}

fn unverified() -> World {
    World::fresh().with(|w| {
        w.status().nodes.clear();
        for i in 1..=3 {
            w.contact(i, Contact::Unverified);
        }
    })
}

#[test]
fn fresh_nodes_are_pinned_on_first_use() {
    unverified().check(expect![[r#"
        do    record: node n1 shows sha256/node1
        do    record: node n2 shows sha256/node2
        do    record: node n3 shows sha256/node3
    "#]]);
}

#[test]
fn without_trust_on_first_use_a_human_compares_the_pin() {
    unverified()
        .with(|w| w.spec().tls = None)
        .with(|w| drop(w.observed.nodes.drain(1..)))
        .with(|w| w.observed.nodes[0].presented.as_mut().unwrap().pin = "sha256/AAAA".into())
        .check(expect![[r#"
            hold  trust node n1: TlsVerifyFailed (it shows a certificate with sha256/AAAA, for which nothing vouches; compare it with the node, then set `pin: sha256/AAAA` on node n1 in spec.nodes, or `tls: {trustOnFirstUse: true}` to take what fresh nodes show first)
        "#]]);
}

#[test]
fn a_pin_once_recorded_must_stay() {
    World::fresh()
        .with(|w| w.contact(2, Contact::Mismatched).presented.as_mut().unwrap().pin = "sha256/other".into())
        .check(expect![[r#"
            hold  trust node n2: TlsVerifyFailed (it shows a certificate with sha256/other, but sha256/node2 was expected; if the node was reinstalled, set `pin: sha256/other` on node n2 in spec.nodes)
        "#]]);
}

#[test]
fn a_pin_seen_at_another_address_is_forgotten() {
    World::fresh()
        .with(|w| w.spec().nodes[2].address = "10.0.0.9".into())
        .check(expect![[r#"
            do    record: forget node n3
        "#]]);
}

#[test]
fn a_member_with_another_certificate_is_not_believed() {
    World::healthy()
        .with(|w| w.contact(2, Contact::Mismatched).presented.as_mut().unwrap().pin = "sha256/other".into())
        .check(expect![[r#"
            hold  trust node n2: TlsVerifyFailed (it shows a certificate with sha256/other, but sha256/cluster was expected; if that is the cluster's own certificate, add `tls: {pins: ["sha256/other"]}` to the spec)
        "#]]);
}

#[test]
fn a_node_without_a_certificate_is_named() {
    World::fresh()
        .with(|w| w.contact(2, Contact::Unverified).presented = None)
        .check(expect![[r#"
            hold  trust node n2: TlsVerifyFailed (it ended the handshake before it showed a certificate; check that TLS answers on this port)
        "#]]);
}

#[test]
fn a_node_that_does_not_answer_holds_creation() {
    World::fresh().seeing(2, unreachable()).check(expect![[r#"
            hold  reach node n2: ClusterUnreachable (connection refused)
        "#]]);
}

#[test]
fn the_first_node_is_the_seed_and_is_recorded_before_the_call() {
    let world = World::fresh();
    world.check(expect![[r#"
        do    record: CreateCluster n1
        do    create the cluster on n1
    "#]]);
    expect![[r#"
        {
          "action": "create_cluster",
          "cluster": {
            "name": "prod.example.com",
            "nodes": []
          },
          "node": {
            "identity": {
              "addr": "10.0.0.1"
            }
          }
        }"#]]
    .assert_eq(&body_of(&world.plan()));
}

#[test]
fn the_seed_gets_what_the_spec_says_of_it() {
    let world = World::fresh().with(|w| {
        let node = &mut w.spec().nodes[0];
        node.rack_id = Some("a".into());
        node.external_addresses = Some(vec!["192.0.2.1".into()]);
        node.limits = Some(NodeLimits {
            max_listeners: Some(50),
            max_redis_servers: None,
        });
        node.paths = Some(NodePaths {
            persistent: Some("/data".into()),
            ephemeral: None,
        });
    });
    expect![[r#"
        {
          "action": "create_cluster",
          "cluster": {
            "name": "prod.example.com",
            "nodes": []
          },
          "node": {
            "identity": {
              "addr": "10.0.0.1",
              "external_addr": [
                "192.0.2.1"
              ],
              "rack_id": "a"
            },
            "limits": {
              "max_listeners": 50
            },
            "paths": {
              "persistent_path": "/data"
            }
          }
        }"#]]
    .assert_eq(&body_of(&world.plan()));
}

#[test]
fn a_new_leader_waits_before_it_creates() {
    World::fresh()
        .with(|w| w.inputs.takeover_until = Some("2026-01-01T12:00:10Z".parse().unwrap()))
        .check(expect![[r#"
            wait  create the cluster on n1: TakeoverWait (calls of the previous leader run out by 2026-01-01T12:00:10Z)
        "#]]);
    let passed = World::fresh().with(|w| w.inputs.takeover_until = Some(NOW.parse().unwrap()));
    assert_eq!(passed.plan().steps.len(), 2);
}

#[test]
fn a_node_that_others_bootstrap_is_left_alone() {
    World::fresh()
        .seeing(3, bootstrap("joining_cluster", None))
        .check(expect![[r#"
            hold  use node n3: IdentityMismatch (node n3 is in bootstrap state joining_cluster, which this object did not start; wait until that ends, or reinstall Redis Enterprise on it)
        "#]]);
}

fn creating(time: &str) -> World {
    World::fresh().intent(IntentAction::CreateCluster, "n1", "10.0.0.1:9443", time)
}

#[test]
fn creation_is_awaited_while_it_runs() {
    for state in ["initiated", "creating_cluster", "completed"] {
        let plan = creating(LONG_AGO).seeing(1, bootstrap(state, None)).plan();
        assert_eq!(
            plan.to_string(),
            format!("wait  create the cluster on n1: Bootstrapping (the node is in state {state})\n")
        );
    }
    creating(LONG_AGO)
        .seeing(1, bootstrap("dreaming", None))
        .check(expect![[r#"
            wait  create the cluster on n1: Bootstrapping (the node is in the unknown state dreaming)
        "#]]);
    creating(LONG_AGO).seeing(1, Contact::Joined).check(expect![[r#"
            wait  create the cluster on n1: Bootstrapping (the node starts its services)
        "#]]);
    creating(LONG_AGO).seeing(1, unreachable()).check(expect![[r#"
            wait  create the cluster on n1: Bootstrapping (the node cannot be asked at the moment)
            hold  reach node n1: ClusterUnreachable (connection refused)
        "#]]);
}

#[test]
fn a_lost_request_is_sent_again_after_its_deadline_and_only_on_the_same_seed() {
    creating(JUST_NOW).check(expect![[r#"
        wait  create the cluster on n1: OutcomeUnknown (the request may still arrive)
    "#]]);
    creating(LONG_AGO).check(expect![[r#"
        do    record: CreateCluster n1
        do    create the cluster on n1
    "#]]);
    creating(LONG_AGO)
        .with(|w| w.spec().nodes.swap(0, 2))
        .check(expect![[r#"
            do    record: CreateCluster n1
            do    create the cluster on n1
        "#]]);
}

#[test]
fn a_seed_that_left_the_list_is_never_replaced_by_a_second() {
    creating(LONG_AGO).without_node(1).check(expect![[r#"
        hold  create the cluster on n1: BootstrapFailed (creation was begun on node n1 at 10.0.0.1:9443, which spec.nodes no longer lists so; list it again, because a second cluster is never begun)
    "#]]);
    creating(LONG_AGO)
        .with(|w| w.spec().nodes[0].address = "10.0.0.9".into())
        .check(expect![[r#"
            hold  create the cluster on n1: BootstrapFailed (creation was begun on node n1 at 10.0.0.1:9443, which spec.nodes no longer lists so; list it again, because a second cluster is never begun)
        "#]]);
}

#[test]
fn a_seed_that_joins_elsewhere_is_not_ours() {
    creating(LONG_AGO)
        .seeing(1, bootstrap("joining_cluster", None))
        .check(expect![[r#"
            hold  create the cluster on n1: IdentityMismatch (the node is in state joining_cluster, which this object did not start)
        "#]]);
}

fn failed(code: &str, time: &str) -> World {
    creating(time).seeing(1, bootstrap("error", Some(code)))
}

#[test]
fn a_failed_creation_says_why_and_what_to_do() {
    failed("config_error", LONG_AGO).check(expect![[r#"
        hold  create the cluster on n1: BootstrapFailed (config_error: as the node says; correct the node's entry in the spec)
    "#]]);
    failed("never_heard_of", JUST_NOW).check(expect![[r#"
        hold  create the cluster on n1: BootstrapFailed (never_heard_of: as the node says; see the logs of Redis Enterprise on the node)
    "#]]);
    failed("time_not_sync", JUST_NOW).check(expect![[r#"
        hold  create the cluster on n1: BootstrapFailed (time_not_sync: as the node says; synchronise the clocks of the nodes)
    "#]]);
}

#[test]
fn a_failed_creation_is_tried_again_after_a_change_or_when_the_cause_may_have_gone() {
    failed("config_error", LONG_AGO)
        .with(|w| w.object.metadata.generation = Some(2))
        .check(expect![[r#"
            do    record: CreateCluster n1
            do    create the cluster on n1
        "#]]);
    failed("time_not_sync", LONG_AGO).check(expect![[r#"
        do    record: CreateCluster n1
        do    create the cluster on n1
    "#]]);
}

#[test]
fn the_new_cluster_certificate_is_taken_once_while_the_cluster_is_being_created() {
    let shown = |contact: Contact| {
        creating(LONG_AGO).with(|w| {
            w.contact(1, contact)
                .presented
                .as_mut()
                .unwrap()
                .clone_from(&Presented {
                    pin: "sha256/cluster".into(),
                    names_cluster: true,
                    self_signed: true,
                    vouched: false,
                });
        })
    };
    shown(Contact::Mismatched).check(expect![[r#"
        do    record: the cluster shows sha256/cluster
        wait  create the cluster on n1: Bootstrapping (the node cannot be asked at the moment)
    "#]]);
    shown(Contact::Mismatched)
        .with(|w| w.status().intent = None)
        .check(expect![[r#"
            hold  trust node n1: TlsVerifyFailed (it shows a certificate with sha256/cluster, for which nothing vouches; if that is the cluster's own certificate, add `tls: {pins: ["sha256/cluster"]}` to the spec)
        "#]]);
    shown(Contact::Mismatched)
        .with(|w| w.observed.nodes[0].presented.as_mut().unwrap().names_cluster = false)
        .check(expect![[r#"
            wait  create the cluster on n1: Bootstrapping (the node cannot be asked at the moment)
            hold  trust node n1: TlsVerifyFailed (it shows a certificate with sha256/cluster, but sha256/node1 was expected; if the node was reinstalled, set `pin: sha256/cluster` on node n1 in spec.nodes)
        "#]]);
}

fn created() -> World {
    World::healthy()
        .intent(IntentAction::CreateCluster, "n1", "10.0.0.1:9443", LONG_AGO)
        .with(|w| {
            w.status().identity = None;
            w.status().nodes.clear();
            w.observed.live = Some(live(1));
            for i in 2..=3 {
                *w.contact(i, idle()) = observed_node(u32::try_from(i).unwrap(), idle(), pin(1));
            }
        })
}

#[test]
fn the_created_cluster_is_recorded() {
    created().check(expect![[r#"
        do    record: cluster prod.example.com created 2026-01-01T00:00:00Z
        do    record: node n1 has uid 1
        do    record: nothing is under way
    "#]]);
}

#[test]
fn a_cluster_without_the_seed_is_not_the_one_created() {
    created()
        .with(|w| w.member(1).addr = "10.0.0.77".into())
        .check(expect![[r#"
            hold  act on the cluster: IdentityMismatch (the cluster was to be created on node n1, but that node does not belong to the one that answers (created 2026-01-01T00:00:00Z))
        "#]]);
}

fn unrecorded() -> World {
    World::healthy().with(|w| {
        w.status().identity = None;
        w.status().nodes.clear();
    })
}

#[test]
fn an_existing_cluster_is_taken_over_only_if_asked() {
    unrecorded().check(expect![[r#"
        hold  create the cluster: AlreadyExists (a cluster of this name, created 2026-01-01T00:00:00Z, exists already; to take it over, add `adoptionPolicy: IfUnowned` to the spec)
    "#]]);
    unrecorded()
        .with(|w| w.spec().adoption_policy = Some(AdoptionPolicy::IfUnowned))
        .check(expect![[r#"
            do    record: cluster prod.example.com created 2026-01-01T00:00:00Z
            do    record: node n1 has uid 1
            do    record: node n2 has uid 2
            do    record: node n3 has uid 3
        "#]]);
}

#[test]
fn an_existing_cluster_that_nothing_vouches_for_needs_its_pin() {
    unrecorded().with(|w| w.observed.live = None).check(expect![[r#"
        hold  create the cluster: AlreadyExists (node n1 belongs to a cluster of this name already, and nothing vouches for its certificate; to take it over, add `adoptionPolicy: IfUnowned` and `tls: {pins: ["sha256/cluster"]}` to the spec)
    "#]]);
}

#[test]
fn a_node_of_another_cluster_stops_creation() {
    World::fresh()
        .seeing(2, Contact::Joined)
        .check(expect![[r#"
            hold  use node n2: IdentityMismatch (the node at 10.0.0.2 belongs to another cluster; reinstall Redis Enterprise on it, or take it off spec.nodes)
        "#]]);
}

#[test]
fn another_cluster_than_the_recorded_one_is_left_alone() {
    World::healthy()
        .with(|w| w.live().cluster.created_time = "2026-01-01T11:00:00Z".into())
        .check(expect![[r#"
            hold  act on the cluster: IdentityMismatch (the cluster that answers was created 2026-01-01T11:00:00Z, the one recorded prod.example.com was created 2026-01-01T00:00:00Z; to stand for this one, delete the object and apply it again with `adoptionPolicy: IfUnowned`)
        "#]]);
    World::healthy()
        .with(|w| w.live().cluster.name = "other.example.com".into())
        .check(expect![[r#"
            hold  act on the cluster: IdentityMismatch (the listed nodes belong to the cluster other.example.com, but spec.clusterName is prod.example.com; list the nodes of that one)
        "#]]);
}

#[test]
fn a_recorded_cluster_that_is_gone_is_not_created_again() {
    World::healthy()
        .with(|w| w.observed.live = None)
        .with(|w| w.all(&idle()))
        .check(expect![[r#"
            hold  act on the cluster: IdentityMismatch (node n1 belonged to it and is fresh now; bring back the nodes that hold it, or delete the object and apply it again to create a new cluster)
        "#]]);
}

#[test]
fn a_recorded_cluster_that_does_not_answer_is_waited_for() {
    World::healthy()
        .with(|w| w.observed.live = None)
        .with(|w| w.all(&unreachable()))
        .check(expect![[r#"
            hold  reach node n1: ClusterUnreachable (connection refused)
            hold  reach node n2: ClusterUnreachable (connection refused)
            hold  reach node n3: ClusterUnreachable (connection refused)
            hold  act on the cluster: ClusterUnreachable (no listed node answers for it)
        "#]]);
}

fn vouched(world: World, members: usize) -> World {
    world.with(|w| {
        for node in &mut w.observed.nodes[..members] {
            let presented = node.presented.as_mut().unwrap();
            presented.vouched = true;
            presented.pin = "sha256/new".into();
        }
    })
}

#[test]
fn the_recorded_certificate_is_forgotten_once_the_authority_vouches_everywhere() {
    vouched(World::healthy(), 3).check(expect![[r#"
        do    record: the authority vouches for the cluster
    "#]]);
    vouched(World::healthy(), 2).check(expect![[""]]);
}

#[test]
fn our_own_new_certificate_replaces_the_recorded_one_once_every_node_shows_it() {
    let ours = |shown: usize| {
        World::healthy().with(|w| {
            w.inputs.certificates = vec![CertificateState {
                name: "api".into(),
                certificate: CertificateRole::Api,
                pins: vec!["sha256/new".into()],
                under_way: true,
            }];
            for node in &mut w.observed.nodes[..shown] {
                node.presented.as_mut().unwrap().pin = "sha256/new".into();
            }
        })
    };
    ours(3).check(expect![[r#"
        do    record: the cluster shows sha256/new
    "#]]);
    ours(2).check(expect![[""]]);
}

#[test]
fn an_observer_does_nothing_and_says_what_differs() {
    let observe = |w: &mut World| w.spec().management_policy = Some(ManagementPolicy::Observe);
    World::fresh().with(observe).check(expect![[r#"
        hold  observe the cluster: WaitingForCluster (no listed node belongs to a cluster yet, and `managementPolicy: Observe` creates none)
    "#]]);
    unverified()
        .with(observe)
        .with(|w| drop(w.spec().nodes.drain(1..)))
        .check(expect![[r#"
            hold  trust node n1: TlsVerifyFailed (it shows a certificate with sha256/node1, for which nothing vouches; compare it with the node, then set `pin: sha256/node1` on node n1 in spec.nodes, or `tls: {trustOnFirstUse: true}` to take what fresh nodes show first)
            hold  observe the cluster: WaitingForCluster (no listed node belongs to a cluster yet, and `managementPolicy: Observe` creates none)
        "#]]);
    unrecorded()
        .with(observe)
        .with(|w| w.spec().settings = settle::redirects())
        .check(expect![[r#"
            drift spec.settings.handleRedirects: false -> true
        "#]]);
}
