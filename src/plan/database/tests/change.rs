//! Fields: what is sent, and what may not change.

use super::*;

#[test]
fn what_cannot_be_is_said_and_nothing_sent() {
    Case::fresh().check(
        |case| {
            case.spec().memory_size = ByteQuantity("0".into());
            case.spec().shard_count = Some(0);
            case.spec().port = Some(10_050);
            case.spec().database_name = Some("-sessions".into());
            case.spec().tags = Some([("regent-owner".to_owned(), "me".to_owned())].into());
        },
        expect![[r#"
            hold  set spec.memorySize: InvalidSpec (`0` must be a positive whole number of bytes, such as 2Gi)
            hold  set spec.shardCount: InvalidSpec (`0` must be between 1 and 512)
            hold  set spec.port: InvalidSpec (`10050` must be between 10000 and 19999, and not 10050)
            hold  set spec.tags: InvalidSpec (`regent-owner`: keys must not be empty or begin with `regent-` or `regent_`, and tags must not contain & < > or ")
            hold  database -sessions: InvalidSpec (`-sessions` cannot be the name of a database: it must have letters, digits and inner hyphens only, 63 at most; set spec.databaseName)
        "#]],
    );
}

#[test]
fn snapshots_need_a_rule_when_a_database_is_created() {
    Case::fresh().check(
        |case| {
            case.spec().persistence =
                Some(Persistence { mode: PersistenceMode::Snapshot, fsync: None, snapshots: None });
        },
        expect![[r#"
            hold  database sessions: InvalidSpec (spec.persistence.snapshots must say when a snapshot is taken)
        "#]],
    );
}

#[test]
fn nothing_is_planned_when_everything_is_as_wanted() {
    Case::settled().check(|_| {}, expect![[""]]);
    Case::connected().check(|_| {}, expect![[""]]);
}

#[test]
fn only_what_the_spec_sets_and_the_server_has_differently_is_sent() {
    Case::settled().check(
        |case| {
            case.spec().memory_size = ByteQuantity("2Gi".into());
            case.spec().replication = Some(true);
            case.spec().eviction_policy = Some(EvictionPolicy::VolatileLru);
            case.set("max_connections", json!(9));
        },
        expect![[r#"
            do    change database 3 {"memory_size":2147483648,"replication":true}
            drift spec.memorySize: 1Gi -> 2Gi
            drift spec.replication: false -> true
        "#]],
    );
}

#[test]
fn fields_that_need_company_get_it() {
    Case::settled().check(
        |case| {
            case.spec().shard_count = Some(2);
            case.spec().proxy_policy = Some(ProxyPolicy::AllNodes);
            case.spec().tags = Some([("team".to_owned(), "web".to_owned())].into());
            let other = Tag { key: "cost".into(), value: "7".into() };
            case.seen().bdbs[0].tags.push(other);
        },
        expect![[r#"
            do    change database 3 {"endpoint":"3:1","proxy_policy":"all-nodes","shard_key_regex":[{"regex":".*\\{(?<tag>.*)\\}.*"},{"regex":"(?<tag>.*)"}],"sharding":true,"shards_count":2,"tags":[{"key":"cost","value":"7"},{"key":"regent_owner","value":"cr-1"},{"key":"team","value":"web"}]}
            drift spec.shardCount: 1 -> 2
            drift spec.proxyPolicy: single -> all-nodes
            drift spec.tags: [] -> [{"key":"team","value":"web"}]
        "#]],
    );
}

#[test]
fn protection_falls_only_where_the_spec_allows_it() {
    let lower = |case: &mut Case| {
        for (field, value) in [
            ("replication", json!(true)),
            ("data_persistence", json!("aof")),
            ("tls_mode", json!("enabled")),
        ] {
            case.set(field, value);
        }
        case.set("aof_policy", json!("appendfsync-always"));
        case.set("memory_size", json!(4u64 << 30));
        case.seen().used_memory_bytes = Some(3 << 30);
        case.spec().replication = Some(false);
        case.spec().tls = Some(DatabaseTls {
            mode: TlsMode::ReplicaOnly,
        });
        case.spec().eviction_policy = Some(EvictionPolicy::NoEviction);
        case.spec().persistence = Some(Persistence {
            mode: PersistenceMode::Snapshot,
            fsync: Some(Fsync::EverySecond),
            snapshots: None,
        });
    };
    Case::settled().check(lower, expect![[r#"
        do    change database 3 {"eviction_policy":"noeviction"}
        hold  set spec.memorySize of database sessions: DowngradeNotAllowed (going from 4Gi to 1Gi lowers protection; list Memory under spec.allowDowngrades if that is meant, or set it back)
        hold  set spec.replication of database sessions: DowngradeNotAllowed (going from true to false lowers protection; list Replication under spec.allowDowngrades if that is meant, or set it back)
        hold  set spec.persistence.mode of database sessions: DowngradeNotAllowed (going from aof to snapshot lowers protection; list Persistence under spec.allowDowngrades if that is meant, or set it back)
        hold  set spec.persistence.fsync of database sessions: DowngradeNotAllowed (going from appendfsync-always to appendfsync-every-sec lowers protection; list Persistence under spec.allowDowngrades if that is meant, or set it back)
        hold  set spec.tls.mode of database sessions: DowngradeNotAllowed (going from enabled to replica_ssl lowers protection; list Tls under spec.allowDowngrades if that is meant, or set it back)
        drift spec.memorySize: 4Gi -> 1Gi
        drift spec.replication: true -> false
        drift spec.persistence.mode: aof -> snapshot
        drift spec.persistence.fsync: appendfsync-always -> appendfsync-every-sec
        drift spec.evictionPolicy: volatile-lru -> noeviction
        drift spec.tls.mode: enabled -> replica_ssl
    "#]]);
    Case::settled().check(
        |case| {
            lower(case);
            use Downgrade::*;
            case.spec().allow_downgrades = Some(vec![Persistence, Replication, Tls, Memory]);
        },
        expect![[r#"
            do    change database 3 {"aof_policy":"appendfsync-every-sec","data_persistence":"snapshot","eviction_policy":"noeviction","memory_size":1073741824,"replication":false,"tls_mode":"replica_ssl"}
            drift spec.memorySize: 4Gi -> 1Gi
            drift spec.replication: true -> false
            drift spec.persistence.mode: aof -> snapshot
            drift spec.persistence.fsync: appendfsync-always -> appendfsync-every-sec
            drift spec.evictionPolicy: volatile-lru -> noeviction
            drift spec.tls.mode: enabled -> replica_ssl
        "#]],
    );
}

#[test]
fn memory_may_shrink_as_long_as_what_is_used_fits() {
    Case::settled().check(
        |case| {
            case.set("memory_size", json!(4u64 << 30));
            case.seen().used_memory_bytes = Some(1 << 30);
        },
        expect![[r#"
            do    change database 3 {"memory_size":1073741824}
            drift spec.memorySize: 4Gi -> 1Gi
        "#]],
    );
}

#[test]
fn rarer_snapshots_lower_protection_and_more_frequent_ones_do_not() {
    let snapshots = |seconds| {
        move |case: &mut Case| {
            case.set("data_persistence", json!("snapshot"));
            case.set("snapshot_policy", json!([{"writes": 1, "secs": 3600}]));
            let rules = vec![SnapshotRule { seconds, changes: 1 }];
            case.spec().persistence = Some(Persistence {
                mode: PersistenceMode::Snapshot,
                fsync: None,
                snapshots: Some(rules),
            });
        }
    };
    Case::settled().check(snapshots(3600), expect![[""]]);
    Case::settled().check(
        snapshots(60),
        expect![[r#"
        do    change database 3 {"snapshot_policy":[{"secs":60,"writes":1}]}
        drift spec.persistence.snapshots: [{"secs":3600,"writes":1}] -> [{"secs":60,"writes":1}]
    "#]],
    );
    Case::settled().check(snapshots(7200), expect![[r#"
        hold  set spec.persistence.snapshots of database sessions: DowngradeNotAllowed (going from [{"secs":3600,"writes":1}] to [{"secs":7200,"writes":1}] lowers protection; list Persistence under spec.allowDowngrades if that is meant, or set it back)
        drift spec.persistence.snapshots: [{"secs":3600,"writes":1}] -> [{"secs":7200,"writes":1}]
    "#]]);
}

#[test]
fn what_is_fixed_at_creation_stays() {
    Case::settled().check(
        |case| {
            case.set("shards_count", json!(3));
            case.spec().shard_count = Some(4);
            case.spec().port = Some(12001);
        },
        expect![[r#"
            hold  set spec.shardCount of database sessions: UnsupportedChange (it is 3 and can only grow, to a multiple of that, not become 4; set it accordingly)
            hold  set spec.port of database sessions: UnsupportedChange (it is 12000 and cannot become 12001 on a live object; set it back)
            drift spec.shardCount: 3 -> 4
            drift spec.port: 12000 -> 12001
        "#]],
    );
    Case::settled().check(|case| case.spec().port = Some(12000), expect![[""]]);
}

#[test]
fn a_database_that_is_changing_is_waited_for() {
    for status in [
        "active-change-pending",
        "import-pending",
        "recovery",
        "delete-pending",
        "brand-new-status",
    ] {
        let mut case = Case::settled();
        case.bdb_status(status);
        case.spec().replication = Some(true);
        assert!(case.plan().steps.is_empty(), "{status}");
        assert_eq!(case.plan().waits.len(), 1, "{status}");
    }
    Case::settled().check(
        |case| case.bdb_status("active-change-pending"),
        expect![[r#"
        wait  change database sessions: Updating (Redis Enterprise is changing it)
    "#]],
    );
    Case::settled().check(
        |case| case.bdb_status("delete-pending"),
        expect![[r#"
        wait  change database sessions: Deleting (its status is delete-pending)
    "#]],
    );
}
