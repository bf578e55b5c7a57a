use super::audit::audit;
use super::*;
use crate::api::AdoptionPolicy;
use crate::api::ByteQuantity;
use crate::api::ClusterRef;
use crate::api::DatabaseTls;
use crate::api::DeletionPolicy;
use crate::api::Downgrade;
use crate::api::EvictionPolicy;
use crate::api::FORMER_OWNER_TAG;
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
mod change;
mod create;
mod deletion;
mod ownership;
mod password;
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
