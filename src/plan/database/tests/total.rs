use super::*;
use proptest::collection::btree_map;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use strum::IntoEnumIterator;

fn one_of<T: Clone + std::fmt::Debug + IntoEnumIterator + 'static>() -> impl Strategy<Value = T> {
    proptest::sample::select(T::iter().collect::<Vec<_>>())
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("sessions".to_owned()),
        Just(UID.to_owned()),
        Just("released:x:y".to_owned()),
        ".{0,8}"
    ]
}

fn spec() -> impl Strategy<Value = RedisDatabaseSpec> {
    let shape = (
        of(text()),
        prop_oneof![Just("1Gi".to_owned()), Just("512Mi".to_owned()), ".{0,6}"],
        of(0u32..600),
        of(any::<bool>()),
        of((
            one_of(),
            of(one_of()),
            of(vec((any::<u32>(), any::<u32>()), 0..3)),
        )),
        of(one_of::<EvictionPolicy>()),
        of(any::<u16>()),
        of(one_of::<TlsMode>()),
        of(one_of::<ProxyPolicy>()),
    );
    let rest = (
        of(one_of::<ShardPlacement>()),
        of(btree_map(text(), text(), 0..3)),
        any::<bool>(),
        of(proptest::sample::select(vec![
            DeletionPolicy::Retain,
            DeletionPolicy::Delete,
        ])),
        of(proptest::sample::select(vec![
            AdoptionPolicy::Never,
            AdoptionPolicy::IfUnowned,
        ])),
        of(proptest::sample::select(vec![
            ManagementPolicy::Enforce,
            ManagementPolicy::Plan,
            ManagementPolicy::Observe,
        ])),
        of(vec(one_of::<Downgrade>(), 0..4)),
    );
    (shape, rest).prop_map(|(shape, rest)| {
        let persistence = |(mode, fsync, snapshots): (_, _, Option<Vec<_>>)| Persistence {
            mode,
            fsync,
            snapshots: snapshots.map(|rules| {
                rules
                    .into_iter()
                    .map(|(seconds, changes)| SnapshotRule { seconds, changes })
                    .collect()
            }),
        };
        RedisDatabaseSpec {
            cluster_ref: ClusterRef { name: "prod".into() },
            database_name: shape.0,
            memory_size: ByteQuantity(shape.1),
            shard_count: shape.2,
            replication: shape.3,
            persistence: shape.4.map(persistence),
            eviction_policy: shape.5,
            port: shape.6,
            tls: shape.7.map(|mode| DatabaseTls { mode }),
            proxy_policy: shape.8,
            shard_placement: rest.0,
            tags: rest.1,
            password_secret_ref: None,
            connection_secret: rest.2.then(|| SecretRef { name: "conn".into() }),
            deletion_policy: rest.3,
            adoption_policy: rest.4,
            management_policy: rest.5,
            allow_downgrades: rest.6,
        }
    })
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (0u64..8).prop_map(Value::from),
        proptest::sample::select(vec![
            "aof",
            "snapshot",
            "disabled",
            "enabled",
            "replica_ssl",
            "appendfsync-always",
            "single",
            "unheard-of",
        ])
        .prop_map(Value::from),
        Just(json!([{"secs": 60, "writes": "many"}])),
        Just(json!({})),
    ]
}

fn bdb() -> impl Strategy<Value = Bdb> {
    let statuses = vec![
        "pending",
        "active",
        "active",
        "active-change-pending",
        "import-pending",
        "delete-pending",
        "creation-failed",
        "odd",
    ];
    let wires: Vec<&str> = fields::FIELDS
        .iter()
        .map(|field| field.wire)
        .filter(|wire| *wire != "tags")
        .chain(["sharding"])
        .collect();
    let key = prop_oneof![
        Just(OWNER_TAG.to_owned()),
        Just(FORMER_OWNER_TAG.to_owned()),
        text()
    ];
    let tags = btree_map(key, text(), 0..3);
    let fields = btree_map(proptest::sample::select(wires), value(), 0..13);
    let endpoints = vec((of(any::<u16>()), text()), 0..2);
    (
        0u32..3,
        text(),
        proptest::sample::select(statuses),
        tags,
        fields,
        endpoints,
    )
        .prop_map(|(uid, name, status, tags, fields, endpoints)| Bdb {
            uid: BdbUid(uid),
            name,
            status: status.into(),
            endpoints: endpoints
                .into_iter()
                .map(|(port, dns_name)| crate::rest::model::Endpoint {
                    uid: String::new(),
                    dns_name,
                    port,
                    addr: Vec::new(),
                    addr_type: None,
                })
                .collect(),
            tags: tags.into_iter().map(|(key, value)| Tag { key, value }).collect(),
            fields: fields
                .into_iter()
                .map(|(wire, value)| (wire.to_owned(), value))
                .collect(),
        })
}

fn status() -> impl Strategy<Value = Option<RedisDatabaseStatus>> {
    let intent = (one_of::<IntentAction>(), 0i64..200, of(Just("pw/2".to_owned())));
    of(
        (of(0u32..3), any::<bool>(), of(intent), any::<bool>()).prop_map(|(uid, adopted, intent, known)| {
            RedisDatabaseStatus {
                uid,
                adopted,
                cluster_identity: known.then(identity),
                intent: intent.map(|(action, age, detail)| Intent {
                    action,
                    target: "t".into(),
                    time: (now() - jiff::SignedDuration::from_secs(age)).to_string(),
                    generation: 1,
                    detail,
                }),
                ..RedisDatabaseStatus::default()
            }
        }),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_comes_of_everything_and_nothing_unsafe_is_in_it(
        spec in spec(),
        status in status(),
        bdbs in vec(bdb(), 0..4),
        (deleting, paused, orphan, exists, takeover, asked) in any::<(bool, bool, bool, bool, bool, bool)>(),
        used in of(any::<u64>()),
        given in 0..4,
        deletions in 0usize..8,
    ) {
        let mut case = Case::fresh();
        case.object.spec = spec;
        case.object.status = status;
        // Uids are unique.
        case.seen().bdbs = bdbs.into_iter().zip(0..).map(|(bdb, uid)| Bdb { uid: BdbUid(uid), ..bdb }).collect();
        case.seen().used_memory_bytes = used;
        case.inputs.cluster_exists = exists;
        case.inputs.breaker.deletions = deletions;
        match given {
            0 => {}
            1 => case.password("canary-password", "pw/2"),
            2 => {
                let (secret, key) = ("s".to_owned(), "k".to_owned());
                case.inputs.password = Ok(Some(Password::ToGenerate { secret, key }));
            }
            _ => {
                let (what, why) = ("w".to_owned(), Reason::SecretNotFound);
                case.inputs.password = Err(Hold { what, why, detail: "d".to_owned() });
            }
        }
        if takeover {
            case.inputs.takeover_until = Some(now() + jiff::SignedDuration::from_secs(9));
        }
        if deleting {
            case.object.metadata.deletion_timestamp = Some(Time(now()));
        }
        if paused && orphan {
            case.annotate("regent.dev/reconcile", "paused");
        }
        if orphan {
            case.annotate("regent.dev/on-delete", "orphan");
        }
        if !asked {
            case.observed = Observed::Unasked;
        }
        prop_assert_eq!(case.plan().to_string(), case.plan().to_string());
        if let Observed::Seen(seen) = &case.observed {
            let _ = facts(&case.object, &case.inputs, seen, now());
        }
    }
}
