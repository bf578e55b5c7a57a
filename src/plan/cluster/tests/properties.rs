//! Worlds that nobody would think of: whatever the spec says, whatever was recorded and whatever the servers answer, there
//! is a plan, it is the same twice, and the auditor finds nothing in it.

use super::*;
use crate::api::AdoptionPolicy;
use crate::api::CertificateRole;
use crate::api::ClusterPolicy;
use crate::api::ClusterSettings;
use crate::api::ManagementPolicy;
use crate::api::NodeLimits;
use crate::plan::Hold;
use crate::plan::cluster::CertificateState;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use serde_json::Value;
use strum::IntoEnumIterator;

/// One change to a world: which, to what, and with which words.
#[derive(Clone, Debug)]
struct Change {
    kind: u8,
    place: u32,
    pick: usize,
    words: String,
}

fn change() -> impl Strategy<Value = Change> {
    let words = prop_oneof![
        Just(String::new()),
        Just("true".to_owned()),
        Just("a".to_owned()),
        Just("10.0.0.2".to_owned()),
        Just("n2".to_owned()),
        Just("4".to_owned()),
        Just("sha256/cluster".to_owned()),
        Just("idle".to_owned()),
        Just("error".to_owned()),
        Just("active".to_owned()),
        Just("down".to_owned()),
        Just("running".to_owned()),
        Just("failed".to_owned()),
        Just("handle_redirects".to_owned()),
        Just(LONG_AGO.to_owned()),
        Just(JUST_NOW.to_owned()),
        any::<String>(),
    ];
    (any::<u8>(), 1u32..=6, 0usize..8, words).prop_map(|(kind, place, pick, words)| Change {
        kind,
        place,
        pick,
        words,
    })
}

/// Worlds in which something is about to be done, with a few changes to each.
fn world() -> impl Strategy<Value = World> {
    (0usize..12, 1u32..=5, proptest::collection::vec(change(), 0..6)).prop_map(|(base, members, changes)| {
        let mut world = base_world(base, members);
        for change in &changes {
            apply(&mut world, change);
        }
        world
    })
}

fn base_world(base: usize, members: u32) -> World {
    let maintenance = |mut world: World| {
        world.spec().nodes[0].maintenance = Some(true);
        world
    };
    match base {
        0 => World::fresh(),
        1 => World::fresh().intent(IntentAction::CreateCluster, "n1", "10.0.0.1:9443", LONG_AGO),
        2 => World::of(members).with_fresh_node(6),
        3 => World::of(members).with_fresh_node(6).intent(
            IntentAction::JoinNode,
            "n6",
            "10.0.0.6:9443",
            LONG_AGO,
        ),
        4 | 5 => World::of(members).without_node(members),
        6 => World::of(5)
            .without_node(5)
            .intent(IntentAction::RemoveNode, "n5", "5", LONG_AGO),
        7 | 8 => maintenance(World::of(members)),
        9 => maintenance(World::of(3)).intent(IntentAction::MaintenanceOn, "n1", "1", LONG_AGO),
        10 => World::of(3)
            .in_maintenance(2)
            .with(|world| world.status().nodes[1].maintenance = true),
        _ => World::of(members),
    }
}

fn apply(world: &mut World, change: &Change) {
    match change.kind % 4 {
        0 => apply_to_spec(world, change),
        1 => apply_to_status(world, change),
        2 => apply_to_nodes(world, change),
        _ => apply_to_live(world, change),
    }
}

fn apply_to_spec(
    world: &mut World,
    Change {
        kind,
        place,
        pick,
        words,
    }: &Change,
) {
    let flag = [None, Some(true), Some(false)][pick % 3];
    let place = usize::try_from(*place).unwrap();
    let rare = *pick == 0;
    let text = Some(words.clone());
    let extra = Some(
        [(
            words.clone(),
            ["1", "{}", "\"x\"", "nonsense"][pick % 4].to_owned(),
        )]
        .into(),
    );
    match (kind / 4) % 14 {
        0 if rare => world.object.spec.cluster_name.clone_from(words),
        1 if rare => drop(
            world
                .object
                .spec
                .nodes
                .drain(..place.min(world.object.spec.nodes.len())),
        ),
        2 => world
            .object
            .spec
            .nodes
            .push(node_spec(u32::try_from(place).unwrap())),
        3 => world
            .object
            .spec
            .nodes
            .iter_mut()
            .skip(place - 1)
            .take(1)
            .for_each(|node| node.maintenance = flag),
        4 => world
            .object
            .spec
            .nodes
            .iter_mut()
            .skip(place - 1)
            .take(1)
            .for_each(|node| node.rack_id = text.clone()),
        5 => world
            .object
            .spec
            .nodes
            .iter_mut()
            .skip(place - 1)
            .take(1)
            .for_each(|node| {
                node.address.clone_from(words);
                node.limits = Some(NodeLimits {
                    max_listeners: Some(0),
                    max_redis_servers: None,
                });
                node.external_addresses = Some(vec![words.clone()]);
            }),
        6 => world
            .object
            .spec
            .nodes
            .iter_mut()
            .skip(place - 1)
            .take(1)
            .for_each(|node| node.name.clone_from(words)),
        7 => {
            world.object.spec.settings = Some(ClusterSettings {
                handle_redirects: flag,
                password_expiration_days: Some(3),
                min_data_tls_version: text,
                extra,
                ..ClusterSettings::default()
            });
        }
        8 => {
            world.object.spec.policy = Some(ClusterPolicy {
                rack_aware: flag,
                extra,
                ..ClusterPolicy::default()
            });
        }
        9 if rare => {
            let policies = [
                None,
                Some(ManagementPolicy::Observe),
                Some(ManagementPolicy::Plan),
            ];
            world.object.spec.management_policy = policies[place % 3];
        }
        10 => world.object.spec.adoption_policy = [None, Some(AdoptionPolicy::IfUnowned)][pick % 2],
        11 => {
            world.object.spec.tls = [
                None,
                Some(TlsTrust {
                    pins: Some(vec![words.clone()]),
                    ..TlsTrust::default()
                }),
            ][pick % 2]
                .clone()
        }
        12 => world.object.metadata.generation = [None, Some(1), Some(7), Some(i64::MIN)][pick % 4],
        13 if rare => {
            world.object.metadata.deletion_timestamp = Some(serde_json::from_value(json!(NOW)).unwrap());
            world.inputs.dependents = vec![words.clone(); place % 3];
        }
        _ => {}
    }
}

fn apply_to_status(
    world: &mut World,
    Change {
        kind,
        place,
        pick,
        words,
    }: &Change,
) {
    let status = world.object.status.get_or_insert_default();
    let at = usize::try_from(*place - 1).unwrap();
    match (kind / 4) % 9 {
        0 if *pick == 0 => world.object.status = None,
        1 if *pick == 0 => status.identity = None,
        2 => status.api_certificate_pin = [None, Some(words.clone())][pick % 2].clone(),
        3 => status
            .nodes
            .iter_mut()
            .skip(at)
            .take(1)
            .for_each(|node| node.maintenance = true),
        4 => status
            .nodes
            .iter_mut()
            .skip(at)
            .take(1)
            .for_each(|node| node.uid = [None, Some(*place), Some(99)][pick % 3]),
        5 => drop(status.nodes.drain(..at.min(status.nodes.len()))),
        6 | 7 => {
            let actions: Vec<_> = IntentAction::iter().collect();
            status.intent = Some(Intent {
                action: actions[(pick + at) % actions.len()],
                target: format!("n{place}"),
                time: [LONG_AGO, JUST_NOW, words][pick % 3].to_owned(),
                generation: 1,
                detail: [None, Some(words.clone()), Some(format!("10.0.0.{place}:9443"))][pick % 3].clone(),
            });
        }
        8 => world.inputs.takeover_until = Some("2026-01-01T13:00:00Z".parse().unwrap()),
        _ => {}
    }
}

fn apply_to_nodes(
    world: &mut World,
    Change {
        kind,
        place,
        pick,
        words,
    }: &Change,
) {
    let at = usize::try_from(*place - 1).unwrap();
    match (kind / 4) % 7 {
        0 if *pick == 0 => world.inputs.claimed_by = Some(words.clone()),
        1 if *pick == 0 => {
            world.inputs.license = [
                Ok(Some(words.clone())),
                Err(Hold {
                    what: words.clone(),
                    why: crate::api::Reason::SecretNotFound,
                    detail: String::new(),
                }),
            ][pick % 2]
                .clone();
        }
        2 if *pick < 3 => {
            world.inputs.certificates.push(CertificateState {
                name: words.clone(),
                certificate: CertificateRole::Api,
                pins: vec![words.clone()],
                under_way: pick % 2 == 0,
            });
        }
        3 => drop(world.observed.nodes.drain(..at.min(world.observed.nodes.len()))),
        4 => {
            let presented = Presented {
                pin: words.clone(),
                names_cluster: pick % 2 == 0,
                self_signed: pick % 3 == 0,
                vouched: pick % 5 == 0,
            };
            world.observed.nodes.iter_mut().skip(at).take(1).for_each(|node| {
                node.presented = [None, Some(presented.clone())][pick % 2].clone();
            });
        }
        5 | 6 => {
            let contacts = [
                unreachable(),
                Contact::Unverified,
                Contact::Mismatched,
                idle(),
                bootstrap(words, Some(words)),
                bootstrap("error", Some("time_not_sync")),
                bootstrap("joining_cluster", None),
                Contact::Joined,
            ];
            world
                .observed
                .nodes
                .iter_mut()
                .skip(at)
                .take(1)
                .for_each(|node| node.contact = contacts[*pick].clone());
        }
        _ => {}
    }
}

fn apply_to_live(
    world: &mut World,
    Change {
        kind,
        place,
        pick,
        words,
    }: &Change,
) {
    let Some(mut live) = world.observed.live.take() else {
        if *pick == 0 {
            world.observed.live = Some(live(*place));
        }
        return;
    };
    let uid = NodeUid(*place);
    match (kind / 4) % 12 {
        0 if *pick == 0 => return,
        1 if *pick == 0 => live.cluster.name.clone_from(words),
        2 if *pick == 0 => live.cluster.created_time.clone_from(words),
        3 => live
            .nodes
            .iter_mut()
            .filter(|node| node.uid == uid)
            .for_each(|node| node.status = words.as_str().into()),
        4 => live
            .nodes
            .iter_mut()
            .filter(|node| node.uid == uid)
            .for_each(|node| node.addr.clone_from(words)),
        5 => live.nodes.retain(|node| node.uid != uid),
        6 => live.nodes.push(live_node(*place)),
        7 => live
            .bdbs
            .iter_mut()
            .for_each(|bdb| bdb.status = words.as_str().into()),
        8 => live
            .policy
            .insert(
                words.clone(),
                [Value::Null, json!(true), json!({"a": 1})][pick % 3].clone(),
            )
            .map_or((), drop),
        9 => live.cluster.settings.clear(),
        10 => {
            let names = ["remove_node", "maintenance_on", "maintenance_off", words];
            let task = json!({"name": names[pick % 4], "node_uid": place, "status": words});
            live.tasks.push(serde_json::from_value(task).unwrap());
        }
        11 => {
            let status = json!({
                "role": words,
                "maintenance_snapshot": (pick % 2 == 0).then(|| json!({"name": "maintenance_mode_x"})),
            });
            live.statuses.insert(uid, serde_json::from_value(status).unwrap());
            live.nodes
                .iter_mut()
                .filter(|node| node.uid == uid)
                .for_each(|node| node.shard_count = 0);
        }
        _ => {}
    }
    world.observed.live = Some(live);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_world_has_a_safe_plan(world in world()) {
        let plan = world.plan();
        let found = audit(&world.object, &world.inputs, &world.observed, &plan);
        prop_assert!(found.is_empty(), "{found:?}\n{plan}\n{:#?}\n{:#?}", world.object, world.observed);
        prop_assert_eq!(plan.to_string(), world.plan().to_string());
    }

    /// Time alone moves nothing that is at rest.
    #[test]
    fn what_is_converged_stays_so(members in 1u32..6, hours in 0i64..1000) {
        let world = World::of(members);
        let later: jiff::Timestamp = NOW.parse().unwrap();
        let later = later + jiff::SignedDuration::from_hours(hours);
        let plan = plan(&world.object, &world.inputs, &world.observed, later);
        prop_assert!(plan.is_converged() && plan.drift.is_empty(), "{}", plan);
    }
}

/// Else the walk would prove little.
#[test]
fn the_walk_reaches_every_kind_of_call() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut reached = String::new();
    for _ in 0..2000 {
        reached.push_str(
            &world()
                .new_tree(&mut runner)
                .unwrap()
                .current()
                .plan()
                .to_string(),
        );
    }
    for call in [
        "create the cluster",
        "join node",
        "put node",
        "take node",
        "remove node",
        "set rack_id",
        "set policy",
        "set cluster",
        "install the licence",
        "release the object",
    ] {
        assert!(reached.contains(&format!("do    {call}")), "{call}");
    }
}
