use super::seat::provisional_memory;
use super::*;

const GIB: u64 = 1 << 30;

/// Three nodes of 10 GiB, each in a rack of its own.
fn hosts() -> Vec<Host> {
    let host = |uid| Host {
        uid: NodeUid(uid),
        address: format!("10.0.0.{uid}"),
        rack_id: format!("rack{uid}"),
        second_rack_id: String::new(),
        accepts_shards: true,
        alive: true,
        max_shards: 100,
        max_listeners: 100,
        memory_bytes: 10 * GIB,
        flash_bytes: 0,
    };
    (1..=3).map(host).collect()
}

fn demand(masters: u32, replicated: bool) -> Demand {
    Demand {
        masters,
        replicated,
        shard_memory_bytes: GIB,
        flash: false,
        slots: (0, 16383),
    }
}

fn sparse() -> Rules {
    Rules {
        strategy: Strategy::Sparse,
        ..Rules::default()
    }
}

/// (node, role, slots) of every shard of database 1.
fn layout(shards: &Shards) -> Vec<(u64, Role, (u32, u32))> {
    shards
        .of(BdbUid(1))
        .map(|shard| (shard.node.0, shard.role, shard.slots))
        .collect()
}

fn with_one(rules: &Rules, demand: Demand) -> Shards {
    let mut shards = Shards::default();
    shards.shape(BdbUid(1), &hosts(), rules, demand).unwrap();
    shards
}

#[test]
fn slots_are_split_evenly_without_gap_or_overlap() {
    let demand = demand(3, false);
    assert_eq!(
        (0..3).map(|part| demand.slots_of(part)).collect::<Vec<_>>(),
        [(0, 5460), (5461, 10921), (10922, 16383)]
    );
}

#[test]
fn dense_uses_few_nodes_and_sparse_many() {
    let nodes = |shards: &Shards| {
        layout(shards)
            .into_iter()
            .map(|(node, ..)| node)
            .collect::<Vec<_>>()
    };
    assert_eq!(nodes(&with_one(&Rules::default(), demand(3, false))), [1, 1, 1]);
    assert_eq!(nodes(&with_one(&sparse(), demand(3, false))), [1, 2, 3]);
}

#[test]
fn master_and_replica_never_share_a_node() {
    for rules in [Rules::default(), sparse()] {
        let shards = with_one(&rules, demand(4, true));
        for master in shards.iter().filter(|shard| shard.role == Role::Master) {
            let replica = shards
                .iter()
                .find(|shard| shard.role == Role::Slave && shard.slots == master.slots)
                .unwrap();
            assert_ne!(master.node, replica.node);
        }
    }
}

#[test]
fn what_does_not_fit_says_why_and_changes_nothing() {
    let one_node = hosts().into_iter().take(1).collect::<Vec<_>>();
    let mut one_rack = hosts();
    one_rack
        .iter_mut()
        .for_each(|host| host.rack_id = "same".to_owned());
    let rack_aware = Rules {
        rack_aware: true,
        ..Rules::default()
    };
    let huge = Demand {
        shard_memory_bytes: 9 * GIB,
        ..demand(1, false)
    };
    let mut full = hosts();
    full.iter_mut().for_each(|host| host.max_shards = 1);
    for (hosts, rules, demand, want) in [
        (one_node, &sparse(), demand(1, true), NoRoom::Nodes),
        (one_rack, &rack_aware, demand(1, true), NoRoom::Racks),
        (hosts(), &sparse(), huge, NoRoom::Resources),
        (full, &sparse(), demand(4, false), NoRoom::Resources),
        (Vec::new(), &sparse(), demand(1, false), NoRoom::Resources),
    ] {
        let mut shards = Shards::default();
        assert_eq!(shards.shape(BdbUid(1), &hosts, rules, demand), Err(want));
        assert_eq!((shards.iter().count(), shards.in_use()), (0, (0, 0)));
    }
    let overbooked = Rules {
        overbooking: true,
        ..sparse()
    };
    assert!(
        Shards::default()
            .shape(BdbUid(1), &hosts(), &overbooked, huge)
            .is_ok()
    );
}

#[test]
fn resharding_keeps_the_old_shards_and_adds_new_ones() {
    let mut shards = with_one(&sparse(), demand(2, true));
    let old: Vec<ShardUid> = shards.iter().map(|shard| shard.uid).collect();
    let before = shards
        .shape(BdbUid(1), &hosts(), &sparse(), demand(4, true))
        .unwrap();
    assert_eq!(before.len(), 4);
    assert_eq!(shards.in_use(), (8, 0));
    assert!(old.iter().all(|uid| shards.get(*uid).is_some()));
    shards.put_back(BdbUid(1), before);
    assert_eq!(shards.in_use(), (4, 0));
}

#[test]
fn replicas_come_and_go_with_replication() {
    let mut shards = with_one(&sparse(), demand(2, false));
    shards
        .shape(BdbUid(1), &hosts(), &sparse(), demand(2, true))
        .unwrap();
    assert_eq!(shards.in_use(), (4, 0));
    shards
        .shape(BdbUid(1), &hosts(), &sparse(), demand(2, false))
        .unwrap();
    assert!(shards.iter().all(|shard| shard.role == Role::Master));
}

#[test]
fn a_shard_that_outgrows_its_node_moves_to_one_with_room() {
    let mut shards = Shards::default();
    let big = Demand {
        shard_memory_bytes: 7 * GIB,
        ..demand(1, false)
    };
    shards
        .shape(
            BdbUid(2),
            &hosts(),
            &Rules {
                use_nodes: vec![NodeUid(1)],
                ..sparse()
            },
            big,
        )
        .unwrap();
    shards
        .shape(
            BdbUid(1),
            &hosts(),
            &Rules {
                use_nodes: vec![NodeUid(1)],
                ..sparse()
            },
            demand(1, false),
        )
        .unwrap();
    shards
        .shape(
            BdbUid(1),
            &hosts(),
            &sparse(),
            Demand {
                shard_memory_bytes: 3 * GIB,
                ..demand(1, false)
            },
        )
        .unwrap();
    assert_eq!(layout(&shards), [(2, Role::Master, (0, 16383))]);
}

#[test]
fn a_dead_node_loses_its_masters_to_their_replicas() {
    let mut shards = with_one(&Rules::default(), demand(1, true));
    assert_eq!(
        layout(&shards),
        [(1, Role::Master, (0, 16383)), (2, Role::Slave, (0, 16383))]
    );
    shards.node_lost(NodeUid(1));
    assert_eq!(
        layout(&shards),
        [(2, Role::Master, (0, 16383)), (1, Role::Slave, (0, 16383))]
    );
    assert!(shards.on(NodeUid(1)).all(|shard| !shard.up));
    shards.node_back(NodeUid(1), |_| true);
    assert!(shards.iter().all(|shard| shard.up));
}

#[test]
fn an_unreplicated_shard_dies_with_its_node() {
    let mut shards = with_one(&Rules::default(), demand(1, false));
    assert_eq!(shards.node_lost(NodeUid(1)), []);
    assert_eq!(layout(&shards), [(1, Role::Master, (0, 16383))]);
}

#[test]
fn replica_ha_replaces_dead_replicas_elsewhere() {
    let mut shards = with_one(&Rules::default(), demand(1, true));
    shards.node_lost(NodeUid(2));
    let up: Vec<Host> = hosts()
        .into_iter()
        .filter(|host| host.uid != NodeUid(2))
        .collect();
    let moves = shards.replace_dead_replicas(NodeUid(2), &up, |_| true, |_| Rules::default());
    assert_eq!(moves.iter().map(|step| step.to.0).collect::<Vec<_>>(), [3]);
    assert!(shards.iter().all(|shard| shard.up));
}

#[test]
fn an_evacuated_node_is_empty_and_gets_its_shards_back() {
    let mut shards = with_one(&Rules::default(), demand(2, true));
    let before = layout(&shards);
    let layout_before = Layout {
        shards: shards.layout(),
        ..Layout::default()
    };
    let moves = shards
        .evacuate(NodeUid(1), &hosts(), |_| Rules::default(), |_| true)
        .unwrap();
    assert_eq!((shards.load(NodeUid(1)).shards(), moves.is_empty()), (0, false));
    shards.restore(NodeUid(1), &layout_before, &hosts(), |_| Rules::default());
    assert_eq!(layout(&shards), before);
}

#[test]
fn evacuation_may_leave_replicas_but_never_masters() {
    let mut shards = with_one(&Rules::default(), demand(2, true));
    shards
        .evacuate(
            NodeUid(1),
            &hosts(),
            |_| Rules::default(),
            |shard| shard.role == Role::Master,
        )
        .unwrap();
    assert!(shards.on(NodeUid(1)).all(|shard| shard.role == Role::Slave));
    assert_eq!(shards.load(NodeUid(1)).shards(), 2);
}

#[test]
fn an_evacuation_that_does_not_fit_changes_nothing() {
    let mut shards = with_one(&Rules::default(), demand(1, true));
    let two: Vec<Host> = hosts().into_iter().take(2).collect();
    assert_eq!(
        shards.evacuate(NodeUid(1), &two, |_| Rules::default(), |_| true),
        Err(NoRoom::Nodes)
    );
    assert_eq!(
        layout(&shards),
        [(1, Role::Master, (0, 16383)), (2, Role::Slave, (0, 16383))]
    );
}

#[test]
fn a_shard_migrates_only_where_it_may_live() {
    let mut shards = with_one(&Rules::default(), demand(1, true));
    let master = shards.of(BdbUid(1)).next().unwrap().uid;
    assert_eq!(
        shards.migrate(master, NodeUid(2), &hosts(), &sparse()),
        Err(NoRoom::Resources)
    );
    assert!(
        shards
            .migrate(master, NodeUid(3), &hosts(), &sparse())
            .unwrap()
            .is_some()
    );
    assert_eq!(shards.migrate(master, NodeUid(3), &hosts(), &sparse()), Ok(None));
}

#[test]
fn twelve_percent_of_the_memory_are_kept_back() {
    assert_eq!(provisional_memory(100 * GIB, 0), 88 * GIB);
    assert_eq!(provisional_memory(100 * GIB, 90 * GIB), 0);
}
