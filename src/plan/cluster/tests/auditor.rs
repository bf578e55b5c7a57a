//! The auditor itself: a plan that was safe in one world is taken to another, where it is not.

use super::*;
use crate::api::ClusterSettings;
use crate::api::ManagementPolicy;
use crate::plan::cluster::CertificateState;
use expect_test::expect;

/// What the auditor says of `plan`, carried out in this world.
#[track_caller]
fn judge(world: &World, plan: &Plan<Action>, expected: Expect) {
    let found = audit(&world.object, &world.inputs, &world.observed, plan);
    let lines: Vec<_> = found.iter().map(|violation| format!("{violation}\n")).collect();
    expected.assert_eq(&lines.concat());
}

fn maintenance() -> World {
    World::healthy().with(|w| w.spec().nodes[1].maintenance = Some(true))
}

fn removal() -> World {
    World::of(4).without_node(4)
}

#[test]
fn a_second_cluster_is_found() {
    let plan = World::fresh().plan();
    judge(
        &World::fresh().with(|w| w.spec().nodes.swap(0, 1)),
        &plan,
        expect![[r#"
            S1 one seed, the recorded one: create the cluster on n1
        "#]],
    );
    judge(
        &World::fresh().seeing(2, Contact::Joined),
        &plan,
        expect![[r#"
        S2 every node is fresh: create the cluster on n1
    "#]],
    );
    judge(
        &World::healthy(),
        &plan,
        expect![[r#"
        S2 no second cluster: create the cluster on n1
        S2 every node is fresh: create the cluster on n1
    "#]],
    );
}

#[test]
fn a_call_without_its_intent_is_found() {
    let mut plan = World::fresh().plan();
    plan.steps.remove(0);
    judge(
        &World::fresh(),
        &plan,
        expect![[r#"
        S16 a call that cannot be repeated follows its intent: create the cluster on n1
    "#]],
    );
}

#[test]
fn an_unsafe_join_is_found() {
    let world = World::healthy().with_fresh_node(4);
    let plan = world.plan();
    judge(
        &world.clone().with(|w| w.member(2).status = "down".into()),
        &plan,
        expect![[r#"
            S3 no join while a member is down: join node n4
        "#]],
    );
    judge(
        &world.clone().with(|w| w.member(2).addr = "10.0.0.9".into()),
        &plan,
        expect![[r#"
            S3 only members are named: join node n4
        "#]],
    );
    judge(
        &world.clone().in_maintenance(2),
        &plan,
        expect![[r#"
        S10 one change of nodes at a time: join node n4
    "#]],
    );
    judge(
        &world.with(|w| w.live().cluster.created_time = LONG_AGO.into()),
        &plan,
        expect![[r#"
            S3 joins only the recorded cluster: join node n4
        "#]],
    );
}

#[test]
fn an_unsafe_maintenance_is_found() {
    let plan = maintenance().plan();
    judge(
        &maintenance().in_maintenance(3),
        &plan,
        expect![[r#"
        S12 quorum survives: put node 2 (n2) into maintenance
        S10 one node at a time: put node 2 (n2) into maintenance
    "#]],
    );
    judge(
        &maintenance().in_maintenance(2),
        &plan,
        expect![[r#"
        S11 maintenance does not stack: put node 2 (n2) into maintenance
    "#]],
    );
    judge(
        &maintenance().with(|w| w.live().bdbs[0].status = "pending".into()),
        &plan,
        expect![[r#"
            S12 every database is active: put node 2 (n2) into maintenance
        "#]],
    );
    judge(
        &maintenance().task(3, "maintenance_off", "running"),
        &plan,
        expect![[r#"
            S10 one change of nodes at a time: put node 2 (n2) into maintenance
        "#]],
    );
    let state = CertificateState {
        name: "proxy".into(),
        certificate: crate::api::CertificateRole::Proxy,
        pins: vec![],
        under_way: true,
    };
    judge(
        &maintenance().with(|w| w.inputs.certificates.push(state)),
        &plan,
        expect![[r#"
            S10 one change of nodes at a time: put node 2 (n2) into maintenance
        "#]],
    );
}

#[test]
fn the_end_of_a_foreign_maintenance_is_found() {
    let plan = World::healthy()
        .in_maintenance(2)
        .with(|w| w.status().nodes[1].maintenance = true)
        .plan();
    judge(
        &World::healthy().in_maintenance(2),
        &plan,
        expect![[r#"
        S11 only our own maintenance is ended: take node 2 (n2) out of maintenance
    "#]],
    );
}

#[test]
fn a_wrong_removal_is_found() {
    let plan = removal().plan();
    judge(
        &World::of(4),
        &plan,
        expect![[r#"
        S13 only a node that left the list is removed: remove node 4 (n4)
    "#]],
    );
    judge(
        &removal().with(|w| drop(w.status().nodes.pop())),
        &plan,
        expect![[r#"
            S13 only a node that left the list is removed: remove node 4 (n4)
        "#]],
    );
    judge(
        &removal().with(|w| w.live().nodes.truncate(3)),
        &plan,
        expect![[r#"
            S13 three nodes remain: remove node 4 (n4)
        "#]],
    );
}

#[test]
fn two_disruptions_in_one_wave_are_found() {
    let world = maintenance();
    let mut plan = world.plan();
    plan.steps.extend(plan.steps.clone());
    judge(
        &world,
        &plan,
        expect![[r#"
        one disruption in a wave: 2 of them
    "#]],
    );
}

#[test]
fn a_setting_that_the_spec_leaves_out_is_found() {
    let with = |settings| World::healthy().with(|w| w.spec().settings = Some(settings));
    let plan = with(settle::redirects().unwrap()).plan();
    judge(
        &with(ClusterSettings::default()),
        &plan,
        expect![[r#"
        S9 only what the spec sets: set cluster handle_redirects
    "#]],
    );
    judge(
        &with(settle::redirects().unwrap()).with(|w| {
            drop(
                w.live()
                    .cluster
                    .settings
                    .insert("handle_redirects".into(), json!(true)),
            )
        }),
        &plan,
        expect![[r#"
            S9 only what differs: set cluster handle_redirects
        "#]],
    );
}

#[test]
fn what_an_observer_a_younger_claim_or_a_deleted_object_does_is_found() {
    let plan = maintenance().plan();
    judge(
        &maintenance().with(|w| w.spec().management_policy = Some(ManagementPolicy::Observe)),
        &plan,
        expect![[r#"
            an observer does nothing: record: MaintenanceOn n2
            an observer does nothing: put node 2 (n2) into maintenance
        "#]],
    );
    judge(
        &maintenance().with(|w| w.inputs.claimed_by = Some("redis/older".into())),
        &plan,
        expect![[r#"
            the older claim wins: record: MaintenanceOn n2
            the older claim wins: put node 2 (n2) into maintenance
        "#]],
    );
    let deleted = Some(serde_json::from_value(json!(NOW)).unwrap());
    judge(
        &maintenance().with(|w| w.object.metadata.deletion_timestamp = deleted),
        &plan,
        expect![[r#"
            an object that goes is released, and no other: record: MaintenanceOn n2
            an object that goes is released, and no other: put node 2 (n2) into maintenance
        "#]],
    );
}
