use super::audit::audit;
use super::*;
use crate::api::AdoptionPolicy;
use crate::api::ByteQuantity;
use crate::api::ClusterRef;
use crate::api::DatabaseTls;
use crate::api::DeletionPolicy;
use crate::api::Downgrade;
use crate::api::EvictionPolicy;
use crate::api::Fsync;
use crate::api::Intent;
use crate::api::IntentAction;
use crate::api::OWNER_TAG;
use crate::api::PasswordSecretRef;
use crate::api::Persistence;
use crate::api::PersistenceMode;
use crate::api::ProxyPolicy;
use crate::api::RedisDatabaseSpec;
use crate::api::RedisDatabaseStatus;
use crate::api::SecretRef;
use crate::api::ShardPlacement;
use crate::api::SnapshotRule;
use crate::api::TlsMode;
use crate::plan::Publication;
use crate::plan::access::Credentials;
use expect_test::Expect;
use expect_test::expect;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use secrecy::ExposeSecret;
use serde_json::Value;
use serde_json::json;

mod auditor;
mod deletion;
mod total;

const NOW: &str = "2026-06-01T12:00:00Z";
const UID: &str = "cr-1";

pub(crate) fn now() -> jiff::Timestamp {
    NOW.parse().unwrap()
}

fn identity() -> ClusterIdentity {
    ClusterIdentity {
        name: "prod.example.com".into(),
        created_time: "2026-01-01T00:00:00Z".into(),
    }
}

/// A world in which a database is asked for and everything else is well.
pub(crate) struct Case {
    pub(crate) object: RedisDatabase,
    pub(crate) inputs: Inputs,
    pub(crate) observed: Observed,
}

impl Case {
    /// Nothing has happened yet.
    pub(crate) fn fresh() -> Self {
        let spec = RedisDatabaseSpec {
            cluster_ref: ClusterRef { name: "prod".into() },
            database_name: None,
            memory_size: ByteQuantity("1Gi".into()),
            shard_count: None,
            replication: None,
            persistence: None,
            eviction_policy: None,
            port: None,
            tls: None,
            proxy_policy: None,
            shard_placement: None,
            tags: None,
            password_secret_ref: None,
            connection_secret: None,
            deletion_policy: None,
            adoption_policy: None,
            management_policy: None,
            allow_downgrades: None,
        };
        let mut object = RedisDatabase::new("sessions", spec);
        object.metadata.namespace = Some("redis".into());
        object.metadata.uid = Some(UID.into());
        object.metadata.generation = Some(1);
        let cluster = ClusterKey {
            namespace: "redis".into(),
            name: "prod".into(),
        };
        let access = ClusterAccess {
            cluster: cluster.clone(),
            cluster_name: "prod.example.com".into(),
            nodes: Vec::new(),
            ca_pem: None,
            pins: Vec::new(),
            credentials: Credentials {
                username: "admin".into(),
                password: "admin-password".to_owned().into(),
                secret_version: "s/1".into(),
            },
            identity: Some(identity()),
        };
        let inputs = Inputs {
            cluster,
            access: Ok(access),
            cluster_exists: true,
            password: Ok(None),
            connection: None,
            breaker: Breaker {
                deletions: 1,
                limit: 3,
                nonce: "n-1".into(),
                acknowledged: false,
            },
            takeover_until: None,
        };
        let versions = ["6.2.18", "7.4.2", "7.22.0"].map(|version| DatabaseVersion {
            db_type: if version == "7.22.0" {
                "memcached".into()
            } else {
                "redis".into()
            },
            version: version.into(),
            redis_version: None,
        });
        let seen = Seen {
            identity: identity(),
            bdbs: Vec::new(),
            versions: versions.into(),
            used_memory_bytes: None,
            proxy_certificate_pem: None,
        };
        Self {
            object,
            inputs,
            observed: Observed::Seen(Box::new(seen)),
        }
    }

    /// The database exists, is ours, and is as the spec wants it.
    pub(crate) fn settled() -> Self {
        let mut case = Self::fresh();
        case.status().uid = Some(3);
        case.status().cluster_identity = Some(identity());
        case.bdb(3, "sessions", Some(UID));
        case
    }

    /// As [`settled`](Self::settled), with a password that is in place and a connection Secret that is up to date.
    pub(crate) fn connected() -> Self {
        let mut case = Self::settled();
        case.password("old", "pw/1");
        case.status().password_version = Some("pw/1".into());
        case.spec().connection_secret = Some(SecretRef {
            name: "sessions-conn".into(),
        });
        case.publish();
        case
    }

    pub(crate) fn spec(&mut self) -> &mut RedisDatabaseSpec {
        &mut self.object.spec
    }

    pub(crate) fn status(&mut self) -> &mut RedisDatabaseStatus {
        self.object.status.get_or_insert_default()
    }

    pub(crate) fn seen(&mut self) -> &mut Seen {
        match &mut self.observed {
            Observed::Seen(seen) => seen,
            Observed::Unasked => panic!("the cluster was not asked"),
        }
    }

    pub(crate) fn bdb(&mut self, uid: u32, name: &str, owner: Option<&str>) -> &mut Bdb {
        let tags: Vec<Value> = owner
            .iter()
            .map(|owner| json!({"key": OWNER_TAG, "value": owner}))
            .collect();
        let bdb = json!({
            "uid": uid, "name": name, "status": "active", "tags": tags, "memory_size": 1u64 << 30, "shards_count": 1,
            "replication": false, "sharding": false, "data_persistence": "disabled", "port": 0, "tls_mode": "disabled",
            "aof_policy": "appendfsync-every-sec", "snapshot_policy": [], "eviction_policy": "volatile-lru",
            "proxy_policy": "single", "shards_placement": "dense", "redis_version": "7.4",
            "endpoints": [{"uid": format!("{uid}:1"), "port": 12000, "dns_name": "redis-12000.prod.example.com", "addr": ["10.0.0.11"]}],
        });
        let bdbs = &mut self.seen().bdbs;
        bdbs.push(serde_json::from_value(bdb).unwrap());
        bdbs.last_mut().unwrap()
    }

    pub(crate) fn set(&mut self, field: &str, value: Value) {
        self.seen().bdbs[0].fields.insert(field.into(), value);
    }

    pub(crate) fn bdb_status(&mut self, status: &str) {
        self.seen().bdbs[0].status = status.into();
    }

    pub(crate) fn password(&mut self, value: &str, version: &str) {
        let (value, version) = (value.to_owned().into(), version.to_owned());
        self.inputs.password = Ok(Some(Password::Given { value, version }));
        self.spec().password_secret_ref = Some(PasswordSecretRef {
            name: "sessions-password".into(),
            key: None,
            generate: None,
        });
    }

    pub(crate) fn intent(&mut self, action: IntentAction, age_secs: i64, detail: Option<&str>) {
        let time = now() - jiff::SignedDuration::from_secs(age_secs);
        self.status().intent = Some(Intent {
            action,
            target: "sessions".into(),
            time: time.to_string(),
            generation: 1,
            detail: detail.map(str::to_owned),
        });
    }

    pub(crate) fn annotate(&mut self, key: &str, value: &str) {
        self.object
            .metadata
            .annotations
            .get_or_insert_default()
            .insert(key.into(), value.into());
    }

    pub(crate) fn delete(&mut self, policy: DeletionPolicy) {
        self.object.metadata.deletion_timestamp = Some(Time(now() - jiff::SignedDuration::from_secs(5)));
        self.spec().deletion_policy = Some(policy);
    }

    /// Writes the connection Secret, if the plan says so.
    fn publish(&mut self) {
        for step in self.plan().steps {
            if let Step::Publish(Publication::Connection { data, .. }) = step {
                self.inputs.connection = Some(data);
            }
        }
    }

    #[track_caller]
    pub(crate) fn plan(&self) -> Plan<Action> {
        let plan = plan(&self.object, &self.inputs, &self.observed, now());
        let wrong = audit(&self.object, &self.inputs, &self.observed, &plan, now());
        assert_eq!(wrong, Vec::<String>::new(), "the auditor must agree\n{plan}");
        plan
    }

    /// Plans for several worlds that are all the same to the planner.
    #[track_caller]
    fn check_all(cases: impl IntoIterator<Item = Self>, expected: Expect) {
        let plans: Vec<String> = cases.into_iter().map(|case| case.plan().to_string()).collect();
        assert!(plans.windows(2).all(|pair| pair[0] == pair[1]), "{plans:?}");
        expected.assert_eq(&plans[0]);
    }

    /// The world after a change.
    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Plans for the world after a change, and compares the printed plan.
    #[track_caller]
    fn check(mut self, change: impl FnOnce(&mut Self), expected: Expect) {
        change(&mut self);
        expected.assert_eq(&self.plan().to_string());
    }
}

#[test]
fn a_database_is_created_after_its_intent() {
    Case::fresh().check(|_| {}, expect![[r#"
        do    record: CreateDatabase sessions
        do    create database {"memory_size":1073741824,"name":"sessions","redis_version":"7.4","tags":[{"key":"regent-owner","value":"cr-1"}]}
    "#]]);
}

#[test]
fn every_field_of_the_spec_goes_into_the_creation() {
    Case::fresh().check(
        |case| {
            *case.spec() = RedisDatabaseSpec {
                database_name: Some("sessions-prod".into()),
                memory_size: ByteQuantity("2Gi".into()),
                shard_count: Some(2),
                replication: Some(true),
                persistence: Some(Persistence {
                    mode: PersistenceMode::Aof,
                    fsync: Some(Fsync::EverySecond),
                    snapshots: None,
                }),
                eviction_policy: Some(EvictionPolicy::NoEviction),
                port: Some(12000),
                tls: Some(DatabaseTls { mode: TlsMode::Enabled }),
                proxy_policy: Some(ProxyPolicy::AllMasterShards),
                shard_placement: Some(ShardPlacement::Sparse),
                tags: Some([("team".to_owned(), "web".to_owned())].into()),
                ..case.spec().clone()
            };
            case.password("secret", "pw/1");
        },
        expect![[r#"
            do    record: CreateDatabase sessions-prod
            do    create database {"aof_policy":"appendfsync-every-sec","data_persistence":"aof","enforce_client_authentication":"disabled","eviction_policy":"noeviction","memory_size":2147483648,"name":"sessions-prod","port":12000,"proxy_policy":"all-master-shards","redis_version":"7.4","replication":true,"shard_key_regex":[{"regex":".*\\{(?<tag>.*)\\}.*"},{"regex":"(?<tag>.*)"}],"sharding":true,"shards_count":2,"shards_placement":"sparse","tags":[{"key":"regent-owner","value":"cr-1"},{"key":"team","value":"web"}],"tls_mode":"enabled"}
        "#]],
    );
}

#[test]
fn a_password_to_be_generated_comes_first_and_alone() {
    Case::fresh().check(
        |case| {
            let (secret, key) = ("sessions-password".to_owned(), "password".to_owned());
            case.inputs.password = Ok(Some(Password::ToGenerate { secret, key }));
        },
        expect![[r#"
            do    make Secret sessions-password with a random password
        "#]],
    );
}

#[test]
fn nothing_is_created_without_the_password() {
    Case::fresh().check(
        |case| {
            let (what, why) = ("read Secret sessions-password".to_owned(), Reason::SecretNotFound);
            case.inputs.password = Err(Hold {
                what,
                why,
                detail: "it does not exist; create it".into(),
            });
        },
        expect![[r#"
            hold  create database sessions: SecretNotFound (read Secret sessions-password: it does not exist; create it)
        "#]],
    );
}

#[test]
fn a_new_leader_waits_before_it_creates() {
    Case::fresh().check(
        |case| case.inputs.takeover_until = Some(now() + jiff::SignedDuration::from_secs(1)),
        expect![[r#"
            hold  create database sessions: TakeoverWait (a new leader lets the calls of the previous one run out first)
        "#]],
    );
}

#[test]
fn a_creation_that_was_sent_is_waited_for() {
    Case::fresh().check(|case| case.intent(IntentAction::CreateDatabase, 119, None), expect![[r#"
        wait  create database sessions: OutcomeUnknown (its creation was sent, and Redis Enterprise does not show it yet)
    "#]]);
}

#[test]
fn a_creation_that_never_showed_is_sent_again_with_a_new_intent() {
    Case::fresh().check(|case| case.intent(IntentAction::CreateDatabase, 120, None), expect![[r#"
        do    record: CreateDatabase sessions
        do    create database {"memory_size":1073741824,"name":"sessions","redis_version":"7.4","tags":[{"key":"regent-owner","value":"cr-1"}]}
    "#]]);
}

#[test]
fn a_database_that_is_being_created_is_waited_for() {
    Case::fresh().check(
        |case| {
            case.intent(IntentAction::CreateDatabase, 10, None);
            case.bdb(3, "sessions", Some(UID)).status = BdbStatus::Pending;
        },
        expect![[r#"
            wait  create database sessions: Creating (Redis Enterprise is creating it)
        "#]],
    );
}

#[test]
fn a_created_database_is_ours_by_its_tag_alone_and_needs_no_record() {
    Case::fresh().check(
        |case| {
            case.password("secret", "pw/1");
            case.intent(IntentAction::CreateDatabase, 10, Some("pw/1"));
            case.bdb(3, "sessions", Some(UID));
            case.spec().connection_secret = Some(SecretRef {
                name: "sessions-conn".into(),
            });
        },
        expect![[r#"
            do    write connection Secret sessions-conn
        "#]],
    );
}

#[test]
fn a_creation_that_failed_needs_a_human() {
    Case::fresh().check(
        |case| {
            case.intent(IntentAction::CreateDatabase, 10, None);
            case.bdb(3, "sessions", Some(UID)).status = BdbStatus::CreationFailed;
        },
        expect![[r#"
            hold  database sessions: CreationFailed (Redis Enterprise could not create it and left database 3 behind; find the cause in the cluster's log, delete database 3 there, then delete this object and apply it again)
        "#]],
    );
}

#[test]
fn two_databases_with_our_tag_are_left_alone() {
    Case::settled().check(|case| _ = case.bdb(4, "sessions", Some(UID)), expect![[r#"
        hold  database sessions: OwnershipConflict (the tag regent-owner=cr-1 is on databases 3 and 4, while database 3 is recorded; none is touched; take the tag off all but the right one)
    "#]]);
}

#[test]
fn our_tag_on_another_database_than_the_recorded_one_is_a_conflict() {
    Case::settled().check(|case| case.status().uid = Some(9), expect![[r#"
        hold  database sessions: OwnershipConflict (the tag regent-owner=cr-1 is on database 3, while database 9 is recorded; none is touched; take the tag off all but the right one)
    "#]]);
}

#[test]
fn a_name_that_is_taken_is_not_taken_over_by_default() {
    Case::fresh().check(|case| _ = case.bdb(7, "sessions", None), expect![[r#"
        hold  database sessions: AlreadyExists (database 7 has this name already and nobody owns it; set spec.adoptionPolicy: IfUnowned to take it over, or another spec.databaseName)
    "#]]);
}

#[test]
fn what_nobody_owns_is_taken_over_if_the_spec_says_so() {
    let named = |owner: Option<&str>| {
        Case::fresh().with(|case| {
            case.spec().adoption_policy = Some(AdoptionPolicy::IfUnowned);
            let team = Tag {
                key: "team".into(),
                value: "web".into(),
            };
            case.bdb(7, "sessions", owner).tags.push(team);
        })
    };
    Case::check_all(
        [None, Some(""), Some("released:cr-0:2026-05-01T00:00:00Z")].map(named),
        expect![[r#"
        do    record: database 7 is taken over
        do    take over database 7: tags regent-owner=cr-1 team=web
    "#]],
    );
}

#[test]
fn a_takeover_that_was_recorded_goes_on() {
    Case::fresh().check(
        |case| {
            case.spec().adoption_policy = Some(AdoptionPolicy::IfUnowned);
            case.bdb(7, "sessions", None);
            case.status().uid = Some(7);
            case.status().adopted = true;
        },
        expect![[r#"
            do    take over database 7: tags regent-owner=cr-1
        "#]],
    );
}

#[test]
fn a_database_of_another_object_is_never_taken_over() {
    Case::fresh().check(
        |case| {
            case.spec().adoption_policy = Some(AdoptionPolicy::IfUnowned);
            case.bdb(7, "sessions", Some("cr-2"));
        },
        expect![[r#"
            hold  database sessions: OwnershipConflict (database 7 belongs to the object with uid cr-2 (regent-owner); it is left alone; delete that object, or set another spec.databaseName)
        "#]],
    );
}

#[test]
fn a_database_that_lost_our_tag_is_left_alone() {
    Case::settled().check(|case| case.seen().bdbs[0].tags.clear(), expect![[r#"
        hold  database sessions: OwnershipConflict (database 3 no longer bears the tag regent-owner=cr-1; it is left alone; set spec.adoptionPolicy: IfUnowned to take it over again)
    "#]]);
}

#[test]
fn several_databases_of_our_name_are_left_alone() {
    Case::fresh().check(
        |case| {
            case.spec().adoption_policy = Some(AdoptionPolicy::IfUnowned);
            case.bdb(8, "sessions", None);
            case.bdb(7, "sessions", None);
        },
        expect![[r#"
            hold  database sessions: AlreadyExists (databases 7 and 8 have this name already; set another spec.databaseName)
        "#]],
    );
}

#[test]
fn a_namesake_that_is_being_deleted_goes_first() {
    Case::fresh().check(
        |case| case.bdb(7, "sessions", Some("cr-0")).status = BdbStatus::DeletePending,
        expect![[r#"
            wait  create database sessions: Deleting (database 7 of the same name is being deleted)
        "#]],
    );
}

#[test]
fn a_database_that_vanished_is_not_created_again() {
    Case::settled().check(|case| case.seen().bdbs.clear(), expect![[r#"
        hold  database sessions: Missing (database 3 was deleted in Redis Enterprise; it is not created again by itself, for it would be empty; restore it there, or delete this object and apply it again for an empty one)
    "#]]);
}

#[test]
fn nothing_is_sent_to_another_cluster() {
    Case::settled().check(
        |case| case.seen().identity.created_time = "2026-05-05T00:00:00Z".into(),
        expect![[r#"
            hold  database sessions: IdentityMismatch (cluster prod.example.com created 2026-05-05T00:00:00Z answers, but cluster prod.example.com created 2026-01-01T00:00:00Z is recorded; nothing is sent; if the cluster was rebuilt on purpose, delete this object with the annotation regent.dev/on-delete: orphan and apply it again)
        "#]],
    );
}

#[test]
fn nothing_is_sent_before_the_cluster_is_known() {
    Case::settled().check(
        |case| case.inputs.access.as_mut().unwrap().identity = None,
        expect![[r#"
            hold  database sessions: WaitingForCluster (RedisCluster redis/prod has not been created yet)
        "#]],
    );
}

#[test]
fn held_access_holds_everything() {
    Case::settled().check(
        |case| {
            let (what, why) = (
                "reach RedisCluster redis/prod".to_owned(),
                Reason::CredentialsRejected,
            );
            case.inputs.access = Err(Hold {
                what,
                why,
                detail: "correct the Secret prod-admin".into(),
            });
            case.observed = Observed::Unasked;
        },
        expect![[r#"
            hold  reach RedisCluster redis/prod: CredentialsRejected (correct the Secret prod-admin)
        "#]],
    );
}

#[test]
fn a_cluster_that_was_not_asked_is_nothing_to_act_on() {
    Case::settled().check(
        |case| case.observed = Observed::Unasked,
        expect![[r#"
        hold  database sessions: ClusterUnreachable (RedisCluster redis/prod was not asked)
    "#]],
    );
}

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
            hold  set spec.tags: InvalidSpec (`regent-owner`: keys must not be empty or begin with `regent-`, and tags must not contain & < > or ")
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
            do    change database 3 {"endpoint":"3:1","proxy_policy":"all-nodes","shard_key_regex":[{"regex":".*\\{(?<tag>.*)\\}.*"},{"regex":"(?<tag>.*)"}],"sharding":true,"shards_count":2,"tags":[{"key":"cost","value":"7"},{"key":"regent-owner","value":"cr-1"},{"key":"team","value":"web"}]}
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

#[test]
fn a_lost_connection_secret_comes_back_while_the_database_changes() {
    Case::connected().check(
        |case| {
            case.bdb_status("active-change-pending");
            case.inputs.connection = None;
        },
        expect![[r#"
            do    write connection Secret sessions-conn
            wait  change database sessions: Updating (Redis Enterprise is changing it)
        "#]],
    );
}

#[test]
fn the_connection_secret_says_what_applications_need() {
    let mut case = Case::connected();
    case.set("tls_mode", json!("enabled"));
    case.seen().proxy_certificate_pem = Some("PEM".into());
    case.password("p@ss/word ü", "pw/1");
    case.publish();
    let data = case.inputs.connection.unwrap();
    let lines: Vec<String> = data
        .iter()
        .map(|(key, value)| format!("{key}={}\n", value.expose_secret()))
        .collect();
    expect![[r#"
        certificates=PEM
        database=0
        host=redis-12000.prod.example.com
        password=p@ss/word ü
        port=12000
        provider=redis-enterprise
        tls=true
        type=redis
        uri=rediss://default:p%40ss%2Fword%20%C3%BC@redis-12000.prod.example.com:12000/0
        username=default
    "#]]
    .assert_eq(&lines.concat());
}

#[test]
fn there_is_no_connection_before_the_endpoint_is_bound() {
    Case::connected().check(
        |case| {
            case.seen().bdbs[0].endpoints.clear();
            case.inputs.connection = None;
        },
        expect![[""]],
    );
}

#[test]
fn a_new_password_is_added_beside_the_old_one_first() {
    Case::connected().check(
        |case| case.password("n3w-secret", "pw/2"),
        expect![[r#"
        do    record: ChangePassword 3
        do    add the new password to database 3
        do    write connection Secret sessions-conn
    "#]],
    );
}

#[test]
fn then_it_becomes_the_only_one() {
    Case::connected().check(
        |case| {
            case.password("n3w-secret", "pw/2");
            case.intent(IntentAction::ChangePassword, 1, Some("pw/2"));
        },
        expect![[r#"
            do    make the new password the only one of database 3
            do    write connection Secret sessions-conn
            do    record: the password is that of Secret version pw/2
        "#]],
    );
}

#[test]
fn a_password_that_changes_again_meanwhile_starts_over() {
    Case::connected().check(
        |case| {
            case.password("n3w3r-secret", "pw/3");
            case.intent(IntentAction::ChangePassword, 1, Some("pw/2"));
        },
        expect![[r#"
            do    record: ChangePassword 3
            do    add the new password to database 3
            do    write connection Secret sessions-conn
        "#]],
    );
}

#[test]
fn a_secret_written_without_a_change_is_taken_note_of() {
    Case::connected().check(
        |case| case.password("old", "pw/2"),
        expect![[r#"
        do    make the new password the only one of database 3
        do    record: the password is that of Secret version pw/2
    "#]],
    );
}

#[test]
fn a_new_leader_waits_before_it_changes_a_password() {
    Case::connected().check(
        |case| {
            case.password("n3w-secret", "pw/2");
            case.inputs.takeover_until = Some(now() + jiff::SignedDuration::from_secs(1));
        },
        expect![[r#"
            hold  change the password of database sessions: TakeoverWait (a new leader lets the calls of the previous one run out first)
        "#]],
    );
}

#[test]
fn a_missing_password_holds_itself_up_and_nothing_else() {
    Case::connected().check(
        |case| {
            let (what, why) = ("read Secret sessions-password".to_owned(), Reason::SecretNotFound);
            case.inputs.password = Err(Hold {
                what,
                why,
                detail: "it does not exist; create it".into(),
            });
            case.spec().memory_size = ByteQuantity("2Gi".into());
        },
        expect![[r#"
            do    change database 3 {"memory_size":2147483648}
            hold  change the password of database sessions: SecretNotFound (read Secret sessions-password: it does not exist; create it)
            drift spec.memorySize: 1Gi -> 2Gi
        "#]],
    );
}

/// Whatever is lost, some password that stands in a Secret lets clients in, and in the end it is the new one alone.
#[test]
fn a_rotation_survives_a_stop_at_every_step() {
    for stop in 0..8 {
        let mut accepted = vec!["old".to_owned()];
        let mut case = Case::connected();
        case.password("n3w-secret", "pw/2");
        let mut left = stop;
        let mut lost_reply = stop % 2 == 1;
        for _pass in 0..6 {
            for step in case.plan().steps {
                if left == 0 {
                    left = usize::MAX;
                    if !std::mem::take(&mut lost_reply) {
                        break;
                    }
                    take(&mut case, &step, &mut accepted);
                    break;
                }
                left -= 1;
                take(&mut case, &step, &mut accepted);
            }
            let published = case.inputs.connection.as_ref().unwrap()["password"]
                .expose_secret()
                .to_owned();
            let stored = ["n3w-secret".to_owned(), published];
            assert!(
                stored.iter().any(|stored| accepted.contains(stored)),
                "stop {stop}: {accepted:?}"
            );
        }
        assert_eq!(accepted, ["n3w-secret"], "stop {stop}");
        assert!(case.plan().steps.is_empty(), "stop {stop}");
        assert_eq!(
            case.inputs.connection.unwrap()["password"].expose_secret(),
            "n3w-secret"
        );
    }
}

fn take(case: &mut Case, step: &Step<Action>, accepted: &mut Vec<String>) {
    match step {
        Step::Record(record) => case.status().apply(record),
        Step::Call(Action::AddPassword(_)) => accepted.push("n3w-secret".into()),
        Step::Call(Action::ReplacePasswords(_)) => *accepted = vec!["n3w-secret".into()],
        Step::Publish(Publication::Connection { data, .. }) => case.inputs.connection = Some(data.clone()),
        other => panic!("{other}"),
    }
}

#[test]
fn a_paused_object_is_left_alone() {
    Case::fresh().check(
        |case| case.annotate("regent.dev/reconcile", "paused"),
        expect![[""]],
    );
}

#[test]
fn plan_mode_plans_like_enforce_mode() {
    let mut case = Case::fresh();
    case.spec().management_policy = Some(ManagementPolicy::Plan);
    assert_eq!(case.plan().to_string(), Case::fresh().plan().to_string());
}

#[test]
fn observe_mode_reports_and_plans_nothing() {
    let observed = |change: fn(&mut Case)| {
        move |case: &mut Case| {
            case.spec().management_policy = Some(ManagementPolicy::Observe);
            change(case);
        }
    };
    Case::fresh().check(observed(|_| {}), expect![[r#"
        hold  database sessions: Missing (cluster prod.example.com has no database of this name; create it, or correct spec.databaseName)
    "#]]);
    Case::fresh().check(
        observed(|case| {
            case.bdb(7, "sessions", Some("somebody"));
            case.spec().replication = Some(true);
        }),
        expect![[r#"
            drift spec.replication: false -> true
        "#]],
    );
}
