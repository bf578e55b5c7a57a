//! What failures, holds and outages look like.

use super::*;

#[test]
fn what_needs_a_human_is_stalled_and_told_once() {
    let mut life = settled();
    life.case.spec().port = Some(12001);
    life.pass().check(expect![[r#"
        Ready=False UnsupportedChange: set spec.port of database sessions: it is 12000 and cannot become 12001 on a live object; set it back
        Synced=False DriftDetected: spec.port is 12000, wanted 12001
        Stalled=True UnsupportedChange: set spec.port of database sessions: it is 12000 and cannot become 12001 on a live object; set it back
        PasswordSynced=True InSync: the database has the password of the Secret
        ! UnsupportedChange set spec.port of database sessions: it is 12000 and cannot become 12001 on a live object; set it back
        next Resync
    "#]]);
    let told = life.events.len();
    life.later(30).pass();
    assert_eq!((life.events.len(), life.writes), (told, 1));
    life.case.spec().port = None;
    assert_eq!(life.later(30).pass().ready(), "True Available");
    assert!(life.condition("Stalled").is_none());
}

#[test]
fn a_missing_secret_may_still_appear_for_two_minutes() {
    let mut life = Life::of(wanted());
    let (what, why) = ("read Secret sessions-password".to_owned(), Reason::SecretNotFound);
    life.case.inputs.password = Err(Hold {
        what,
        why,
        detail: "it does not exist; create it".into(),
    });
    life.pass().check(expect![[r#"
        Ready=False WaitingForRef: create database sessions: read Secret sessions-password: it does not exist; create it
        Synced=False PendingApply: create database sessions: read Secret sessions-password: it does not exist; create it
        Reconciling=True WaitingForRef: create database sessions: read Secret sessions-password: it does not exist; create it
        next Later
    "#]]);
    life.later(119).pass();
    assert_eq!((life.writes, life.condition("Stalled")), (1, None));
    life.later(1).pass().check(expect![[r#"
        Ready=False SecretNotFound: create database sessions: read Secret sessions-password: it does not exist; create it
        Synced=False PendingApply: create database sessions: read Secret sessions-password: it does not exist; create it
        Stalled=True SecretNotFound: create database sessions: read Secret sessions-password: it does not exist; create it
        ! SecretNotFound create database sessions: read Secret sessions-password: it does not exist; create it
        next Resync
    "#]]);
    life.later(30).pass();
    assert_eq!(life.writes, 2);
    life.case.password("secret", "pw/1");
    life.later(30).pass();
    assert_eq!(life.ready(), "False Creating");
}

#[test]
fn an_outage_is_unknown_after_two_intervals_and_costs_three_writes() {
    let mut life = settled();
    life.fails(unreachable("refused"), false).check(expect![[r#"
        Ready=True Available: database 3 is served at redis-12000.prod.example.com:12000
        Synced=True InSync: what the spec sets is what is there
        Reconciling=True Retrying: RedisCluster redis/prod does not answer; see its conditions
        PasswordSynced=True InSync: the database has the password of the Secret
        next BackoffWithin(60s)
    "#]]);
    life.later(30).fails(unreachable("timed out"), false);
    assert_eq!((life.ready().as_str(), life.writes), ("True Available", 1));
    life.later(30)
        .fails(unreachable("reset"), false)
        .check(expect![[r#"
        Ready=Unknown ClusterUnreachable: RedisCluster redis/prod does not answer; see its conditions
        Synced=Unknown ClusterUnreachable: RedisCluster redis/prod does not answer; see its conditions
        PasswordSynced=True InSync: the database has the password of the Secret
        next Backoff
    "#]]);
    life.later(300).fails(unreachable("refused"), false);
    assert_eq!(life.writes, 2);
    life.later(30).pass();
    assert_eq!((life.ready().as_str(), life.writes), ("True Available", 3));
}

#[test]
fn a_cluster_whose_access_is_held_as_unreachable_is_an_outage_too() {
    let mut life = settled();
    let (what, why) = (
        "reach RedisCluster redis/prod".to_owned(),
        Reason::ClusterUnreachable,
    );
    life.case.inputs.access = Err(Hold {
        what,
        why,
        detail: "no node answers".into(),
    });
    life.case.observed = Observed::Unasked;
    assert_eq!(life.pass().ready(), "True Available");
    assert_eq!(life.later(60).pass().ready(), "Unknown ClusterUnreachable");
}

#[test]
fn a_creation_that_is_refused_may_be_tried_again() {
    let mut life = Life::of(wanted());
    life.fails(refused(&route::CREATE_BDB, 406, r#"{"error_code":"insufficient_resources","description":"no room"}"#), true)
        .check(expect![[r#"
            Ready=False InsufficientCapacity: POST /v1/bdbs: 406 insufficient_resources: no room; free memory or shards, add a node, or ask for less
            Synced=False ApplyRejected: POST /v1/bdbs: 406 insufficient_resources: no room; free memory or shards, add a node, or ask for less
            Stalled=True InsufficientCapacity: POST /v1/bdbs: 406 insufficient_resources: no room; free memory or shards, add a node, or ask for less
            ! InsufficientCapacity POST /v1/bdbs: 406 insufficient_resources: no room; free memory or shards, add a node, or ask for less
            next OnChange
        "#]]);
    assert_eq!(life.status().intent, None);
}

#[test]
fn a_creation_whose_reply_is_lost_is_not_given_up() {
    let mut life = Life::of(wanted());
    life.fails(failed(&route::CREATE_BDB, ErrorKind::Timeout), true)
        .check(expect![[r#"
            Ready=False Creating: create database sessions: Redis Enterprise is creating it
            Synced=False PendingApply: create database sessions: Redis Enterprise is creating it
            Reconciling=True Retrying: RedisCluster redis/prod does not answer; see its conditions
            next BackoffWithin(60s)
        "#]]);
    assert_eq!(
        life.status().intent.as_ref().map(|intent| intent.action),
        Some(IntentAction::CreateDatabase)
    );
    life.later(3).pass().check(expect![[r#"
        Ready=False OutcomeUnknown: create database sessions: its creation was sent, and Redis Enterprise does not show it yet
        Synced=False PendingApply: create database sessions: its creation was sent, and Redis Enterprise does not show it yet
        Reconciling=True OutcomeUnknown: create database sessions: its creation was sent, and Redis Enterprise does not show it yet
        next Soon
    "#]]);
}

#[test]
fn every_disposition_has_its_conditions_and_its_visit() {
    let cases = [
        ("busy", refused(&route::UPDATE_BDB, 409, "")),
        ("stale", refused(&route::UPDATE_BDB, 404, "")),
        ("unreachable", refused(&route::UPDATE_BDB, 503, "")),
        (
            "rejected",
            refused(
                &route::UPDATE_BDB,
                406,
                r#"{"error_code":"invalid_proxy_policy"}"#,
            ),
        ),
        (
            "licence expired",
            refused(&route::UPDATE_BDB, 403, r#"{"description":"License expired"}"#),
        ),
        (
            "licence",
            refused(
                &route::UPDATE_BDB,
                403,
                r#"{"description":"license shards limit"}"#,
            ),
        ),
        ("denied", refused(&route::UPDATE_BDB, 401, "")),
        ("role", refused(&route::UPDATE_BDB, 403, "")),
        (
            "bug",
            failed(&route::UPDATE_BDB, ErrorKind::Malformed("missing field".into())),
        ),
        (
            "untrusted",
            failed(
                &route::UPDATE_BDB,
                ErrorKind::Untrusted(crate::rest::error::Mistrust::Pin {
                    shown: "sha256/x".into(),
                }),
            ),
        ),
        ("race", Failure::LostRace),
        (
            "kubernetes",
            Failure::Kubernetes("PATCH Secret redis/sessions-conn: not permitted".into()),
        ),
    ];
    let mut text = String::new();
    for (name, failure) in cases {
        let mut life = settled();
        life.case.spec().proxy_policy = Some(crate::api::ProxyPolicy::AllNodes);
        life.fails(failure, true);
        let trouble = life.condition("Stalled").or(life.condition("Reconciling"));
        let trouble = trouble
            .map(|it| format!("{} {}: {}", it.type_, it.reason, it.message))
            .unwrap_or_default();
        text += &format!(
            "{name}: ready {}; {trouble}; next {:?}\n",
            life.ready(),
            life.visit
        );
    }
    expect![[r#"
        busy: ready True Available; Reconciling Busy: Redis Enterprise is busy with the same object; next Soon
        stale: ready True Available; ; next Again
        unreachable: ready True Available; Reconciling Retrying: RedisCluster redis/prod does not answer; see its conditions; next BackoffWithin(60s)
        rejected: ready False Rejected; Stalled Rejected: PUT /v1/bdbs/3: 406 invalid_proxy_policy; correct the spec; next OnChange
        licence expired: ready False LicenseExpired; Stalled LicenseExpired: PUT /v1/bdbs/3: 403: License expired; install a licence that is in force; next OnChange
        licence: ready False LicenseLimit; Stalled LicenseLimit: PUT /v1/bdbs/3: 403: license shards limit; install a licence that allows it, or ask for less; next OnChange
        denied: ready False CredentialsRejected; Stalled CredentialsRejected: PUT /v1/bdbs/3: 401; correct user name and password in the credentials Secret of RedisCluster prod; next Resync
        role: ready False CredentialsRejected; Stalled CredentialsRejected: PUT /v1/bdbs/3: 403; give the user of the credentials Secret of RedisCluster prod the admin role; next Resync
        bug: ready False InternalError; Stalled InternalError: PUT /v1/bdbs/3: the answer is not understood: missing field; Regent does not understand this answer; please report it, with the version of Redis Enterprise; next Doubtful
        untrusted: ready False TlsVerifyFailed; Stalled TlsVerifyFailed: PUT /v1/bdbs/3: not trusted, nothing was sent: it shows the key sha256/x, which is not pinned; correct spec.tls of the RedisCluster, or the certificate of the node; next Backoff
        race: ready True Available; ; next Again
        kubernetes: ready True Available; Reconciling Retrying: PATCH Secret redis/sessions-conn: not permitted; next Backoff
    "#]].assert_eq(&text);
}
