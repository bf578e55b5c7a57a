//! Creation.

use super::*;

#[test]
fn a_database_is_created_after_its_intent() {
    Case::fresh().check(|_| {}, expect![[r#"
        do    record: CreateDatabase sessions
        do    create database {"memory_size":1073741824,"name":"sessions","redis_version":"7.4","tags":[{"key":"regent_owner","value":"cr-1"}]}
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
            do    create database {"aof_policy":"appendfsync-every-sec","data_persistence":"aof","enforce_client_authentication":"disabled","eviction_policy":"noeviction","memory_size":2147483648,"name":"sessions-prod","port":12000,"proxy_policy":"all-master-shards","redis_version":"7.4","replication":true,"shard_key_regex":[{"regex":".*\\{(?<tag>.*)\\}.*"},{"regex":"(?<tag>.*)"}],"sharding":true,"shards_count":2,"shards_placement":"sparse","tags":[{"key":"regent_owner","value":"cr-1"},{"key":"team","value":"web"}],"tls_mode":"enabled"}
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
        do    create database {"memory_size":1073741824,"name":"sessions","redis_version":"7.4","tags":[{"key":"regent_owner","value":"cr-1"}]}
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
