//! Settings, policy, racks, licence.

use super::*;
use crate::api::ClusterPolicy;
use crate::api::ClusterSettings;
use crate::api::NodeLimits;
use crate::api::ProxyPolicy;
use crate::api::ShardPlacement;
use expect_test::expect;

pub(super) fn redirects() -> Option<ClusterSettings> {
    Some(ClusterSettings {
        handle_redirects: Some(true),
        ..ClusterSettings::default()
    })
}

fn extra(name: &str, text: &str) -> World {
    let extra = Some([(name.to_owned(), text.to_owned())].into());
    World::healthy().with(|w| {
        w.spec().settings = Some(ClusterSettings {
            extra,
            ..ClusterSettings::default()
        })
    })
}

fn policy(policy: ClusterPolicy) -> World {
    World::healthy().with(|w| w.spec().policy = Some(policy))
}

#[test]
fn only_what_is_set_and_differs_is_sent() {
    let world = World::healthy().with(|w| {
        w.spec().settings = Some(ClusterSettings {
            cm_session_timeout_minutes: Some(15),
            ..redirects().unwrap()
        });
    });
    world.check(expect![[r#"
        do    set cluster handle_redirects
        drift spec.settings.handleRedirects: false -> true
    "#]]);
    expect![[r#"
        {
          "handle_redirects": true
        }"#]]
    .assert_eq(&body_of(&world.plan()));
}

#[test]
fn policy_goes_before_settings() {
    policy(ClusterPolicy {
        default_shards_placement: Some(ShardPlacement::Sparse),
        default_sharded_proxy_policy: Some(ProxyPolicy::AllNodes),
        ..ClusterPolicy::default()
    })
    .with(|w| w.spec().settings = redirects())
    .check(expect![[r#"
        do    set policy default_sharded_proxy_policy, default_shards_placement
        do    set cluster handle_redirects
        drift spec.policy.defaultShardsPlacement: dense -> sparse
        drift spec.policy.defaultShardedProxyPolicy: unset -> all-nodes
        drift spec.settings.handleRedirects: false -> true
    "#]]);
}

#[test]
fn extra_fields_compare_as_json_and_objects_by_the_keys_they_set() {
    extra("cm_port", "8443").check(expect![[r#"
        do    set cluster cm_port
        drift spec.settings.extra[cm_port]: unset -> 8443
    "#]]);
    extra("alert_settings", r#"{"node_failed": false}"#).check(expect![[""]]);
    extra("alert_settings", r#"{"node_failed": true}"#).check(expect![[r#"
        do    set cluster alert_settings
        drift spec.settings.extra[alert_settings]: {"node_failed":false} -> {"node_failed":true}
    "#]]);
}

#[test]
fn extra_fields_that_cannot_be_are_named() {
    extra("cm_port", "not json").check(expect![[r#"
        hold  set spec.settings.extra[cm_port]: InvalidSpec (its value is not JSON (expected ident at line 1 column 2); write text in quotes of its own, as in `cm_port: '"text"'`)
    "#]]);
    extra("handle_redirects", "true").check(expect![[r#"
        hold  set spec.settings.extra[handle_redirects]: InvalidSpec (it has a field of its own; set spec.settings.handleRedirects instead)
    "#]]);
    extra("smtp_password", "\"x\"").check(expect![[r#"
        hold  set spec.settings.extra[smtp_password]: InvalidSpec (it cannot be set here: it cannot be read back, and a secret does not belong into a spec)
    "#]]);
}

#[test]
fn rack_awareness_is_not_switched_off() {
    policy(ClusterPolicy {
        rack_aware: Some(false),
        ..ClusterPolicy::default()
    })
    .with(|w| drop(w.live().policy.insert("rack_aware".into(), json!(true))))
    .check(expect![[r#"
        hold  set spec.policy.rackAware: UnsupportedChange (it is true and cannot become false on a live object; set it back)
        drift spec.policy.rackAware: true -> false
    "#]]);
}

fn rack_aware(racks: usize) -> World {
    policy(ClusterPolicy {
        rack_aware: Some(true),
        ..ClusterPolicy::default()
    })
    .with(|w| {
        for (i, node) in w.spec().nodes.iter_mut().enumerate().take(racks) {
            node.rack_id = Some(format!("rack{i}"));
        }
    })
}

#[test]
fn racks_are_set_before_rack_awareness() {
    rack_aware(3).check(expect![[r#"
        do    set rack_id of node 1 (n1)
        do    set rack_id of node 2 (n2)
        do    set rack_id of node 3 (n3)
        do    set policy rack_aware
        drift spec.nodes[n1].rackId: unset -> rack0
        drift spec.nodes[n2].rackId: unset -> rack1
        drift spec.nodes[n3].rackId: unset -> rack2
        drift spec.policy.rackAware: false -> true
    "#]]);
}

#[test]
fn rack_awareness_waits_for_a_rack_on_every_node() {
    rack_aware(2).check(expect![[r#"
        do    set rack_id of node 1 (n1)
        do    set rack_id of node 2 (n2)
        hold  set spec.policy.rackAware: InvalidSpec (node 3 (n3) has no rack; set rackId on every node first)
        drift spec.nodes[n1].rackId: unset -> rack0
        drift spec.nodes[n2].rackId: unset -> rack1
        drift spec.policy.rackAware: false -> true
    "#]]);
}

#[test]
fn what_was_fixed_at_joining_does_not_change() {
    World::healthy()
        .with(|w| {
            w.member(1).rack_id = "a".into();
            let node = &mut w.spec().nodes[0];
            node.rack_id = Some("b".into());
            node.external_addresses = Some(vec!["192.0.2.1".into()]);
            node.limits = Some(NodeLimits {
                max_listeners: Some(50),
                max_redis_servers: Some(100),
            });
        })
        .check(expect![[r#"
            hold  set externalAddresses of node n1: UnsupportedChange (externalAddresses is none and cannot become 192.0.2.1: it is fixed when a node joins)
            hold  set limits.maxListeners of node n1: UnsupportedChange (limits.maxListeners is 100 and cannot become 50: it is fixed when a node joins)
            hold  set rackId of node n1: UnsupportedChange (rackId is a and cannot become b: it is fixed when a node joins)
            drift spec.nodes[n1].externalAddresses: none -> 192.0.2.1
            drift spec.nodes[n1].limits.maxListeners: 100 -> 50
            drift spec.nodes[n1].rackId: a -> b
        "#]]);
    World::healthy()
        .with(|w| w.spec().nodes[0].address = "10.0.0.9".into())
        .check(expect![[r#"
            hold  set address of node n1: UnsupportedChange (address is 10.0.0.1 and cannot become 10.0.0.9: it is fixed when a node joins)
            drift spec.nodes[n1].address: 10.0.0.1 -> 10.0.0.9
        "#]]);
}

#[test]
fn racks_compare_without_regard_to_case() {
    World::healthy()
        .with(|w| w.member(1).rack_id = "A".into())
        .with(|w| w.spec().nodes[0].rack_id = Some("a".into()))
        .check(expect![[""]]);
}

#[test]
fn a_licence_is_installed_when_its_text_differs() {
    World::healthy()
        .with(|w| w.inputs.license = Ok(Some("---\nreal\n---".into())))
        .check(expect![[r#"
            do    install the licence
            drift spec.licenseSecretRef: another licence -> the licence of the Secret
        "#]]);
    World::healthy()
        .with(|w| w.inputs.license = Ok(Some("---\r\n trial \r\n---".into())))
        .check(expect![[""]]);
}

#[test]
fn an_expired_licence_is_said() {
    World::healthy()
        .with(|w| w.live().license.as_mut().unwrap().expired = true)
        .check(expect![[r#"
            hold  use the licence: LicenseExpired (the licence has expired: databases can be neither created nor changed; put a valid one into the Secret under licenseSecretRef)
        "#]]);
}

#[test]
fn settings_wait_for_no_join_that_is_under_way() {
    World::healthy()
        .with_fresh_node(4)
        .intent(IntentAction::JoinNode, "n4", "10.0.0.4:9443", LONG_AGO)
        .seeing(4, bootstrap("joining_cluster", None))
        .with(|w| w.spec().settings = redirects())
        .check(expect![[r#"
            do    set cluster handle_redirects
            wait  join node n4: Joining (the node is in state joining_cluster)
            drift spec.settings.handleRedirects: false -> true
        "#]]);
}

#[test]
fn a_setting_that_may_be_rejected_holds_up_no_node() {
    World::healthy()
        .with(|w| w.spec().settings = redirects())
        .with(|w| w.spec().nodes[1].maintenance = Some(true))
        .check(expect![[r#"
            do    record: MaintenanceOn n2
            do    put node 2 (n2) into maintenance
            drift spec.settings.handleRedirects: false -> true
        "#]]);
}
